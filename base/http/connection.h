// Connection: one TCP connection, with TLS on it where asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/tls/session.h"

namespace cubelet::http {

// Errors say what upstream's client says: "dial tcp 10.0.0.1:80: connect: connection refused". Their code is
// kUnavailable. Loop thread only; must outlive its calls, and only one runs at a time.
class Connection {
 public:
  explicit Connection(Loop& loop);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `address` is a numeric one.
  Task<Result<void>> open(std::string address, std::uint16_t port);
  // kUnavailable with reason kPlainHttpAnswer: the other side speaks HTTP without TLS.
  Task<Result<void>> startTls(std::shared_ptr<const tls::Context> context, std::string serverName);
  Task<Result<void>> send(std::string bytes);
  // Some bytes; "" when the other side has closed.
  Task<Result<std::string>> receive();
  // The call under way, if there is one, fails.
  void close();

 private:
  Task<Result<void>> sendRaw(std::string bytes);
  Task<Result<std::string>> receiveRaw();

  boost::asio::ip::tcp::socket socket_;
  std::string peer_;
  std::unique_ptr<tls::Session> tls_;
};

// Closes a connection when time is up. Must not outlive it.
class Deadline {
 public:
  Deadline(Clock& clock, TimePoint when, Connection& connection);
  bool passed() const { return passed_; }

 private:
  bool passed_ = false;
  Timer timer_;
};

}  // namespace cubelet::http
