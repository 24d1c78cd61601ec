// downwardAPI: what a pod may know of itself, as files (CMS-9). Needs no API server.
#pragma once

#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {

class DownwardApiVolume final : public FilesVolume {
 public:
  DownwardApiVolume() : FilesVolume("kubernetes.io/downward-api", Backing::kMemory) {}
  bool handles(const core::VolumeSource& source) const override { return source.has_downwardapi(); }
  Task<Result<VolumeFiles>> files(VolumeRequest request, Sources sources) const override;
};

using DownwardItems = google::protobuf::RepeatedPtrField<core::DownwardAPIVolumeFile>;

// kInvalid: a path or reference that means nothing; several problems are told at once.
Result<Files> downwardFiles(const core::Pod& pod, const DownwardItems& items, mode_t defaultMode,
                            const Sources& sources);

}  // namespace cubelet::volumes
