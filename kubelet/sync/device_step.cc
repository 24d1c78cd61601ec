#include "kubelet/sync/device_step.h"

#include "kubelet/devices/health.h"
#include "kubelet/status/pod_status.h"

namespace cubelet::sync {

Task<Result<::v1beta1::ContainerAllocateResponse>> DeviceStep::prepare(core::Container container) {
  if (context_.devices == nullptr) co_return ::v1beta1::ContainerAllocateResponse();
  if (const std::string resource = missingPlugin(container); !resource.empty())
    co_return fail(Code::kUnavailable, devices::kNotReady,
                   "no device plug-in has registered for " + resource + " yet: the container waits for it");
  core::Pod pod = state_.pod;
  Result<::v1beta1::ContainerAllocateResponse> devices =
      co_await context_.devices->prepare(std::move(pod), std::move(container));
  if (!devices) {
    devices.error().reason = devices::kNotReady;
    co_return fail(std::move(devices.error()));
  }
  co_return std::move(*devices);
}

std::string DeviceStep::missingPlugin(const core::Container& container) const {
  if (!status::isStaticPod(state_.pod)) return "";
  for (const std::string& resource : devices::unknownResources(container, context_.devices->inventory()))
    if (context_.admissionNode == nullptr || !context_.admissionNode->allocatable.contains(resource)) return resource;
  return "";
}

bool DeviceStep::retryNow() {
  bool waited = false;
  for (auto& [name, memory] : state_.memory.containers) {
    if (memory.failureReason != devices::kNotReady) continue;
    memory.retryAt = {};
    waited = true;
  }
  return waited;
}

bool DeviceStep::hasAny() const {
  return context_.devices != nullptr && devices::hasDevices(context_.devices->allocations(), state_.uid());
}

void DeviceStep::release() {
  if (context_.devices != nullptr) context_.devices->release(state_.uid());
}

}  // namespace cubelet::sync
