// hostPath: a path of the node as it is (EMP-5).
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class HostPath final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override { return source.has_hostpath(); }
  bool handles(const core::PersistentVolumeSource& source) const override { return source.has_hostpath(); }
  // Checks the type and creates what the ...OrCreate types ask for. Nothing is ever cleaned up, chowned or relabelled.
  Result<std::string> setUp(const VolumeRequest& request) const override;
};

}  // namespace cubelet::volumes
