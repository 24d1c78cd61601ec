// Collector: figures of the node and its pods, measured when somebody asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "cri/client/runtime_service.h"
#include "kubelet/stats/disk_usage.h"
#include "kubelet/stats/driver_figures.h"
#include "kubelet/stats/figures.h"
#include "kubelet/stats/host_reader.h"
#include "kubelet/stats/question.h"
#include "kubelet/stats/runtime_figures.h"

namespace cubelet::stats {

using SummaryPtr = std::shared_ptr<const Summary>;

// Nothing happens while nobody asks. Whoever asks within `keep` of a measurement that holds enough gets that one again,
// with its own time; several at once wait for the same one. With many pods several threads read. What readers keep open
// for the next question is closed when none comes for a while. The runtime is asked beside all else: while its last
// answer is younger than `keepRuntime`, that one is told. Volumes and logs are walked at low priority beside all else:
// a question starts a walk when the last one is older than `keepDisk`, or of the pods that are new, and is answered
// with what earlier ones have found. CSI drivers are asked for their volumes at the same time. Only the first question
// of all waits a moment. What cannot be read is missing in the answer. Loop thread only.
class Collector {
 public:
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    std::function<Question()> question;
    std::function<std::unique_ptr<HostReader>()> makeReader;
    DriverFigures::Ask askDriver = nullptr;  // only for volumes of drivers
  };
  struct Options {
    Duration keep = std::chrono::seconds(10);  // as long as upstream's cAdvisor lets its figures grow old
    Duration keepDisk =
        std::chrono::minutes(1);  // volumeStatsAggPeriod; zero or less: volumes and logs are not measured
    Duration firstWalk = std::chrono::seconds(1);
    Duration keepRuntime = std::chrono::minutes(1);  // as old as upstream lets the size of writable layers grow
    Duration keepOpen = std::chrono::minutes(3);     // scrapers ask more often than that
    std::size_t readers = 1;                         // threads at once, at most
  };
  Collector(Services services, Options options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // What the kernel counts, and at least that much of it. Asks the runtime only where a container's cgroup is not
  // found. kTimedOut, kExhausted: the kernel did not answer, or no thread was to be had.
  Task<Result<SummaryPtr>> usage(Detail detail);
  // CPU and memory for people who look on: at most a second old, and with what each uses at the moment. The first
  // answer after a pause takes a second, for that takes two measurements; others who ask need not wait for it.
  Task<Result<SummaryPtr>> usageNow();
  // All there is: also the runtime's file systems, volumes and logs.
  Task<Result<SummaryPtr>> everything();

  // What is known of the volumes behind claims, and nothing else, for whoever asks every few seconds: nothing is
  // measured on a node without claims.
  Task<Result<SummaryPtr>> claims();

  // Volumes and logs are being measured; the runtime is being asked.
  bool walking() const { return walking_; }
  bool askingRuntime() const { return askingRuntime_; }

  // Ends a walk under way. Nobody may ask any more.
  Task<void> close();

 private:
  using QuestionPtr = std::shared_ptr<const Question>;
  using Readers = std::vector<std::shared_ptr<HostReader>>;

  Task<Result<void>> refreshUsage(Duration keep, Detail detail);
  Task<Result<Summary>> readHost(QuestionPtr question, Detail detail);
  Task<void> readShare(std::shared_ptr<HostReader> reader, QuestionPtr question, Detail detail, Share share,
                       std::optional<Result<Summary>>* answer);
  void useRates(Summary& now);
  void closeLater();
  Task<void> closeReaders();
  void askRuntime();
  Task<void> readRuntime();
  Task<void> waitForRuntime();
  Task<void> refreshDisk(QuestionPtr question);
  bool hasNewPods(const Question& question) const;
  Task<void> walk(QuestionPtr question, bool all);
  Task<void> measure(PodToRead pod);
  bool isFresh(const std::optional<TimePoint>& at, Duration keep) const;

  Services services_;
  const Options options_;
  Semaphore turn_{1};  // one question after the other
  Readers readers_;    // nobody reads with them now
  std::optional<TimePoint> readAt_;
  bool closing_ = false;  // closeReaders() runs
  SummaryPtr usage_;
  Detail usageDetail_ = Detail::kUsage;
  QuestionPtr question_;  // that usage_ answers
  std::optional<TimePoint> usageAt_;
  SummaryPtr before_;  // what the newest measurement is compared with to tell rates
  RuntimeAnswers runtime_;
  std::optional<TimePoint> runtimeAt_;
  bool askingRuntime_ = false;
  Wake runtimeAnswered_;
  std::map<std::string, PodDisk> disk_;  // by UID
  std::optional<TimePoint> diskAt_;      // of the end of the last walk of all pods
  std::set<std::string> walkedPods_;     // their UIDs, of every walk
  bool walking_ = false;
  bool walked_ = false;                                            // at least once, or given up on
  std::map<std::string, std::weak_ptr<std::atomic<bool>>> walks_;  // by UID: alive while a thread works on that pod
  Wake walkEnded_;                                                 // or a driver has answered
  TaskGroup tasks_;
  DriverFigures drivers_;
};

}  // namespace cubelet::stats
