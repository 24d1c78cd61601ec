#include "base/notify_socket.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "base/fd.h"
#include "base/log.h"

namespace cubelet {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::string_view(value) : std::string_view();
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

NotifySocket NotifySocket::fromEnvironment() {
  return NotifySocket(std::string(environment("NOTIFY_SOCKET")));
}

Result<void> NotifySocket::status(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');  // a newline would begin another assignment
  if (line == status_) return {};
  Result<void> sent = send("STATUS=" + line);
  if (sent) status_ = std::move(line);
  return sent;
}

Result<void> NotifySocket::send(std::string_view state) {
  if (address_.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (address_.size() >= sizeof address.sun_path || (address_[0] != '/' && address_[0] != '@'))
    return fail(Code::kInvalid, "", "notify socket '" + address_ + "' is neither a path nor an abstract name");
  std::memcpy(address.sun_path, address_.data(), address_.size());
  if (address_[0] == '@') address.sun_path[0] = '\0';
  // An abstract name ends where the address ends, not at a NUL.
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());

  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(errnoError(errno, "tell the service manager"));
  ssize_t sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                          reinterpret_cast<const sockaddr*>(&address), size);
  if (sent < 0) return fail(errnoError(errno, "tell the service manager at " + address_));
  return {};
}

std::optional<Duration> watchdogInterval() {
  std::optional<std::int64_t> interval = number(environment("WATCHDOG_USEC"));
  if (!interval || *interval <= 0) return std::nullopt;
  std::string_view pid = environment("WATCHDOG_PID");
  if (!pid.empty() && number(pid) != ::getpid()) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

Watchdog::Watchdog(Clock& clock, NotifySocket& socket, Duration interval, std::function<bool()> healthy)
    : clock_(clock), socket_(socket), period_(interval / 2), healthy_(std::move(healthy)) {
  ping();
}

void Watchdog::ping() {
  if (!healthy_ || healthy_()) {
    Result<void> sent = socket_.ping();
    bool failedBefore = std::exchange(failed_, !sent);
    if (!sent && !failedBefore) log::warning("watchdog ping failed", {{"error", sent.error().message}});
  }
  timer_ = clock_.after(period_, [this] { ping(); });
}

}  // namespace cubelet
