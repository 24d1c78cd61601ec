// The one event loop of the process.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/task.h"

namespace cubelet {

// Single-threaded: every coroutine, timer and callback of the agent runs on the thread that calls run(). Only post()
// may be called from other threads.
class Loop {
 public:
  Loop() : context_(1), work_(context_.get_executor()) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }
  boost::asio::io_context::executor_type executor() { return context_.get_executor(); }

  // Runs until stop().
  void run() { context_.run(); }
  // Lets run() return. Close every TaskGroup first: calls in flight would otherwise be dropped mid-way.
  void stop() { context_.stop(); }
  // Runs `fn` on the loop soon. Thread-safe.
  void post(std::function<void()> fn) { boost::asio::post(context_, std::move(fn)); }

  // For tests and short-lived commands: runs what is ready now without blocking; answers how many handlers ran.
  std::size_t poll() { return context_.poll(); }
  // For tests and short-lived commands: runs the loop until `done` answers true, asked after each handler; false when
  // that did not happen in time (real time).
  bool runUntil(const std::function<bool()>& done, std::chrono::milliseconds atMost) {
    const auto until = std::chrono::steady_clock::now() + atMost;
    while (!done()) {
      if (context_.run_one_until(until) == 0) return done();
    }
    return true;
  }
  // For tests and short-lived commands: runs the loop until `task` has ended; rethrows what it threw.
  template <class T>
  T runToEnd(Task<T> task) {
    bool done = false;
    std::exception_ptr thrown;
    if constexpr (std::is_void_v<T>) {
      boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr e) {
        thrown = std::move(e);
        done = true;
      });
      runWhile(done);
      if (thrown) std::rethrow_exception(thrown);
    } else {
      std::optional<T> value;
      auto finish = [&](std::exception_ptr e, std::optional<T> v) {
        thrown = std::move(e);
        value = std::move(v);
        done = true;
      };
      boost::asio::co_spawn(context_, wrap(std::move(task)), finish);
      runWhile(done);
      if (thrown) std::rethrow_exception(thrown);
      return std::move(*value);
    }
  }

 private:
  void runWhile(const bool& done) {
    while (!done)
      if (context_.run_one() == 0) throw std::logic_error("the loop was stopped before the task had ended");
  }

  // co_spawn wants a default-constructible result; std::expected of a type without default constructor is none.
  template <class T>
  static Task<std::optional<T>> wrap(Task<T> task) {
    std::optional<T> value(co_await std::move(task));
    co_return value;
  }

  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
};

}  // namespace cubelet
