// secret: the keys of a Secret as files, in memory only (CMS-1, CMS-4 to CMS-6).
#pragma once

#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {

class SecretVolume final : public FilesVolume {
 public:
  SecretVolume() : FilesVolume("kubernetes.io/secret", Backing::kMemory) {}
  bool handles(const core::VolumeSource& source) const override { return source.has_secret(); }
  Task<Result<VolumeFiles>> files(VolumeRequest request, Sources sources) const override;
};

}  // namespace cubelet::volumes
