// The devices of a pod: prepared before each start of a container, given back at the pod's end (SRV-14).
#pragma once

#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Which devices the pod has is decided when it is admitted: see PodAdmitter. Loop thread only.
class DeviceStep {
 public:
  DeviceStep(Context& context, PodState& state) : context_(context), state_(state) {}

  // What plug-ins want the container to have for its devices. Errors have reason devices::kNotReady.
  Task<Result<::v1beta1::ContainerAllocateResponse>> prepare(core::Container container);
  // There are other devices than before: containers that wait for theirs are due at once. False: none waits.
  bool retryNow();
  // A container of the pod has devices.
  bool hasAny() const;
  // Nothing of the pod runs any more, nor will.
  void release();

 private:
  // Nobody but us keeps a static pod from starting before its device plug-in is there. Empty: nothing does.
  std::string missingPlugin(const core::Container& container) const;

  Context& context_;
  PodState& state_;
};

}  // namespace cubelet::sync
