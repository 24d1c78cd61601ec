// TestServer: for tests, an API server that holds one Node and one Lease.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/park.h"
#include "kubelet/apiserver/transport.h"
#include "proto/k8s/coordination.pb.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::node {

// Patches are applied as the real one does as far as our patches go: conditions by type, lists as a whole.
class TestServer final : public apiserver::Transport {
 public:
  explicit TestServer(Clock& clock) : clock_(clock) {}

  Task<Result<apiserver::Response>> send(apiserver::Request request) override;
  Task<Result<apiserver::Response>> stream(apiserver::Request request,
                                           std::function<void(std::string_view)> onData) override;
  Task<bool> canConnect(Duration) override { co_return !down && !hanging; }
  void closeConnections() override { ++closed; }

  // What goes wrong. `failNext`: the next requests of that method and path get these HTTP statuses, with their usual
  // reason. 0: cut after it was done.
  bool down = false;                               // refuses connections
  bool hanging = false;                            // answers nothing until the request's timeout
  std::map<std::string, std::list<int>> failNext;  // "PUT lease" -> {409, 503}
  std::vector<std::string> unknownFields;          // of the status: dropped
  Duration latency{0};

  // Writes as somebody else and tells the watches.
  void change(const std::function<void(k8s::core::v1::Node&)>& how);

  // "POST nodes", "PATCH nodes/n1/status", "GET lease": without watches.
  std::vector<std::string> requests;
  std::vector<apiserver::Request> bodies;  // the same, whole
  std::vector<std::string> takeRequests() { return std::exchange(requests, {}); }
  int closed = 0;

  std::optional<k8s::core::v1::Node> node;
  std::optional<k8s::coordination::v1::Lease> lease;

 private:
  struct Watch {
    std::function<void(std::string_view)> onData;
    Park park;
  };
  apiserver::Response serve(const std::string& what, const apiserver::Request& request);
  apiserver::Response serveNode(const apiserver::Request& request);
  apiserver::Response serveLease(const apiserver::Request& request);
  void patchNode(const std::string& patch);
  void stamp(k8s::meta::v1::ObjectMeta& metadata);

  Clock& clock_;
  int version_ = 100;
  std::list<std::shared_ptr<Watch>> watches_;
};

}  // namespace cubelet::node
