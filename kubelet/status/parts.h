// The parts of computeStatus. Internal.
#pragma once

#include <string>
#include <string_view>

#include "kubelet/status/pod_status.h"

namespace cubelet::status {

inline constexpr char kDisruptionTarget[] = "DisruptionTarget";
inline constexpr char kTerminationByKubelet[] = "TerminationByKubelet";  // the reason, where it is the agent's doing

// Why a container waits that was removed to start over with all others (RST-2).
inline constexpr char kRestartingAllContainers[] = "RestartingAllContainers";

struct Inputs {
  const core::Pod& pod;
  const observe::ObservedPod& have;
  const plan::PodMemory& memory;
  const StatusInputs& in;
  const core::PodStatus& previous;
};

// container_status.cc: the three lists.
void addContainerStatuses(const Inputs& inputs, core::PodStatus& status);

// lost_containers.cc: at the end, whoever has no end of its own gets one (CST-8).
void endAllContainers(const Inputs& inputs, core::PodStatus& status);

// phase.cc: from the container statuses.
std::string_view computePhase(const Inputs& inputs, const core::PodStatus& status);

// conditions.cc: in the order of PCO-2; needs containers and phase.
void addConditions(const Inputs& inputs, core::PodStatus& status);

// addresses.cc
void addAddresses(const Inputs& inputs, core::PodStatus& status);

// The state with that name in a list of statuses; null when there is none.
const core::ContainerStatus* findStatus(const google::protobuf::RepeatedPtrField<core::ContainerStatus>& list,
                                        const std::string& name);

// Whole seconds (PLC-10).
void setTime(k8s::meta::v1::Time& time, WallTime when);

}  // namespace cubelet::status
