// What is to be measured, as the agent knows its node at that moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace cubelet::stats {

// How much is measured; each holds what those before it do.
enum class Detail {
  kUsage,     // CPU, memory and swap of the node, its pods and their containers
  kSummary,   // and pressure, network, processes, the node's own file system
  kCounters,  // and sandboxes, devices and all else that the kernel counts
};

struct ContainerToRead {
  std::string name = {};
  std::string id = {};
  std::string image = {};
  WallTime startedAt = {};
  std::string logDirectory = {};  // all its logs, rotated ones too
};

enum class VolumeMeasure {
  kWalk,        // the sum of its files: a directory among others on its file system
  kProject,     // what its file system has counted for it; where it does not, as kWalk
  kFileSystem,  // a file system of its own
  kDriver,      // its CSI driver is asked
};

struct VolumeToRead {
  std::string name = {};
  std::string claim = {};  // "" for others
  std::string path = {};
  VolumeMeasure measure = VolumeMeasure::kWalk;
  std::string driver = {};  // of kDriver: its name,
  std::string handle = {};  // and what it calls the volume
  bool ephemeral = false;   // counts as the pod's ephemeral storage
};

struct PodToRead {
  std::string ns = {};
  std::string name = {};
  std::string uid = {};
  WallTime startTime = {};
  bool hostNetwork = false;
  std::string cgroup = {};  // that its containers' cgroups lie in; "" when the runtime has chosen
  bool ownCgroup = true;    // and nothing else lies there
  std::string sandboxId = {};
  std::vector<ContainerToRead> containers = {};  // that run
  std::vector<VolumeToRead> volumes = {};
};

struct Question {
  std::string nodeName = {};
  std::string rootDir = {};
  std::string podsCgroup = {};     // of all pods; "" when there is none
  std::string runtimeCgroup = {};  // "": nobody knows
  std::vector<PodToRead> pods = {};
};

}  // namespace cubelet::stats
