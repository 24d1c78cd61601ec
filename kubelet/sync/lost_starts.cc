#include "kubelet/sync/lost_starts.h"

#include <algorithm>

#include "base/log.h"

namespace cubelet::sync {
namespace {

constexpr char kFailedStart[] = "StartError";  // containerd's and CRI-O's
// What was killed is dead and reaped within 0.75 s, or waits for the next try of all.
constexpr Duration kPause = std::chrono::milliseconds(50);
constexpr int kTries = 4;

}  // namespace

Task<void> LostStarts::endFailed(std::string container) {
  const observe::ObservedPod* have = context_.observer.find(state_.uid());
  const observe::ObservedContainer* last = have == nullptr ? nullptr : have->newest(container);
  if (last == nullptr || last->reason != kFailedStart) co_return;
  const std::string id = last->id;
  const bool ended = co_await context_.cgroups.endContainer(state_.uid(), id);
  if (ended)
    log::info("ended what may have run of a failed start",
              {{"pod", state_.ref()}, {"container", container}, {"id", id}});
}

Task<bool> LostStarts::hasStartedLate(std::string id) {
  const observe::ObservedPod* have = context_.observer.find(state_.uid());
  const bool created = have != nullptr && std::ranges::any_of(have->containers, [&](const auto& container) {
                         return container.id == id && container.state == observe::ContainerState::kCreated;
                       });
  if (!created) co_return false;
  Result<cri::v1::ContainerStatusResponse> now = co_await context_.runtime.containerStatus(id);
  if (!now || now->status().state() == cri::v1::CONTAINER_CREATED) co_return false;
  log::info("a container has started late and is not removed for now", {{"pod", state_.ref()}, {"id", id}});
  static_cast<void>(co_await context_.observer.refresh(state_.uid()));
  co_return true;
}

// containerd 1.6 neither stops nor removes such a container ("cannot delete running task"). Once its processes are
// dead, it finds back.
Task<Result<void>> LostStarts::endAndRemove(std::string id, Result<void> refused) {
  const bool ended = co_await context_.cgroups.endContainer(state_.uid(), id);
  if (!ended) co_return refused;
  log::warning("ended what ran of a container that its runtime calls exited", {{"pod", state_.ref()}, {"id", id}});
  Result<void> removed = std::move(refused);
  Duration pause = kPause;
  for (int tries = 0; tries < kTries && !removed; ++tries, pause *= 2) {
    co_await context_.clock.sleep(pause);
    removed = co_await context_.runtime.removeContainer(id);
  }
  co_return removed;
}

}  // namespace cubelet::sync
