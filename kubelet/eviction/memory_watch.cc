#include "kubelet/eviction/memory_watch.h"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "base/wake.h"

namespace cubelet::eviction {
namespace {

// Microseconds of waiting within a window of so many. Without CAP_SYS_RESOURCE the kernel only takes windows of whole
// multiples of two seconds.
constexpr std::string_view kTrigger = "some 300000 2000000";

// The trigger lives as long as the descriptor.
Result<Fd> setTrigger(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fail(errnoError(errno, "open " + path));
  // With the final NUL, as the kernel wants it.
  const ssize_t written = ::write(file.get(), kTrigger.data(), kTrigger.size() + 1);
  if (written < 0) return fail(errnoError(errno, "set a trigger in " + path));
  return file;
}

}  // namespace

Task<void> watchMemoryPressure(Loop* loop, std::string path, std::function<void()> stalled) {
  Result<Fd> trigger = setTrigger(path);
  if (!trigger) {
    log::debug(1, "the kernel does not tell when memory gets short", {{"error", trigger.error().message}});
    co_return;
  }
  using boost::asio::posix::stream_descriptor;
  stream_descriptor stream(loop->context(), trigger->release());
  for (;;) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await stream.async_wait(stream_descriptor::wait_error, token);
    co_await throwIfCancelled();
    if (error) {
      log::debug(1, "the kernel no longer tells when memory gets short", {{"error", error.message()}});
      co_return;
    }
    stalled();
  }
}

}  // namespace cubelet::eviction
