#include "kubelet/stats/collector.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "kubelet/stats/rates.h"

namespace cubelet::stats {
namespace {

// The kernel does not need this long; a machine that is short of memory may.
constexpr Duration kReadDeadline = std::chrono::seconds(10);
// Long enough to tell what is used between two measurements, and short for somebody who waits.
constexpr Duration kNow = std::chrono::seconds(1);
// Of one pod; what takes longer is tried again, but never twice at once.
constexpr Duration kWalkDeadline = std::chrono::minutes(5);

// Ends the work of a thread that nobody waits for any more.
class StopAtEnd {
 public:
  explicit StopAtEnd(std::shared_ptr<std::atomic<bool>> stop) : stop_(std::move(stop)) {}
  StopAtEnd(const StopAtEnd&) = delete;
  StopAtEnd& operator=(const StopAtEnd&) = delete;
  ~StopAtEnd() { *stop_ = true; }

 private:
  std::shared_ptr<std::atomic<bool>> stop_;
};

bool lacksSamples(const Summary& summary) {
  for (const PodFigures& pod : summary.pods)
    for (const ContainerFigures& container : pod.containers)
      if (!container.sample) return true;
  return false;
}

bool hasClaims(const Question& question) {
  return std::ranges::any_of(question.pods, [](const PodToRead& pod) {
    return std::ranges::any_of(pod.volumes, [](const VolumeToRead& volume) { return !volume.claim.empty(); });
  });
}

Result<std::map<std::string, FsUsage>> sizesOf(const std::vector<std::string>& mounts, WallTime at) {
  std::map<std::string, FsUsage> out;
  for (const std::string& mount : mounts)
    if (std::optional<FsUsage> fs = fileSystemOf(mount, at)) out[mount] = *fs;
  return out;
}

}  // namespace

Collector::Collector(Services services, Options options)
    : services_(std::move(services)),
      options_(options),
      walkEnded_(services_.clock),
      tasks_(services_.loop),
      drivers_(services_.clock, services_.pool, tasks_, services_.askDriver, [this] { walkEnded_.ring(); }) {}

bool Collector::isFresh(const std::optional<TimePoint>& at, Duration keep) const {
  return at && services_.clock.now() - *at < keep;
}

Task<Result<SummaryPtr>> Collector::usage() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(options_.keep);
  if (!read) co_return fail(read.error());
  co_return usage_;
}

Task<Result<SummaryPtr>> Collector::usageNow() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(kNow);
  if (read && !usage_->node.sample.nanoCores) {
    co_await services_.clock.sleep(kNow);
    read = co_await refreshUsage(kNow);
  }
  if (!read) co_return fail(read.error());
  co_return usage_;
}

Task<Result<SummaryPtr>> Collector::everything() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(options_.keep);
  if (!read) co_return fail(read.error());
  co_await refreshRuntime();
  co_await refreshDisk();
  auto summary = std::make_shared<Summary>(*usage_);
  addRuntimeFigures(runtime_, *summary);
  addDiskUsage(disk_, *summary);
  drivers_.addTo(*summary);
  co_return SummaryPtr(std::move(summary));
}

Task<Result<SummaryPtr>> Collector::claims() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(options_.keep);
  if (!read) co_return fail(read.error());
  if (!hasClaims(*question_)) co_return usage_;
  co_await refreshDisk();
  auto summary = std::make_shared<Summary>(*usage_);
  addDiskUsage(disk_, *summary);
  drivers_.addTo(*summary);
  co_return SummaryPtr(std::move(summary));
}

Task<Result<void>> Collector::refreshUsage(Duration keep) {
  if (isFresh(usageAt_, keep)) co_return Result<void>();
  // A thread that hangs keeps its reader; the next question gets another one.
  std::shared_ptr<HostReader> reader = std::exchange(reader_, nullptr);
  if (!reader) reader = services_.makeReader();
  auto question = std::make_shared<const Question>(services_.question());
  std::function<Result<Summary>()> fn = [reader, question]() -> Result<Summary> { return reader->read(*question); };
  std::string doing = "read cgroups";
  Result<Summary> read = co_await services_.pool.run(std::move(doing), kReadDeadline, std::move(fn));
  if (!read) co_return fail(read.error());
  reader_ = std::move(reader);
  question_ = question;
  auto summary = std::make_shared<Summary>(std::move(*read));
  if (lacksSamples(*summary)) {
    co_await refreshRuntime();
    addRuntimeFigures(runtime_, *summary);
  }
  if (usage_) addRates(*usage_, *summary);
  usage_ = std::move(summary);
  usageAt_ = services_.clock.now();
  co_return Result<void>();
}

