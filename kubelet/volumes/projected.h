// projected: several sources in one volume, in memory only (CMS-10 to CMS-12).
#pragma once

#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {

// Sources secret, configMap, downwardAPI, serviceAccountToken and clusterTrustBundle; others are refused. Of two files
// with one path the later source's stays.
class ProjectedVolume final : public FilesVolume {
 public:
  ProjectedVolume() : FilesVolume("kubernetes.io/projected", Backing::kMemory) {}
  bool handles(const core::VolumeSource& source) const override { return source.has_projected(); }
  // Tells all problems of all sources at once.
  Task<Result<VolumeFiles>> files(VolumeRequest request, Sources sources) const override;
};

// A token is for one user's eyes as soon as it is known which user that is (CMS-11). Upstream does the same with trust
// anchors.
File tokenFile(const core::Pod& pod, std::string text, mode_t defaultMode);

}  // namespace cubelet::volumes
