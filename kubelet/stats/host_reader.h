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
#include "kubelet/cgroups/usage_files.h"
#include "kubelet/stats/figures.h"
#include "kubelet/stats/question.h"

namespace cubelet::stats {

// Which of the pods: those whose UID falls to it. The first share has the node, too.
struct Share {
  std::size_t index = 0;
  std::size_t of = 1;
};
bool isIn(const Share& share, std::string_view uid);

// Reads cgroups (v1 and v2) and /proc. A pod or container whose files are not there has no sample: it has ended
// meanwhile, or its runtime keeps it elsewhere. Files of cgroups stay open for the next time, which makes that one
// several times as fast; those of pods that are no longer asked for are closed. Blocks as long as the kernel needs to
// add its counters up. Any thread, one call at a time.
class HostReader {
 public:
  // So many files stay open at most; pods beyond are read more slowly.
  static constexpr std::size_t kMostOpen = 3500;

  // `now` may be called from any thread; `proc` is where /proc is mounted.
  HostReader(std::unique_ptr<cgroups::Tree> tree, std::function<WallTime()> now, std::string proc = "/proc",
             std::size_t mostOpen = kMostOpen);

  // Of the pods of that share, in the order of the question.
  Summary read(const Question& question, Detail detail, Share share = {});

 private:
  // What earlier readings have found out of a pod.
  struct KnownPod {
    std::uint64_t round = 0;  // of the last reading
    std::optional<cgroups::UsageFiles> own = {};
    std::map<std::string, cgroups::UsageFiles> containers = {};  // by id; the sandbox is one of them
    std::string defaultInterface = {};
  };
  // What one reading of a pod is about.
  struct Reading {
    const PodToRead& asked;
    KnownPod& known;
    cgroups::Depth depth;
    cgroups::Keep keep;
    std::optional<std::vector<std::string>> directories = {};  // in the pod's cgroup, once somebody has looked
  };

  void readNode(const Question& question, Detail detail, NodeFigures& node);
  void readRestOfNode(const Question& question, NodeFigures& node);
  void readPod(const PodToRead& asked, Detail detail, PodFigures& pod);
  // Of the container or sandbox of that id; nullptr when its cgroup was not found.
  cgroups::UsageFiles* filesOf(Reading& reading, const std::string& id);
  void forgetEnded(Reading& reading);
  std::optional<Sample> sampleOf(cgroups::UsageFiles& cgroup, cgroups::Depth depth, cgroups::Keep keep);
  std::optional<Sample> sampleOfSystem(const std::string& cgroup, Detail detail);
  void addSystem(const std::string& name, const std::string& cgroup, Detail detail, NodeFigures& node);
  std::optional<Network> networkOf(std::uint64_t pid, KnownPod& known);
  std::string procFile(const std::string& name) const;

  std::unique_ptr<cgroups::Tree> tree_;
  std::optional<cgroups::UsageReader> reader_;  // nothing: no usable cgroups
  std::function<WallTime()> now_;
  std::string proc_;
  const std::size_t mostOpen_;
  std::map<std::string, cgroups::UsageFiles> systems_;  // by cgroup
  std::map<std::string, KnownPod> known_;               // by UID
  std::uint64_t round_ = 0;
  std::size_t open_ = 0;  // files that the pods of this round may keep open
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
