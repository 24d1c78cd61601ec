// emptyDir: a directory that lives as long as the pod (EMP-1 to EMP-3).
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class EmptyDir final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override { return source.has_emptydir(); }
  // Mode 0777 whatever the umask; with fsGroup that group and setgid. Medium Memory is a tmpfs, HugePages a hugetlbfs.
  // Where the request wants it and the file system can, a directory is a project of its own, so that nobody has to walk
  // through it to know what is in it. Removed with the pod's directory.
  Result<std::string> setUp(const VolumeRequest& request) const override;
  Relabel relabels(const VolumeRequest&) const override { return Relabel::kAlways; }
};

// The directory of `request.volume` as emptyDir makes it, below another plugin's name: other types keep their files in
// one. Nothing is touched that is right already.
Result<std::string> makeVolumeDirectory(const VolumeRequest& request, const std::string& plugin,
                                        const core::EmptyDirVolumeSource& source);

// The size= of a memory-backed volume in bytes: the smallest of what all pods may use together, the pod's memory limit
// and sizeLimit; 0 when none is known, which leaves the kernel's default of half the memory.
std::int64_t memoryVolumeSize(const core::Pod& pod, const core::EmptyDirVolumeSource& source, std::int64_t nodeMemory);

}  // namespace cubelet::volumes
