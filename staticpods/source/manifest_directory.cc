#include "staticpods/source/manifest_directory.h"

#include <algorithm>
#include <sys/inotify.h>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/task_group.h"

namespace cubelet::staticpods {
namespace {

// Reading and parsing 500 files takes well under a second; longer means that the file system hangs.
constexpr Duration kLookDeadline = std::chrono::seconds(30);
// A file that stays open for writing and does not change for so long is read as it is: some programs never close.
constexpr Duration kWritingLimit = std::chrono::seconds(30);

}  // namespace

ManifestDirectory::ManifestDirectory(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange)
    : loop_(loop),
      clock_(clock),
      pool_(pool),
      options_(std::move(options)),
      delivery_(std::move(onChange)),
      records_(pool, clock, options_.stateDirectory, options_.nodeName, Source::kFile),
      wake_(clock) {}

Task<void> ManifestDirectory::run() {
  openInotify();
  co_await records_.restore(&set_);
  std::vector<Task<void>> tasks;
  tasks.push_back(keepLooking());
  if (inotify_) tasks.push_back(pumpEvents());
  co_await runAll(loop_, "static pod files", std::move(tasks));
}

void ManifestDirectory::openInotify() {
  auto inotify = Inotify::create(loop_);
  if (!inotify) return;  // each look then says so, and the directory is polled
  auto shared = inotify->share();
  if (!shared) return;
  inotify_.emplace(std::move(*inotify));
  sharedInotify_ = std::make_shared<Fd>(std::move(*shared));
}

Task<void> ManifestDirectory::pumpEvents() {
  for (;;) {
    Result<std::vector<InotifyEvent>> events = co_await inotify_->next();
    if (!events) {
      log::error("manifests are polled from now on", {{"error", events.error().message}});
      sharedInotify_.reset();
      wake_.ring();
      co_return;
    }
    for (const InotifyEvent& event : *events) noteEvent(event);
  }
}

void ManifestDirectory::noteEvent(const InotifyEvent& event) {
  // A look in progress may have added watches that are not known here yet.
  if (!looking_ && !matters(watches_, event)) return;
  wake_.ring();
  const auto watch = watches_.find(event.watch);
  if (watch == watches_.end() || watch->second || event.name.empty()) return;
  const std::string file = joinPath(options_.path, event.name);
  if ((event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) removed_.insert(file);
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) removed_.erase(file);
}

Task<void> ManifestDirectory::keepLooking() {
  for (;;) {
    wake_.clear();
    co_await look();
    delivery_.deliver(set_, clock_.wallNow());
    // After the delivery: pods do not wait for it, and a crash in between costs no more than this one version.
    co_await records_.save(&set_);
    co_await wake_.waitUntil(nextLook());
  }
}

Task<void> ManifestDirectory::look() {
  if (*scanning_) co_return;  // the last one hangs
  *scanning_ = true;
  looking_ = true;
  std::function<Result<Scan>()> job = [request = makeRequest(), scanning = scanning_] {
    Scan scan = scanManifests(*request);
    *scanning = false;
    return Result<Scan>(std::move(scan));
  };
  Result<Scan> scan = co_await pool_.run<Scan>("read " + options_.path, kLookDeadline, job);
  looking_ = false;
  unanswered_ = !scan;
  if (scan)
    take(std::move(*scan));
  else
    set_.sourceBad(options_.path, options_.path + ": " + scan.error().message, clock_.wallNow());
}

std::shared_ptr<const ScanRequest> ManifestDirectory::makeRequest() const {
  auto request = std::make_shared<ScanRequest>();
  request->path = options_.path;
  request->known = known_;
  for (const auto& [file, writing] : writing_)
    if (clock_.now() >= writing.since + kWritingLimit) request->readWhileWritten.insert(file);
  for (const std::string& file : set_.files())
    if (set_.inEffect(file)) request->inEffect.insert(file);
  request->inotify = sharedInotify_;
  request->manifest = {options_.nodeName, Source::kFile, clock_.wallNow()};
  return request;
}

void ManifestDirectory::take(Scan scan) {
  takeWatches(scan);
  switch (scan.place) {
    case Scan::Place::kMissing:
      return takeMissing(scan);
    case Scan::Place::kUnusable:
      return set_.sourceBad(options_.path, scan.problem, clock_.wallNow());
    case Scan::Place::kDirectory:
      return takeFiles(scan);
    case Scan::Place::kFile:
      for (const std::string& file : set_.files())
        if (file != options_.path && set_.inEffect(file))
          return set_.sourceBad(options_.path, options_.path + ": a file stands in place of the directory",
                                clock_.wallNow());
      return takeFiles(scan);
  }
}

void ManifestDirectory::takeWatches(Scan& scan) {
  for (const auto& [watch, entries] : watches_)
    if (!scan.watches.contains(watch) && inotify_) inotify_->remove(watch);
  watches_ = std::move(scan.watches);
  if (blindness_ != scan.blindness && !scan.blindness.empty())
    log::warning("manifests are polled", {{"file", options_.path}, {"error", scan.blindness}});
  blindness_ = std::move(scan.blindness);
}

void ManifestDirectory::takeFiles(Scan& scan) {
  set_.sourceGood();
  removed_.clear();
  for (const std::string& file : set_.files())
    if (!scan.files.contains(file)) takeAbsent(file);
  std::erase_if(known_, [&](const auto& entry) { return !scan.files.contains(entry.first); });
  std::erase_if(writing_, [&](const auto& entry) { return !scan.files.contains(entry.first); });
  for (auto& [path, found] : scan.files) takeFile(path, std::move(found));
}

void ManifestDirectory::takeAbsent(const std::string& file) {
  // What has gone while the agent was down has been gone long enough.
  const bool missed = set_.inEffect(file) && delivery_.delivered();
  const TimePoint since = vanished_.try_emplace(file, clock_.now()).first->second;
  if (missed && clock_.now() < since + options_.removalGrace) return set_.leaving(file, true);
  vanished_.erase(file);
  set_.gone(file);
}

void ManifestDirectory::takeFile(const std::string& path, FoundFile found) {
  if (vanished_.erase(path) > 0) set_.leaving(path, false);
  if (found.state == FoundFile::State::kBeingWritten) {
    const Writing now{found.known.identity, clock_.now()};
    Writing& writing = writing_.try_emplace(path, now).first->second;
    if (writing.identity != now.identity) writing = now;
    return;
  }
  writing_.erase(path);
  if (found.state == FoundFile::State::kUnusable) {
    known_.erase(path);
    return set_.bad(path, {std::move(found.problem)}, clock_.wallNow());
  }
  known_[path] = std::move(found.known);
  if (found.state == FoundFile::State::kUnchanged) return;
  if (found.manifest.valid())
    set_.good(path, std::move(found.text), std::move(found.manifest.pods), clock_.wallNow());
  else
    set_.bad(path, found.manifest.problemTexts(path), clock_.wallNow());
}

void ManifestDirectory::takeMissing(const Scan& scan) {
  known_.clear();
  writing_.clear();
  for (const std::string& file : set_.files()) {
    if (file == options_.path && scan.parentExists) {
      takeAbsent(file);  // the path was a manifest and no directory
    } else if (removed_.contains(file) || vanished_.contains(file) || !set_.inEffect(file)) {
      vanished_.erase(file);
      set_.gone(file);
    }
  }
  if (set_.anyInEffect() && !vanished_.contains(options_.path))
    set_.sourceBad(options_.path, scan.problem, clock_.wallNow());
  else
    set_.sourceGood();  // STA-1: a missing path means no pods
}

TimePoint ManifestDirectory::nextLook() const {
  const TimePoint poll = clock_.now() + options_.fileCheckFrequency;
  if (unanswered_) return poll;
  TimePoint next = blindness_.empty() ? TimePoint::max() : poll;
  for (const auto& [file, since] : vanished_) next = std::min(next, since + options_.removalGrace);
  for (const auto& [file, writing] : writing_) next = std::min(next, writing.since + kWritingLimit);
  return next;
}

}  // namespace cubelet::staticpods