Task<void> Collector::refreshRuntime() {
  if (isFresh(runtimeAt_, options_.keep)) co_return;
  RuntimeAnswers answers;
  v1::ContainerStatsFilter all;
  Result<v1::ListContainerStatsResponse> containers = co_await services_.runtime.listContainerStats(std::move(all));
  if (containers)
    answers.containers = std::move(*containers);
  else
    log::debug(1, "the runtime tells no statistics of containers", {{"error", containers.error().message}});
  Result<v1::ImageFsInfoResponse> images = co_await services_.images.imageFsInfo();
  if (images) {
    std::function<Result<std::map<std::string, FsUsage>>()> fn =
        [mounts = mountPoints(*images), at = services_.clock.wallNow()] { return sizesOf(mounts, at); };
    answers.images = std::move(*images);
    std::string doing = "measure the file systems of images";
    Result<std::map<std::string, FsUsage>> sizes =
        co_await services_.pool.run(std::move(doing), kReadDeadline, std::move(fn));
    if (sizes) answers.fileSystems = std::move(*sizes);
  } else {
    log::debug(1, "the runtime tells nothing of its file systems", {{"error", images.error().message}});
  }
  runtime_ = std::move(answers);
  runtimeAt_ = services_.clock.now();
}

Task<void> Collector::refreshDisk() {
  if (options_.keepDisk <= Duration::zero()) co_return;
  const bool all = !walking_ && !isFresh(diskAt_, options_.keepDisk);
  if (all || (!walking_ && hasNewPods())) {
    walking_ = true;
    walkEnded_.clear();
    tasks_.spawn("measure volumes and logs", walk(question_, all));
  }
  drivers_.ask(*question_, all);
  if (walked_) co_return;
  const TimePoint patience = services_.clock.now() + options_.firstWalk;
  bool ended = true;
  while (ended && (walking_ || drivers_.asking())) ended = co_await walkEnded_.waitUntil(patience);
  walked_ = true;
  if (!ended) log::debug(1, "volumes and logs take longer to measure; they are told with a later answer", {});
}

bool Collector::hasNewPods() const {
  return std::ranges::any_of(question_->pods, [&](const PodToRead& pod) { return !walkedPods_.contains(pod.uid); });
}

Task<void> Collector::walk(std::shared_ptr<const Question> question, bool all) {
  for (const PodToRead& pod : question->pods) {
    if (!walkedPods_.insert(pod.uid).second && !all) continue;
    PodToRead one = pod;
    co_await measure(std::move(one));
  }
  const auto isGone = [&](const std::string& uid) {
    return std::ranges::none_of(question->pods, [&](const PodToRead& pod) { return pod.uid == uid; });
  };
  std::erase_if(disk_, [&](const auto& entry) { return isGone(entry.first); });
  std::erase_if(walkedPods_, isGone);
  std::erase_if(walks_, [](const auto& entry) { return entry.second.expired(); });
  if (all) diskAt_ = services_.clock.now();
  walking_ = false;
  walkEnded_.ring();
}

Task<void> Collector::measure(PodToRead pod) {
  if (auto found = walks_.find(pod.uid); found != walks_.end() && !found->second.expired()) co_return;
  auto stop = std::make_shared<std::atomic<bool>>(false);
  const StopAtEnd guard(stop);
  walks_[pod.uid] = stop;
  const std::string uid = pod.uid;
  std::string doing = "measure volumes and logs of pod " + pod.ns + "/" + pod.name;
  std::function<Result<PodDisk>()> fn = [pod = std::move(pod), at = services_.clock.wallNow(), stop] {
    return measurePod(pod, at, *stop);
  };
  Result<PodDisk> disk = co_await services_.pool.run(std::move(doing), kWalkDeadline, std::move(fn));
  if (disk)
    disk_[uid] = std::move(*disk);
  else
    log::debug(1, "no figures of volumes and logs", {{"error", disk.error().message}});
}

Task<void> Collector::close() {
  co_await tasks_.close();
}

}  // namespace cubelet::stats
