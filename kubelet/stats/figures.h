// What a node and its pods use, as data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/cgroups/usage.h"

namespace cubelet::stats {

using cgroups::Count;

// A cgroup at one moment.
struct Sample {
  WallTime at = {};
  cgroups::Usage usage = {};
  Count nanoCores = {};  // CPU at the moment; nothing while only one sample is known
};

// Bytes and inodes of a file system, and of what lies there.
struct FsUsage {
  WallTime at = {};
  Count available = {};
  Count capacity = {};
  Count used = {};
  Count inodesFree = {};
  Count inodes = {};
  Count inodesUsed = {};
};

// As /proc/<pid>/net/dev counts.
struct Interface {
  std::string name = {};
  std::uint64_t rxBytes = 0;
  std::uint64_t rxPackets = 0;
  std::uint64_t rxErrors = 0;
  std::uint64_t rxDropped = 0;
  std::uint64_t txBytes = 0;
  std::uint64_t txPackets = 0;
  std::uint64_t txErrors = 0;
  std::uint64_t txDropped = 0;
};

struct Network {
  WallTime at = {};
  std::string defaultName = {};  // of the interface that the default route leads through; "" when there is none
  std::vector<Interface> interfaces = {};
};

struct ContainerFigures {
  std::string name = {};
  std::string id = {};
  std::string image = {};
  std::string cgroup = {};  // path below the mount point; "" when it was not found
  WallTime startedAt = {};
  std::optional<Sample> sample = {};
  std::optional<FsUsage> rootfs = {};
  std::optional<FsUsage> logs = {};
};

struct VolumeFigures {
  std::string name = {};
  std::string claim = {};  // name of its claim, in the pod's namespace; "" for others
  FsUsage fs = {};
  bool ephemeral = false;             // counts as the pod's ephemeral storage
  std::optional<bool> abnormal = {};  // its health, where the driver tells it and somebody wants to know
};

struct PodFigures {
  std::string ns = {};
  std::string name = {};
  std::string uid = {};
  WallTime startTime = {};
  std::string cgroup = {};         // "" when it has none of its own
  std::string sandboxId = {};      // the newest one
  std::string sandboxCgroup = {};  // "" when it was not found
  std::optional<Sample> sample = {};
  std::optional<Sample> sandboxSample = {};
  std::optional<Network> network = {};  // nothing for pods in the host's network
  Count processes = {};
  std::vector<ContainerFigures> containers = {};  // that run
  std::vector<VolumeFigures> volumes = {};
  std::optional<FsUsage> ephemeralStorage = {};
};

struct SystemCgroup {
  std::string name = {};  // "kubelet", "pods", "runtime"
  std::string cgroup = {};
  WallTime startTime = {};
  Sample sample = {};
};

struct ProcessLimit {
  WallTime at = {};
  std::uint64_t most = 0;  // that the kernel has numbers and structures for
  std::uint64_t current = 0;
};

struct NodeFigures {
  std::string name = {};
  WallTime bootTime = {};
  std::uint64_t cpus = 0;
  std::map<std::string, std::string> devices = {};  // "8:0" -> "sda"
  std::uint64_t memoryCapacity = 0;
  std::uint64_t swapCapacity = 0;
  Sample sample = {};
  std::vector<SystemCgroup> systemCgroups = {};
  std::optional<Network> network = {};
  std::optional<FsUsage> fs = {};  // that --root-dir lies on
  std::optional<FsUsage> imageFs = {};
  std::optional<FsUsage> containerFs = {};
  std::optional<ProcessLimit> processes = {};
};

struct Summary {
  NodeFigures node = {};
  std::vector<PodFigures> pods = {};  // sorted by namespace and name
};

}  // namespace cubelet::stats
