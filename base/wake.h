// Wake: the bell beside a coroutine's bed.
#pragma once

#include "base/clock.h"
#include "base/park.h"
#include "base/task.h"

namespace cubelet {

// Throws operation_aborted when the running task has been cancelled.
Task<void> throwIfCancelled();

// Auto-reset: a ring() before wait() is not lost, several rings before one wait count once. One waiter at a time.
// Loop thread only; must outlive the wait.
class Wake {
 public:
  explicit Wake(Clock& clock) : clock_(clock) {}

  void ring() {
    rung_ = true;
    park_.wake();
  }
  // Takes back a ring that nobody has waited for yet.
  void clear() { rung_ = false; }
  bool rung() const { return rung_; }

  // Returns after a ring. Throws operation_aborted when the task is cancelled.
  Task<void> wait();
  // True after a ring, false when `when` came first. Throws as wait() does.
  Task<bool> waitUntil(TimePoint when);

 private:
  Clock& clock_;
  Park park_;
  bool rung_ = false;
};

}  // namespace cubelet
