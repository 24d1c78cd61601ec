#include "csi/fake/fake_server.h"

#include <functional>
#include <utility>

#include "base/park.h"
#include "base/wake.h"

namespace cubelet::csi {
namespace {

template <class Request, class Reply>
void serve(rpc::TestServer& server, NodeService& driver, const std::string& method,
           Task<Result<Reply>> (*handler)(NodeService*, Request)) {
  std::function<Task<Result<Reply>>(Request)> onCall = [handler, target = &driver](Request request) {
    return handler(target, std::move(request));
  };
  server.onCall<Request, Reply>("/csi.v1." + method, std::move(onCall));
}

template <class Reply>
Task<Result<Reply>> emptyReply(Task<Result<void>> work) {
  Result<void> done = co_await std::move(work);
  if (!done) co_return fail(std::move(done.error()));
  co_return Reply();
}

Task<Result<v1::GetPluginInfoResponse>> pluginInfo(NodeService* driver, v1::GetPluginInfoRequest) {
  return driver->pluginInfo();
}
Task<Result<v1::ProbeResponse>> probe(NodeService* driver, v1::ProbeRequest) {
  Result<bool> ready = co_await driver->probe();
  if (!ready) co_return fail(std::move(ready.error()));
  v1::ProbeResponse response;
  response.mutable_ready()->set_value(*ready);
  co_return std::move(response);
}
Task<Result<v1::NodeGetInfoResponse>> nodeInfo(NodeService* driver, v1::NodeGetInfoRequest) {
  return driver->nodeInfo();
}
Task<Result<v1::NodeGetCapabilitiesResponse>> capabilities(NodeService* driver, v1::NodeGetCapabilitiesRequest) {
  using Rpc = v1::NodeServiceCapability::RPC;
  Result<NodeCapabilities> can = co_await driver->capabilities();
  if (!can) co_return fail(std::move(can.error()));
  v1::NodeGetCapabilitiesResponse response;
  auto add = [&](bool has, Rpc::Type type) {
    if (has) response.add_capabilities()->mutable_rpc()->set_type(type);
  };
  add(can->stageUnstage, Rpc::STAGE_UNSTAGE_VOLUME);
  add(can->volumeStats, Rpc::GET_VOLUME_STATS);
  add(can->expand, Rpc::EXPAND_VOLUME);
  add(can->volumeCondition, Rpc::VOLUME_CONDITION);
  add(can->singleNodeMultiWriter, Rpc::SINGLE_NODE_MULTI_WRITER);
  add(can->volumeMountGroup, Rpc::VOLUME_MOUNT_GROUP);
  co_return std::move(response);
}
Task<Result<v1::NodeStageVolumeResponse>> stage(NodeService* driver, v1::NodeStageVolumeRequest request) {
  return emptyReply<v1::NodeStageVolumeResponse>(driver->stage(std::move(request)));
}
Task<Result<v1::NodeUnstageVolumeResponse>> unstage(NodeService* driver, v1::NodeUnstageVolumeRequest request) {
  return emptyReply<v1::NodeUnstageVolumeResponse>(driver->unstage(std::move(request)));
}
Task<Result<v1::NodePublishVolumeResponse>> publish(NodeService* driver, v1::NodePublishVolumeRequest request) {
  return emptyReply<v1::NodePublishVolumeResponse>(driver->publish(std::move(request)));
}
Task<Result<v1::NodeUnpublishVolumeResponse>> unpublish(NodeService* driver, v1::NodeUnpublishVolumeRequest request) {
  return emptyReply<v1::NodeUnpublishVolumeResponse>(driver->unpublish(std::move(request)));
}
Task<Result<v1::NodeGetVolumeStatsResponse>> volumeStats(NodeService* driver, v1::NodeGetVolumeStatsRequest request) {
  return driver->volumeStats(std::move(request));
}
Task<Result<v1::NodeExpandVolumeResponse>> expand(NodeService* driver, v1::NodeExpandVolumeRequest request) {
  return driver->expand(std::move(request));
}

using pluginregistration::InfoRequest;
using pluginregistration::PluginInfo;
using pluginregistration::RegistrationStatus;
using pluginregistration::RegistrationStatusResponse;

Task<Result<PluginInfo>> getInfo(FakeRegistration* registration) {
  ++registration->asked;
  Park never;
  while (registration->hangs) {
    co_await never.wait();
    co_await throwIfCancelled();
  }
  if (registration->refuse) co_return fail(*registration->refuse);
  co_return registration->info;
}

Task<Result<RegistrationStatusResponse>> notify(FakeRegistration* registration, RegistrationStatus status) {
  registration->told.push_back(std::move(status));
  co_return RegistrationStatusResponse();
}

}  // namespace

void serveNode(rpc::TestServer& server, NodeService& driver) {
  serve(server, driver, "Identity/GetPluginInfo", &pluginInfo);
  serve(server, driver, "Identity/Probe", &probe);
  serve(server, driver, "Node/NodeGetInfo", &nodeInfo);
  serve(server, driver, "Node/NodeGetCapabilities", &capabilities);
  serve(server, driver, "Node/NodeStageVolume", &stage);
  serve(server, driver, "Node/NodeUnstageVolume", &unstage);
  serve(server, driver, "Node/NodePublishVolume", &publish);
  serve(server, driver, "Node/NodeUnpublishVolume", &unpublish);
  serve(server, driver, "Node/NodeGetVolumeStats", &volumeStats);
  serve(server, driver, "Node/NodeExpandVolume", &expand);
}

void serveRegistration(rpc::TestServer& server, FakeRegistration& registration) {
  std::function<Task<Result<PluginInfo>>(InfoRequest)> info = [&registration](InfoRequest) {
    return getInfo(&registration);
  };
  server.onCall<InfoRequest, PluginInfo>("/pluginregistration.Registration/GetInfo", std::move(info));
  std::function<Task<Result<RegistrationStatusResponse>>(RegistrationStatus)> told =
      [&registration](RegistrationStatus status) { return notify(&registration, std::move(status)); };
  server.onCall<RegistrationStatus, RegistrationStatusResponse>(
      "/pluginregistration.Registration/NotifyRegistrationStatus", std::move(told));
}

}  // namespace cubelet::csi
