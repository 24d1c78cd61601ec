#include "base/task_group.h"

#include <cstdio>
#include <cstdlib>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/wake.h"

namespace cubelet {
namespace {

[[noreturn]] void die(const std::string& task, const char* what) {
  std::fprintf(stderr, "<2>task %s failed: %s; this is a bug, ending the process so that it starts afresh\n",
               task.c_str(), what);
  std::abort();
}

// co_spawn from the loop's own thread would run the task's first part before it returns.
Task<void> startFromLoop(Task<void> task) {
  co_await boost::asio::post(boost::asio::use_awaitable);
  co_await std::move(task);
}

}  // namespace

TaskGroup::~TaskGroup() {
  // After the loop has stopped nothing can run any more, and dropping the frames is safe.
  if (!running_.empty() && !loop_.context().stopped())
    die(running_.front().name, "its group was destroyed while it ran");
}

void TaskGroup::spawn(std::string_view name, Task<void> task) {
  if (closed_) return;
  running_.emplace_front(name);
  auto self = running_.begin();
  auto finish = [this, self](std::exception_ptr thrown) { ended(self, std::move(thrown)); };
  boost::asio::co_spawn(loop_.context(), startFromLoop(std::move(task)),
                        boost::asio::bind_cancellation_slot(self->signal.slot(), std::move(finish)));
}

void TaskGroup::ended(std::list<Running>::iterator task, std::exception_ptr thrown) {
  if (thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      if (error.code() != boost::asio::error::operation_aborted) die(task->name, error.what());
    } catch (const std::exception& error) {
      die(task->name, error.what());
    } catch (...) {
      die(task->name, "unknown exception");
    }
  }
  // cancel() from outside the loop's thread (before run(), in tests) queues a call that still points at the signal
  // (Asio's co_spawn): the signal lives until everything queued so far has run.
  auto retired = std::make_shared<std::list<Running>>();
  retired->splice(retired->begin(), running_, task);
  loop_.post([retired] {});
  if (running_.empty()) joiner_.wake();
}

void TaskGroup::cancel() {
  // A task that ends erases itself, but only from the loop: the list does not change under this walk.
  for (Running& task : running_) task.signal.emit(boost::asio::cancellation_type::terminal);
}

Task<void> TaskGroup::close() {
  closed_ = true;
  co_await drain();
}

Task<void> TaskGroup::drain() {
  cancel();
  // Finish waiting even when the closer itself is being cancelled: its tasks still use its objects.
  const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  while (!running_.empty()) co_await joiner_.wait();
  co_await boost::asio::this_coro::throw_if_cancelled(throwing);
}

Task<void> TaskGroup::join() {
  while (!running_.empty()) {
    co_await joiner_.wait();
    co_await throwIfCancelled();
  }
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the loop outlives everything that runs on it
Task<void> runAll(Loop& loop, std::string name, std::vector<Task<void>> tasks) {
  TaskGroup group(loop);
  for (Task<void>& task : tasks) group.spawn(name, std::move(task));
  tasks.clear();
  // When the caller is cancelled the group must still be emptied before it goes out of scope.
  const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  while (group.size() > 0) {
    co_await group.joiner_.wait();
    auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none) group.cancel();
  }
  co_await boost::asio::this_coro::throw_if_cancelled(throwing);
  if (throwing) co_await throwIfCancelled();
}

}  // namespace cubelet
