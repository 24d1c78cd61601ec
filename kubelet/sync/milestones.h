// Milestones: what happens on a pod's way, for whoever counts and measures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "kubelet/probes/verdict.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::sync {

// Called when a thing has ended, never when it was given up. Must not take long. By default nobody listens.
struct Milestones {
  using Pod = ::k8s::core::v1::Pod;

  // One of the steps that are no other function's: "cgroup", "volumes", "create_container", "start_container",
  // "post_start".
  std::function<void(std::string_view step, Duration took)> step = [](std::string_view, Duration) {};
  std::function<void(const std::string& handler, Duration took, bool failed)> sandbox = [](const std::string&, Duration,
                                                                                           bool) {};
  // `reason` is that of the waiting container, empty when it runs.
  std::function<void(const Pod& pod, const std::string& name, const std::string& reason)> container =
      [](const Pod&, const std::string&, const std::string&) {};
  std::function<void(const std::string& uid, std::uint64_t bytes, Duration took)> pulled =
      [](const std::string&, std::uint64_t, Duration) {};
  std::function<void(const ::k8s::core::v1::Volume& volume, Duration took, bool failed)> volume =
      [](const ::k8s::core::v1::Volume&, Duration, bool) {};
  // "create", "sync" or "kill": a pod's worker had something to do, and has done it.
  std::function<void(const std::string& operation, Duration took)> worked = [](const std::string&, Duration) {};
  std::function<void(const Pod& pod, const std::string& container, probes::Kind kind, const probes::Answer& answer,
                     Duration took)>
      probed = [](const Pod&, const std::string&, probes::Kind, const probes::Answer&, Duration) {};
};

}  // namespace cubelet::sync
