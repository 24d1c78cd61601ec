// Registrar: makes our Node at the API server, or finds it there and puts it right. NOD-1.
#pragma once

#include <functional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

struct Registered {
  core::Node node;
  bool created = false;  // false: it was there before
};

// Loop thread only. All that is given must outlive this object.
class Registrar {
 public:
  struct Options {
    std::string nodeName;
    bool create = true;  // false: only waits until somebody has made the object
    Duration timeout;    // of one request
  };
  // `fresh` answers the Node as we would make it now.
  Registrar(Clock& clock, apiserver::ApiClient& client, Options options, std::function<core::Node()> fresh);

  // Tries until it has worked: 100 ms after the first failure, doubling to 7 s.
  Task<Registered> run();
  // Why the last try failed; empty when none did.
  const std::string& problem() const { return problem_; }
  // Ends a pause: the server can be reached (again).
  void retryNow() {
    backoff_.reset();
    wake_.ring();
  }

 private:
  Task<Result<Registered>> tryOnce();
  Task<Result<core::Node>> find();
  Task<Result<Registered>> putRight(core::Node existing, core::Node fresh);

  Clock& clock_;
  apiserver::ApiClient& client_;
  Options options_;
  std::function<core::Node()> fresh_;
  std::string problem_;
  Backoff backoff_;
  Wake wake_;
};

}  // namespace cubelet::node
