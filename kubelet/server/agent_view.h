// What the local socket shows of the agent. kubelet/main implements it over the sync loop; tests have a fake.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/events/recorder.h"
#include "kubelet/server/pod_watch.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::server {

// Why a pod is where it is, in one step: what the agent is doing for it or waiting for.
struct Explanation {
  std::string step;                 // "pulling image busybox:1.36", "waiting to restart container web", "running"
  std::optional<WallTime> since;    // when this step began
  std::string waitingFor;           // who has to move next: "containerd", "registry", "the back-off"; empty: nobody
  std::string message;              // the last failure of this step; empty when there was none
  std::optional<WallTime> nextTry;  // when the agent acts again by itself
};

struct RuntimeView {
  std::string endpoint;
  std::string name;     // "containerd"; empty until it has answered once
  std::string version;  // of the last answer
  bool reachable = false;
  std::string problem;  // why it is not reachable
};

// The last comparison of the agent's picture with the runtime's own list.
struct AuditView {
  WallTime at;
  std::uint64_t differences = 0;  // found by that one
  std::uint64_t total = 0;        // found since the agent started; the goal is zero
};

// How the agent stands with the API server.
struct ClusterView {
  std::string server;  // "https://10.0.0.1:6443"
  bool registered = false;
  // Why it is not registered, or what is wrong with the way to the server; empty: nothing.
  std::string problem;
  std::optional<WallTime> lastAnswer;          // of the server, to any request
  std::optional<WallTime> leaseRenewedAt;      // the server confirmed it then
  std::optional<WallTime> certificateExpires;  // nothing: we have none (tokens, plug-ins)
  std::vector<std::string> notReady;           // why the node is not Ready; empty: it is
  std::size_t unsentStatuses = 0;              // of pods
  std::size_t unsentEvents = 0;
};

struct AgentStatus {
  std::string version;            // of cubelet: "0.1.0"
  std::string kubernetesVersion;  // whose kubelet it behaves like: "v1.36.0"
  std::string nodeName;
  WallTime startedAt;
  std::string manifestPath;  // empty: no static pods
  std::string rootDir;
  std::string podLogsDir;
  RuntimeView runtime;
  std::optional<ClusterView> cluster;         // nothing: standalone
  std::vector<std::string> manifestProblems;  // one line each: "web.yaml:14: spec.containers[0].imagee: unknown field"
  std::optional<AuditView> lastAudit;
};

// A stream to a container, or to the network of a pod.
struct StreamRequest {
  enum class Kind { kExec, kAttach, kPortForward };
  Kind kind = Kind::kExec;
  std::string ns;
  std::string pod;
  std::string container;             // not for kPortForward
  std::vector<std::string> command;  // kExec
  bool input = false;
  bool output = false;
  bool error = false;
  bool tty = false;  // kExec
};

// Where the runtime serves a stream, to the first who comes: HTTP, on this machine.
struct StreamPlace {
  std::string address;  // numeric
  std::uint16_t port = 0;
  std::string path;  // with query
};

// A CSI volume that is on this node, or on its way.
struct VolumeView {
  struct Use {
    std::string pod;    // "default/web", or its UID when nobody knows the pod
    std::string state;  // waiting, claimed, publishing, published, unpublishing
  };
  std::string name;  // of the PersistentVolume, or of the pod's inline volume
  std::string driver;
  std::string handle;
  std::string kind;   // persistent, block, inline
  std::string stage;  // none, staging, staged, unstaging
  std::vector<Use> uses;
  std::optional<WallTime> since;  // of its state
  std::string waitsFor;           // attacher, driver; empty: nobody
  std::string problem;            // of the last step; empty: none
};

// Something of CSI volumes that is not as it should be.
struct VolumeFinding {
  std::string volume;  // empty: nobody knows
  std::string path;    // empty: nowhere in particular
  std::string problem;
  bool leak = false;  // it belongs to no pod
};

struct VolumeCheck {
  std::vector<VolumeFinding> found;
  std::vector<VolumeFinding> repaired;  // was found, and is gone
};

// Every call but streamPlace(), checkVolumes() and usage() answers at once from what the agent knows. Loop thread only.
class AgentView {
 public:
  virtual ~AgentView() = default;
  // Every pod that is wanted or still winds down, with its current status, sorted by namespace and name.
  virtual std::vector<core::Pod> pods() const = 0;
  // Whenever they may have changed.
  virtual PodNews& podNews() = 0;
  // kNotFound: no such pod.
  virtual Result<Explanation> explain(std::string_view ns, std::string_view name) const = 0;
  virtual AgentStatus status() const = 0;
  // Sorted by driver and handle.
  virtual std::vector<VolumeView> volumes() const = 0;
  // Compares what is noted of CSI volumes with what is mounted; takes down what belongs to no pod if that is wanted.
  // kUnavailable: not all pods are known yet.
  virtual Task<Result<VolumeCheck>> checkVolumes(bool repair) = 0;
  // An error says what is wrong; systemd's watchdog and /healthz ask the same question.
  virtual Result<void> healthy() const = 0;
  virtual events::EventRecorder& events() = 0;
  // Asks the runtime. kNotFound: no such pod, or nothing of it runs. kInvalid: no such container runs.
  virtual Task<Result<StreamPlace>> streamPlace(StreamRequest request) = 0;
  // CPU and memory of node and pods at the moment, in the form of the node's own /stats/summary.
  virtual Task<Result<std::string>> usage() = 0;
};

}  // namespace cubelet::server
