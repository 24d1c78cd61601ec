#include "cri/client/grpc_runtime.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cri/client/ask.h"
#include "cri/client/events.h"

namespace cubelet::cri {
namespace {

constexpr std::string_view kService = "/runtime.v1.RuntimeService/";
// The interface version that kubelets have always sent; runtimes answer it whatever it says.
constexpr const char* kApiVersion = "0.1.0";

std::string methodPath(std::string_view method) {
  return std::string(kService).append(method);
}

std::string podName(const v1::PodSandboxConfig& config) {
  return config.metadata().namespace_() + "/" + config.metadata().name();
}

// Stop and remove calls are done when the object is gone already.
template <class Reply>
Result<void> doneOrGone(const Result<Reply>& reply) {
  if (reply || reply.error().code == Code::kNotFound) return {};
  return fail(reply.error());
}

}  // namespace

template <class Reply>
Task<Result<Reply>> GrpcRuntime::askRuntime(std::string_view method, const google::protobuf::MessageLite& request,
                                            std::string subject) {
  return ask<Reply>(channel_, methodPath(method), request, options_.runtimeRequestTimeout, std::move(subject),
                    options_.called);
}

Task<Result<void>> GrpcRuntime::waitReady() {
  return rpc::waitReady(channel_);
}

Task<Result<v1::VersionResponse>> GrpcRuntime::version() {
  v1::VersionRequest request;
  request.set_version(kApiVersion);
  return askRuntime<v1::VersionResponse>("Version", request);
}

Task<Result<v1::StatusResponse>> GrpcRuntime::status() {
  return askRuntime<v1::StatusResponse>("Status", v1::StatusRequest());
}

Task<Result<std::string>> GrpcRuntime::sandboxImage() {
  v1::StatusRequest request;
  request.set_verbose(true);
  auto call = askRuntime<v1::StatusResponse>("Status", request);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(reply.error());
  auto config = reply->info().find("config");  // containerd: its CRI plugin's configuration, as JSON
  if (config == reply->info().end()) co_return std::string();
  const auto json = nlohmann::json::parse(config->second, nullptr, false);
  if (!json.is_object() || !json.contains("sandboxImage") || !json["sandboxImage"].is_string()) co_return std::string();
  co_return json["sandboxImage"].get<std::string>();
}

Task<Result<v1::RuntimeConfigResponse>> GrpcRuntime::runtimeConfig() {
  return askRuntime<v1::RuntimeConfigResponse>("RuntimeConfig", v1::RuntimeConfigRequest());
}

Task<Result<void>> GrpcRuntime::updateRuntimeConfig(std::string podCidr) {
  v1::UpdateRuntimeConfigRequest request;
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(std::move(podCidr));
  auto call = askRuntime<v1::UpdateRuntimeConfigResponse>("UpdateRuntimeConfig", request);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<std::string>> GrpcRuntime::runPodSandbox(v1::PodSandboxConfig config, std::string runtimeHandler) {
  v1::RunPodSandboxRequest request;
  std::string pod = podName(config);
  *request.mutable_config() = std::move(config);
  request.set_runtime_handler(std::move(runtimeHandler));
  auto call = ask<v1::RunPodSandboxResponse>(channel_, methodPath("RunPodSandbox"), request,
                                             2 * options_.runtimeRequestTimeout, std::move(pod), options_.called);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_pod_sandbox_id());
}

Task<Result<void>> GrpcRuntime::stopPodSandbox(std::string id) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  auto call = askRuntime<v1::StopPodSandboxResponse>("StopPodSandbox", request, std::move(id));
  auto reply = co_await std::move(call);
  co_return doneOrGone(reply);
}

Task<Result<void>> GrpcRuntime::removePodSandbox(std::string id) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  auto call = askRuntime<v1::RemovePodSandboxResponse>("RemovePodSandbox", request, std::move(id));
  auto reply = co_await std::move(call);
  co_return doneOrGone(reply);
}

Task<Result<v1::PodSandboxStatusResponse>> GrpcRuntime::podSandboxStatus(std::string id) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  return askRuntime<v1::PodSandboxStatusResponse>("PodSandboxStatus", request, std::move(id));
}

Task<Result<std::vector<v1::PodSandbox>>> GrpcRuntime::listPodSandbox(v1::PodSandboxFilter filter) {
  v1::ListPodSandboxRequest request;
  *request.mutable_filter() = std::move(filter);
  auto call = askRuntime<v1::ListPodSandboxResponse>("ListPodSandbox", request);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return toVector(reply->mutable_items());
}

Task<Result<std::string>> GrpcRuntime::createContainer(std::string sandboxId, v1::ContainerConfig config,
                                                       v1::PodSandboxConfig sandboxConfig) {
  v1::CreateContainerRequest request;
  std::string container = config.metadata().name() + " of " + podName(sandboxConfig);
  request.set_pod_sandbox_id(std::move(sandboxId));
  *request.mutable_config() = std::move(config);
  *request.mutable_sandbox_config() = std::move(sandboxConfig);
  auto call = askRuntime<v1::CreateContainerResponse>("CreateContainer", request, std::move(container));
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_container_id());
}

