// nfs: a directory of another machine, mounted by mount.nfs.
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class Nfs final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override { return source.has_nfs(); }
  bool handles(const core::PersistentVolumeSource& source) const override { return source.has_nfs(); }
  // The directory to mount at.
  Result<std::string> setUp(const VolumeRequest& request) const override;
  // Nothing when it is mounted already.
  Task<Result<void>> mount(VolumeRequest request, std::string path, Sources sources) const override;
};

// mount.nfs with its arguments. An IPv6 address gets its brackets, mountOptions of a persistent volume come first.
// Pure.
std::vector<std::string> nfsCommand(const VolumeRequest& request, const std::string& path);

}  // namespace cubelet::volumes
