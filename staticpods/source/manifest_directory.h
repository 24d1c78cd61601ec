// The `file` source of pods: staticPodPath.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "staticpods/source/delivery.h"
#include "staticpods/source/directory_watch.h"
#include "staticpods/source/manifest_set.h"
#include "staticpods/source/pod_set.h"
#include "staticpods/source/record_keeper.h"
#include "staticpods/source/scan.h"

namespace cubelet::staticpods {

// Watches a directory of manifests, or one manifest, and always delivers the complete set (STA-1 to STA-8, STA-13).
//
// A file that is unreadable, invalid or half-written stays in effect in its last good version, also when the agent was
// restarted since; only a removed file takes its pods away. The same holds for the directory: if it vanishes or cannot
// be read, its pods stay, unless their files were removed one by one before.
//
// New and changed files take effect without delay. A file that vanishes is missed for `removalGrace` first: many
// editors move the old file away before they write the new one, and that must not stop the pod in between.
class ManifestDirectory {
 public:
  struct Options {
    std::string path;            // absolute
    std::string stateDirectory;  // for the records of this source alone; empty: none are kept
    std::string nodeName;
    References references = References::kRefused;
    Duration fileCheckFrequency = std::chrono::seconds(20);
    Duration removalGrace = std::chrono::milliseconds(100);
  };
  // `onChange` is called on the loop while run() runs. References must outlive this object.
  ManifestDirectory(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange);

  // Until cancelled. Once.
  Task<void> run();

  // Look now, whatever events say.
  void lookNow() { watch_.lookNow(); }
  // Why the directory is polled; empty when events suffice.
  const std::string& polledBecause() const { return watch_.polledBecause(); }

 private:
  Task<void> keepLooking();
  Task<void> look();

  ScanRequest makeRequest() const;
  void take(Scan scan);
  void takeFile(const std::string& path, FoundFile found);
  void takeFiles(Scan& scan);
  void takeAbsent(const std::string& file);
  void takeMissing(const Scan& scan);
  void noteEvent(const std::string& file, std::uint32_t mask);
  TimePoint removalDue() const;

  Loop& loop_;
  Clock& clock_;
  Options options_;
  Delivery delivery_;
  RecordKeeper records_;

  DirectoryWatch watch_;

  ManifestSet set_;
  std::map<std::string, TimePoint> vanished_;  // files with pods that are gone since then, within removalGrace
  std::set<std::string> removed_;  // files whose removal was seen as an event since the last look that found them
};

}  // namespace cubelet::staticpods
