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

// Small JSON files <directory>/<uid>.json with a schema version. A record from before a reboot is as good as any: its
// sandboxes are gone, and what is left of the pod is removed at once.
class TerminationRecords {
 public:
  explicit TerminationRecords(std::string directory) : directory_(std::move(directory)) {}

  // On disk when it returns.
  Result<void> save(const TerminationRecord& record) const;
  Result<void> remove(const std::string& uid) const;
  // Unreadable records are logged and skipped: the pod is then found as an orphan, with the grace of its annotations.
  std::vector<TerminationRecord> load() const;

 private:
  std::string pathOf(const std::string& uid) const;
  std::string directory_;
};

}  // namespace cubelet::sync
