// Terminations under way, on disk: a restart of the agent neither forgets one nor grants it a new grace period.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::sync {

struct TerminationRecord {
  std::string uid;
  std::string name;
  std::string ns;
  WallTime deadline;                       // end of the grace period
  std::vector<std::string> preStopsEnded;  // ids of containers whose preStop hook is not to be run again
};

// Small JSON files <directory>/<uid>.json with a schema version. They outlive the agent, not the machine: after a
// reboot nothing of the pod runs, so there is neither a grace period to go by nor a hook to spare. A record from before
// it is as good as none.
class TerminationRecords {
 public:
  explicit TerminationRecords(std::string directory) : directory_(std::move(directory)) {}

  // In the file when it returns. Nothing is flushed: a power cut may take it along, see above.
  Result<void> save(const TerminationRecord& record) const;
  Result<void> remove(const std::string& uid) const;
  // Records that are none, as after a power cut, are logged and removed, those that cannot be read are logged and left:
  // the pod is then found as an orphan, with the grace of its annotations.
  std::vector<TerminationRecord> load() const;

 private:
  std::string pathOf(const std::string& uid) const;
  std::string directory_;
};

}  // namespace cubelet::sync
