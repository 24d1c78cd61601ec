// A gRPC server on a unix socket or TCP port inside the test's own process; its handlers are tasks on the test's loop.
#pragma once

#include <functional>
#include <google/protobuf/message_lite.h>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::rpc {

struct TestServerState;

// Where a streaming handler writes its messages.
class TestSink {
 public:
  virtual ~TestSink() = default;
  // Waits until gRPC has taken the message. kCancelled: the client has gone.
  virtual Task<Result<void>> send(std::string message) = 0;
};

// For tests only. Every call is one task that the client's cancelling cancels. Loop thread only.
class TestServer {
 public:
  using Unary = std::function<Task<Result<std::string>>(std::string request)>;
  // Returning ends the stream, with status OK for an empty result.
  using Streaming = std::function<Task<Result<void>>(std::string request, std::shared_ptr<TestSink> sink)>;

  // A path, or an address and port: "127.0.0.1:0" takes any that is free.
  TestServer(Loop& loop, std::string address);
  ~TestServer();  // stops
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Methods without a handler answer UNIMPLEMENTED. An error's reason may name the status ("FailedPrecondition"); else
  // its code decides.
  void onCall(const std::string& method, Unary handler);
  void onStream(const std::string& method, Streaming handler);

  template <class Request, class Reply>
  void onCall(const std::string& method, std::function<Task<Result<Reply>>(Request)> handler) {
    onCall(method,
           Unary([handler = std::move(handler)](std::string bytes) { return typed(handler, std::move(bytes)); }));
  }

  // False when the socket cannot be served.
  bool start();
  // Cancels what runs and closes the socket. Runs the loop until every handler has ended: not from inside a handler.
  void stop();

  const std::string& path() const;
  int port() const;
  int callsCancelled() const;  // by the client or by stop(), before their handler had ended
  int callsRunning() const;
  // Of the last call that began.
  const std::multimap<std::string, std::string>& lastHeaders() const;
  const std::string& lastAuthority() const;

 private:
  template <class Request, class Reply>
  static Task<Result<std::string>> typed(std::function<Task<Result<Reply>>(Request)> handler, std::string bytes) {
    Request request;
    if (!request.ParseFromString(bytes)) co_return fail(Code::kInvalid, "", "the request cannot be read");
    Result<Reply> reply = co_await handler(std::move(request));
    if (!reply) co_return fail(std::move(reply.error()));
    std::string answer = reply->SerializeAsString();
    co_return std::move(answer);
  }

  std::shared_ptr<TestServerState> state_;
};

}  // namespace cubelet::rpc
