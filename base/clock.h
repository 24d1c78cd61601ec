// Time comes in through a Clock, so that tests can hold it still.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/loop.h"
#include "base/task.h"

namespace cubelet {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::steady_clock::time_point;  // for waiting: never jumps
using WallTime = std::chrono::system_clock::time_point;   // for what people and other programs see

// Owns one pending callback; destroying or resetting it takes the callback back.
class Timer {
 public:
  struct Pending {
    virtual ~Pending() = default;
  };
  Timer() = default;
  explicit Timer(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}
  void cancel() { pending_.reset(); }
  explicit operator bool() const { return pending_ != nullptr; }

 private:
  std::unique_ptr<Pending> pending_;
};

// Loop thread only.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual WallTime wallNow() const = 0;
  // Calls `fn` from the loop once `when` has come. The timer must not outlive the clock.
  [[nodiscard]] virtual Timer at(TimePoint when, std::function<void()> fn) = 0;

  [[nodiscard]] Timer after(Duration delay, std::function<void()> fn) { return at(now() + delay, std::move(fn)); }
  // Returns when the time has come; throws operation_aborted when the task is cancelled.
  Task<void> sleepUntil(TimePoint when);
  Task<void> sleep(Duration delay);
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Loop& loop) : loop_(loop) {}
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wallNow() const override { return std::chrono::system_clock::now(); }
  [[nodiscard]] Timer at(TimePoint when, std::function<void()> fn) override;

 private:
  Loop& loop_;
};

// Time stands still until the test says so. Both clocks start at fixed, round values and advance together.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Loop& loop) : loop_(loop) {}
  TimePoint now() const override { return now_; }
  WallTime wallNow() const override { return wall_; }
  [[nodiscard]] Timer at(TimePoint when, std::function<void()> fn) override;

  // Moves both clocks and runs what became due, in order of time, running the loop's ready work after each step.
  void advance(Duration by);
  // When the next callback is due; TimePoint::max() when nothing waits.
  TimePoint nextDue() const { return due_.empty() ? TimePoint::max() : due_.begin()->first; }
  std::size_t pendingTimers() const { return due_.size(); }

 private:
  struct Entry;
  using Queue = std::multimap<TimePoint, std::function<void()>>;

  Loop& loop_;
  TimePoint now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z
  Queue due_;
};

}  // namespace cubelet
