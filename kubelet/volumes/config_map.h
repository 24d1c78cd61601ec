// configMap: the keys of a ConfigMap as files (CMS-4 to CMS-6).
#pragma once

#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {

class ConfigMapVolume final : public FilesVolume {
 public:
  ConfigMapVolume() : FilesVolume("kubernetes.io/configmap", Backing::kDisk) {}
  bool handles(const core::VolumeSource& source) const override { return source.has_configmap(); }
  Task<Result<VolumeFiles>> files(VolumeRequest request, Sources sources) const override;
};

}  // namespace cubelet::volumes
