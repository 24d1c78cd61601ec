// local: a directory or block device of this node, as a volume of the cluster.
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class LocalVolume final : public VolumeType {
 public:
  bool handles(const core::VolumeSource&) const override { return false; }  // only behind a claim
  bool handles(const core::PersistentVolumeSource& source) const override { return source.has_local(); }
  // Binds the directory into the pod's own, read-only for a claim that is. In mode Block the device itself is answered.
  Result<std::string> setUp(const VolumeRequest& request) const override;
  // The file system of a block device, made if there is none (block_device.h).
  Task<Result<void>> mount(VolumeRequest request, std::string path, Sources sources) const override;
  bool takesFsGroup(const VolumeRequest& request) const override;
  Relabel relabels(const VolumeRequest& request) const override;
};

}  // namespace cubelet::volumes
