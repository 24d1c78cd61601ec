#include "integration/csi-hostpath/services.h"

namespace cubelet::hostpath {

using grpc::Status;

std::string topologyKey(const Options& options) {
  return "topology." + options.name + "/node";
}

Status IdentityService::GetPluginInfo(ServerContext*, const v1::GetPluginInfoRequest*,
                                      v1::GetPluginInfoResponse* response) {
  response->set_name(options_.name);
  response->set_vendor_version("1.0.0");
  return faults_.at("GetPluginInfo", "before");
}

Status IdentityService::GetPluginCapabilities(ServerContext*, const v1::GetPluginCapabilitiesRequest*,
                                              v1::GetPluginCapabilitiesResponse* response) {
  using Service = v1::PluginCapability::Service;
  response->add_capabilities()->mutable_service()->set_type(Service::CONTROLLER_SERVICE);
  response->add_capabilities()->mutable_service()->set_type(Service::VOLUME_ACCESSIBILITY_CONSTRAINTS);
  response->add_capabilities()->mutable_volume_expansion()->set_type(v1::PluginCapability::VolumeExpansion::ONLINE);
  return Status::OK;
}

Status IdentityService::Probe(ServerContext*, const v1::ProbeRequest*, v1::ProbeResponse* response) {
  response->mutable_ready()->set_value(true);
  return faults_.at("Probe", "before");
}

Status RegistrationService::GetInfo(ServerContext*, const pluginregistration::InfoRequest*,
                                    pluginregistration::PluginInfo* info) {
  info->set_type("CSIPlugin");
  info->set_name(options_.name);
  info->set_endpoint(options_.endpoint);
  info->add_supported_versions("1.0.0");
  return Status::OK;
}

Status RegistrationService::NotifyRegistrationStatus(ServerContext*,
                                                     const pluginregistration::RegistrationStatus* status,
                                                     pluginregistration::RegistrationStatusResponse*) {
  told_(status->plugin_registered(), status->error());
  return Status::OK;
}

}  // namespace cubelet::hostpath
