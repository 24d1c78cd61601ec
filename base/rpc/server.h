// Server: unary gRPC calls that others make on us, over a unix socket.
#pragma once

#include <functional>
#include <google/protobuf/message_lite.h>
#include <memory>
#include <string>
#include <utility>

#include "base/loop.h"
#include "base/result.h"
#include "base/rpc/channel.h"
#include "base/task.h"

namespace cubelet::rpc {

struct ServerState;

// Its completions come in on a thread of its own that only posts them to the loop, as the Pump's does; handlers are
// tasks on the loop. A client that gives up does not cancel its handler, so handlers are short. Loop thread only.
class Server {
 public:
  // Request and answer in wire form. An error's code decides the status, its message is what the caller reads.
  using Handler = std::function<Task<Result<std::string>>(std::string request)>;

  // `pump` only stands for a gRPC that is set up. `socketPath` is absolute, in a directory that exists.
  Server(Loop& loop, const Pump& pump, std::string socketPath);
  // Call close() before. Ends the connections and removes the socket.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(). `method` is "/package.Service/Method"; others are answered with UNIMPLEMENTED.
  void onCall(std::string method, Handler handler);
  // A socket that is there already is made anew. kInternal: it cannot be served.
  Result<void> start();
  // Ends the handlers that run.
  Task<void> close();

 private:
  std::shared_ptr<ServerState> state_;
};

// What a handler begins with. kInvalid: the caller has sent something else.
template <class Request>
Result<Request> parseRequest(const std::string& bytes) {
  Request request;
  if (!request.ParseFromString(bytes)) return fail(Code::kInvalid, "", "the request cannot be read");
  return request;
}

}  // namespace cubelet::rpc
