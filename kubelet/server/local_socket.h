// The window for people on the node: HTTP/1.1 over a unix socket, for root only. The routes stand in answers.h.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/server/agent_view.h"

namespace cubelet::server {

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Root, and the user whom the agent itself runs as.
bool isRootOrSelf(const Peer& peer);

struct LocalSocketOptions {
  std::string path = "/run/cubelet/cubelet.sock";
  std::size_t maxConnections = 64;                    // one more is told so and closed
  std::size_t headerBytes = std::size_t{64} * 1024;   // of one request: commands stand in its path
  std::size_t bodyBytes = std::size_t{4} * 1024;      // no route reads a body
  std::size_t followBytes = std::size_t{256} * 1024;  // that may wait for a follower to read; then it is dropped
  Duration requestTime{std::chrono::seconds(30)};     // for a request to arrive, the pause before it included
  Duration answerTime{std::chrono::seconds(30)};      // for the client to take one answer
  std::function<bool(const Peer&)> allow = isRootOrSelf;
};

// Keeps a timer only while it waits for a client. Loop thread only.
class LocalSocket {
 public:
  // `loop`, `clock` and `view` must outlive this object.
  LocalSocket(Loop& loop, Clock& clock, AgentView& view, LocalSocketOptions options);
  // Call close() first when open() succeeded.
  ~LocalSocket();
  LocalSocket(const LocalSocket&) = delete;
  LocalSocket& operator=(const LocalSocket&) = delete;

  // Makes the socket file and begins to serve. Errors as SocketFile::listen.
  Result<void> open();
  // Ends every connection, returns when all have ended, and removes the file.
  Task<void> close();

  std::size_t connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cubelet::server
