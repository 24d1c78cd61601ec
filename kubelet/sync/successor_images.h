// SuccessorImages: the images of a new version of a static pod, fetched while the old version still runs.
#pragma once

#include <functional>
#include <string>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/image_step.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// The old version ends for nothing while an image of the new one is on its way, and for good when it cannot be had: a
// misspelt image of an etcd would be an outage. So it goes on until every image is there; pulls have the back-off and
// the events of the new pod. Upstream stops the old version first. Loop thread only.
class SuccessorImages {
 public:
  // `pod`: the new version. `arrived` is called from the loop, once.
  SuccessorImages(Context& context, core::Pod pod, std::function<void()> arrived);

  // Every image is there, or the runtime cannot tell.
  bool arrived() const { return arrived_; }
  const std::string& uid() const { return state_.uid(); }
  Task<void> close() { return tasks_.close(); }

 private:
  Task<void> run();
  Task<bool> isThere(WantedImage wanted);

  Context& context_;
  PodState state_;
  std::function<void()> tell_;
  Wake wake_;
  bool arrived_ = false;
  TaskGroup tasks_;
  ImageStep step_;
};

}  // namespace cubelet::sync
