// csi: volumes that a CSI driver mounts, inline or behind a claim. Their life is that of csi::Volumes.
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class CsiVolume final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override { return source.has_csi(); }
  bool handles(const core::PersistentVolumeSource& source) const override { return source.has_csi(); }
  // What the driver will be asked for: looks the CSIDriver and Secrets up, and asks the driver what it can do where
  // that matters.
  Task<Result<VolumeRequest>> prepare(VolumeRequest request, Sources sources) const override;
  // Where the driver will mount it; makes nothing, since what is there tells csi::Volumes what has been begun.
  Result<std::string> setUp(const VolumeRequest& request) const override;
  // Waits for the attachment, then has the driver mount it, and grow it if its claim says so.
  Task<Result<void>> mount(VolumeRequest request, std::string path, Sources sources) const override;
  // Of drivers that want to be asked again.
  std::optional<Duration> renewEvery(const VolumeRequest& request) const override;
  Task<Result<void>> renew(VolumeRequest request, Sources sources) const override;
  bool mayGrow(const VolumeRequest& request) const override;
  bool hasGrown(const VolumeRequest& request, const Sources& sources) const override;
  Task<Result<void>> grow(VolumeRequest request, Sources sources) const override;
  Relabel relabels(const VolumeRequest& request) const override;
  bool takesFsGroup(const VolumeRequest& request) const override;
};

}  // namespace cubelet::volumes
