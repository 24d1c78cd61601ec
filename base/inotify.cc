#include "base/inotify.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/wake.h"

namespace cubelet {
namespace {

void appendEvents(const char* data, std::size_t size, std::vector<InotifyEvent>& events) {
  for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
    inotify_event event{};
    std::memcpy(&event, data + at, sizeof event);
    // The name is padded with NULs to event.len.
    const char* name = data + at + sizeof event;
    events.push_back({event.wd, event.mask, event.len > 0 ? std::string(name, ::strnlen(name, event.len)) : ""});
    at += sizeof event + event.len;
  }
}

Result<int> addWatch(int inotify, const std::string& path, std::uint32_t mask) {
  const int watch = ::inotify_add_watch(inotify, path.c_str(), mask);
  if (watch < 0) return fail(errnoError(errno, "watch " + path));
  return watch;
}

}  // namespace

Result<Inotify> Inotify::create(Loop& loop) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return fail(errnoError(errno, "create an inotify instance"));
  return Inotify(boost::asio::posix::stream_descriptor(loop.context(), fd));
}

Result<int> Inotify::add(const std::string& path, std::uint32_t mask) {
  return addWatch(stream_.native_handle(), path, mask);
}

Result<int> Inotify::add(const Fd& shared, const std::string& path, std::uint32_t mask) {
  return addWatch(shared.get(), path, mask);
}

Result<Fd> Inotify::share() {
  Fd copy(::fcntl(stream_.native_handle(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(errnoError(errno, "duplicate the inotify descriptor"));
  return copy;
}

void Inotify::remove(int watch) {
  ::inotify_rm_watch(stream_.native_handle(), watch);
}

Task<Result<std::vector<InotifyEvent>>> Inotify::next() {
  std::vector<InotifyEvent> events;
  std::vector<char> buffer(std::size_t{16} * 1024);
  for (;;) {
    const ssize_t got = ::read(stream_.native_handle(), buffer.data(), buffer.size());
    if (got > 0) {
      appendEvents(buffer.data(), static_cast<std::size_t>(got), events);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) co_return fail(errnoError(errno, "read inotify events"));
    if (!events.empty()) co_return events;

    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await stream_.async_wait(boost::asio::posix::descriptor_base::wait_read, token);
    co_await throwIfCancelled();
    if (error) co_return fail(Code::kInternal, "", "wait for inotify events: " + error.message());
  }
}

}  // namespace cubelet
