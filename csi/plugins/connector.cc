#include "csi/plugins/connector.h"

#include <cerrno>
#include <chrono>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

#include "base/fd.h"
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

bool GrpcConnector::isServed(const std::string& socket) {
  sockaddr_un address = {};
  if (socket.size() >= sizeof(address.sun_path)) return true;
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, socket.size());
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;  // a full queue is somebody's
}

}  // namespace cubelet::csi
