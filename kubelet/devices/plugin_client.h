// One device plug-in as the agent calls it.
#pragma once

#include <memory>
#include <utility>

#include "base/result.h"
#include "base/rpc/channel.h"
#include "base/rpc/stream.h"
#include "base/task.h"
#include "kubelet/devices/choose.h"

namespace cubelet::devices {

using DeviceStream = rpc::Stream<wire::ListAndWatchResponse>;

// Errors name the call and the socket. Loop thread only.
class PluginClient {
 public:
  explicit PluginClient(rpc::ChannelPtr channel) : channel_(std::move(channel)) {}

  // Waits for the plug-in to serve, for 10 s at most.
  Task<Result<wire::DevicePluginOptions>> options();
  std::unique_ptr<DeviceStream> listAndWatch();
  // What it would choose for such an offer.
  Task<Result<Ids>> preferred(Offer offer);
  // kInvalid: it has answered for another number of containers than the one that it was asked for.
  Task<Result<wire::ContainerAllocateResponse>> allocate(Ids ids);
  Task<Result<void>> preStart(Ids ids);

 private:
  rpc::ChannelPtr channel_;
};

}  // namespace cubelet::devices
