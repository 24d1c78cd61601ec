// persistentVolumeClaim and ephemeral: a volume of the cluster, found through its claim (CSI-3, CSI-11).
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

// Finds the volume behind the claim; the type that handles the volume's own source does the rest.
class ClaimVolume final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override {
    return source.has_persistentvolumeclaim() || source.has_ephemeral();
  }
  // The volume must be one that this pod may use on this node. Reason kNotProcessed when claim or volume stand against
  // it: `error processing PVC ns/name: ...`; kNotFound when one of them is missing.
  Task<Result<VolumeRequest>> prepare(VolumeRequest request, Sources sources) const override;
  // Never comes to it: a claim alone is no volume.
  Result<std::string> setUp(const VolumeRequest& request) const override;
};

}  // namespace cubelet::volumes
