// TaskGroup: background work has one owner and one end.
#pragma once

#include <exception>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include "base/loop.h"
#include "base/park.h"
#include "base/task.h"

namespace cubelet {

// Every task belongs to a group. A task that throws anything but "cancelled" ends the process with the task's name and
// the message: a state nobody foresaw is not worth living on with, and a restart is safe. Loop thread only.
class TaskGroup {
 public:
  explicit TaskGroup(Loop& loop) : loop_(loop) {}
  // Aborts the process when tasks still run: whoever owns the group forgot close().
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`; it runs from the loop, not inside this call. Refused (the task is dropped) after close().
  void spawn(std::string_view name, Task<void> task);
  // Asks every task to stop. They end at their next co_await.
  void cancel();
  // cancel(), then returns when the last task has ended; the group stays usable. Not to be called by a task of the
  // group itself.
  Task<void> drain();
  // drain() for good: later spawns are refused.
  Task<void> close();
  // Returns when no task runs. Does not cancel.
  Task<void> join();

  std::size_t size() const { return running_.size(); }

 private:
  friend Task<void> runAll(Loop& loop, std::string name, std::vector<Task<void>> tasks);
  struct Running {
    explicit Running(std::string_view n) : name(n) {}
    std::string name;
    boost::asio::cancellation_signal signal;
  };
  void ended(std::list<Running>::iterator task, std::exception_ptr thrown);

  Loop& loop_;
  std::list<Running> running_;
  Park joiner_;
  bool closed_ = false;
};

// Runs `tasks` side by side; returns when all have ended. Cancelling the caller cancels all of them; it then throws
// operation_aborted once the last has ended.
Task<void> runAll(Loop& loop, std::string name, std::vector<Task<void>> tasks);

}  // namespace cubelet
