// Which version of which manifest is in effect. Pure state: no files, no clock, no log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "staticpods/source/claims.h"
#include "staticpods/source/pod_set.h"
#include "staticpods/source/records.h"

namespace cubelet::staticpods {

// Tell it what was found, then settle(). A file whose current version is bad, or in conflict with another file, stays
// in effect in its last good version; see resolveClaims for conflicts.
class ManifestSet {
 public:
  // A version that was in effect before the agent restarted. It stays until good(), bad() or gone() says otherwise.
  void restore(Record record, std::vector<core::Pod> pods);
  // The file holds `text`, which means `pods`.
  void good(const std::string& file, std::string text, std::vector<core::Pod> pods, WallTime now);
  // The file cannot be read, or what it holds is no valid manifest.
  void bad(const std::string& file, std::vector<std::string> problems, WallTime now);
  // The file has been removed: its pods go.
  void gone(const std::string& file);
  // The file has vanished and will be gone() unless it is back soon. Others that wait for its pods are no problem.
  void leaving(const std::string& file, bool isLeaving);
  // The place where the files should be cannot be read. Nothing is known about them, so all stay as they are.
  void sourceBad(std::string_view source, std::string problem, WallTime now);
  void sourceGood() { sourceProblem_.reset(); }

  // Decides on everything told since the last call. True when podSet() differs from what it was then.
  bool settle(WallTime now);
  PodSet podSet() const;

  // Every file that was told of and is not gone.
  std::vector<std::string> files() const;
  // Has a version in effect, be it its current one or not.
  bool inEffect(const std::string& file) const;
  bool anyInEffect() const;

  // What has to be written to and removed from the records since the last call.
  struct RecordChanges {
    std::vector<Record> save;
    std::vector<std::string> remove;
  };
  RecordChanges takeRecordChanges();

 private:
  struct Version {
    std::string text;  // moved into the record once the version is in effect
    std::string hash;  // of text
    std::vector<core::Pod> pods;
  };
  struct File {
    std::optional<Version> effective;
    std::optional<Version> waiting;     // the current version, when it is good and not (yet) in effect
    std::vector<std::string> problems;  // of the current version, when it is bad
    std::optional<Conflict> conflict;   // why `waiting` has to wait
    bool leaving = false;
    std::optional<WallTime> since;  // first sight of the problem or conflict
    bool currentBad() const { return !problems.empty(); }
  };

  Claim claimOf(const std::string& name, const File& file) const;
  void putInEffect(const std::string& name, File& file);
  std::optional<FileProblem> problemOf(const std::string& name, const File& file) const;
  std::string fingerprint() const;

  std::map<std::string, File> files_;
  std::optional<FileProblem> sourceProblem_;
  std::map<std::string, std::optional<Record>> recordChanges_;  // by file; nullopt: remove
  std::optional<std::string> settled_;                          // fingerprint after the last settle()
};

}  // namespace cubelet::staticpods
