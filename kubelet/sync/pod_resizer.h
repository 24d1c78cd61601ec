// PodResizer: the in-place resize of one pod (RSZ). The rules stand in kubelet/resize; here they are carried out.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kubelet/resize/judge.h"
#include "kubelet/resize/record.h"
#include "kubelet/resize/steps.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Keeps apart what the pod's object asks for, what the node has granted and what the containers have. The pod as
// everybody else knows it (`state.pod`) has the granted resources.
//
// Only pods of the API server that ask for cpu or memory can be resized: a static pod with other content is another
// pod, and a BestEffort one stays what it is. Loop thread only.
class PodResizer {
 public:
  // Both must outlive this object.
  PodResizer(Context& context, PodState& state) : context_(context), state_(state) {}
  PodResizer(const PodResizer&) = delete;
  PodResizer& operator=(const PodResizer&) = delete;

  // When state.pod has just become known: goes on from what an earlier run of the agent has granted (REC-6).
  void adopt();
  // The node has taken the pod with the resources that state.pod has.
  void admitted();
  // What state.pod is to be, now that its object says this.
  core::Pod received(core::Pod object);

  // A resize is asked for and nobody has said yes, or no for good.
  bool waits() const;
  resize::Waiting waiting() const;
  resize::Verdict judge(const std::vector<const admission::PodClaims*>& others, const admission::NodeView& node) const;
  // True when that is news.
  bool judged(resize::Verdict verdict);
  // `object` with what the node holds for it, a grant included that is not yet in force.
  core::Pod claimed(core::Pod object) const;
  // state.pod as its object has it.
  core::Pod desired() const;

  // Puts a grant into force: from now on state.pod has those resources.
  void applyGrant();
  // Changes what runs until it has what was granted. Containers that must restart for it are marked for the planner,
  // and another call is needed then. Failures are told and tried again at dueAt().
  Task<void> carryOut(observe::ObservedPod have);
  std::optional<WallTime> dueAt() const;
  // An instance of that container is about to be made, from state.pod.
  void starting(const std::string& container);

  std::optional<status::ResizeState> pending() const;
  std::optional<status::ResizeState> inProgress() const;

 private:
  Task<Result<bool>> apply(observe::ObservedPod have);
  Task<Result<void>> checkMemory(observe::ObservedPod have, resize::Steps steps, std::int64_t newPodLimit);
  Task<Result<void>> update(std::string name, std::string id, std::string resource);
  Task<Result<void>> setCgroup(cgroups::Values values);
  Task<void> tellSandbox(std::string id);
  bool swaps() const;
  void save();
  void showApplied();
  void failed(const Error& error);

  Context& context_;
  PodState& state_;
  std::optional<resize::Record> record_;         // nothing: the pod cannot be resized
  std::optional<resize::PodResources> desired_;  // as long as it is not what is allocated
  std::optional<resize::PodResources> granted_;  // not in force yet
  std::optional<resize::Verdict> verdict_;       // on desired_
  std::int64_t verdictGeneration_ = 0;           // of the object that it was about
  WallTime desiredSince_;
  std::string error_;  // why it is not carried out
  WallTime retryAt_;
};

}  // namespace cubelet::sync
