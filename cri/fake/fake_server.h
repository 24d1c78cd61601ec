// The fake runtime behind a gRPC server on a unix socket. For tests.
#pragma once

#include <memory>
#include <string>

#include "base/loop.h"
#include "base/rpc/test_server.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {

// Serves every RPC of both CRI services from `runtime`, on the loop. Its event style decides which event stream exists:
// kContainerd answers as containerd 1.6 does (GetContainerEvents is unimplemented; Events.Subscribe with the events of
// execs among the others), kCri the other way round, kNone none. Stopping and starting it is a restart of the runtime's
// daemon: containers run on. Loop thread only; `runtime` must outlive it.
class FakeServer {
 public:
  FakeServer(Loop& loop, FakeRuntime& runtime, std::string socketPath);
  ~FakeServer();

  // False when the socket cannot be served.
  bool start() { return server_.start(); }
  void stop() { server_.stop(); }

  // The next subscription comes into force only after that many published events.
  void loseMarks(int count) { marksToLose_ = count; }
  int marksSeen() const { return marksSeen_; }
  // The request of the last Subscribe.
  const std::vector<std::string>& filters() const { return filters_; }
  rpc::TestServer& rpcServer() { return server_; }

 private:
  struct Subscription;
  void serveRuntime();
  void serveImages();
  void serveEvents();
  static Task<Result<void>> streamCriEvents(FakeRuntime* runtime, std::shared_ptr<rpc::TestSink> sink);
  Task<Result<void>> subscribe(std::string request, std::shared_ptr<rpc::TestSink> sink);
  void publish(const std::string& topic);

  FakeRuntime& runtime_;
  std::set<Subscription*> subscriptions_;
  std::vector<std::string> filters_;
  int marksToLose_ = 0;
  int marksSeen_ = 0;
  rpc::TestServer server_;  // last: stops before what its handlers use goes
};

}  // namespace cubelet::cri
