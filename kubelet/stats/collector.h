// Collector: figures of the node and its pods, measured when somebody asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

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

// Nothing happens while nobody asks. Whoever asks within `keep` of a measurement gets that one again, with its own
// time; several at once wait for the same one. Volumes and logs are walked at low priority beside all else: a question
// starts a walk when the last one is older than `keepDisk`, or of the pods that are new, and is answered with what
// earlier ones have found. CSI drivers are asked for their volumes at the same time. Only the first question of all
// waits a moment. What cannot be read is missing in the answer. Loop thread only.
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
  };
  Collector(Services services, Options options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // CPU and memory, and what else the kernel counts. Asks the runtime only where a container's cgroup is not found.
  // kTimedOut, kExhausted: the kernel did not answer, or no thread was to be had.
  Task<Result<SummaryPtr>> usage();
  // The same for people who look on: at most a second old, and with what each uses at the moment. The first answer
  // after a pause takes a second, for that takes two measurements.
  Task<Result<SummaryPtr>> usageNow();
  // All there is: also the runtime's file systems, volumes and logs.
  Task<Result<SummaryPtr>> everything();

  // What is known of the volumes behind claims, for whoever asks every few seconds: nothing is walked on a node without
  // claims.
  Task<Result<SummaryPtr>> claims();

  // Volumes and logs are being measured.
  bool walking() const { return walking_; }

  // Ends a walk under way.
  Task<void> close();

 private:
  Task<Result<void>> refreshUsage(Duration keep);
  Task<void> refreshRuntime();
  Task<void> refreshDisk();
  bool hasNewPods() const;
  Task<void> walk(std::shared_ptr<const Question> question, bool all);
  Task<void> measure(PodToRead pod);
  bool isFresh(const std::optional<TimePoint>& at, Duration keep) const;

  Services services_;
  const Options options_;
  Semaphore turn_{1};  // one question after the other
  std::shared_ptr<HostReader> reader_;
  SummaryPtr usage_;
  std::shared_ptr<const Question> question_;  // that usage_ answers
  std::optional<TimePoint> usageAt_;
  RuntimeAnswers runtime_;
  std::optional<TimePoint> runtimeAt_;
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
