#include "kubelet/sync/pod_resizer.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "kubelet/api/pod.h"
#include "kubelet/api/quantity.h"
#include "kubelet/cgroups/pod_values.h"
#include "kubelet/layout/layout.h"
#include "kubelet/podconfig/resources.h"
#include "kubelet/resize/messages.h"

namespace cubelet::sync {
namespace {

constexpr std::size_t kMaxRecord = std::size_t{256} * 1024;
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kRecordMode = 0600;

bool canBeResized(const core::Pod& pod) {
  return !api::isStaticPod(pod) && api::qosClass(pod) != "BestEffort";
}

void fill(const api::ResourceAmounts& amounts, google::protobuf::Map<std::string, k8s::meta::v1::Quantity>& into) {
  for (const auto& [resource, amount] : amounts) into[resource].set_string(amount);
}

std::int64_t bytesOf(const api::ResourceAmounts& limits) {
  return api::quantityValue(resize::amountOf(limits, "memory")).value_or(0);
}

Error belowUsage(const std::string& whose, std::int64_t limit, std::int64_t usage) {
  return {Code::kUnavailable, "",
          "attempting to set " + whose + " memory limit (" + std::to_string(limit) + ") below current usage (" +
              std::to_string(usage) + ")"};
}

}  // namespace

void PodResizer::adopt() {
  if (!state_.objectKnown || !canBeResized(state_.pod)) return;
  const std::string path = layout::podResourcesFile(context_.node.dirs, state_.uid());
  Result<std::string> text = readFile(path, kMaxRecord);
  if (!text && text.error().code == Code::kNotFound) return;
  Result<resize::Record> record = text ? resize::fromText(*text) : Result<resize::Record>(fail(text.error()));
  if (!record) {
    log::warning("cannot read what the pod was granted; what its object asks for is taken instead",
                 {{"pod", state_.ref()}, {"file", path}, {"error", record.error().message}});
    return;
  }
  record_ = std::move(*record);
  state_.pod = received(std::move(state_.pod));
  showApplied();
}

void PodResizer::admitted() {
  if (record_ || !state_.objectKnown || !canBeResized(state_.pod)) return;
  const resize::PodResources resources = resize::resourcesOf(state_.pod);
  record_ = resize::Record{
      .allocated = resources, .actuated = resources, .settled = true, .generation = state_.pod.metadata().generation()};
  save();
}

core::Pod PodResizer::received(core::Pod object) {
  if (!record_) return object;
  resize::PodResources wanted = resize::resourcesOf(object);
  if (resize::same(wanted, record_->allocated)) {
    desired_.reset();
    verdict_.reset();
  } else if (!desired_ || !resize::same(wanted, *desired_)) {
    desired_ = std::move(wanted);
    verdict_.reset();
    desiredSince_ = context_.clock.wallNow();
  }
  return resize::withResources(std::move(object), record_->allocated);
}

bool PodResizer::waits() const {
  const bool refused = verdict_ && verdict_->outcome == resize::Outcome::kInfeasible;
  return desired_ && !granted_ && !refused;
}

resize::Waiting PodResizer::waiting() const {
  return resize::waitingFor(desired(), state_.pod, desiredSince_);
}

resize::Verdict PodResizer::judge(const std::vector<const admission::PodClaims*>& others,
                                  const admission::NodeView& node) const {
  return resize::judge(desired(), state_.pod, swaps(), others, node);
}

// Memory that may be swapped out already is not moved by another limit; a new instance begins without any.
bool PodResizer::swaps() const {
  const core::Pod wanted = desired();
  auto any = [&](const auto& containers) {
    return std::ranges::any_of(containers, [&](const core::Container& container) {
      const auto policy = std::ranges::find_if(container.resizepolicy(),
                                               [](const auto& one) { return one.resourcename() == "memory"; });
      const bool restarts = policy != container.resizepolicy().end() && policy->restartpolicy() == "RestartContainer";
      const auto now = record_->allocated.containers.find(container.name());
      const auto then = desired_->containers.find(container.name());
      const bool changes = now != record_->allocated.containers.end() && then != desired_->containers.end() &&
                           !resize::same("memory", now->second, then->second);
      return changes && !restarts && podconfig::mayUseSwap(wanted, container, context_.node);
    });
  };
  return any(wanted.spec().containers()) || any(wanted.spec().initcontainers());
}

bool PodResizer::judged(resize::Verdict verdict) {
  if (!waits()) return false;
  if (verdict.outcome == resize::Outcome::kGranted) {
    granted_ = *desired_;
    verdict_.reset();
    return true;
  }
  const bool same = verdict_ && verdict_->outcome == verdict.outcome && verdict_->message == verdict.message;
  verdict_ = std::move(verdict);
  verdictGeneration_ = state_.pod.metadata().generation();
  if (same) return false;
  const std::string reason = resize::reasonOf(verdict_->outcome);
  log::notice("the pod is not resized", {{"pod", state_.ref()}, {"reason", reason}, {"message", verdict_->message}});
  context_.events.warning(
      events::podRef(state_.pod), "Resize" + reason,
      resize::eventMessage("Pod resize " + reason, desired(), verdictGeneration_, verdict_->message));
  return true;
}

core::Pod PodResizer::claimed(core::Pod object) const {
  if (!record_) return object;
  return resize::withResources(std::move(object), granted_ ? *granted_ : record_->allocated);
}

core::Pod PodResizer::desired() const {
  return desired_ ? resize::withResources(state_.pod, *desired_) : state_.pod;
}

void PodResizer::applyGrant() {
  if (!granted_) return;
  record_->allocated = std::move(*std::exchange(granted_, std::nullopt));
  record_->settled = false;
  record_->generation = state_.pod.metadata().generation();
  if (desired_ && resize::same(*desired_, record_->allocated)) desired_.reset();
  error_.clear();
  retryAt_ = {};
  save();
  state_.pod = resize::withResources(std::move(state_.pod), record_->allocated);
  showApplied();
  context_.events.normal(events::podRef(state_.pod), "ResizeStarted",
                         resize::eventMessage("Pod resize started", state_.pod, record_->generation));
}

std::optional<WallTime> PodResizer::dueAt() const {
  if (!record_ || record_->settled || error_.empty()) return std::nullopt;
  return retryAt_;
}

Task<void> PodResizer::carryOut(observe::ObservedPod have) {
  if (!record_ || record_->settled || retryAt_ > context_.clock.wallNow()) co_return;
  Result<bool> done = co_await apply(std::move(have));
  if (!done) {
    failed(done.error());
    co_return;
  }
  error_.clear();
  if (!*done) co_return;
  record_->settled = true;
  record_->actuated = record_->allocated;
  save();
  showApplied();
  log::info("the pod is resized", {{"pod", state_.ref()}});
  context_.events.normal(events::podRef(state_.pod), "ResizeCompleted",
                         resize::eventMessage("Pod resize completed", state_.pod, record_->generation));
}

// RSZ-7. False: containers have to restart first.
Task<Result<bool>> PodResizer::apply(observe::ObservedPod have) {
  const resize::Steps steps = resize::planSteps(state_.pod, record_->actuated, have);
  const core::Pod before = resize::withResources(state_.pod, record_->actuated);
  const cgroups::Values from = resize::withoutOldLimits(context_.cgroups.valuesOf(before));
  const cgroups::Values to = resize::withoutOldLimits(context_.cgroups.valuesOf(state_.pod));

  for (auto& [name, memory] : state_.memory.containers)
    memory.resizeNeedsRestart = std::ranges::find(steps.restart, name) != steps.restart.end();
  Result<void> possible = co_await checkMemory(have, steps, to.memoryMax.value_or(-1));
  if (!possible) co_return fail(possible.error());
  Result<void> grown = co_await setCgroup(resize::larger(from, to));
  if (!grown) co_return fail(grown.error());
  for (const std::string& name : steps.memory) {
    Result<void> updated = co_await update(name, have.newest(name)->id, "memory");
    if (!updated) co_return fail(updated.error());
  }
  for (const std::string& name : steps.cpu) {
    Result<void> updated = co_await update(name, have.newest(name)->id, "cpu");
    if (!updated) co_return fail(updated.error());
  }
  for (const std::string& name : steps.restart) state_.memory.containers[name].resizeNeedsRestart = true;
  if (!steps.restart.empty()) co_return false;
  Result<void> settled = co_await setCgroup(to);
  if (!settled) co_return fail(settled.error());
  if (!have.sandboxes.empty()) co_await tellSandbox(have.sandboxes.front().id);
  co_return true;
}

// For runtimes that size a virtual machine by it, or have plug-ins that want to know. Best effort: what the kernel
// limits is done.
Task<void> PodResizer::tellSandbox(std::string id) {
  cri::v1::LinuxContainerResources resources = podconfig::sandboxResources(state_.pod, context_.node);
  cri::v1::LinuxContainerResources overhead = podconfig::sandboxOverhead(state_.pod, context_.node);
  Result<void> told =
      co_await context_.runtime.updatePodSandboxResources(std::move(id), std::move(resources), std::move(overhead));
  if (!told && told.error().code != Code::kUnimplemented)
    log::warning("the pod is resized, but its sandbox could not be told",
                 {{"pod", state_.ref()}, {"error", told.error().message}});
}

// RSZ-4: a limit below what is in use would have the kernel kill, or refuse. Not known is no objection.
Task<Result<void>> PodResizer::checkMemory(observe::ObservedPod have, resize::Steps steps, std::int64_t newPodLimit) {
  for (const std::string& name : steps.memory) {
    const std::int64_t limit = bytesOf(record_->allocated.containers.at(name).limits);
    const std::int64_t old = bytesOf(record_->actuated.containers.at(name).limits);
    if (limit == 0 || (old != 0 && old <= limit)) continue;
    cri::v1::ContainerStatsFilter filter;
    filter.set_id(have.newest(name)->id);
    Result<cri::v1::ListContainerStatsResponse> stats = co_await context_.runtime.listContainerStats(std::move(filter));
    if (!stats || stats->stats().empty()) continue;
    const auto used = static_cast<std::int64_t>(stats->stats(0).memory().working_set_bytes().value());
    if (used > limit) co_return std::unexpected(belowUsage("container \"" + name + "\"", limit, used));
  }
  if (newPodLimit < 0) co_return Result<void>();
  core::Pod pod = state_.pod;
  const std::optional<std::int64_t> used = co_await context_.cgroups.memoryInUse(std::move(pod));
  if (used && *used > newPodLimit) co_return std::unexpected(belowUsage("pod", newPodLimit, *used));
  co_return Result<void>();
}

Task<Result<void>> PodResizer::update(std::string name, std::string id, std::string resource) {
  resize::PodResources next = record_->actuated;
  resize::Resources& own = next.containers.at(name);
  const resize::Resources old = own;
  const resize::Resources& granted = record_->allocated.containers.at(name);
  for (auto [to, from] : {std::pair(&own.requests, &granted.requests), std::pair(&own.limits, &granted.limits)}) {
    to->erase(resource);
    if (auto amount = from->find(resource); amount != from->end()) to->insert(*amount);
  }
  const core::Pod pod = resize::withResources(state_.pod, next);
  const core::Container* container = findContainer(pod, name);
  cri::v1::LinuxContainerResources resources = podconfig::containerResources(pod, *container, context_.node);
  // For CRI nothing is no change.
  if (own.limits.count("cpu") < old.limits.count("cpu")) resources.set_cpu_quota(-1);
  if (own.limits.count("memory") < old.limits.count("memory")) resources.set_memory_limit_in_bytes(-1);
  Result<void> updated = co_await context_.runtime.updateContainerResources(std::move(id), std::move(resources));
  if (!updated) co_return fail(updated.error().within("resize " + resource + " of container " + name));
  // A restart of the agent in the middle does the rest of a resize once more, which harms nobody: so it is written
  // down at the end only.
  record_->actuated = std::move(next);
  showApplied();
  co_return updated;
}

Task<Result<void>> PodResizer::setCgroup(cgroups::Values values) {
  core::Pod pod = state_.pod;
  Result<void> set = co_await context_.cgroups.resize(std::move(pod), std::move(values));
  if (!set) co_return fail(set.error().within("resize the pod's cgroup"));
  co_return set;
}

void PodResizer::starting(const std::string& container) {
  if (!record_) return;
  const auto granted = record_->allocated.containers.find(container);
  const auto has = record_->actuated.containers.find(container);
  if (granted == record_->allocated.containers.end() || has == record_->actuated.containers.end() ||
      resize::same(granted->second, has->second))
    return;
  has->second = granted->second;
  save();
  showApplied();
}

std::optional<status::ResizeState> PodResizer::pending() const {
  if (!desired_ || !verdict_) return std::nullopt;
  return status::ResizeState{
      .reason = resize::reasonOf(verdict_->outcome), .message = verdict_->message, .generation = verdictGeneration_};
}

std::optional<status::ResizeState> PodResizer::inProgress() const {
  if (!record_ || record_->settled) return std::nullopt;
  return status::ResizeState{
      .reason = error_.empty() ? "" : "Error", .message = error_, .generation = record_->generation};
}

// Not flushed: after a crash of the machine nothing of the pod runs, and it is admitted anew.
void PodResizer::save() {
  const std::string directory = layout::podDirectory(context_.node.dirs, state_.uid());
  Result<void> saved = makeDirectories(directory, kDirectoryMode);
  if (saved)
    saved = writeFileAtomic(layout::podResourcesFile(context_.node.dirs, state_.uid()), resize::toText(*record_),
                            kRecordMode, Flush::kNo);
  if (!saved)
    log::error(
        "cannot note on disk what the pod was granted; after a restart of the agent it counts with what its "
        "object asks for",
        {{"pod", state_.ref()}, {"error", saved.error().message}});
}

// What containers have that is not what the pod says, for the status.
void PodResizer::showApplied() {
  for (const auto& [name, granted] : record_->allocated.containers) {
    const auto has = record_->actuated.containers.find(name);
    if (has == record_->actuated.containers.end() || resize::same(has->second, granted)) {
      if (auto memory = state_.memory.containers.find(name); memory != state_.memory.containers.end())
        memory->second.applied.reset();
      continue;
    }
    core::ResourceRequirements& applied = state_.memory.containers[name].applied.emplace();
    fill(has->second.requests, *applied.mutable_requests());
    fill(has->second.limits, *applied.mutable_limits());
  }
}

void PodResizer::failed(const Error& error) {
  retryAt_ = retryTime(context_, error);
  if (error_ == error.message) return;
  error_ = error.message;
  log::warning("cannot resize the pod", {{"pod", state_.ref()}, {"error", error_}});
  context_.events.warning(events::podRef(state_.pod), "ResizeError",
                          resize::eventMessage("Pod resize error", state_.pod, record_->generation, error_));
}

}  // namespace cubelet::sync
