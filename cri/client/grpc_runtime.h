// RuntimeService and Checkpointer over gRPC.
#pragma once

#include "base/rpc/channel.h"
#include "cri/client/checkpointer.h"
#include "cri/client/client_options.h"
#include "cri/client/runtime_service.h"

namespace cubelet::cri {

// Shares `channel`, never closes it. Must outlive the tasks of its calls; event streams may outlive it.
class GrpcRuntime final : public RuntimeService, public Checkpointer {
 public:
  GrpcRuntime(rpc::ChannelPtr channel, ClientOptions options) : channel_(std::move(channel)), options_(options) {}

  Task<Result<void>> waitReady() override;
  Task<Result<v1::VersionResponse>> version() override;
  Task<Result<v1::StatusResponse>> status() override;
  Task<Result<std::string>> sandboxImage() override;
  Task<Result<v1::RuntimeConfigResponse>> runtimeConfig() override;
  Task<Result<void>> updateRuntimeConfig(std::string podCidr) override;

  Task<Result<std::string>> runPodSandbox(v1::PodSandboxConfig config, std::string runtimeHandler) override;
  Task<Result<void>> stopPodSandbox(std::string id) override;
  Task<Result<void>> removePodSandbox(std::string id) override;
  Task<Result<v1::PodSandboxStatusResponse>> podSandboxStatus(std::string id) override;
  Task<Result<std::vector<v1::PodSandbox>>> listPodSandbox(v1::PodSandboxFilter filter) override;
  Task<Result<void>> updatePodSandboxResources(std::string id, v1::LinuxContainerResources resources,
                                               v1::LinuxContainerResources overhead) override;

  Task<Result<std::string>> createContainer(std::string sandboxId, v1::ContainerConfig config,
                                            v1::PodSandboxConfig sandboxConfig) override;
  Task<Result<void>> startContainer(std::string id) override;
  Task<Result<void>> stopContainer(std::string id, Duration grace) override;
  Task<Result<void>> removeContainer(std::string id) override;
  Task<Result<v1::ContainerStatusResponse>> containerStatus(std::string id) override;
  Task<Result<std::vector<v1::Container>>> listContainers(v1::ContainerFilter filter) override;
  Task<Result<void>> updateContainerResources(std::string id, v1::LinuxContainerResources resources) override;
  Task<Result<void>> reopenContainerLog(std::string id) override;

  Task<Result<v1::ExecSyncResponse>> execSync(std::string id, std::vector<std::string> command,
                                              Duration timeout) override;
  Task<Result<std::string>> exec(v1::ExecRequest request) override;
  Task<Result<std::string>> attach(v1::AttachRequest request) override;
  Task<Result<std::string>> portForward(v1::PortForwardRequest request) override;

  Task<Result<v1::ListContainerStatsResponse>> listContainerStats(v1::ContainerStatsFilter filter) override;
  Task<Result<v1::ListPodSandboxStatsResponse>> listPodSandboxStats(v1::PodSandboxStatsFilter filter) override;

  Task<Result<std::unique_ptr<EventStream>>> openEvents() override;

  Task<Result<void>> checkpointContainer(std::string id, std::string location, Duration timeout) override;

 private:
  template <class Reply>
  Task<Result<Reply>> askRuntime(std::string_view method, const google::protobuf::MessageLite& request,
                                 std::string subject = {});

  rpc::ChannelPtr channel_;
  ClientOptions options_;
  // Found out by openEvents(), or by a stream of it; a runtime that is upgraded under us keeps working with what it had
  // before.
  std::shared_ptr<bool> hasCriEvents_ = std::make_shared<bool>(true);
};

}  // namespace cubelet::cri
