// NodeService over gRPC.
#pragma once

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/rpc/channel.h"
#include "csi/client/node_service.h"

namespace cubelet::csi {

struct ClientOptions {
  Duration callTimeout = std::chrono::minutes(2);  // of each call; surface 6.5
};

// Shares `channel`, never closes it: it reconnects by itself when the driver comes back on its socket. Must outlive the
// tasks of its calls.
class GrpcNode final : public NodeService {
 public:
  explicit GrpcNode(rpc::ChannelPtr channel, ClientOptions options = {})
      : channel_(std::move(channel)), options_(options) {}

  Task<Result<v1::GetPluginInfoResponse>> pluginInfo() override;
  Task<Result<bool>> probe() override;
  Task<Result<v1::NodeGetInfoResponse>> nodeInfo() override;
  Task<Result<NodeCapabilities>> capabilities() override;
  Task<Result<void>> stage(v1::NodeStageVolumeRequest request) override;
  Task<Result<void>> unstage(v1::NodeUnstageVolumeRequest request) override;
  Task<Result<void>> publish(v1::NodePublishVolumeRequest request) override;
  Task<Result<void>> unpublish(v1::NodeUnpublishVolumeRequest request) override;
  Task<Result<v1::NodeGetVolumeStatsResponse>> volumeStats(v1::NodeGetVolumeStatsRequest request) override;
  Task<Result<v1::NodeExpandVolumeResponse>> expand(v1::NodeExpandVolumeRequest request) override;

 private:
  rpc::ChannelPtr channel_;
  ClientOptions options_;
};

}  // namespace cubelet::csi
