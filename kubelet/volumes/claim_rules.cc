#include "kubelet/volumes/claim_rules.h"

#include <algorithm>
#include <charconv>

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {
namespace {

std::unexpected<Error> refused(std::string why) {
  return fail(Code::kInvalid, kNotProcessed, std::move(why));
}

bool isControlledBy(const k8s::meta::v1::ObjectMeta& meta, const core::Pod& pod) {
  return std::ranges::any_of(meta.ownerreferences(), [&](const k8s::meta::v1::OwnerReference& owner) {
    return owner.controller() && owner.uid() == pod.metadata().uid();
  });
}

template <class Uses>
bool uses(const core::Pod& pod, const std::string& volume, const Uses& of) {
  const auto does = [&](const auto& container) {
    return std::ranges::any_of(of(container), [&](const auto& use) { return use.name() == volume; });
  };
  return std::ranges::any_of(pod.spec().containers(), does) || std::ranges::any_of(pod.spec().initcontainers(), does) ||
         std::ranges::any_of(pod.spec().ephemeralcontainers(), [&](const core::EphemeralContainer& container) {
           return does(container.ephemeralcontainercommon());
         });
}

}  // namespace

Result<void> checkClaim(const core::Pod& pod, const core::Volume& volume, const core::PersistentVolumeClaim& claim) {
  const k8s::meta::v1::ObjectMeta& meta = claim.metadata();
  if (volume.volumesource().has_ephemeral() && !isControlledBy(meta, pod))
    return refused("PVC " + meta.namespace_() + "/" + meta.name() + " was not created for pod " +
                   pod.metadata().namespace_() + "/" + pod.metadata().name() + " (pod is not owner)");
  if (meta.has_deletiontimestamp()) return refused("PVC is being deleted");
  if (claim.status().phase() != "Bound") return refused("PVC is not bound");
  if (claim.spec().volumename().empty()) return refused("PVC has empty pvc.Spec.VolumeName");
  return {};
}

Result<void> checkBinding(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume) {
  const std::string found = "found PV object " + volume.metadata().name();
  if (!volume.spec().has_claimref())
    return refused(found + " but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim");
  if (volume.spec().claimref().uid() != claim.metadata().uid())
    return refused(found + " but its pv.Spec.ClaimRef.UID " + volume.spec().claimref().uid() +
                   " does not point to claim.UID " + claim.metadata().uid());
  return {};
}

Result<void> checkMode(const core::Pod& pod, const std::string& volumeName, const core::PersistentVolume& volume) {
  const bool mounted = uses(pod, volumeName, [](const auto& container) { return container.volumemounts(); });
  const bool mapped = uses(pod, volumeName, [](const auto& container) { return container.volumedevices(); });
  if (mounted && isBlock(volume))
    return refused("volume " + volumeName + " has volumeMode Block, but is specified in volumeMounts");
  if (mapped && !isBlock(volume))
    return refused("volume " + volumeName + " has volumeMode Filesystem, but is specified in volumeDevices");
  return {};
}

std::optional<std::int64_t> groupOf(const core::PersistentVolume& volume) {
  const auto found = volume.metadata().annotations().find("pv.beta.kubernetes.io/gid");
  if (found == volume.metadata().annotations().end()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t group = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), group);
  if (error != std::errc() || end != text.data() + text.size() || group < 0) return std::nullopt;
  return group;
}

bool isBlock(const core::PersistentVolume& volume) {
  return volume.spec().volumemode() == "Block";
}

bool isReadOnly(const core::VolumeSource& source) {
  return source.persistentvolumeclaim().readonly() || source.nfs().readonly();
}

}  // namespace cubelet::volumes
