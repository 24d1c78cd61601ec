// HeldThreads: the threads of a BlockingPool hang, as those of a disk that does not answer. For tests.
#pragma once

#include <cstddef>
#include <future>
#include <string>
#include <utility>

#include "base/blocking.h"
#include "base/loop.h"
#include "base/task_group.h"

namespace cubelet {

// Loop thread only; `pool` and `loop` must outlive this object.
class HeldThreads {
 public:
  // Returns once the calls that hang are under way.
  HeldThreads(Loop& loop, BlockingPool& pool, std::size_t threads) : loop_(loop), tasks_(loop) {
    for (std::size_t i = 0; i < threads; ++i) tasks_.spawn("held thread", hold(&pool, gate_));
    loop_.poll();
  }
  ~HeldThreads() {
    letGo();
    loop_.runToEnd(tasks_.close());
  }
  HeldThreads(const HeldThreads&) = delete;
  HeldThreads& operator=(const HeldThreads&) = delete;

  void letGo() {
    if (!std::exchange(open_, true)) opening_.set_value();
  }

 private:
  static Task<void> hold(BlockingPool* pool, std::shared_future<void> gate) {
    std::function<Result<void>()> job = [gate] {
      gate.wait();
      return Result<void>();
    };
    auto call = pool->run<void>("hang", std::chrono::hours(24), std::move(job));
    static_cast<void>(co_await std::move(call));
  }

  Loop& loop_;
  std::promise<void> opening_;
  std::shared_future<void> gate_ = opening_.get_future().share();
  bool open_ = false;
  TaskGroup tasks_;
};

}  // namespace cubelet
