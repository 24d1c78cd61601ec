#include "staticpods/source/directory_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::staticpods {
namespace {

// Reading and parsing 500 files takes well under a second; longer means that the file system hangs.
constexpr Duration kLookDeadline = std::chrono::seconds(30);
// A file that stays open for writing and does not change for so long is read as it is: some programs never close.
constexpr Duration kWritingLimit = std::chrono::seconds(30);

}  // namespace

DirectoryWatch::DirectoryWatch(Loop& loop, Clock& clock, BlockingPool& pool, Options options)
    : clock_(clock), loop_(loop), pool_(pool), options_(std::move(options)), wake_(clock) {}

void DirectoryWatch::open() {
  auto inotify = Inotify::create(loop_);
  if (!inotify) return;  // each look then says so, and the directory is polled
  auto shared = inotify->share();
  if (!shared) return;
  inotify_.emplace(std::move(*inotify));
  sharedInotify_ = std::make_shared<Fd>(std::move(*shared));
}

Task<void> DirectoryWatch::pumpEvents(std::function<void(const std::string& file, std::uint32_t mask)> entry) {
  while (inotify_) {
    Result<std::vector<InotifyEvent>> events = co_await inotify_->next();
    if (!events) {
      log::error(options_.subject + " are polled from now on", {{"error", events.error().message}});
      sharedInotify_.reset();
      wake_.ring();
      co_return;
    }
    for (const InotifyEvent& event : *events) noteEvent(event, entry);
  }
}

void DirectoryWatch::noteEvent(const InotifyEvent& event,
                               const std::function<void(const std::string&, std::uint32_t)>& entry) {
  // A look in progress may have added watches that are not known here yet.
  if (!looking_ && !matters(watches_, event)) return;
  wake_.ring();
  const auto watch = watches_.find(event.watch);
  if (watch == watches_.end() || watch->second || event.name.empty()) return;
  entry(joinPath(options_.path, event.name), event.mask);
}

Task<std::optional<Result<Scan>>> DirectoryWatch::look(ScanRequest request, std::function<void(Scan&)> then) {
  if (*scanning_) co_return std::nullopt;  // the last one hangs
  *scanning_ = true;
  looking_ = true;
  request.path = options_.path;
  request.known = known_;
  for (const auto& [file, writing] : writing_)
    if (clock_.now() >= writing.since + kWritingLimit) request.readWhileWritten.insert(file);
  request.inotify = sharedInotify_;
  auto shared = std::make_shared<const ScanRequest>(std::move(request));
  std::function<Result<Scan>()> job = [shared = std::move(shared), then = std::move(then), scanning = scanning_] {
    Scan scan = scanManifests(*shared);
    then(scan);
    *scanning = false;
    return Result<Scan>(std::move(scan));
  };
  Result<Scan> scan = co_await pool_.run<Scan>("read " + options_.path, kLookDeadline, job);
  looking_ = false;
  unanswered_ = !scan;
  if (scan) {
    takeWatches(*scan);
    takeFiles(*scan);
  }
  co_return scan;
}

void DirectoryWatch::takeWatches(Scan& scan) {
  for (const auto& [watch, entries] : watches_)
    if (!scan.watches.contains(watch) && inotify_) inotify_->remove(watch);
  watches_ = std::move(scan.watches);
  if (blindness_ != scan.blindness && !scan.blindness.empty())
    log::warning(options_.subject + " are polled", {{"file", options_.path}, {"error", scan.blindness}});
  blindness_ = std::move(scan.blindness);
}

void DirectoryWatch::takeFiles(const Scan& scan) {
  switch (scan.place) {
    case Scan::Place::kUnusable:
      return;
    case Scan::Place::kMissing:
      known_.clear();
      writing_.clear();
      return;
    case Scan::Place::kDirectory:
    case Scan::Place::kFile:
      std::erase_if(known_, [&](const auto& entry) { return !scan.files.contains(entry.first); });
      std::erase_if(writing_, [&](const auto& entry) { return !scan.files.contains(entry.first); });
      for (const auto& [path, found] : scan.files) takeFile(path, found);
  }
}

void DirectoryWatch::takeFile(const std::string& path, const FoundFile& found) {
  if (found.state == FoundFile::State::kBeingWritten) {
    const Writing now{found.known.identity, clock_.now()};
    Writing& writing = writing_.try_emplace(path, now).first->second;
    if (writing.identity != now.identity) writing = now;
    return;
  }
  writing_.erase(path);
  if (found.state == FoundFile::State::kUnusable)
    known_.erase(path);
  else
    known_[path] = found.known;
}

Task<void> DirectoryWatch::untilDue(TimePoint also) {
  const TimePoint poll = clock_.now() + options_.checkFrequency;
  TimePoint next = poll;
  if (!unanswered_) {
    next = std::min(also, blindness_.empty() ? TimePoint::max() : poll);
    for (const auto& [file, writing] : writing_) next = std::min(next, writing.since + kWritingLimit);
  }
  co_await wake_.waitUntil(next);
}

}  // namespace cubelet::staticpods
