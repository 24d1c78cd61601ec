// System calls that may hang run on threads beside the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet {

// A call that hangs costs one thread and its caller, never the loop. Threads are started when work comes and end when
// none has come for a while, so an idle agent has none. Calls beyond `maxThreads` start in the order they came. Loop
// thread only.
class BlockingPool {
 public:
  // At most `maxThreads` calls run at once, hung ones included; further ones queue. A thread waits `linger` for its
  // next call before it ends: the steps of a pod come one after the other, and a thread costs as much as many of them.
  BlockingPool(Loop& loop, Clock& clock, std::size_t maxThreads,
               std::chrono::milliseconds linger = std::chrono::milliseconds(200));
  // Nobody may wait in run() any more, so every call that still runs has been given up: its thread is left behind.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `fn` on a thread and answers its result on the loop. kTimedOut ("doing: no answer within 30s") once the
  // deadline passes: the call may still finish later, its result is dropped; one that had not begun never runs ("doing:
  // not begun within 30s, all 4 threads are busy"). Everything that `fn` touches must be owned by it. Cancelling the
  // task gives the call up in the same way. kExhausted: no thread can be started. `fn` must not throw.
  template <class T>
  Task<Result<T>> run(std::string doing, Duration deadline, std::function<Result<T>()> fn) {
    auto slot = std::make_shared<std::optional<Result<T>>>();
    std::function<void()> job = [slot, fn = std::move(fn)] { slot->emplace(fn()); };
    Result<void> ran = co_await runJob(std::move(doing), deadline, std::move(job));
    if (!ran) co_return fail(ran.error());
    co_return std::move(**slot);
  }

  // Threads that exist now, those with hung calls included.
  std::size_t threads() const;

  // Calls whose caller still waits for them.
  std::size_t awaited() const;

 private:
  Task<Result<void>> runJob(std::string doing, Duration deadline, std::function<void()> job);
  struct State;
  std::shared_ptr<State> state_;
  Loop& loop_;
  Clock& clock_;
};

}  // namespace cubelet
