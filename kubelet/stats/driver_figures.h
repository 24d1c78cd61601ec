// DriverFigures: what CSI drivers tell of their volumes (CSI-16).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "kubelet/stats/figures.h"
#include "kubelet/stats/question.h"
#include "proto/csi/csi.pb.h"

namespace cubelet::stats {

struct DriverQuestion {
  std::string podUid = {};
  std::string volume = {};  // its name in the pod
  std::string driver = {};
  std::string handle = {};
};

struct DriverAnswer {
  FsUsage fs = {};
  std::optional<bool> abnormal = {};
  std::string condition = {};  // in the driver's words
};

// Figures that make no sense are left out. kInvalid: there are none at all. Pure.
Result<DriverAnswer> readAnswer(const ::csi::v1::NodeGetVolumeStatsResponse& response, WallTime at);

// Each volume is asked for beside all else, and not again while its driver has not answered: one that hangs costs only
// its own figures. Of a driver that tells nothing (kUnimplemented), the file system is measured instead. Loop thread
// only.
class DriverFigures {
 public:
  using Ask = std::function<Task<Result<DriverAnswer>>(DriverQuestion)>;
  // `answered` is called after each answer. References must outlive this object.
  DriverFigures(Clock& clock, BlockingPool& pool, TaskGroup& tasks, Ask ask, std::function<void()> answered)
      : clock_(clock), pool_(pool), tasks_(tasks), ask_(std::move(ask)), answered_(std::move(answered)) {}

  // Begins to ask for all volumes of the question, or (`all` false) for those that were never asked for, or whose
  // driver was not there. What is known of volumes that are not in it is forgotten.
  void ask(const Question& question, bool all);
  bool asking() const { return !asked_.empty(); }
  void addTo(Summary& summary) const;

 private:
  using Key = std::pair<std::string, std::string>;  // UID of the pod, name of the volume
  Task<void> askOne(Key key, VolumeToRead volume);

  Clock& clock_;
  BlockingPool& pool_;
  TaskGroup& tasks_;
  Ask ask_;
  std::function<void()> answered_;
  std::set<Key> asked_;                // without an answer yet
  std::set<Key> tried_;                // asked for at least once
  std::map<Key, VolumeFigures> told_;  // the last answers
};

}  // namespace cubelet::stats
