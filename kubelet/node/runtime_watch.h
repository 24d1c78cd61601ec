// RuntimeWatch: asks the runtime how it is and which images it has, for the Node.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "base/wake.h"
#include "cri/client/runtime_service.h"
#include "kubelet/node/runtime_facts.h"

namespace cubelet::node {

// Conditions of the runtime have no event, so they are asked for: every 5 s, and every 100 ms while the runtime is not
// ready during the first two minutes, since a node that starts should be Ready as soon as it can. Loop thread only;
// what is given by reference must outlive this object.
class RuntimeWatch {
 public:
  // `changed` is called when the node's readiness, or what the Node tells of the runtime, may have changed; not for
  // images alone, but for their first list.
  RuntimeWatch(Clock& clock, cri::RuntimeService& runtime, cri::ImageService& images, std::int64_t maxImages,
               std::function<void()> changed);

  // Until cancelled. To be spawned side by side.
  Task<void> watchStatus();
  Task<void> watchImages();

  // The agent's picture of what runs is complete, or no longer kept up (observe::Observer's synced and lost).
  void pictureComplete();
  void pictureLost();

  const RuntimeFacts& facts() const { return facts_; }
  // The runtime has answered everything that the Node tells of it, be it that it is not ready.
  bool isKnown() const {
    return facts_.pictureComplete && facts_.images && !facts_.name.empty() &&
           (facts_.readyAt || !facts_.runtimeProblem.empty());
  }

 private:
  Task<void> askStatus();
  Task<void> askVersion();
  Task<void> listImages();
  Duration untilNextStatus() const;

  Clock& clock_;
  cri::RuntimeService& runtime_;
  cri::ImageService& images_;
  std::int64_t maxImages_;
  std::function<void()> changed_;
  const TimePoint startedAt_;
  RuntimeFacts facts_;
  bool versionWanted_ = true;
  Wake statusWake_;
  Wake imagesWake_;
};

}  // namespace cubelet::node
