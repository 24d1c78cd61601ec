#include "base/clock.h"

#include <boost/asio/steady_timer.hpp>

#include "base/park.h"
#include "base/wake.h"

namespace cubelet {
namespace {

struct SystemPending final : Timer::Pending {
  explicit SystemPending(Loop& loop) : timer(loop.context()) {}
  boost::asio::steady_timer timer;
};

}  // namespace

Timer SystemClock::at(TimePoint when, std::function<void()> fn) {
  auto pending = std::make_unique<SystemPending>(loop_);
  // expires_at with time_point::max() would still arm Asio's own five-minute tick: nobody may ask for "never".
  pending->timer.expires_at(when);
  auto alive = std::make_shared<bool>(true);
  struct Guard final : Timer::Pending {
    Guard(std::unique_ptr<SystemPending> p, std::shared_ptr<bool> a) : inner(std::move(p)), alive(std::move(a)) {}
    ~Guard() override { *alive = false; }  // a completion that is already queued must not fire
    std::unique_ptr<SystemPending> inner;
    std::shared_ptr<bool> alive;
  };
  pending->timer.async_wait([alive, fn = std::move(fn)](const boost::system::error_code& error) {
    if (!error && *alive) fn();
  });
  return Timer(std::make_unique<Guard>(std::move(pending), std::move(alive)));
}

struct ManualClock::Entry final : Timer::Pending {
  Entry(Queue& queue, Queue::iterator it, std::shared_ptr<bool> fired)
      : queue(queue), it(it), fired(std::move(fired)) {}
  ~Entry() override {
    if (!*fired) queue.erase(it);
  }
  Queue& queue;
  Queue::iterator it;
  std::shared_ptr<bool> fired;
};

Timer ManualClock::at(TimePoint when, std::function<void()> fn) {
  auto fired = std::make_shared<bool>(false);
  auto it = due_.emplace(when, [fired, fn = std::move(fn)] {
    *fired = true;
    fn();
  });
  return Timer(std::make_unique<Entry>(due_, it, fired));
}

void ManualClock::advance(Duration by) {
  const TimePoint target = now_ + by;
  loop_.poll();
  while (!due_.empty() && due_.begin()->first <= target) {
    auto next = due_.extract(due_.begin());
    if (next.key() > now_) {
      wall_ += std::chrono::duration_cast<WallTime::duration>(next.key() - now_);
      now_ = next.key();
    }
    next.mapped()();
    loop_.poll();
  }
  wall_ += std::chrono::duration_cast<WallTime::duration>(target - now_);
  now_ = target;
  loop_.poll();
}

Task<void> Clock::sleepUntil(TimePoint when) {
  Wake wake(*this);
  co_await wake.waitUntil(when);
}

Task<void> Clock::sleep(Duration delay) {
  return sleepUntil(now() + delay);
}

}  // namespace cubelet
