#include "kubelet/eviction/eviction_manager.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "kubelet/admission/pod_claims.h"
#include "kubelet/eviction/local_storage.h"
#include "kubelet/eviction/ranking.h"

namespace cubelet::eviction {
namespace {

// Upstream's figures (EVI-4, EVI-6, EVI-7).
constexpr Duration kInterval = std::chrono::seconds(10);
constexpr Duration kWaitForEnd = std::chrono::seconds(30);
constexpr std::chrono::seconds kHardGrace{1};
constexpr Duration kLeastPause = std::chrono::seconds(1);
// A walk through a pod's files takes at most this share of the time.
constexpr int kWalkShare = 20;

bool canReclaimContainers(Signal signal, const FsLayout& layout) {
  return partsOn(signal, layout).writable;
}

bool canReclaimImages(Signal signal, const FsLayout& layout) {
  const Resource resource = resourceOf(signal);
  if (resource != Resource::kStorage && resource != Resource::kInodes) return false;
  if (!layout.imagesApart) return true;
  const bool containers = signal == Signal::kContainerFsAvailable || signal == Signal::kContainerFsInodesFree;
  return signal == Signal::kImageFsAvailable || signal == Signal::kImageFsInodesFree ||
         (containers && !layout.containersApart);
}

WantedUsage wantedFor(Resource resource) {
  WantedUsage wanted;
  wanted.memory = resource == Resource::kMemory;
  wanted.processes = resource == Resource::kPids;
  wanted.storage = resource == Resource::kStorage || resource == Resource::kInodes;
  return wanted;
}

std::string refOf(const core::Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

}  // namespace

EvictionOptions evictionOptions(const config::KubeletConfiguration& config) {
  EvictionOptions options;
  options.thresholds = thresholdsOf(config);
  options.transition = Duration(config.evictionpressuretransitionperiod().duration());
  options.longestGrace = std::chrono::seconds(config.evictionmaxpodgraceperiod());
  options.limitsStorage = !config.has_localstoragecapacityisolation() || config.localstoragecapacityisolation();
  return options;
}

EvictionManager::EvictionManager(Clock& clock, Machine& machine, EvictionOptions options, Hooks hooks)
    : clock_(clock), machine_(machine), options_(std::move(options)), hooks_(std::move(hooks)), wake_(clock) {}

void EvictionManager::look() {
  if (!idle_ && ending_.empty() && lookedAt_ + kLeastPause <= clock_.now()) wake_.ring();
}

void EvictionManager::podsChanged() {
  if (idle_ || (!ending_.empty() && !anyEnds())) wake_.ring();
}

Task<void> EvictionManager::run() {
  if (options_.thresholds.empty() && !options_.limitsStorage) co_return;
  for (;;) {
    idle_ = true;
    while (!hooks_.wanted()) co_await wake_.wait();
    idle_ = false;
    lookedAt_ = clock_.now();
    const bool evicted = co_await pass();
    if (evicted)
      co_await waitForEnd();
    else
      co_await wake_.waitUntil(clock_.now() + kInterval);
  }
}

// What the pod used is free only when it has gone: until then nobody else is to go.
Task<void> EvictionManager::waitForEnd() {
  const TimePoint latest = clock_.now() + kWaitForEnd;
  while (anyEnds() && clock_.now() < latest) co_await wake_.waitUntil(latest);
  ending_.clear();
}

bool EvictionManager::anyEnds() {
  std::erase_if(ending_, [&](const std::string& uid) { return !hooks_.isEnding(uid); });
  return !ending_.empty();
}

// True when a pod was evicted.
Task<bool> EvictionManager::pass() {
  Result<NodeReadings> node = co_await machine_.node();
  if (!node) {
    if (std::exchange(problem_, node.error().message) != node.error().message)
      log::warning("cannot tell whether the node runs short of anything", {{"error", problem_}});
    co_return false;
  }
  problem_.clear();
  const std::vector<Threshold> thresholds = withContainerFs(options_.thresholds, node->layout);
  Judgement judgement = judge(history_, thresholds, node->readings, options_.transition, clock_.now());
  if (judgement.pressure != pressure_) {
    pressure_ = judgement.pressure;
    hooks_.pressure(pressure_);
  }
  if (options_.limitsStorage) {
    const bool evicted = co_await evictForLimits(node->layout);
    if (evicted) co_return true;
  }
  if (judgement.toReclaim.empty()) {
    reclaiming_ = false;
    co_return false;
  }
  const Threshold threshold = judgement.toReclaim.front();
  hooks_.warn("EvictionThresholdMet", "Attempting to reclaim " + std::string(nameOf(resourceOf(threshold.signal))));
  const bool enough = co_await reclaimFromNode(threshold, node->layout);
  if (enough) co_return false;
  co_return co_await evictOne(std::move(judgement), std::move(*node));
}

// A pod whose files take long to walk through is looked at less often.
std::vector<core::Pod> EvictionManager::podsToMeasure() {
  std::vector<core::Pod> pods = hooks_.pods();
  std::erase_if(pods, [](const core::Pod& pod) { return !eviction::limitsStorage(pod); });
  std::set<std::string> known;
  for (const core::Pod& pod : pods) known.insert(pod.metadata().uid());
  std::erase_if(measureNotBefore_, [&](const auto& entry) { return !known.contains(entry.first); });
  std::erase_if(pods, [&](const core::Pod& pod) {
    const auto entry = measureNotBefore_.find(pod.metadata().uid());
    return entry != measureNotBefore_.end() && clock_.now() < entry->second;
  });
  return pods;
}

Task<bool> EvictionManager::evictForLimits(FsLayout layout) {
  bool evicted = false;
  const std::vector<core::Pod> pods = podsToMeasure();
  for (const core::Pod& pod : pods) {
    const TimePoint begun = clock_.now();
    std::vector<core::Pod> one = {pod};
    WantedUsage wanted;
    wanted.storage = true;
    std::map<std::string, PodUsage> usage = co_await machine_.usageOf(std::move(one), wanted);
    const std::string& uid = pod.metadata().uid();
    std::optional<Excess> excess = storageExcess(pod, usage[uid], layout);
    // Other pods may have added files of theirs to what a file system counts for this one, but taken nothing away.
    if (excess && usage[uid].byQuota) {
      one = {pod};
      wanted.walk = true;
      usage = co_await machine_.usageOf(std::move(one), wanted);
      excess = storageExcess(pod, usage[uid], layout);
    }
    measureNotBefore_[uid] = clock_.now() + (clock_.now() - begun) * kWalkShare;
    if (!excess) continue;
    if (admission::isCritical(pod)) {
      log::warning("a critical pod is beyond its limits and stays", {{"pod", refOf(pod)}, {"limit", excess->message}});
      continue;
    }
    Eviction eviction;
    eviction.uid = uid;
    eviction.notice.message = excess->message;
    eviction.signal = excess->limit;
    hooks_.evict(eviction);
    ending_.insert(uid);
    evicted = true;
  }
  co_return evicted;
}

// True: nobody has to go for now.
Task<bool> EvictionManager::reclaimFromNode(Threshold threshold, FsLayout layout) {
  const bool containers = canReclaimContainers(threshold.signal, layout);
  const bool images = canReclaimImages(threshold.signal, layout);
  if (!containers && !images) co_return false;
  const bool removing = containers && hooks_.removeDeadContainers();
  if (images) {
    Result<void> removed = co_await hooks_.removeUnusedImages();
    if (!removed) log::warning("cannot remove all images that nobody needs", {{"error", removed.error().message}});
  }
  Result<NodeReadings> after = co_await machine_.node();
  const std::vector<Threshold> thresholds = withContainerFs(options_.thresholds, layout);
  if (after && thresholdsMet(thresholds, after->readings, true).empty()) co_return true;
  // What they free shows at the next look; after that no more time is given.
  co_return removing && !std::exchange(reclaiming_, true);
}

// At most the pod's own grace, and at least a second.
Duration EvictionManager::graceOf(const Threshold& threshold, const core::Pod& pod) const {
  if (threshold.isHard()) return kHardGrace;
  std::chrono::seconds grace = options_.longestGrace;
  if (pod.spec().has_terminationgraceperiodseconds())
    grace = std::min(grace, std::chrono::seconds(pod.spec().terminationgraceperiodseconds()));
  return std::max(grace, kHardGrace);
}

Task<bool> EvictionManager::evictOne(Judgement judgement, NodeReadings node) {
  const Threshold& threshold = judgement.toReclaim.front();
  const Resource resource = resourceOf(threshold.signal);
  std::vector<core::Pod> pods = hooks_.pods();
  std::erase_if(pods, [](const core::Pod& pod) { return admission::isCritical(pod); });
  if (pods.empty()) {
    log::warning("the node runs short, and there is no pod to evict", {{"resource", std::string(nameOf(resource))}});
    co_return false;
  }
  std::vector<core::Pod> measured = pods;
  std::map<std::string, PodUsage> usage = co_await machine_.usageOf(std::move(measured), wantedFor(resource));
  std::vector<Candidate> candidates;
  for (core::Pod& pod : pods) {
    PodUsage used = std::move(usage[pod.metadata().uid()]);
    candidates.push_back({std::move(pod), std::move(used)});
  }
  candidates = ranked(std::move(candidates), threshold.signal, node.layout);
  const Candidate& first = candidates.front();
  Eviction eviction;
  eviction.uid = first.pod.metadata().uid();
  eviction.notice = evictionNotice(resource, first, judgement.toReclaim, node.readings);
  eviction.grace = std::chrono::duration_cast<std::chrono::seconds>(graceOf(threshold, first.pod));
  eviction.disruption = true;
  eviction.signal = nameOf(threshold.signal);
  log::warning("evicting a pod",
               {{"pod", refOf(first.pod)}, {"uid", eviction.uid}, {"because", eviction.notice.message}});
  hooks_.evict(eviction);
  ending_.insert(eviction.uid);
  co_return true;
}

}  // namespace cubelet::eviction
