// persistentVolumeClaim and ephemeral: a volume of the cluster, found through its claim (CSI-3, CSI-11).
#pragma once

#include <span>

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

// Finds the volume behind the claim; the type that knows its source does the rest.
class ClaimVolume final : public VolumeType {
 public:
  // `types` are asked which of them handles the volume's source; they outlive this object.
  explicit ClaimVolume(std::span<const VolumeType* const> types) : types_(types) {}

  bool handles(const core::VolumeSource& source) const override {
    return source.has_persistentvolumeclaim() || source.has_ephemeral();
  }
  // The volume must be one that this pod may use on this node. Reason kNotProcessed when claim or volume stand against
  // it: `error processing PVC ns/name: ...`; kNotFound when one of them is missing.
  Task<Result<VolumeRequest>> prepare(VolumeRequest request, Sources sources) const override;
  Result<std::string> setUp(const VolumeRequest& request) const override;
  Task<Result<void>> mount(VolumeRequest request, std::string path, Sources sources) const override;
  bool takesFsGroup(const VolumeRequest& request) const override;

 private:
  // Null for a source that no type handles.
  const VolumeType* typeOf(const core::PersistentVolume& volume) const;

  std::span<const VolumeType* const> types_;
};

}  // namespace cubelet::volumes
