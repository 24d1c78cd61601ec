// DirectoryWatch: looks at a directory of files, or at one file, whenever something in it has changed.
#pragma once

#include <atomic>
#include <functional>
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
#include "staticpods/source/scan.h"

namespace cubelet::staticpods {

// An event leads to one look at the whole directory, and each look reads only what has changed. Only what events cannot
// tell is asked again every `checkFrequency`: network file systems, no watch left, a look that hung. What the files
// mean is for the owner to say. Loop thread only.
class DirectoryWatch {
 public:
  struct Options {
    std::string path;     // absolute
    std::string subject;  // "manifests", for the log
    Duration checkFrequency = std::chrono::seconds(20);
  };
  // References must outlive this object.
  DirectoryWatch(Loop& loop, Clock& clock, BlockingPool& pool, Options options);

  // First of all; without inotify the directory is polled.
  void open();
  // Until cancelled, or until events fail: reads events and wakes who waits in untilDue(). `entry` is told of each
  // event of a file in the directory itself, with its inotify mask.
  Task<void> pumpEvents(std::function<void(const std::string& file, std::uint32_t mask)> entry);

  // One look. `request` needs inEffect and manifest only; `then` gets the scan on the thread that made it. The answer
  // lists what has to be read or is missing: of a file that somebody has open for writing nothing is told before it is
  // complete. An Error when the file system does not answer; nothing at all while the look before this one hangs.
  Task<std::optional<Result<Scan>>> look(ScanRequest request, std::function<void(Scan&)> then);
  // The file is read again at the next look, changed or not.
  void forget(const std::string& file) { known_.erase(file); }

  // Takes back the news so far: the look that follows sees it.
  void clear() { wake_.clear(); }
  void lookNow() { wake_.ring(); }
  // Returns when the next look is due: after an event, when time asks for it, or at `also`.
  Task<void> untilDue(TimePoint also);
  // Why the directory is polled; empty when events suffice.
  const std::string& polledBecause() const { return blindness_; }

 private:
  // A file that somebody has open for writing.
  struct Writing {
    FileIdentity identity;
    TimePoint since;
  };

  void noteEvent(const InotifyEvent& event, const std::function<void(const std::string&, std::uint32_t)>& entry);
  void takeWatches(Scan& scan);
  void takeFiles(const Scan& scan);
  void takeFile(const std::string& path, const FoundFile& found);

  Clock& clock_;
  Loop& loop_;
  BlockingPool& pool_;
  Options options_;
  std::map<std::string, KnownFile> known_;
  std::map<std::string, Writing> writing_;
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
