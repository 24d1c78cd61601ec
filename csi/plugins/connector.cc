#include "csi/plugins/connector.h"

#include <chrono>
#include <utility>

#include "base/rpc/call.h"
#include "csi/client/grpc_node.h"

namespace cubelet::csi {

namespace pr = pluginregistration;

Task<Result<pr::PluginInfo>> GrpcConnector::info(std::string socket) {
  Result<rpc::ChannelPtr> channel = rpc::Channel::create(pump_, socket);
  if (!channel) co_return fail(std::move(channel.error()));
  Result<void> listens = co_await rpc::waitReady(*channel, std::chrono::seconds(10));
  if (!listens) co_return fail(std::move(listens.error()));
  rpc::CallOptions options;
  options.deadline = std::chrono::seconds(1);
  auto call = rpc::call<pr::PluginInfo>(*channel, "/pluginregistration.Registration/GetInfo", pr::InfoRequest(),
                                        std::move(options));
  co_return co_await std::move(call);
}

Task<Result<void>> GrpcConnector::tell(std::string socket, pr::RegistrationStatus status) {
  Result<rpc::ChannelPtr> channel = rpc::Channel::create(pump_, socket);
  if (!channel) co_return fail(std::move(channel.error()));
  rpc::CallOptions options;
  options.deadline = std::chrono::seconds(5);
  auto call = rpc::call<pr::RegistrationStatusResponse>(
      *channel, "/pluginregistration.Registration/NotifyRegistrationStatus", status, std::move(options));
  Result<pr::RegistrationStatusResponse> told = co_await std::move(call);
  if (!told) co_return fail(std::move(told.error()));
  co_return Result<void>();
}

Result<std::shared_ptr<NodeService>> GrpcConnector::node(std::string endpoint) {
  Result<rpc::ChannelPtr> channel = rpc::Channel::create(pump_, endpoint);
  if (!channel) return fail(channel.error());
  return std::make_shared<GrpcNode>(std::move(*channel));
}

}  // namespace cubelet::csi
