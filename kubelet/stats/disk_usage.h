// What volumes and logs take on disk.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "base/project_quota.h"
#include "base/result.h"
#include "kubelet/stats/figures.h"
#include "kubelet/stats/question.h"

namespace cubelet::stats {

struct PodDisk {
  std::map<std::string, FsUsage> logs;  // by container
  std::vector<VolumeFigures> volumes;
};

// Of one pod, but for volumes that drivers are asked for. Walks every directory that is a part of its file system and
// that this does not count by itself, at the lowest priority that a thread can have; a file with several names counts
// once. What cannot be read is left out.
// `stop` ends it: kCancelled. Any thread; blocks for as long as that takes, seconds for a million files.
Result<PodDisk> measurePod(const PodToRead& pod, WallTime at, const std::atomic<bool>& stop,
                           ProjectCalls& calls = kernelProjects());

// Adds what was measured. A container's logs and its ephemeral storage lie on the file system of `node.fs`. Pure.
void addDiskUsage(const std::map<std::string, PodDisk>& byUid, Summary& summary);

}  // namespace cubelet::stats
