// HostReader: what the kernel counts of the node, its pods and their containers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kubelet/cgroups/tree.h"
#include "kubelet/stats/figures.h"
#include "kubelet/stats/question.h"

namespace cubelet::stats {

// Reads cgroups (v1 and v2) and /proc. A pod or container whose files are not there has no sample: it has ended
// meanwhile, or its runtime keeps it elsewhere. Blocks as long as the kernel needs to add its counters up, about a
// tenth of a millisecond for each cgroup. Any thread, one call at a time.
class HostReader {
 public:
  // `now` may be called from any thread; `proc` is where /proc is mounted.
  HostReader(std::unique_ptr<cgroups::Tree> tree, std::function<WallTime()> now, std::string proc = "/proc");

  // CPU, memory, tasks and processes, devices, network, and the node's own file system.
  Summary read(const Question& question);

 private:
  void readNode(const Question& question, NodeFigures& node);
  void readPod(const PodToRead& asked, PodFigures& pod);
  std::optional<Sample> sampleOf(const std::string& cgroup);
  void addSystem(const std::string& name, const std::string& cgroup, NodeFigures& node);
  // Of the first process in that cgroup.
  std::optional<Network> networkOf(const std::string& cgroup);
  std::string procFile(const std::string& name) const;

  std::unique_ptr<cgroups::Tree> tree_;
  std::optional<cgroups::CgroupFiles> files_;  // nothing: no usable cgroups
  std::function<WallTime()> now_;
  std::string proc_;
};

// The parts, pure. Texts are those of files in /proc.
// Interfaces but for the loopback, in the file's order.
std::vector<Interface> parseNetDev(std::string_view netDev);
// The interface of the default route in /proc/net/route; "" when there is none.
std::string defaultInterface(std::string_view route);
// Of a kind like "MemTotal", in bytes; 0 when it is not there.
std::uint64_t memInfo(std::string_view memInfo, std::string_view key);
// Names of block devices in /proc/partitions, by "major:minor".
std::map<std::string, std::string> deviceNames(std::string_view partitions);
// Which cgroup a process is in, by /proc/<pid>/cgroup: of v2, or of v1's memory controller; "" for the root.
std::string ownCgroup(std::string_view procCgroup, bool v2);
// The cgroup among `directories` that holds the container: named by its id, by "<id>.scope" or "<runtime>-<id>.scope".
std::string cgroupOfContainer(const std::vector<std::string>& directories, std::string_view id);
// Memory of the whole machine, for the root of v2 has no such files.
cgroups::MemoryUsage machineMemory(std::string_view memInfoText, std::string_view rootMemoryStat);

// Of the file system that `path` lies on; nothing when it cannot be asked.
std::optional<FsUsage> fileSystemOf(const std::string& path, WallTime at);

}  // namespace cubelet::stats
