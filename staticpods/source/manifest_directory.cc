#include "staticpods/source/manifest_directory.h"

#include <algorithm>
#include <sys/inotify.h>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/task_group.h"

namespace cubelet::staticpods {

ManifestDirectory::ManifestDirectory(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      delivery_(std::move(onChange)),
      records_(pool, clock, options_.stateDirectory, {options_.nodeName, Source::kFile, {}, options_.references}),
      watch_(loop, clock, pool,
             {.path = options_.path, .subject = "manifests", .checkFrequency = options_.fileCheckFrequency}) {}

Task<void> ManifestDirectory::run() {
  watch_.open();
  co_await records_.restore(&set_);
  std::vector<Task<void>> tasks;
  tasks.push_back(keepLooking());
  tasks.push_back(watch_.pumpEvents([this](const std::string& file, std::uint32_t mask) { noteEvent(file, mask); }));
  co_await runAll(loop_, "static pod files", std::move(tasks));
}

void ManifestDirectory::noteEvent(const std::string& file, std::uint32_t mask) {
  if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) removed_.insert(file);
  if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) removed_.erase(file);
}

Task<void> ManifestDirectory::keepLooking() {
  for (;;) {
    watch_.clear();
    co_await look();
    delivery_.deliver(set_, clock_.wallNow());
    // After the delivery: pods do not wait for it, and a crash in between costs no more than this one version.
    co_await records_.save(&set_);
    co_await watch_.untilDue(removalDue());
  }
}

Task<void> ManifestDirectory::look() {
  ScanRequest request = makeRequest();
  std::function<void(Scan&)> nothing = [](Scan&) {};
  std::optional<Result<Scan>> scan = co_await watch_.look(std::move(request), std::move(nothing));
  if (!scan) co_return;
  if (*scan)
    take(std::move(**scan));
  else
    set_.sourceBad(options_.path, options_.path + ": " + scan->error().message, clock_.wallNow());
}

ScanRequest ManifestDirectory::makeRequest() const {
  ScanRequest request;
  for (const std::string& file : set_.files())
    if (set_.inEffect(file)) request.inEffect.insert(file);
  request.manifest = {options_.nodeName, Source::kFile, clock_.wallNow(), options_.references};
  return request;
}

void ManifestDirectory::take(Scan scan) {
  switch (scan.place) {
    case Scan::Place::kMissing:
      return takeMissing(scan);
    case Scan::Place::kUnusable:
      return set_.sourceBad(options_.path, scan.problem, clock_.wallNow());
    case Scan::Place::kDirectory:
      return takeFiles(scan);
    case Scan::Place::kFile:
      for (const std::string& file : set_.files())
        if (file != options_.path && set_.inEffect(file)) {
          watch_.forget(options_.path);
          return set_.sourceBad(options_.path, options_.path + ": a file stands in place of the directory",
                                clock_.wallNow());
        }
      return takeFiles(scan);
  }
}

void ManifestDirectory::takeFiles(Scan& scan) {
  set_.sourceGood();
  removed_.clear();
  for (const std::string& file : set_.files())
    if (!scan.files.contains(file)) takeAbsent(file);
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
  switch (found.state) {
    case FoundFile::State::kBeingWritten:
    case FoundFile::State::kUnchanged:
      return;
    case FoundFile::State::kUnusable:
      return set_.bad(path, {std::move(found.problem)}, clock_.wallNow());
    case FoundFile::State::kRead:
      break;
  }
  if (found.manifest.valid())
    set_.good(path, std::move(found.text), std::move(found.manifest.pods), clock_.wallNow());
  else
    set_.bad(path, found.manifest.problemTexts(path), clock_.wallNow());
}

void ManifestDirectory::takeMissing(const Scan& scan) {
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

TimePoint ManifestDirectory::removalDue() const {
  TimePoint next = TimePoint::max();
  for (const auto& [file, since] : vanished_) next = std::min(next, since + options_.removalGrace);
  return next;
}

}  // namespace cubelet::staticpods