Task<Result<void>> GrpcRuntime::startContainer(std::string id) {
  v1::StartContainerRequest request;
  request.set_container_id(id);
  auto call = askRuntime<v1::StartContainerResponse>("StartContainer", request, std::move(id));
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<void>> GrpcRuntime::stopContainer(std::string id, Duration grace) {
  v1::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(wholeSeconds(grace));
  auto call = ask<v1::StopContainerResponse>(channel_, methodPath("StopContainer"), request,
                                             options_.runtimeRequestTimeout + grace, std::move(id), options_.called);
  auto reply = co_await std::move(call);
  co_return doneOrGone(reply);
}

Task<Result<void>> GrpcRuntime::removeContainer(std::string id) {
  v1::RemoveContainerRequest request;
  request.set_container_id(id);
  auto call = askRuntime<v1::RemoveContainerResponse>("RemoveContainer", request, std::move(id));
  auto reply = co_await std::move(call);
  co_return doneOrGone(reply);
}

Task<Result<v1::ContainerStatusResponse>> GrpcRuntime::containerStatus(std::string id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  return askRuntime<v1::ContainerStatusResponse>("ContainerStatus", request, std::move(id));
}

Task<Result<std::vector<v1::Container>>> GrpcRuntime::listContainers(v1::ContainerFilter filter) {
  v1::ListContainersRequest request;
  *request.mutable_filter() = std::move(filter);
  auto call = askRuntime<v1::ListContainersResponse>("ListContainers", request);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return toVector(reply->mutable_containers());
}

Task<Result<void>> GrpcRuntime::updatePodSandboxResources(std::string id, v1::LinuxContainerResources resources,
                                                          v1::LinuxContainerResources overhead) {
  v1::UpdatePodSandboxResourcesRequest request;
  request.set_pod_sandbox_id(id);
  *request.mutable_resources() = std::move(resources);
  *request.mutable_overhead() = std::move(overhead);
  auto call = askRuntime<v1::UpdatePodSandboxResourcesResponse>("UpdatePodSandboxResources", request, std::move(id));
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<void>> GrpcRuntime::updateContainerResources(std::string id, v1::LinuxContainerResources resources) {
  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(id);
  *request.mutable_linux() = std::move(resources);
  auto call = askRuntime<v1::UpdateContainerResourcesResponse>("UpdateContainerResources", request, std::move(id));
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<void>> GrpcRuntime::reopenContainerLog(std::string id) {
  v1::ReopenContainerLogRequest request;
  request.set_container_id(id);
  auto call = askRuntime<v1::ReopenContainerLogResponse>("ReopenContainerLog", request, std::move(id));
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<v1::ExecSyncResponse>> GrpcRuntime::execSync(std::string id, std::vector<std::string> command,
                                                         Duration timeout) {
  v1::ExecSyncRequest request;
  request.set_container_id(id);
  for (std::string& word : command) request.add_cmd(std::move(word));
  request.set_timeout(wholeSeconds(timeout));
  Duration deadline(0);
  if (timeout > Duration(0)) deadline = options_.runtimeRequestTimeout + timeout;
  return ask<v1::ExecSyncResponse>(channel_, methodPath("ExecSync"), request, deadline, std::move(id), options_.called);
}

Task<Result<void>> GrpcRuntime::checkpointContainer(std::string id, std::string location, Duration timeout) {
  v1::CheckpointContainerRequest request;
  request.set_container_id(id);
  request.set_location(std::move(location));
  request.set_timeout(wholeSeconds(timeout));
  auto call = ask<v1::CheckpointContainerResponse>(channel_, methodPath("CheckpointContainer"), request,
                                                   std::max(options_.runtimeRequestTimeout, timeout), std::move(id),
                                                   options_.called);
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

Task<Result<std::string>> GrpcRuntime::exec(v1::ExecRequest request) {
  auto call = askRuntime<v1::ExecResponse>("Exec", request, request.container_id());
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_url());
}

Task<Result<std::string>> GrpcRuntime::attach(v1::AttachRequest request) {
  auto call = askRuntime<v1::AttachResponse>("Attach", request, request.container_id());
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_url());
}

Task<Result<std::string>> GrpcRuntime::portForward(v1::PortForwardRequest request) {
  auto call = askRuntime<v1::PortForwardResponse>("PortForward", request, request.pod_sandbox_id());
  auto reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return std::move(*reply->mutable_url());
}

Task<Result<v1::ListContainerStatsResponse>> GrpcRuntime::listContainerStats(v1::ContainerStatsFilter filter) {
  v1::ListContainerStatsRequest request;
  *request.mutable_filter() = std::move(filter);
  return askRuntime<v1::ListContainerStatsResponse>("ListContainerStats", request);
}

Task<Result<v1::ListPodSandboxStatsResponse>> GrpcRuntime::listPodSandboxStats(v1::PodSandboxStatsFilter filter) {
  v1::ListPodSandboxStatsRequest request;
  *request.mutable_filter() = std::move(filter);
  return askRuntime<v1::ListPodSandboxStatsResponse>("ListPodSandboxStats", request);
}

// containerd's own stream first: it confirms the subscription, its exits carry code and time, and it takes any number
// of subscribers. CRI's has none of that, and containerd 1.6 refuses it only after it has seemed to work.
Task<Result<std::unique_ptr<EventStream>>> GrpcRuntime::openEvents() {
  auto opened = co_await openContainerdEvents(channel_, options_);
  if (opened || opened.error().code != Code::kUnimplemented) co_return std::move(opened);
  if (!*hasCriEvents_) co_return std::move(opened);
  co_return co_await openCriEvents(channel_, options_, hasCriEvents_);
}

}  // namespace cubelet::cri
