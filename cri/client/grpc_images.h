// ImageService over gRPC.
#pragma once

#include "base/rpc/channel.h"
#include "cri/client/client_options.h"
#include "cri/client/runtime_service.h"

namespace cubelet::cri {

// Shares `channel`, never closes it. Must outlive the tasks of its calls.
class GrpcImages final : public ImageService {
 public:
  GrpcImages(rpc::ChannelPtr channel, ClientOptions options) : channel_(std::move(channel)), options_(options) {}

  Task<Result<std::vector<v1::Image>>> listImages() override;
  Task<Result<std::optional<v1::Image>>> imageStatus(std::string image) override;
  Task<Result<std::string>> pullImage(std::string image, v1::AuthConfig auth, v1::PodSandboxConfig sandbox) override;
  Task<Result<void>> removeImage(std::string image) override;
  Task<Result<v1::ImageFsInfoResponse>> imageFsInfo() override;

 private:
  rpc::ChannelPtr channel_;
  ClientOptions options_;
};

}  // namespace cubelet::cri
