#include "kubelet/sync/volume_upkeep.h"

#include <algorithm>
#include <utility>

namespace cubelet::sync {

Task<std::optional<WallTime>> VolumeUpkeep::refreshFiles() {
  std::optional<WallTime> due = context_.volumes.refreshDue(state_.uid());
  if (!filesStale_ && (!due || *due > context_.clock.wallNow())) co_return due;
  filesStale_ = false;
  core::Pod pod = state_.pod;
  Result<void> refreshed = co_await context_.volumes.refresh(std::move(pod));
  due = context_.volumes.refreshDue(state_.uid());
  if (refreshed) co_return due;
  context_.events.warning(events::podRef(state_.pod), "FailedMount", refreshed.error().message);
  // An object that is missing rings when it appears; anything else may be over by itself.
  if (refreshed.error().code == Code::kNotFound) co_return due;
  filesStale_ = true;
  const WallTime again = retryTime(context_, refreshed.error());
  co_return std::min(due.value_or(again), again);
}

std::optional<WallTime> VolumeUpkeep::growIfDue() {
  if (growing_) return std::nullopt;
  const std::optional<WallTime> due = context_.volumes.growthDue(state_.uid());
  if (!std::exchange(claimsStale_, false) && (!due || *due > context_.clock.wallNow())) return due;
  growing_ = true;
  calls_.spawn("grow volumes of " + state_.ref(), grow(state_.pod));
  return std::nullopt;
}

Task<void> VolumeUpkeep::grow(core::Pod pod) {
  co_await context_.volumes.grow(std::move(pod));
  growing_ = false;
  wake_();
}

}  // namespace cubelet::sync
