// Cluster: everything between the agent and the API server, wired together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "cri/client/runtime_service.h"
#include "csi/plugins/driver_facts.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/curl_transport.h"
#include "kubelet/certificates/certificate_manager.h"
#include "kubelet/cluster/event_publisher.h"
#include "kubelet/cluster/mirror_pods.h"
#include "kubelet/cluster/pod_source.h"
#include "kubelet/cluster/status_publisher.h"
#include "kubelet/config/load.h"
#include "kubelet/events/recorder.h"
#include "kubelet/node/node_agent.h"
#include "kubelet/objects/objects.h"
#include "kubelet/server/agent_view.h"
#include "kubelet/sync/pod_worker.h"
#include "kubelet/volumes/attachments.h"
#include "kubelet/volumes/claim_statuses.h"

namespace cubelet {

// Whether the configuration names an API server at all.
bool wantsCluster(const config::Effective& effective);

// Loop thread only. Nothing of it is on the way of a static pod: until the API server answers, and whenever it does
// not, the agent works as it does without one.
class Cluster {
 public:
  using PodPtr = std::shared_ptr<const k8s::core::v1::Pod>;
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& blocking;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    events::EventRecorder& events;
  };
  struct Hooks {
    std::function<double()> random;                 // uniform in [0, 1)
    std::function<void(std::vector<PodPtr>)> pods;  // the API server's pods for this node: the complete set
    // ConfigMaps, Secrets and more can be asked for from now on, until close().
    std::function<void(objects::Objects*)> objects;
    std::function<void(const std::string& ns, const std::string& name)> objectChanged;
    // Volumes are attached, claims have their status, and CSI drivers are announced, from now on.
    std::function<void(volumes::Attachments*, volumes::ClaimStatuses*, csi::DriverAnnouncer*)> storage;
    std::function<std::vector<std::string>()> volumesInUse;       // for the Node
    std::function<devices::Amounts()> devices;                    // the same
    std::function<void()> csiNodeMade;                            // also for a Node that was made anew
    std::function<void(const k8s::core::v1::Node&)> nodeChanged;  // a newer copy of our Node
    std::function<void()> connected;  // statuses will be taken from now on: tell all of them
    // Every request that has ended, with the server's host and port; status 0: there was no answer.
    std::function<void(const std::string& method, const std::string& host, int status, Duration took)> requested;
    std::function<void()> statusTold;  // isAboutToTellStatusOf() may answer something else
  };
  Cluster(Services services, const config::Effective& effective, Hooks hooks);
  ~Cluster();

  // Reads the kubeconfig and starts. An Error when it cannot be used and there is none to get one by: the agent should
  // end and say so.
  Result<void> start();
  Task<void> close();

  // All static pods that are wanted or wind down: each gets a mirror.
  void setStaticPods(std::vector<PodPtr> pods);
  // Of a static pod's mirror; empty: there is none that is known of.
  std::string mirrorUid(const std::string& ns, const std::string& name) const;
  void statusChanged(const sync::PodWorker& worker);
  // What the node is short of, as its conditions tell it.
  void setPressure(node::Pressure pressure);
  void setShuttingDown(bool shuttingDown);
  void runtimeSynced();
  void runtimeLost();
  void devicesChanged();  // Hooks::devices answers something else
  void volumesChanged();  // Hooks::volumesInUse answers something else
  // The API server does not have the pod's status yet, and can be reached.
  bool isAboutToTellStatusOf(const std::string& uid) const;
  server::ClusterView view() const;
  // Of the client certificate.
  std::uint64_t renewErrors() const;
  // Null until there is a kubeconfig to work with.
  apiserver::ApiClient* client();
  // Asks for our Node once, if there is anybody to ask.
  Task<void> readNodeAgain();

 private:
  struct Link;

  Result<std::optional<apiserver::ClientConfig>> readyConfig();
  Task<void> join();
  Task<void> makeCsiNode(std::string nodeUid);
  void connect(apiserver::ClientConfig config);
  void keepCertificate(const apiserver::ClientConfig& config);
  void nodeChanged(const k8s::core::v1::Node& node);
  void storedChanged(const std::string& ns, const std::string& name);
  void podsSynced();
  void serverIsAway(const Error& error);
  void serverIsBack();
  void podsNotWatched(const Error& error);
  apiserver::ApiClient::Options clientOptions(const std::string& server) const;

  Services services_;
  const config::Effective& effective_;
  Hooks hooks_;
  apiserver::CertificateStore store_;
  std::optional<apiserver::ClientConfig> bootstrapConfig_;
  std::unique_ptr<apiserver::CurlTransport> bootstrapTransport_;
  std::unique_ptr<apiserver::ApiClient> bootstrapClient_;
  std::unique_ptr<Link> link_;  // once there is a kubeconfig to work with
  node::Pressure pressure_;
  bool shuttingDown_ = false;
  bool runtimeKnown_ = false;
  bool podsWatched_ = false;
  std::string csiNodeOf_;                       // UID of the Node whose CSINode is made, or was
  std::string problem_;                         // the last one with getting a certificate, while it lasts
  std::string podsProblem_;                     // why the pods cannot be watched, though the server answers
  std::optional<WallTime> certificateExpires_;  // nothing: there is none
  TaskGroup tasks_;
};

}  // namespace cubelet
