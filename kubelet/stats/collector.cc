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
// Fewer are not worth a thread more.
constexpr std::size_t kPodsOfAReader = 25;
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

// In the order of the question; the first share has the node.
Summary merged(const Question& question, std::vector<Summary> shares) {
  if (shares.size() == 1) return std::move(shares.front());
  Summary out;
  out.node = std::move(shares.front().node);
  out.pods.reserve(question.pods.size());
  std::vector<std::size_t> next(shares.size());
  for (const PodToRead& pod : question.pods)
    for (std::size_t i = 0; i < shares.size(); ++i)
      if (isIn({.index = i, .of = shares.size()}, pod.uid)) out.pods.push_back(std::move(shares[i].pods[next[i]++]));
  return out;
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
      runtimeAnswered_(services_.clock),
      walkEnded_(services_.clock),
      tasks_(services_.loop),
      drivers_(services_.clock, services_.pool, tasks_, services_.askDriver, [this] { walkEnded_.ring(); }) {}

bool Collector::isFresh(const std::optional<TimePoint>& at, Duration keep) const {
  return at && services_.clock.now() - *at < keep;
}

Task<Result<SummaryPtr>> Collector::usage(Detail detail) {
  const Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(options_.keep, detail);
  if (!read) co_return fail(read.error());
  co_return usage_;
}

Task<Result<SummaryPtr>> Collector::usageNow() {
  Semaphore::Permit turn = co_await turn_.acquire();
  Result<void> read = co_await refreshUsage(kNow, Detail::kSummary);
  if (read && !usage_->node.sample.nanoCores) {
    turn.release();
    co_await services_.clock.sleep(kNow);
    turn = co_await turn_.acquire();
    // What somebody else has measured meanwhile may have had nothing to compare with yet.
    const Duration keep = usage_->node.sample.nanoCores ? kNow : Duration::zero();
    read = co_await refreshUsage(keep, Detail::kSummary);
  }
  if (!read) co_return fail(read.error());
  co_return usage_;
}

Task<Result<SummaryPtr>> Collector::everything() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  if (!isFresh(runtimeAt_, options_.keep)) askRuntime();
  Result<void> read = co_await refreshUsage(options_.keep, Detail::kSummary);
  if (!read) co_return fail(read.error());
  if (!isFresh(runtimeAt_, options_.keepRuntime)) co_await waitForRuntime();
  co_await refreshDisk(question_);
  auto summary = std::make_shared<Summary>(*usage_);
  addRuntimeFigures(runtime_, *summary);
  addDiskUsage(disk_, *summary);
  drivers_.addTo(*summary);
  co_return SummaryPtr(std::move(summary));
}

Task<Result<SummaryPtr>> Collector::claims() {
  const Semaphore::Permit turn = co_await turn_.acquire();
  QuestionPtr question = question_;
  if (!isFresh(usageAt_, options_.keep)) question = std::make_shared<const Question>(services_.question());
  auto summary = std::make_shared<Summary>();
  if (!hasClaims(*question)) co_return SummaryPtr(std::move(summary));
  co_await refreshDisk(question);
  for (const PodToRead& pod : question->pods) summary->pods.push_back({.ns = pod.ns, .name = pod.name, .uid = pod.uid});
  addDiskUsage(disk_, *summary);
  drivers_.addTo(*summary);
  co_return SummaryPtr(std::move(summary));
}

Task<Result<void>> Collector::refreshUsage(Duration keep, Detail detail) {
  if (isFresh(usageAt_, keep) && usageDetail_ >= detail) co_return Result<void>();
  QuestionPtr question = std::make_shared<const Question>(services_.question());
  Result<Summary> read = co_await readHost(question, detail);
  if (!read) co_return fail(read.error());
  auto summary = std::make_shared<Summary>(std::move(*read));
  if (lacksSamples(*summary)) {
    if (!isFresh(runtimeAt_, options_.keep)) askRuntime();
    co_await waitForRuntime();
    addRuntimeFigures(runtime_, *summary);
  }
  useRates(*summary);
  usage_ = std::move(summary);
  usageDetail_ = detail;
  question_ = std::move(question);
  usageAt_ = services_.clock.now();
  co_return Result<void>();
}

