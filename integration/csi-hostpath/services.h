// The services of the driver.
#pragma once

#include <functional>
#include <string>

#include "integration/csi-hostpath/faults.h"
#include "integration/csi-hostpath/options.h"
#include "integration/csi-hostpath/rules.h"
#include "integration/csi-hostpath/volumes.h"
#include "proto/csi/csi.grpc.pb.h"
#include "proto/pluginregistration/registration.grpc.pb.h"

namespace cubelet::hostpath {

using grpc::ServerContext;

// The topology segment of the node.
std::string topologyKey(const Options& options);

class IdentityService final : public v1::Identity::Service {
 public:
  IdentityService(const Options& options, Faults& faults) : options_(options), faults_(faults) {}
  grpc::Status GetPluginInfo(ServerContext*, const v1::GetPluginInfoRequest*, v1::GetPluginInfoResponse*) override;
  grpc::Status GetPluginCapabilities(ServerContext*, const v1::GetPluginCapabilitiesRequest*,
                                     v1::GetPluginCapabilitiesResponse*) override;
  grpc::Status Probe(ServerContext*, const v1::ProbeRequest*, v1::ProbeResponse*) override;

 private:
  const Options& options_;
  Faults& faults_;
};

class ControllerService final : public v1::Controller::Service {
 public:
  ControllerService(const Options& options, Faults& faults, Volumes& volumes)
      : options_(options), faults_(faults), volumes_(volumes) {}
  grpc::Status CreateVolume(ServerContext*, const v1::CreateVolumeRequest*, v1::CreateVolumeResponse*) override;
  grpc::Status DeleteVolume(ServerContext*, const v1::DeleteVolumeRequest*, v1::DeleteVolumeResponse*) override;
  grpc::Status ControllerPublishVolume(ServerContext*, const v1::ControllerPublishVolumeRequest*,
                                       v1::ControllerPublishVolumeResponse*) override;
  grpc::Status ControllerUnpublishVolume(ServerContext*, const v1::ControllerUnpublishVolumeRequest*,
                                         v1::ControllerUnpublishVolumeResponse*) override;
  grpc::Status ValidateVolumeCapabilities(ServerContext*, const v1::ValidateVolumeCapabilitiesRequest*,
                                          v1::ValidateVolumeCapabilitiesResponse*) override;
  grpc::Status ListVolumes(ServerContext*, const v1::ListVolumesRequest*, v1::ListVolumesResponse*) override;
  grpc::Status GetCapacity(ServerContext*, const v1::GetCapacityRequest*, v1::GetCapacityResponse*) override;
  grpc::Status ControllerGetCapabilities(ServerContext*, const v1::ControllerGetCapabilitiesRequest*,
                                         v1::ControllerGetCapabilitiesResponse*) override;
  grpc::Status ControllerExpandVolume(ServerContext*, const v1::ControllerExpandVolumeRequest*,
                                      v1::ControllerExpandVolumeResponse*) override;

 private:
  void describe(const State& volume, v1::Volume* out) const;
  std::int64_t capacityLeft() const;

  const Options& options_;
  Faults& faults_;
  Volumes& volumes_;
};

class NodeService final : public v1::Node::Service {
 public:
  NodeService(const Options& options, Faults& faults, Volumes& volumes)
      : options_(options), faults_(faults), volumes_(volumes) {}
  grpc::Status NodeStageVolume(ServerContext*, const v1::NodeStageVolumeRequest*,
                               v1::NodeStageVolumeResponse*) override;
  grpc::Status NodeUnstageVolume(ServerContext*, const v1::NodeUnstageVolumeRequest*,
                                 v1::NodeUnstageVolumeResponse*) override;
  grpc::Status NodePublishVolume(ServerContext*, const v1::NodePublishVolumeRequest*,
                                 v1::NodePublishVolumeResponse*) override;
  grpc::Status NodeUnpublishVolume(ServerContext*, const v1::NodeUnpublishVolumeRequest*,
                                   v1::NodeUnpublishVolumeResponse*) override;
  grpc::Status NodeGetVolumeStats(ServerContext*, const v1::NodeGetVolumeStatsRequest*,
                                  v1::NodeGetVolumeStatsResponse*) override;
  grpc::Status NodeExpandVolume(ServerContext*, const v1::NodeExpandVolumeRequest*,
                                v1::NodeExpandVolumeResponse*) override;
  grpc::Status NodeGetCapabilities(ServerContext*, const v1::NodeGetCapabilitiesRequest*,
                                   v1::NodeGetCapabilitiesResponse*) override;
  grpc::Status NodeGetInfo(ServerContext*, const v1::NodeGetInfoRequest*, v1::NodeGetInfoResponse*) override;

 private:
  grpc::Status stage(const v1::NodeStageVolumeRequest& request);
  grpc::Status unstage(const v1::NodeUnstageVolumeRequest& request);
  grpc::Status publish(const v1::NodePublishVolumeRequest& request);
  grpc::Status unpublish(const v1::NodeUnpublishVolumeRequest& request);
  grpc::Status ensureEphemeral(const v1::NodePublishVolumeRequest& request);
  grpc::Status mountAt(const State& volume, const v1::VolumeCapability& capability, bool readOnly,
                       const std::string& target);

  const Options& options_;
  Faults& faults_;
  Volumes& volumes_;
};

// Announces the driver to a kubelet, as the usual sidecar does.
class RegistrationService final : public pluginregistration::Registration::Service {
 public:
  // `told` gets the kubelet's verdict, from any thread.
  RegistrationService(const Options& options, std::function<void(bool registered, std::string error)> told)
      : options_(options), told_(std::move(told)) {}
  grpc::Status GetInfo(ServerContext*, const pluginregistration::InfoRequest*,
                       pluginregistration::PluginInfo*) override;
  grpc::Status NotifyRegistrationStatus(ServerContext*, const pluginregistration::RegistrationStatus*,
                                        pluginregistration::RegistrationStatusResponse*) override;

 private:
  const Options& options_;
  std::function<void(bool, std::string)> told_;
};

}  // namespace cubelet::hostpath
