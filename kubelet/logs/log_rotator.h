// LogRotator: keeps the logs of running containers within their limits (LOG-3).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/inotify.h"
#include "base/loop.h"
#include "base/semaphore.h"
#include "base/task_group.h"
#include "cri/client/runtime_service.h"
#include "kubelet/logs/rotation.h"

namespace cubelet::logs {

struct RunningLog {
  std::string containerId;
  std::string path;
};

// A log that nobody writes to costs an inotify watch that fires once and nothing else. After a write it is looked at
// when its limit could have been reached (pauseBeforeNextLook); when it has not grown since, it is watched again.
// Renaming and reopening never wait for files being compressed or removed: those run on threads. Why so: README.md.
// What fails is logged, once until it works again, and tried again at the next interval or rotation. Loop thread only.
class LogRotator {
 public:
  // All of them outlive this object.
  LogRotator(Loop& loop, Clock& clock, BlockingPool& pool, cri::RuntimeService& runtime, RotationLimits limits);
  LogRotator(const LogRotator&) = delete;
  LogRotator& operator=(const LogRotator&) = delete;

  // The containers of that pod that run now; all others of it are forgotten. Only running ones are rotated.
  void setPod(const std::string& uid, const std::vector<RunningLog>& running);
  // Ends all work. A rotation under way may be left half done, as a crash would; the next start repairs it.
  Task<void> close();

  std::size_t watched() const { return byWatch_.size(); }

 private:
  struct Log {
    std::string id;
    std::string path;
    int watch = -1;  // armed for the next write
    bool seen = false;
    std::uint64_t size = 0;  // at the last look
    TimePoint lookedAt;
    Timer timer;
    bool rotating = false;
    bool compressing = false;
    bool troubled = false;               // the last step has failed, and it was said
    std::weak_ptr<void> compressionJob;  // alive while a thread works on its files, given up or not
  };

  void add(const std::string& id, const std::string& path);
  void forget(const std::string& id);
  Log* find(const std::string& id);
  void lookAfter(Log& log, Duration pause);
  void look(const std::string& id);
  void arm(Log& log);
  void disarm(Log& log);
  bool startWatching();
  Task<void> readWatches();
  Task<void> rotate(std::string id, std::string path);
  Task<void> reopenMissing(std::string id);
  Task<void> tidy(std::string id, std::string path);
  Task<void> compress(std::string id, std::string path);
  void trouble(const std::string& id, const std::string& doing, const Error& error);
  void works(const std::string& id);

  Loop& loop_;
  Clock& clock_;
  BlockingPool& pool_;
  cri::RuntimeService& runtime_;
  const RotationLimits limits_;
  std::optional<Inotify> inotify_;
  std::unordered_map<std::string, Log> logs_;                     // by container id
  std::unordered_map<std::string, std::set<std::string>> ofPod_;  // UID -> container ids
  std::unordered_map<int, std::string> byWatch_;                  // watch -> container id
  Semaphore compressors_;
  TaskGroup tasks_;
};

}  // namespace cubelet::logs
