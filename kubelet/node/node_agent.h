// NodeAgent: this machine as a node of the cluster. Registers the Node, keeps its status and its lease. The one header
// of this folder that others need.
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
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/reflector.h"
#include "kubelet/events/recorder.h"
#include "kubelet/node/heartbeat_path.h"
#include "kubelet/node/host_access.h"
#include "kubelet/node/lease_keeper.h"
#include "kubelet/node/node_copy.h"
#include "kubelet/node/node_events.h"
#include "kubelet/node/node_settings.h"
#include "kubelet/node/node_status.h"
#include "kubelet/node/registrar.h"
#include "kubelet/node/runtime_watch.h"
#include "kubelet/node/status_keeper.h"

namespace cubelet::node {

// Loop thread only. Needs nothing of the cluster to be there: it tries until it is.
class NodeAgent {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& blocking;
    apiserver::ApiClient& client;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    events::EventRecorder& events;
  };
  struct Hooks {
    // A newer copy of our Node (also the first): labels for admission, UID for the owner of mirror pods and for events,
    // podCIDRs. Called from the loop; must not destroy this object.
    std::function<void(const core::Node&)> changed = [](const core::Node&) {};
    std::function<double()> random;  // uniform in [0, 1)
    HostAccess host;
  };
  NodeAgent(Services services, NodeSettings settings, Hooks hooks);

  // Until cancelled; then close().
  Task<void> run();
  Task<void> close();

  // ---- What others know about the node. Each change is reported at once.
  void runtimeSynced() { runtime_.pictureComplete(); }  // observe::Observer's listener
  void runtimeLost() { runtime_.pictureLost(); }
  void setPressure(Pressure pressure);
  void setVolumesInUse(std::vector<std::string> volumes);
  void setStorageProblem(std::string problem);  // empty: none
  void setShuttingDown(bool shuttingDown);
  void setDevices(devices::Amounts devices);
  // The API server can be reached again: nothing waits any longer.
  void serverIsBack();
  // Somebody got no answer from it.
  void serverIsSilent() { lease_.checkSoon(); }
  // Asks the API server for our Node once; node() is the newest afterwards, if it answered.
  Task<void> readAgain();

  // ---- What is known here.
  // Null until the API server has shown it.
  const core::Node* node() const { return copy_.get(); }
  // The watch has shown our Node at least once (or that there is none): pods of the API server may be looked at.
  bool watched() const { return watch_.synced(); }
  bool registered() const { return registered_; }
  // Why the last try to register failed; empty when none did.
  const std::string& registrationProblem() const { return registrar_.problem(); }
  // Why the node is not ready right now; empty: it is.
  std::vector<std::string> notReady() const;
  // What pods may use of the machine, by our own reckoning: for admission and for resourceFieldRef.
  ResourceList allocatable() const;
  std::optional<TimePoint> leaseRenewedAt() const { return lease_.renewedAt(); }

 private:
  Task<void> followHost();
  Task<void> followName();
  Task<void> lookUpName();
  Task<void> untilRuntimeIsKnown();
  void followPodCidr();
  Task<void> tellPodCidr();
  core::Node fresh();
  core::Node build(const core::Node& stored);
  void refreshNetwork();
  void tellEvents(const core::Node& wanted);
  void tellAddressProblem(const std::string& problem);
  void storedChanged();
  void watchSynced();
  void watchChanged();
  void runtimeChanged();
  void startReporting(const Registered& registered);

  Services services_;
  const NodeSettings settings_;
  Hooks hooks_;
  NodeFacts facts_;  // without the runtime's, which runtime_ holds
  NodeCopy copy_;
  bool registered_ = false;
  NodeNews told_;
  std::string addressProblem_;
  std::string podCidr_;  // as the runtime knows it
  bool tellingPodCidr_ = false;

  HeartbeatPath path_;
  RuntimeWatch runtime_;
  Registrar registrar_;
  LeaseKeeper lease_;
  StatusKeeper status_;
  apiserver::Reflector<core::Node> watch_;
  Wake runtimeNews_;
  TaskGroup tasks_;
};

}  // namespace cubelet::node
