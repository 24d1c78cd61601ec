// LogWatch: wakes whoever follows a log.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/inotify.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"

namespace cubelet::nodeapi {

// One inotify instance for all followers: a user may have only 128 of them. Nothing is watched while nobody follows.
// Loop thread only; must outlive its subscriptions.
class LogWatch {
 public:
  explicit LogWatch(Loop& loop) : loop_(loop), tasks_(loop) {}
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;
  Task<void> close() { return tasks_.close(); }

  // Ends with its owner.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(LogWatch* watch, std::list<struct LogFollower>::iterator place) : watch_(watch), place_(place) {}
    Subscription(Subscription&& other) noexcept : watch_(std::exchange(other.watch_, nullptr)), place_(other.place_) {}
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { end(); }

   private:
    void end();
    LogWatch* watch_ = nullptr;
    std::list<struct LogFollower>::iterator place_;
  };
  // Rings `wake` when something in the directory changes, and when podChanged() names the pod. `wake` must outlive the
  // subscription.
  Result<Subscription> follow(const std::string& directory, std::string uid, Wake& wake);

  void podChanged(const std::string& uid);

 private:
  Result<void> begin();
  Task<void> readEvents();

  Loop& loop_;
  std::optional<Inotify> inotify_;
  std::list<struct LogFollower> followers_;
  TaskGroup tasks_;
};

struct LogFollower {
  int watch = -1;
  std::string uid;
  Wake* wake = nullptr;
};

}  // namespace cubelet::nodeapi
