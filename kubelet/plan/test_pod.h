// For tests: pods, what the runtime has of them, and plans as one line of text, so that a table row stays short.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/container_hash.h"
#include "kubelet/plan/plan_pod.h"

namespace cubelet::plan::test {

using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr WallTime kNow{seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z
inline constexpr std::string_view kImage = "img:1";

// Pod web in default with uid "uid". Containers use kImage. `last()` is the container added last, to adjust it.
class Wanted {
 public:
  Wanted() {
    pod_.mutable_metadata()->set_name("web");
    pod_.mutable_metadata()->set_namespace_("default");
    pod_.mutable_metadata()->set_uid("uid");
  }
  Wanted& policy(const std::string& value) {
    pod_.mutable_spec()->set_restartpolicy(value);
    return *this;
  }
  Wanted& regular(const std::string& name) {
    lastIsInit_ = false;
    return fill(pod_.mutable_spec()->add_containers(), name);
  }
  Wanted& init(const std::string& name) {
    lastIsInit_ = true;
    return fill(pod_.mutable_spec()->add_initcontainers(), name);
  }
  Wanted& sidecar(const std::string& name) { return init(name).own("Always"); }
  Wanted& ephemeral(const std::string& name) {
    auto& common = *pod_.mutable_spec()->add_ephemeralcontainers()->mutable_ephemeralcontainercommon();
    common.set_name(name);
    common.set_image(std::string(kImage));
    return *this;
  }
  // The last container's own restart policy.
  Wanted& own(const std::string& value) {
    last().set_restartpolicy(value);
    return *this;
  }
  Wanted& rule(const std::string& op, std::vector<int> codes, const std::string& action = "Restart") {
    auto& rule = *last().add_restartpolicyrules();
    rule.set_action(action);
    rule.mutable_exitcodes()->set_operator_(op);
    for (const int code : codes) rule.mutable_exitcodes()->add_values(code);
    return *this;
  }
  Wanted& image(const std::string& value) {
    last().set_image(value);
    return *this;
  }
  Wanted& startupProbe() {
    last().mutable_startupprobe();
    return *this;
  }
  Wanted& readinessProbe() {
    last().mutable_readinessprobe();
    return *this;
  }
  Wanted& gate(const std::string& condition) {
    pod_.mutable_spec()->add_readinessgates()->set_conditiontype(condition);
    return *this;
  }
  Wanted& hostNetwork() {
    pod_.mutable_spec()->set_hostnetwork(true);
    return *this;
  }
  Wanted& deleted() {
    pod_.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1'800'000'000);
    return *this;
  }
  Wanted& fromFile() {
    (*pod_.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
    return *this;
  }
  core::Pod& pod() { return pod_; }
  const core::Pod& pod() const { return pod_; }
  core::Container& last() {
    auto& spec = *pod_.mutable_spec();
    auto& list = lastIsInit_ ? *spec.mutable_initcontainers() : *spec.mutable_containers();
    return list[list.size() - 1];
  }

 private:
  Wanted& fill(core::Container* container, const std::string& name) {
    container->set_name(name);
    container->set_image(std::string(kImage));
    return *this;
  }

  core::Pod pod_;
  bool lastIsInit_ = false;
};

// What the runtime has, told in the order in which it came about: each call adds a newer sandbox or a newer instance.
// Instance n of container a has the id "a/n"; sandbox n has the id "box/n". Attempts count up by themselves. Instances
// are made a minute apart, ending just before kNow; exited ones ended one second before kNow.
class Have {
 public:
  Have() {
    have_.uid = "uid";
    have_.name = "web";
    have_.ns = "default";
  }
  Have& sandbox(bool ready = true) {
    observe::ObservedSandbox sandbox;
    sandbox.attempt = static_cast<std::uint32_t>(have_.sandboxes.size());
    sandbox.id = "box/" + std::to_string(sandbox.attempt);
    sandbox.ready = ready;
    sandbox.ips = {"10.0.0.7"};
    sandbox.createdAt = kNow - minutes(100);
    have_.sandboxes.insert(have_.sandboxes.begin(), std::move(sandbox));
    return *this;
  }
  Have& deadSandbox() { return sandbox(false); }
  Have& created(const std::string& name) { return add(name, observe::ContainerState::kCreated); }
  Have& running(const std::string& name) { return add(name, observe::ContainerState::kRunning); }
  Have& unknown(const std::string& name) { return add(name, observe::ContainerState::kUnknown); }
  Have& exited(const std::string& name, int exitCode, const std::string& reason = {}) {
    add(name, observe::ContainerState::kExited);
    last().exitCode = exitCode;
    last().reason = !reason.empty() ? reason : exitCode == 0 ? "Completed" : "Error";
    last().finishedAt = kNow - seconds(1);
    return *this;
  }
  // The last instance's end.
  Have& endedAgo(Duration ago) {
    last().finishedAt = kNow - std::chrono::duration_cast<WallTime::duration>(ago);
    return *this;
  }
  Have& attempt(std::uint32_t value) {
    last().attempt = value;
    last().id = last().name + "/" + std::to_string(value);
    return *this;
  }
  Have& imageOf(const std::string& image) {
    last().hash = containerHash(last().name, image);
    return *this;
  }
  Have& annotation(const std::string& key, const std::string& value) {
    last().annotations[key] = value;
    return *this;
  }
  observe::ObservedContainer& last() { return have_.containers.front(); }
  observe::ObservedSandbox& lastSandbox() { return have_.sandboxes.front(); }
  observe::ObservedPod& pod() { return have_; }
  const observe::ObservedPod& pod() const { return have_; }

 private:
  Have& add(const std::string& name, observe::ContainerState state) {
    observe::ObservedContainer instance;
    if (const auto* newest = have_.newest(name)) instance.attempt = newest->attempt + 1;
    instance.id = name + "/" + std::to_string(instance.attempt);
    instance.name = name;
    instance.sandboxId = have_.sandboxes.empty() ? "lost" : have_.sandboxes.front().id;
    instance.state = state;
    instance.createdAt = kNow - minutes(60) + minutes(have_.containers.size());
    if (state == observe::ContainerState::kRunning || state == observe::ContainerState::kExited)
      instance.startedAt = instance.createdAt;
    instance.image = std::string(kImage);
    instance.imageRef = "img@sha256:1";
    instance.hash = containerHash(name, kImage);
    have_.containers.insert(have_.containers.begin(), std::move(instance));
    return *this;
  }

  observe::ObservedPod have_;
};

// Memory of one container, for rows that need no more.
// As after a run whose log is still there.
inline ContainerMemory hasRun() {
  ContainerMemory memory;
  memory.attemptFromLogs = 1;
  return memory;
}
inline PodMemory remember(const std::string& name, ContainerMemory memory) {
  PodMemory pod;
  pod.containers[name] = std::move(memory);
  return pod;
}

// A back-off as noteStarted() leaves it.
inline ContainerMemory waiting(Duration backoff, WallTime setAt = kNow - minutes(1), std::string key = "img:1|/") {
  ContainerMemory memory;
  memory.backoff = backoff;
  memory.backoffSetAt = setAt;
  memory.backoffKey = std::move(key);
  return memory;
}

inline std::string inSeconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<seconds>(duration).count()) + "s";
}

// "kill a/0, start a/1 +10s": everything a plan orders, in the order of its members; "+10s" is the back-off to
// remember. Then how things stand: "in box/0", "back-off a 10s until +9s", "finished", "wake +9s". An idle plan in
// box/0 is "in box/0".
inline std::string toText(const PodPlan& plan) {
  std::string text;
  const auto put = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (plan.startOver)
    put("start over for " + plan.startOver->because +
        (plan.startOver->backoff > Duration::zero() ? " +" + inSeconds(plan.startOver->backoff) : ""));
  if (plan.killPod) put("kill pod (" + plan.killReason + ")");
  for (const auto& kill : plan.kill) put("kill " + kill.id + (kill.grace ? " grace " + inSeconds(*kill.grace) : ""));
  for (const auto& id : plan.prune) put("prune " + id);
  if (plan.createSandbox) put("create box/" + std::to_string(plan.sandboxAttempt));
  for (const auto& start : plan.start) {
    put("start " + start.name + "/" + std::to_string(start.attempt) +
        (start.backoff > Duration::zero() ? " +" + inSeconds(start.backoff) : ""));
  }
  if (plan.stopSandbox) put("stop box");
  for (const auto& id : plan.removeSandboxes) put("remove " + id);
  if (!plan.sandboxId.empty()) put("in " + plan.sandboxId);
  for (const auto& wait : plan.backingOff)
    put("back-off " + wait.name + " " + inSeconds(wait.backoff) + " until +" + inSeconds(wait.until - kNow));
  if (plan.finished) put("finished");
  if (plan.wakeAt) put("wake +" + inSeconds(*plan.wakeAt - kNow));
  return text;
}

inline PodPlan planNow(const Wanted& wanted, const Have& have, const PodMemory& memory = {}) {
  return planPod(wanted.pod(), have.pod(), memory, {}, kNow);
}

// A row of a table: what is wanted, what is there, and the plan as toText() tells it.
struct PlanCase {
  std::string name;  // behaviour, then what must hold: "RST1_NeverStaysDown"
  Wanted wanted;
  Have have;
  std::string plan;
  PodMemory memory = {};
};

inline std::string nameOf(const testing::TestParamInfo<PlanCase>& info) {
  return info.param.name;
}
inline void PrintTo(const PlanCase& row, std::ostream* out) {
  *out << row.name;
}

}  // namespace cubelet::plan::test
