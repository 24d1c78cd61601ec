// Transport: bytes to the API server and back. What the rest of kubelet/apiserver stands on, and what its tests
// replace.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::apiserver {

// Which budget a request is charged to (surface 4.1). A heartbeat is charged to none: a node must not go NotReady
// because its agent has much to say.
enum class Lane { kMain, kEvents, kHeartbeat };

struct Request {
  std::string method = "GET";
  std::string path;         // from the server's root, with the query, already escaped: "/api/v1/pods?limit=5"
  std::string body;         // empty: none is sent
  std::string contentType;  // of the body
  std::string accept;
  Lane lane = Lane::kMain;
  // For the whole exchange; of a stream: until the head has come, and then between two pieces of data (a watch that
  // went silent, its bookmarks included, is a dead one). Nothing: the transport's default.
  std::optional<Duration> timeout;
};

struct Response {
  int status = 0;  // HTTP's
  std::string contentType;
  std::string body;                    // of a stream that was answered with 200: empty
  std::optional<Duration> retryAfter;  // the header, in whole seconds
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // An answer of any status is a Response. An Error says that there was none: kUnavailable (no connection, refused,
  // cut), kTimedOut, kInvalid (credentials that cannot be used, a server whose certificate is not trusted: somebody
  // must act). Cancelling the task ends the exchange.
  virtual Task<Result<Response>> send(Request request) = 0;

  // As send(), but hands the body of a 200 to `onData` as it comes; returns when the server ended it, with an Error
  // when it was cut. `onData` runs on the loop and must not destroy the transport.
  virtual Task<Result<Response>> stream(Request request, std::function<void(std::string_view)> onData) = 0;

  // Whether the server takes a connection within that time, TLS and all else left out. True, too, when that cannot be
  // known (behind a proxy).
  virtual Task<bool> canConnect(Duration within) = 0;

  // Ends every connection, those in use too: what is under way fails with kUnavailable. For a rotated certificate and
  // for a path that has gone dead (surface 4.1).
  virtual void closeConnections() = 0;
};

}  // namespace cubelet::apiserver
