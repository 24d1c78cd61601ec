// Crash-loop back-off. Behaviours RST-6 to RST-9.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/plan_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::plan {

struct BackoffDecision {
  Duration wait{0};               // the whole delay, counted from the end of the last instance
  std::optional<WallTime> until;  // the restart has to wait until then; nothing: it may start now
  Duration next{0};               // to remember when it starts
};

// `last` is the newest instance that has ended; null when none has: then there is nothing to wait for or to remember.
// `key` is backoffKey() of the container now.
BackoffDecision decideBackoff(const ContainerMemory& memory, const std::string& key,
                              const observe::ObservedContainer* last, const PlanOptions& options, WallTime now);

// Image and resources as one text: a change of either starts the back-off anew (RST-7).
std::string backoffKey(const core::Container& container);

// "back-off 10s restarting failed container=web pod=web_default(uid)": the message of CrashLoopBackOff.
std::string backOffMessage(const core::Pod& pod, const std::string& container, Duration backoff);
// "Back-off restarting failed container web in pod web_default(uid)": the event's.
std::string backOffEvent(const core::Pod& pod, const std::string& container);

// As Go prints a duration: "10s", "1m20s", "5m0s", "1h0m0s", "1.5s", "250ms". Rounded to milliseconds.
std::string goDuration(Duration duration);

}  // namespace cubelet::plan
