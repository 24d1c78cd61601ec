#include "csi/client/grpc_node.h"

#include <string>

#include "base/rpc/call.h"
#include "csi/client/redaction.h"

namespace cubelet::csi {
namespace {

// A driver may send its node and its statistics, never megabytes.
template <class Reply>
Task<Result<Reply>> ask(rpc::ChannelPtr channel, std::string method, std::string request, Duration timeout,
                        std::string volume, Secrets secrets) {
  rpc::CallOptions options;
  options.deadline = timeout;
  options.statusAsReason = true;
  options.subject = std::move(volume);
  Reply reply;
  Result<void> done =
      co_await rpc::callInto(std::move(channel), "/csi.v1." + method, std::move(request), &reply, std::move(options));
  if (done) co_return std::move(reply);
  // The driver has done something, and nobody knows what: as if there had been no answer.
  if (done.error().reason == rpc::kUnreadableReply) done.error().code = Code::kUnavailable;
  done.error().message = withoutSecrets(std::move(done.error().message), secrets);
  co_return fail(std::move(done.error()));
}

template <class Reply>
Task<Result<void>> askForNothing(rpc::ChannelPtr channel, std::string method, std::string request, Duration timeout,
                                 std::string volume, Secrets secrets) {
  auto call = ask<Reply>(std::move(channel), std::move(method), std::move(request), timeout, std::move(volume),
                         std::move(secrets));
  Result<Reply> reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return Result<void>();
}

}  // namespace

Task<Result<v1::GetPluginInfoResponse>> GrpcNode::pluginInfo() {
  return ask<v1::GetPluginInfoResponse>(channel_, "Identity/GetPluginInfo", "", options_.callTimeout, "", Secrets());
}

Task<Result<bool>> GrpcNode::probe() {
  auto call = ask<v1::ProbeResponse>(channel_, "Identity/Probe", "", options_.callTimeout, "", Secrets());
  Result<v1::ProbeResponse> reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return !reply->has_ready() || reply->ready().value();
}

Task<Result<v1::NodeGetInfoResponse>> GrpcNode::nodeInfo() {
  return ask<v1::NodeGetInfoResponse>(channel_, "Node/NodeGetInfo", "", options_.callTimeout, "", Secrets());
}

Task<Result<NodeCapabilities>> GrpcNode::capabilities() {
  auto call = ask<v1::NodeGetCapabilitiesResponse>(channel_, "Node/NodeGetCapabilities", "", options_.callTimeout, "",
                                                   Secrets());
  Result<v1::NodeGetCapabilitiesResponse> reply = co_await std::move(call);
  if (!reply) co_return fail(std::move(reply.error()));
  co_return readCapabilities(*reply);
}

Task<Result<void>> GrpcNode::stage(v1::NodeStageVolumeRequest request) {
  return askForNothing<v1::NodeStageVolumeResponse>(channel_, "Node/NodeStageVolume", rpc::serialize(request),
                                                    options_.callTimeout, request.volume_id(), request.secrets());
}

Task<Result<void>> GrpcNode::unstage(v1::NodeUnstageVolumeRequest request) {
  return askForNothing<v1::NodeUnstageVolumeResponse>(channel_, "Node/NodeUnstageVolume", rpc::serialize(request),
                                                      options_.callTimeout, request.volume_id(), Secrets());
}

Task<Result<void>> GrpcNode::publish(v1::NodePublishVolumeRequest request) {
  return askForNothing<v1::NodePublishVolumeResponse>(channel_, "Node/NodePublishVolume", rpc::serialize(request),
                                                      options_.callTimeout, request.volume_id(), request.secrets());
}

Task<Result<void>> GrpcNode::unpublish(v1::NodeUnpublishVolumeRequest request) {
  return askForNothing<v1::NodeUnpublishVolumeResponse>(channel_, "Node/NodeUnpublishVolume", rpc::serialize(request),
                                                        options_.callTimeout, request.volume_id(), Secrets());
}

Task<Result<v1::NodeGetVolumeStatsResponse>> GrpcNode::volumeStats(v1::NodeGetVolumeStatsRequest request) {
  return ask<v1::NodeGetVolumeStatsResponse>(channel_, "Node/NodeGetVolumeStats", rpc::serialize(request),
                                             options_.callTimeout, request.volume_id(), Secrets());
}

Task<Result<v1::NodeExpandVolumeResponse>> GrpcNode::expand(v1::NodeExpandVolumeRequest request) {
  return ask<v1::NodeExpandVolumeResponse>(channel_, "Node/NodeExpandVolume", rpc::serialize(request),
                                           options_.callTimeout, request.volume_id(), request.secrets());
}

}  // namespace cubelet::csi
