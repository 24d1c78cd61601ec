#include "kubelet/logs/log_rotator.h"

#include <cerrno>
#include <functional>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <utility>

#include "base/log.h"
#include "kubelet/logs/rotated_files.h"

namespace cubelet::logs {
namespace {

// Long logs on a slow disk; a job that takes longer is given up and runs on alone.
constexpr Duration kCompressTime = std::chrono::minutes(10);
constexpr Duration kTidyTime = std::chrono::minutes(1);

Result<std::uint64_t> sizeOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail(errnoError(errno, "look at " + path));
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

LogRotator::LogRotator(Loop& loop, Clock& clock, BlockingPool& pool, cri::RuntimeService& runtime,
                       RotationLimits limits)
    : loop_(loop),
      clock_(clock),
      pool_(pool),
      runtime_(runtime),
      limits_(limits),
      compressors_(limits.workers),
      tasks_(loop) {}

void LogRotator::setPod(const std::string& uid, const std::vector<RunningLog>& running) {
  std::set<std::string> now;
  for (const RunningLog& log : running) now.insert(log.containerId);
  std::set<std::string>& before = ofPod_[uid];
  for (const std::string& id : before)
    if (!now.contains(id)) forget(id);
  before = std::move(now);
  if (before.empty()) ofPod_.erase(uid);
  for (const RunningLog& log : running)
    if (!logs_.contains(log.containerId)) add(log.containerId, log.path);
}

Task<void> LogRotator::close() {
  for (auto& [id, log] : logs_) log.timer.cancel();
  co_await tasks_.close();
}

void LogRotator::add(const std::string& id, const std::string& path) {
  Log& log = logs_[id];
  log.id = id;
  log.path = path;
  lookAfter(log, Duration::zero());
}

void LogRotator::forget(const std::string& id) {
  Log* log = find(id);
  if (log == nullptr) return;
  disarm(*log);
  logs_.erase(id);
}

LogRotator::Log* LogRotator::find(const std::string& id) {
  auto log = logs_.find(id);
  return log == logs_.end() ? nullptr : &log->second;
}

void LogRotator::lookAfter(Log& log, Duration pause) {
  log.timer = clock_.after(pause, [this, id = log.id] { look(id); });
}

void LogRotator::look(const std::string& id) {
  Log* log = find(id);
  if (log == nullptr || log->rotating) return;
  log->timer.cancel();
  const Result<std::uint64_t> size = sizeOf(log->path);
  if (!size) {
    // Taken aside by a run of the agent that then ended, or removed by somebody: the container writes where nobody
    // looks until the runtime makes a new file.
    log->rotating = true;
    tasks_.spawn("reopen log", reopenMissing(id));
    return;
  }
  if (*size > limits_.maxBytes) {
    disarm(*log);
    log->rotating = true;
    tasks_.spawn("rotate log", rotate(id, log->path));
    return;
  }
  const bool first = !std::exchange(log->seen, true);
  const std::uint64_t before = std::exchange(log->size, *size);
  const TimePoint lookedBefore = std::exchange(log->lookedAt, clock_.now());
  if (first || *size == before || lookedBefore == log->lookedAt) return arm(*log);
  const std::chrono::duration<double> passed = log->lookedAt - lookedBefore;
  const double rate = *size > before ? static_cast<double>(*size - before) / passed.count() : 0;
  lookAfter(*log, pauseBeforeNextLook(*size, rate, limits_));
}

// The next write rings once. Without inotify (its limits are used up) a look at each interval takes its place.
void LogRotator::arm(Log& log) {
  if (log.watch >= 0) return;
  if (!startWatching()) return lookAfter(log, limits_.interval);
  Result<int> watch = inotify_->add(log.path, IN_MODIFY | IN_ONESHOT);
  if (!watch) {
    log::debug(1, "cannot watch a container's log", {{"file", log.path}, {"error", watch.error().message}});
    return lookAfter(log, limits_.interval);
  }
  log.watch = *watch;
  byWatch_[*watch] = log.id;
  // Written between the look and the watch?
  const Result<std::uint64_t> size = sizeOf(log.path);
  if (size && *size == log.size) return;
  lookAfter(log, pauseBeforeNextLook(size.value_or(log.size), 0, limits_));
}

void LogRotator::disarm(Log& log) {
  if (log.watch < 0) return;
  byWatch_.erase(log.watch);
  inotify_->remove(log.watch);
  log.watch = -1;
}

bool LogRotator::startWatching() {
  if (inotify_) return true;
  Result<Inotify> inotify = Inotify::create(loop_);
  if (!inotify) {
    log::debug(1, "cannot watch the logs of containers", {{"error", inotify.error().message}});
    return false;
  }
  inotify_.emplace(std::move(*inotify));
  tasks_.spawn("watch logs", readWatches());
  return true;
}

Task<void> LogRotator::readWatches() {
  for (;;) {
    Result<std::vector<InotifyEvent>> events = co_await inotify_->next();
    if (!events) {
      log::error("cannot read what happens to the logs of containers; they are looked at periodically",
                 {{"error", events.error().message}});
      inotify_.reset();
      byWatch_.clear();
      for (auto& [id, log] : logs_) {
        log.watch = -1;
        if (!log.rotating) lookAfter(log, limits_.interval);
      }
      co_return;
    }
    for (const InotifyEvent& event : *events) {
      if (event.watch < 0) {  // the queue was full: anything may have happened
        for (auto& [id, log] : logs_)
          if (!log.rotating) lookAfter(log, Duration::zero());
        continue;
      }
      auto watched = byWatch_.find(event.watch);
      if (watched == byWatch_.end()) continue;
      Log* log = find(watched->second);
      byWatch_.erase(watched);
      if (log == nullptr) continue;
      log->watch = -1;  // it rings once
      if (log->rotating) continue;
      log->lookedAt = clock_.now();  // it was quiet until now, whatever the time since the last look
      lookAfter(*log, pauseBeforeNextLook(log->size, 0, limits_));
    }
  }
}

Task<void> LogRotator::rotate(std::string id, std::string path) {
  Result<std::string> rotated = takeAside(path, clock_.wallNow());
  if (!rotated) {
    trouble(id, "cannot rotate a container's log", rotated.error());
  } else {
    Result<void> reopened = co_await runtime_.reopenContainerLog(id);
    if (reopened) {
      works(id);
      tasks_.spawn("tidy logs", tidy(id, path));
    } else {
      if (Result<void> back = putBack(*rotated, path); !back)
        log::warning("cannot undo the rotation of a container's log",
                     {{"file", path}, {"error", back.error().message}});
      trouble(id, "the container runtime does not reopen a container's log", reopened.error());
      rotated = fail(reopened.error());
    }
  }
  Log* log = find(id);
  if (log == nullptr) co_return;
  log->rotating = false;
  log->size = 0;
  log->lookedAt = clock_.now();
  lookAfter(*log, rotated ? pauseBeforeNextLook(0, 0, limits_) : limits_.interval);
}

Task<void> LogRotator::reopenMissing(std::string id) {
  Result<void> reopened = co_await runtime_.reopenContainerLog(id);
  if (reopened)
    works(id);
  else
    trouble(id, "a container's log is missing, and the container runtime does not reopen it", reopened.error());
  Log* log = find(id);
  if (log == nullptr) co_return;
  log->rotating = false;
  log->size = 0;
  lookAfter(*log, limits_.interval);
}

// At once, so that no more files than allowed lie there while others are being compressed.
Task<void> LogRotator::tidy(std::string id, std::string path) {
  std::function<Result<bool>()> job = [path, maxFiles = limits_.maxFiles] { return removeExcess(path, maxFiles); };
  Result<bool> more = co_await pool_.run<bool>("remove old logs of " + path, kTidyTime, std::move(job));
  if (!more) {
    log::warning("cannot remove old logs of a container", {{"file", path}, {"error", more.error().message}});
    co_return;
  }
  Log* log = find(id);
  if (!*more || log == nullptr || log->compressing) co_return;
  log->compressing = true;
  Task<void> compressed = compress(id, path);
  co_await std::move(compressed);
  if (Log* still = find(id)) still->compressing = false;
}

Task<void> LogRotator::compress(std::string id, std::string path) {
  Semaphore::Permit place = co_await compressors_.acquire();
  Log* log = find(id);
  if (log == nullptr || !log->compressionJob.expired()) co_return;
  auto token = std::make_shared<int>();
  log->compressionJob = token;
  std::function<Result<void>()> job = [path, maxFiles = limits_.maxFiles, token = std::move(token)]() mutable {
    const std::shared_ptr<void> held = std::move(token);  // given back before the answer is read
    return compressRotated(path, maxFiles);
  };
  Result<void> compressed = co_await pool_.run<void>("compress logs of " + path, kCompressTime, std::move(job));
  if (!compressed)
    log::warning("cannot compress old logs of a container; they stay as they are until the next rotation",
                 {{"file", path}, {"error", compressed.error().message}});
}

void LogRotator::trouble(const std::string& id, const std::string& doing, const Error& error) {
  Log* log = find(id);
  if (log == nullptr || std::exchange(log->troubled, true)) return;  // it has ended meanwhile, or it was said
  log::warning(doing, {{"file", log->path}, {"id", id}, {"error", error.message}});
}

void LogRotator::works(const std::string& id) {
  if (Log* log = find(id)) log->troubled = false;
}

}  // namespace cubelet::logs
