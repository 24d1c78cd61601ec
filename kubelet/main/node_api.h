// NodeApi: the node's own server as the configuration wants it, and what it shows of the agent.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "cri/client/checkpointer.h"
#include "cri/client/runtime_service.h"
#include "kubelet/certificates/certificate_manager.h"
#include "kubelet/config/load.h"
#include "kubelet/nodeapi/checkpoint.h"
#include "kubelet/nodeapi/container_log.h"
#include "kubelet/nodeapi/node_server.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/nodeapi/streaming.h"
#include "kubelet/observe/observer.h"
#include "kubelet/sync/sync_loop.h"

namespace cubelet {

// Loop thread only.
class NodeApi final : public nodeapi::NodeView {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    cri::RuntimeService& runtime;
    cri::Checkpointer& checkpointer;
    const sync::SyncLoop& sync;
    const observe::Observer& observer;
    const config::Effective& effective;
    std::function<apiserver::ApiClient*()> client;  // null while there is no API server to ask
    // Of the mirror that the API server has of a static pod; empty: none.
    std::function<std::string(const std::string& ns, const std::string& name)> mirrorUid;
    std::function<double()> random;  // uniform in [0, 1)
  };
  explicit NodeApi(Services services);

  // For the routes of other rooms, before start().
  web::Router& router() { return server_.router(); }
  // For those who ask on another way.
  nodeapi::Streaming& streaming() { return streaming_; }

  // An Error: the configured certificate cannot be used.
  Result<void> start();
  Task<void> close();
  // The runtime has news of that pod.
  void podChanged(const std::string& uid) { logs_.podChanged(uid); }

  // The API server can be asked from now on. With serverTLSBootstrap it is asked for the serving certificate.
  void connected();
  std::optional<WallTime> certificateExpires() const { return certificate_.expires(); }
  std::uint64_t certificateRenewErrors() const { return manager_ ? manager_->renewErrors() : 0; }

  // Its addresses are what a serving certificate is for.
  void nodeChanged(const nodeapi::core::Node& node);

  std::vector<nodeapi::core::Pod> allPods() const override { return services_.sync.pods(); }
  std::optional<nodeapi::core::Pod> pod(std::string_view ns, std::string_view name) const override;
  std::string mirrorUid(const std::string& ns, const std::string& name) const override {
    return services_.mirrorUid(ns, name);
  }
  const observe::ObservedPod* observed(const std::string& uid) const override { return services_.observer.find(uid); }
  std::vector<std::string> observedUids() const override { return services_.observer.uids(); }
  // The loop that syncs pods is the one that answers: when it hangs, so does the answer.
  Result<void> syncLoopHealthy() const override { return {}; }
  std::string configJson() const override { return config::effectiveJson(services_.effective.config); }

 private:
  void addRoutes();
  Result<void> findCertificate();
  void useIssued(const apiserver::KeyPair& pair);

  Services services_;
  access::Authenticator authenticator_;
  access::Authorizer authorizer_;
  access::Guard guard_;
  nodeapi::ServingCertificate certificate_;
  nodeapi::NodeServer server_;
  nodeapi::ContainerLogs logs_;
  nodeapi::Streaming streaming_;
  nodeapi::Checkpoints checkpoints_;
  apiserver::CertificateStore store_;
  std::unique_ptr<apiserver::CertificateManager> manager_;  // serverTLSBootstrap, once connected
  std::optional<apiserver::CertificateSubject> subject_;    // nothing: the node has no address yet
  TaskGroup tasks_;
};

}  // namespace cubelet
