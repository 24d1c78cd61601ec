// The `file` source of pods: staticPodPath.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/inotify.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/wake.h"
#include "staticpods/source/delivery.h"
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
// editors move the old file away before they write the new one, and that must not stop the pod in between. There is no
// timer else: an event leads to one look at the whole directory, and each look reads only what has changed. Only what
// events cannot tell is asked again every `fileCheckFrequency`: network file systems, no watch left.
class ManifestDirectory {
 public:
  struct Options {
    std::string path;            // absolute
    std::string stateDirectory;  // for the records of this source alone; empty: none are kept
    std::string nodeName;
    Duration fileCheckFrequency = std::chrono::seconds(20);
    Duration removalGrace = std::chrono::milliseconds(100);
  };
  // `onChange` is called on the loop while run() runs. References must outlive this object.
  ManifestDirectory(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange);

  // Until cancelled. Once.
  Task<void> run();

  // Look now, whatever events say.
  void lookNow() { wake_.ring(); }
  // Why the directory is polled; empty when events suffice.
  const std::string& polledBecause() const { return blindness_; }

 private:
  // A file that somebody has open for writing.
  struct Writing {
    FileIdentity identity;
    TimePoint since;
  };

  void openInotify();
  Task<void> pumpEvents();
  Task<void> keepLooking();
  Task<void> look();

  std::shared_ptr<const ScanRequest> makeRequest() const;
  void take(Scan scan);
  void takeWatches(Scan& scan);
  void takeFile(const std::string& path, FoundFile found);
  void takeFiles(Scan& scan);
  void takeAbsent(const std::string& file);
  void takeMissing(const Scan& scan);
  void noteEvent(const InotifyEvent& event);
  TimePoint nextLook() const;

  Loop& loop_;
  Clock& clock_;
  BlockingPool& pool_;
  Options options_;
  Delivery delivery_;
  RecordKeeper records_;

  ManifestSet set_;
  std::map<std::string, KnownFile> known_;
  std::map<std::string, Writing> writing_;
  std::map<std::string, TimePoint> vanished_;  // files with pods that are gone since then, within removalGrace
  std::set<std::string> removed_;  // files whose removal was seen as an event since the last look that found them

  std::optional<Inotify> inotify_;
  std::shared_ptr<const Fd> sharedInotify_;
  WatchedEntries watches_;
  std::string blindness_;
  Wake wake_;
  // True while a look runs on its thread, also one that was given up: a second one would hang as well.
  std::shared_ptr<std::atomic<bool>> scanning_ = std::make_shared<std::atomic<bool>>(false);
  bool looking_ = false;     // from the start of a look until its watches are known here
  bool unanswered_ = false;  // the last look failed as a whole
};

}  // namespace cubelet::staticpods
