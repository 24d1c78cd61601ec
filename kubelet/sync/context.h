// What every pod worker shares. Built once by kubelet/main; outlives all workers.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "kubelet/admission/node_view.h"
#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/devices/devices.h"
#include "kubelet/events/recorder.h"
#include "kubelet/hooks/hook_runner.h"
#include "kubelet/images/images.h"
#include "kubelet/objects/objects.h"
#include "kubelet/observe/observer.h"
#include "kubelet/plan/plan_pod.h"
#include "kubelet/podconfig/node_facts.h"
#include "kubelet/probes/runner.h"
#include "kubelet/sync/milestones.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet::images {
class NodeCredentials;
class PullRecords;
}  // namespace cubelet::images

namespace cubelet::sync {

struct Context {
  Loop& loop;
  Clock& clock;
  cri::RuntimeService& runtime;
  images::Images& images;
  observe::Observer& observer;
  events::EventRecorder& events;
  volumes::PodVolumes& volumes;
  probes::Runner& probes;
  hooks::HookRunner& hooks;
  cgroups::PodCgroups& cgroups;
  podconfig::NodeFacts node;
  plan::PlanOptions planOptions;
  std::string runtimeName = "containerd";                           // prefix of container IDs in the status
  bool runtimeTellsUsers = false;                                   // containers' statuses say who runs in them
  std::string whyNoImageVolumes = {};                               // empty: as far as known the runtime mounts them
  std::function<double()> random;                                   // uniform in [0, 1), for jitter
  objects::Objects* objects = nullptr;                              // null: an agent without a cluster
  images::PullRecords* pullRecords = nullptr;                       // null: every pod may use every image
  images::NodeCredentials* nodeCredentials = nullptr;               // null: the node has none
  std::optional<std::size_t> maximumDeadContainers = std::nullopt;  // of the node (GC-1); nothing: any number
  // What admission goes by, always the newest; null: every pod is admitted.
  const admission::NodeView* admissionNode = nullptr;
  // Asks the API server for our Node once more, so that admissionNode is up to date; empty: there is nobody to ask.
  std::function<Task<void>()> readNodeAgain = nullptr;
  Milestones milestones = {};
  devices::Devices* devices = nullptr;  // null: an agent without device plug-ins
  bool tellsDeviceHealth = true;        // in the status of pods (feature ResourceHealthStatus)
};

// When a failed step is due again: 10 s with half of that as jitter (RST-10, SBX-3); 1 s when the runtime was not there
// (its return rings every worker anyway), or when an older instance turned out to hold the name.
WallTime retryTime(const Context& context, const Error& error);

}  // namespace cubelet::sync
