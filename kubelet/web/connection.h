// Connection: one TCP connection, with TLS on it where asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "base/tls/session.h"

namespace cubelet::web {

// Held by shared_ptr, by each coroutine that uses it. One may read while another one writes. Loop thread only.
class Connection {
 public:
  explicit Connection(boost::asio::ip::tcp::socket socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `address` is a numeric one. kTimedOut: nobody has answered within `time`. `clock` must outlive the connection.
  static Task<Result<std::shared_ptr<Connection>>> dial(Loop* loop, Clock* clock, std::string address,
                                                        std::uint16_t port, Duration time);

  // The server's side of the handshake.
  Task<Result<void>> startTls(std::shared_ptr<const tls::Context> context);

  // Some bytes; "" when nothing comes any more.
  Task<std::string> read();
  // Will be read before anything else.
  void putBack(std::string bytes);
  // False when the other side is gone.
  Task<bool> write(std::string bytes);
  // The same in two steps, for large pieces: what put() was given is not needed any more when it returns, and the room
  // for what is sent is kept from piece to piece, until releaseRoom(). False: the connection is broken.
  bool put(std::string_view bytes);
  Task<bool> flush();
  bool hasOutput() const;
  void releaseRoom();
  // Tells the other side that nothing more comes; what it sends can still be read.
  Task<void> finishWriting();
  // At once: what is under way ends.
  void close();
  bool isOpen() const { return socket_.is_open(); }

  // Ends whatever is under way after `time`, unless the timer is cancelled before.
  static Timer deadline(Clock& clock, const std::shared_ptr<Connection>& connection, Duration time);

  const std::string& peer() const { return peer_; }  // numeric address
  // DER, the client's own first.
  const std::vector<std::string>& certificates() const { return certificates_; }

 private:
  Task<std::string> readRaw();

  boost::asio::ip::tcp::socket socket_;
  std::string peer_;
  std::unique_ptr<tls::Session> tls_;
  std::vector<std::string> certificates_;
  std::string putBack_;
  std::string output_;  // without TLS
  Semaphore writing_{1};
};
using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace cubelet::web
