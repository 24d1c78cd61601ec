#include "csi/volumes/requests.h"

namespace cubelet::csi {
namespace {

constexpr char kTokens[] = "csi.storage.k8s.io/serviceAccount.tokens";

void fill(google::protobuf::Map<std::string, std::string>* out, const StringMap& from) {
  for (const auto& [key, value] : from) (*out)[key] = value;
}

}  // namespace

v1::VolumeCapability::AccessMode::Mode accessModeOf(const VolumeSpec& spec, const NodeCapabilities& can) {
  using Mode = v1::VolumeCapability::AccessMode;
  if (!spec.ephemeral && spec.accessMode == "ReadOnlyMany") return Mode::MULTI_NODE_READER_ONLY;
  if (!spec.ephemeral && spec.accessMode == "ReadWriteMany") return Mode::MULTI_NODE_MULTI_WRITER;
  if (!can.singleNodeMultiWriter) return Mode::SINGLE_NODE_WRITER;
  if (!spec.ephemeral && spec.accessMode == "ReadWriteOncePod") return Mode::SINGLE_NODE_SINGLE_WRITER;
  return Mode::SINGLE_NODE_MULTI_WRITER;
}

v1::VolumeCapability capabilityOf(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can) {
  v1::VolumeCapability capability;
  capability.mutable_access_mode()->set_mode(accessModeOf(spec, can));
  if (spec.block) {
    capability.mutable_block();
    return capability;
  }
  auto* mount = capability.mutable_mount();
  mount->set_fs_type(spec.fsType);
  for (const std::string& option : spec.mountOptions) mount->add_mount_flags(option);
  if (can.volumeMountGroup && use.fsGroup) mount->set_volume_mount_group(*use.fsGroup);
  return capability;
}

v1::NodeStageVolumeRequest stageRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                        const std::string& stagingPath) {
  v1::NodeStageVolumeRequest request;
  request.set_volume_id(spec.handle);
  request.set_staging_target_path(stagingPath);
  *request.mutable_volume_capability() = capabilityOf(spec, use, can);
  fill(request.mutable_publish_context(), spec.publishContext);
  fill(request.mutable_secrets(), spec.stageSecrets);
  fill(request.mutable_volume_context(), spec.attributes);
  return request;
}

v1::NodePublishVolumeRequest publishRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                            const std::string& stagingPath, const std::string& target) {
  v1::NodePublishVolumeRequest request;
  request.set_volume_id(spec.handle);
  request.set_target_path(target);
  if (!spec.ephemeral && (can.stageUnstage || spec.block)) request.set_staging_target_path(stagingPath);
  *request.mutable_volume_capability() = capabilityOf(spec, use, can);
  request.set_readonly(use.readOnly);
  fill(request.mutable_publish_context(), spec.publishContext);
  fill(request.mutable_secrets(), use.publishSecrets);
  auto& context = *request.mutable_volume_context();
  fill(&context, spec.attributes);
  if (use.podInfoOnMount) {
    context["csi.storage.k8s.io/pod.name"] = use.name;
    context["csi.storage.k8s.io/pod.namespace"] = use.ns;
    context["csi.storage.k8s.io/pod.uid"] = use.uid;
    context["csi.storage.k8s.io/serviceAccount.name"] = use.serviceAccount;
    context["csi.storage.k8s.io/ephemeral"] = spec.ephemeral ? "true" : "false";
  }
  if (!use.tokens.empty() && !spec.block) {
    if (use.tokensInSecrets)
      (*request.mutable_secrets())[kTokens] = use.tokens;
    else
      context[kTokens] = use.tokens;
  }
  return request;
}

v1::NodeExpandVolumeRequest expandRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                          const std::string& stagingPath, const std::string& volumePath,
                                          std::int64_t bytes) {
  v1::NodeExpandVolumeRequest request;
  request.set_volume_id(spec.handle);
  request.set_volume_path(volumePath);
  if (can.stageUnstage) request.set_staging_target_path(stagingPath);
  request.mutable_capacity_range()->set_required_bytes(bytes);
  *request.mutable_volume_capability() = capabilityOf(spec, use, can);
  fill(request.mutable_secrets(), spec.expandSecrets);
  return request;
}

}  // namespace cubelet::csi
