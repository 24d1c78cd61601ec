#include "kubelet/sync/volume_step.h"

#include <algorithm>

#include "base/backoff.h"
#include "kubelet/volumes/attachments.h"

namespace cubelet::sync {
namespace {

// VOL-3
constexpr Duration kRetryFirst = std::chrono::milliseconds(500);
constexpr Duration kRetryCap = std::chrono::seconds(122);
// Local volumes are ready long before this.
constexpr Duration kPatience = std::chrono::seconds(1);
// VOL-11
constexpr Duration kFirstReport = std::chrono::seconds(30);
constexpr Duration kNextReport = std::chrono::seconds(60);

constexpr char kAdvice[] =
    "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"
    "#configure-volume-permission-and-ownership-change-policy-for-pods";

std::string joined(std::vector<std::string> names) {
  std::ranges::sort(names);
  std::string out = "[";
  for (const std::string& name : names) out += (out.size() > 1 ? " " : "") + name;
  return out + "]";
}

}  // namespace

Task<bool> VolumeStep::prepare() {
  begin();
  const TimePoint patience = context_.clock.now() + kPatience;
  ended_.clear();
  while (isWorthWaiting()) {
    const bool rung = co_await ended_.waitUntil(patience);
    if (!rung) break;
  }
  co_return isReady();
}

void VolumeStep::begin() {
  const WallTime now = context_.clock.wallNow();
  for (const core::Volume& volume : state_.pod.spec().volumes()) {
    VolumeState& state = state_.volumeStates[volume.name()];
    if (state.path || state.trying || state.notBefore > now) continue;
    if (state.since == WallTime()) state.since = now;
    state.trying = true;
    tries_.spawn("volume " + volume.name() + " of " + state_.ref(), tryOne(state_.pod, volume));
  }
}

bool VolumeStep::isReady() const {
  if (state_.volumes) return true;
  volumes::PodVolumes::HostPaths paths;
  for (const core::Volume& volume : state_.pod.spec().volumes()) {
    auto state = state_.volumeStates.find(volume.name());
    if (state == state_.volumeStates.end() || !state->second.path) return false;
    paths[volume.name()] = *state->second.path;
  }
  state_.volumes = std::move(paths);
  return true;
}

// For as long as nothing has gone wrong.
bool VolumeStep::isWorthWaiting() const {
  bool trying = false;
  for (const auto& [name, state] : state_.volumeStates) {
    if (!state.failure.empty()) return false;
    trying = trying || state.trying;
  }
  return trying;
}

Task<void> VolumeStep::tryOne(core::Pod pod, core::Volume volume) {
  const std::string name = volume.name();
  auto walk = std::make_shared<volumes::OwnershipWalk>();
  state_.volumeStates[name].walk = walk;
  const std::uint64_t changes = state_.objectChanges;
  if (pod.spec().securitycontext().has_fsgroup()) reportIn(kFirstReport, name, true);
  const core::Volume asked = volume;
  const TimePoint began = context_.clock.now();
  Result<std::string> path = co_await context_.volumes.setUp(std::move(pod), std::move(volume), walk);
  context_.milestones.volume(asked, context_.clock.now() - began, !path);
  reports_.erase(name);
  VolumeState& state = state_.volumeStates[name];
  state.trying = false;
  state.walk.reset();
  if (path) {
    state = VolumeState();
    state.path = std::move(*path);
  } else {
    failed(name, path.error());
    // Something has changed since the question: its answer may be out of date.
    if (state_.objectChanges != changes) state.notBefore = {};
  }
  ended_.ring();
  wake_();
  // CSI-19
  if (!path && path.error().reason == volumes::kAttachLimitExceeded)
    reject_({volumes::kAttachLimitExceeded, "Pod was rejected: " + path.error().message});
}

void VolumeStep::failed(const std::string& name, const Error& error) {
  VolumeState& state = state_.volumeStates[name];
  state.failure = error.message;
  state.notProcessed = error.reason == volumes::kNotProcessed;
  state.backoff = nextBackoff(state.backoff, kRetryFirst, kRetryCap);
  state.notBefore = context_.clock.wallNow() + std::chrono::duration_cast<WallTime::duration>(state.backoff);
  const std::string message = state.notProcessed
                                  ? "Unable to attach or mount volumes: " + unmountedVolumes(state_, error.message)
                                  : error.message;
  context_.events.warning(events::podRef(state_.pod), "FailedMount", message);
}

void VolumeStep::reportIn(Duration delay, const std::string& name, bool first) {
  reports_[name] = context_.clock.after(delay, [this, name, first] { report(name, first); });
}

void VolumeStep::report(const std::string& name, bool first) {
  const std::shared_ptr<volumes::OwnershipWalk> walk = state_.volumeStates[name].walk;
  if (!walk || walk->stop) return;
  if (walk->path.empty()) {  // another step takes so long
    reportIn(kNextReport, name, first);
    return;
  }
  const std::string directory = walk->path.substr(std::min(walk->path.find(state_.uid()), walk->path.size()));
  const std::string what = "Setting volume ownership for " + (directory.empty() ? walk->path : directory);
  const std::string text = first ? what + " is taking longer than expected, consider using OnRootMismatch - " + kAdvice
                                 : what + ", processed " + std::to_string(walk->files) + " files.";
  context_.events.warning(events::podRef(state_.pod), "VolumePermissionChangeInProgress", text);
  reportIn(kNextReport, name, false);
}

std::optional<WallTime> VolumeStep::nextTry() const {
  const WallTime now = context_.clock.wallNow();
  std::optional<WallTime> earliest;
  for (const auto& [name, state] : state_.volumeStates)
    if (!state.path && !state.trying && state.notBefore > now && (!earliest || state.notBefore < *earliest))
      earliest = state.notBefore;
  return earliest;
}

void VolumeStep::retryNow() {
  for (auto& [name, state] : state_.volumeStates) state.notBefore = {};
}

void VolumeStep::forget() {
  state_.volumes.reset();
  std::erase_if(state_.volumeStates, [](const auto& entry) { return !entry.second.trying; });
}

std::string unmountedVolumes(const PodState& state, const std::string& why) {
  std::vector<std::string> unmounted;
  std::vector<std::string> notProcessed;
  for (const core::Volume& volume : state.pod.spec().volumes()) {
    auto found = state.volumeStates.find(volume.name());
    if (found != state.volumeStates.end() && found->second.path) continue;
    unmounted.push_back(volume.name());
    if (found != state.volumeStates.end() && found->second.notProcessed) notProcessed.push_back(volume.name());
  }
  return "unmounted volumes=" + joined(std::move(unmounted)) +
         ", unattached volumes=[], failed to process volumes=" + joined(std::move(notProcessed)) + ": " + why;
}

std::vector<status::WaitingVolume> waitingVolumes(const PodState& state) {
  std::vector<status::WaitingVolume> out;
  for (const core::Volume& volume : state.pod.spec().volumes()) {
    auto found = state.volumeStates.find(volume.name());
    if (found == state.volumeStates.end() || found->second.path) continue;
    status::WaitingVolume& one = out.emplace_back();
    one.name = volume.name();
    one.since = found->second.since;
    one.failure = found->second.failure;
    if (!found->second.trying) one.nextTry = found->second.notBefore;
    const std::shared_ptr<volumes::OwnershipWalk>& walk = found->second.walk;
    if (walk && !walk->path.empty()) one.filesGiven = walk->files;
  }
  return out;
}

}  // namespace cubelet::sync
