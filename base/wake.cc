#include "base/wake.h"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace cubelet {

Task<void> throwIfCancelled() {
  auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none)
    throw boost::system::system_error(boost::asio::error::operation_aborted);
}

Task<void> Wake::wait() {
  while (!rung_) {
    co_await park_.wait();
    co_await throwIfCancelled();
  }
  rung_ = false;
}

Task<bool> Wake::waitUntil(TimePoint when) {
  bool due = false;
  Timer timer;
  if (when <= clock_.now())
    due = true;
  else if (when != TimePoint::max())
    timer = clock_.at(when, [this, &due] {
      due = true;
      park_.wake();
    });
  while (!rung_ && !due) {
    co_await park_.wait();
    co_await throwIfCancelled();
  }
  co_return std::exchange(rung_, false);
}

}  // namespace cubelet
