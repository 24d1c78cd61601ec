// Task<T>: a coroutine on the event loop. The coding rules that go with it stand in docs/architecture.md.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace cubelet {

// Starts when awaited or spawned. Cancelling the task it runs in makes the next co_await throw
// boost::system::system_error(operation_aborted), which unwinds it; never catch that one to go on.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace cubelet
