// ClusterAnnouncer: the drivers of this node in CSINode and Node of the API server. CSI-2.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/semaphore.h"
#include "csi/plugins/driver_facts.h"
#include "kubelet/apiserver/api_client.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::csi {

// One change at a time. A change that meets another writer's is made anew from what the server has then: 4 tries, 10 ms
// apart and five times as long each time. Loop thread only.
class ClusterAnnouncer final : public DriverAnnouncer {
 public:
  struct Options {
    std::string nodeName;
    // Of the Node as it is registered now; empty: not registered yet.
    std::function<std::string()> nodeUid;
  };
  // `client` and `clock` must outlive this object.
  ClusterAnnouncer(Clock& clock, apiserver::ApiClient& client, Options options)
      : clock_(clock), client_(client), options_(std::move(options)) {}

  // Makes the CSINode, if there is none of this Node; without drivers. Before the node turns Ready: the scheduler waits
  // for it.
  Task<Result<void>> prepare();
  // kUnavailable while the Node is not registered.
  Task<Result<void>> announce(DriverFacts facts) override;
  Task<Result<void>> withdraw(std::string driver) override;
  // As its CSIDriver says: nodeAllocatableUpdatePeriodSeconds.
  Task<Result<Duration>> refreshPeriod(std::string driver) override;

 private:
  using Change = std::function<Task<Result<void>>()>;
  Task<Result<void>> retry(Change change);
  Task<Result<::k8s::storage::v1::CSINode>> findOrMake();
  Task<Result<void>> announceOnce(DriverFacts facts);
  Task<Result<void>> withdrawOnce(std::string driver);
  Task<Result<void>> patchNode(std::string patch);

  Clock& clock_;
  apiserver::ApiClient& client_;
  Options options_;
  Semaphore turn_{1};
};

}  // namespace cubelet::csi
