// Server: HTTP/1.1 on one TCP port, with or without TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/web/message.h"
#include "kubelet/web/tls.h"

namespace cubelet::web {

struct ServerLimits {
  std::size_t maxConnections = 1024;
  std::size_t headerBytes = std::size_t{64} * 1024;
  // Of clients that have shown a certificate: commands stand in the request's path.
  std::size_t headerBytesOfKnown = std::size_t{1024} * 1024;
  std::size_t bodyBytes = std::size_t{64} * 1024;
  Duration handshakeTime{std::chrono::seconds(10)};
  Duration requestTime{std::chrono::seconds(30)};  // for a request to arrive, once it has begun
  Duration idleTime{std::chrono::seconds(90)};     // for it to begin
  Duration answerTime{std::chrono::seconds(60)};   // for the client to take one piece of an answer
  Duration streamTime{std::chrono::hours(4)};      // the same, of a body that is made while it is read
};

struct ServerOptions {
  std::string name;        // for the log: "HTTPS server"
  std::string address;     // numeric; "" or "0.0.0.0": all IPv4 ones, "::": all
  std::uint16_t port = 0;  // 0: any free one
  bool tls = false;
  // With `tls`: asked for each connection. Null: there is no certificate yet, the connection is closed.
  std::function<std::shared_ptr<const tls::Context>()> context;
  ServerLimits limits;
};

// Slow and silent clients are cut off; when there are too many connections, the one that has waited longest for its
// client goes, unknown clients first. Keeps a timer only while it waits for a client. Loop thread only.
class Server {
 public:
  using Handler = std::function<Task<Reply>(Request)>;

  // `loop` and `clock` must outlive this object.
  Server(Loop& loop, Clock& clock, ServerOptions options, Handler handler);
  // Call close() first when open() succeeded.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Takes connections from now on. kUnavailable: the port is in use, or the address is not ours (yet).
  Result<void> open();
  // Ends all connections, streams too.
  Task<void> close();

  std::uint16_t port() const;
  std::size_t connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cubelet::web
