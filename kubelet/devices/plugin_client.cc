#include "kubelet/devices/plugin_client.h"

#include <chrono>

#include "base/rpc/call.h"

namespace cubelet::devices {
namespace {

constexpr Duration kConnect = std::chrono::seconds(10);
// Upstream's.
constexpr Duration kPreStart = std::chrono::seconds(30);
// Upstream waits forever, and its whole admission with it.
constexpr Duration kAllocate = std::chrono::minutes(1);
constexpr Duration kPreferred = std::chrono::seconds(10);

rpc::CallOptions within(Duration deadline) {
  rpc::CallOptions options;
  options.deadline = deadline;
  return options;
}

}  // namespace

Task<Result<wire::DevicePluginOptions>> PluginClient::options() {
  rpc::CallOptions options = within(kConnect);
  options.waitForReady = true;
  return rpc::callWithBytes<wire::DevicePluginOptions>(channel_, "/v1beta1.DevicePlugin/GetDevicePluginOptions", "",
                                                       std::move(options));
}

std::unique_ptr<DeviceStream> PluginClient::listAndWatch() {
  return std::make_unique<DeviceStream>(channel_, "/v1beta1.DevicePlugin/ListAndWatch", wire::Empty(),
                                        rpc::CallOptions());
}

Task<Result<Ids>> PluginClient::preferred(Offer offer) {
  wire::PreferredAllocationRequest request;
  wire::ContainerPreferredAllocationRequest& container = *request.add_container_requests();
  Ids all = offer.available;
  all.insert(offer.given.begin(), offer.given.end());
  container.mutable_available_deviceids()->Assign(all.begin(), all.end());
  container.mutable_must_include_deviceids()->Assign(offer.given.begin(), offer.given.end());
  container.set_allocation_size(static_cast<std::int32_t>(offer.count));
  auto call = rpc::call<wire::PreferredAllocationResponse>(channel_, "/v1beta1.DevicePlugin/GetPreferredAllocation",
                                                           request, within(kPreferred));
  Result<wire::PreferredAllocationResponse> answer = co_await std::move(call);
  if (!answer) co_return fail(answer.error());
  Ids ids;
  if (answer->container_responses_size() > 0)
    ids.insert(answer->container_responses(0).deviceids().begin(), answer->container_responses(0).deviceids().end());
  co_return ids;
}

Task<Result<wire::ContainerAllocateResponse>> PluginClient::allocate(Ids ids) {
  wire::AllocateRequest request;
  request.add_container_requests()->mutable_devices_ids()->Assign(ids.begin(), ids.end());
  auto call = rpc::call<wire::AllocateResponse>(channel_, "/v1beta1.DevicePlugin/Allocate", request, within(kAllocate));
  Result<wire::AllocateResponse> answer = co_await std::move(call);
  if (!answer) co_return fail(answer.error());
  if (answer->container_responses_size() != 1)
    co_return fail(Code::kInvalid, "",
                   "Allocate at " + channel_->path() + ": no containers return in allocation response");
  co_return answer->container_responses(0);
}

Task<Result<void>> PluginClient::preStart(Ids ids) {
  wire::PreStartContainerRequest request;
  request.mutable_devices_ids()->Assign(ids.begin(), ids.end());
  auto call = rpc::call<wire::PreStartContainerResponse>(channel_, "/v1beta1.DevicePlugin/PreStartContainer", request,
                                                         within(kPreStart));
  Result<wire::PreStartContainerResponse> answer = co_await std::move(call);
  if (!answer) co_return fail(answer.error());
  co_return Result<void>();
}

}  // namespace cubelet::devices
