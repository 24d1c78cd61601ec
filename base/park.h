// Park: one coroutine sleeps until somebody wakes it. The primitive under Wake, TaskGroup and the rpc bridge.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace cubelet {

// At most one coroutine waits at a time. Costs no timer and no file descriptor. Loop thread only; must outlive the
// wait.
class Park {
 public:
  Park() = default;
  Park(const Park&) = delete;
  Park& operator=(const Park&) = delete;

  // Suspends until wake(). When the task is cancelled it resumes too, and the next co_await throws.
  Task<void> wait() {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(Initiate{},
                                                                                     boost::asio::use_awaitable, this);
  }

  // Resumes the waiter, if there is one, from the loop (never inside this call).
  void wake() {
    if (auto waiter = std::move(waiter_)) waiter->resume();
  }

  bool occupied() const { return waiter_ != nullptr && !waiter_->resumed(); }

 private:
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume() = 0;  // does nothing when repeated
    virtual bool resumed() const = 0;
  };

  template <class Handler>
  struct Parked final : Waiter {
    explicit Parked(Handler h) : handler(std::move(h)) {}
    void resume() override {
      if (!handler) return;
      auto executor = boost::asio::get_associated_executor(*handler);
      boost::asio::post(executor, std::move(*std::exchange(handler, std::nullopt)));
    }
    bool resumed() const override { return !handler; }
    std::optional<Handler> handler;
  };

  // A named type without captures: capturing initiations are unsafe in coroutine expressions.
  struct Initiate {
    template <class Handler>
    void operator()(Handler handler, Park* park) const {
      if (park->occupied()) {
        // Taking the place of another coroutine would destroy it where it sleeps.
        std::fputs("<2>two coroutines wait in one Park; this is a bug, ending the process\n", stderr);
        std::abort();
      }
      auto slot = boost::asio::get_associated_cancellation_slot(handler);
      auto waiter = std::make_shared<Parked<Handler>>(std::move(handler));
      park->waiter_ = waiter;
      if (!slot.is_connected()) return;
      // Weak: the slot may outlive both the park and the wait.
      slot.assign([weak = std::weak_ptr<Waiter>(waiter)](boost::asio::cancellation_type) {
        if (auto waiting = weak.lock()) waiting->resume();
      });
    }
  };

  std::shared_ptr<Waiter> waiter_;
};

}  // namespace cubelet