Task<Result<Summary>> Collector::readHost(QuestionPtr question, Detail detail) {
  // A thread that hangs keeps its reader; the next question gets another one.
  Readers readers = std::exchange(readers_, {});
  const std::size_t wanted = std::clamp<std::size_t>(question->pods.size() / kPodsOfAReader, 1, options_.readers);
  while (readers.size() < wanted) readers.push_back(services_.makeReader());
  std::vector<std::optional<Result<Summary>>> answers(wanted);
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < wanted; ++i)
    tasks.push_back(readShare(readers[i], question, detail, {.index = i, .of = wanted}, &answers[i]));
  co_await runAll(services_.loop, "read cgroups", std::move(tasks));
  for (const std::optional<Result<Summary>>& answer : answers)
    if (!*answer) co_return fail((*answer).error());
  readers_ = std::move(readers);
  closeLater();
  std::vector<Summary> shares;
  for (std::optional<Result<Summary>>& answer : answers) shares.push_back(std::move(**answer));
  co_return merged(*question, std::move(shares));
}

Task<void> Collector::readShare(std::shared_ptr<HostReader> reader, QuestionPtr question, Detail detail, Share share,
                                std::optional<Result<Summary>>* answer) {
  std::function<Result<Summary>()> fn = [reader, question, detail, share]() -> Result<Summary> {
    return reader->read(*question, detail, share);
  };
  std::string doing = "read cgroups";
  Result<Summary> read = co_await services_.pool.run(std::move(doing), kReadDeadline, std::move(fn));
  answer->emplace(std::move(read));
}

// Two questions may want different things within a moment: that is too short to tell what is used in a second.
void Collector::useRates(Summary& now) {
  if (usage_ && (!before_ || services_.clock.now() - *usageAt_ >= kShortestRate)) before_ = usage_;
  if (before_) addRates(*before_, now);
}

void Collector::closeLater() {
  readAt_ = services_.clock.now();
  if (std::exchange(closing_, true)) return;
  tasks_.spawn("close files of cgroups", closeReaders());
}

Task<void> Collector::closeReaders() {
  while (isFresh(readAt_, options_.keepOpen)) {
    const Duration rest = *readAt_ + options_.keepOpen - services_.clock.now();
    co_await services_.clock.sleep(rest);
  }
  closing_ = false;
  // The kernel needs a moment for thousands of files.
  auto readers = std::make_shared<Readers>(std::exchange(readers_, {}));
  std::function<Result<void>()> fn = [readers]() -> Result<void> {
    readers->clear();
    return {};
  };
  std::string doing = "close files of cgroups";
  Result<void> closed = co_await services_.pool.run(std::move(doing), kReadDeadline, std::move(fn));
  if (!closed) log::debug(1, "files of cgroups are not closed yet", {{"error", closed.error().message}});
}

void Collector::askRuntime() {
  if (std::exchange(askingRuntime_, true)) return;
  runtimeAnswered_.clear();
  tasks_.spawn("ask the runtime what is used", readRuntime());
}

Task<void> Collector::waitForRuntime() {
  while (askingRuntime_) co_await runtimeAnswered_.wait();
}

Task<void> Collector::readRuntime() {
  // However this ends.
  struct Answered {
    Collector& collector;
    ~Answered() {
      collector.askingRuntime_ = false;
      collector.runtimeAnswered_.ring();
    }
  };
  const Answered answered{*this};
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

Task<void> Collector::refreshDisk(QuestionPtr question) {
  if (options_.keepDisk <= Duration::zero()) co_return;
  const bool all = !walking_ && !isFresh(diskAt_, options_.keepDisk);
  if (all || (!walking_ && hasNewPods(*question))) {
    walking_ = true;
    walkEnded_.clear();
    tasks_.spawn("measure volumes and logs", walk(question, all));
  }
  drivers_.ask(*question, all);
  if (walked_) co_return;
  const TimePoint patience = services_.clock.now() + options_.firstWalk;
  bool ended = true;
  while (ended && (walking_ || drivers_.asking())) ended = co_await walkEnded_.waitUntil(patience);
  walked_ = true;
  if (!ended) log::debug(1, "volumes and logs take longer to measure; they are told with a later answer", {});
}

bool Collector::hasNewPods(const Question& question) const {
  return std::ranges::any_of(question.pods, [&](const PodToRead& pod) { return !walkedPods_.contains(pod.uid); });
}

Task<void> Collector::walk(QuestionPtr question, bool all) {
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
