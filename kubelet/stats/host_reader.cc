#include "kubelet/stats/host_reader.h"

#include <algorithm>
#include <sstream>
#include <sys/statvfs.h>
#include <thread>
#include <utility>

#include "base/files.h"
#include "kubelet/cgroups/cgroup_files.h"

namespace cubelet::stats {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1024} * 1024;

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::uint64_t number(std::string_view text) {
  return cgroups::numberIn(text).value_or(0);
}

std::size_t countLines(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

HostReader::HostReader(std::unique_ptr<cgroups::Tree> tree, std::function<WallTime()> now, std::string proc)
    : tree_(std::move(tree)), now_(std::move(now)), proc_(std::move(proc)) {}

std::string HostReader::procFile(const std::string& name) const {
  return readFile(joinPath(proc_, name), kMaxFile).value_or("");
}

Summary HostReader::read(const Question& question) {
  if (!files_)
    if (Result<cgroups::CgroupFiles> found = cgroups::CgroupFiles::find(*tree_); found)
      files_.emplace(std::move(*found));
  Summary summary;
  readNode(question, summary.node);
  summary.pods.reserve(question.pods.size());
  for (const PodToRead& pod : question.pods) readPod(pod, summary.pods.emplace_back());
  return summary;
}

std::optional<Sample> HostReader::sampleOf(const std::string& cgroup) {
  if (!files_) return std::nullopt;
  Sample sample;
  sample.at = now_();
  sample.usage = cgroups::readUsage(*files_, cgroup);
  if (!sample.usage.cpu && !sample.usage.memory) return std::nullopt;
  return sample;
}

void HostReader::readNode(const Question& question, NodeFigures& node) {
  node.name = question.nodeName;
  node.devices = deviceNames(procFile("partitions"));
  node.cpus = std::thread::hardware_concurrency();
  node.bootTime = WallTime(std::chrono::seconds(cgroups::fieldOf(procFile("stat"), "btime").value_or(0)));
  const std::string memory = procFile("meminfo");
  node.memoryCapacity = memInfo(memory, "MemTotal");
  node.swapCapacity = memInfo(memory, "SwapTotal");
  node.sample = sampleOf("").value_or(Sample{.at = now_()});
  cgroups::Usage& usage = node.sample.usage;
  if (files_ && files_->isV2()) {
    usage.memory = machineMemory(memory, files_->read("memory", "", "memory.stat").value_or(""));
    if (usage.cpu) usage.cpu->pressure = cgroups::parsePressure(procFile("pressure/cpu"));
    usage.memory->pressure = cgroups::parsePressure(procFile("pressure/memory"));
    usage.io = cgroups::parsePressure(procFile("pressure/io"));
  }
  usage.swap = cgroups::SwapUsage{node.swapCapacity - std::min(node.swapCapacity, memInfo(memory, "SwapFree")),
                                  node.swapCapacity};
  if (usage.memory) usage.memory->limit = node.memoryCapacity;

  if (files_) addSystem("kubelet", ownCgroup(procFile("self/cgroup"), files_->isV2()), node);
  addSystem("runtime", question.runtimeCgroup, node);
  addSystem("pods", question.podsCgroup, node);

  Network network{.at = now_(),
                  .defaultName = defaultInterface(procFile("net/route")),
                  .interfaces = parseNetDev(procFile("net/dev"))};
  if (!network.interfaces.empty()) node.network = std::move(network);
  node.fs = fileSystemOf(question.rootDir, now_());

  const std::uint64_t pids = number(procFile("sys/kernel/pid_max"));
  const std::uint64_t threads = number(procFile("sys/kernel/threads-max"));
  // "0.20 0.18 0.12 1/80 11206": running and all.
  const std::string load = procFile("loadavg");
  const std::size_t slash = load.find('/');
  if (slash != std::string::npos)
    node.processes = ProcessLimit{now_(), threads > 0 ? std::min(pids, threads) : pids, number(load.substr(slash + 1))};
}

void HostReader::addSystem(const std::string& name, const std::string& cgroup, NodeFigures& node) {
  if (cgroup.empty()) return;
  std::optional<Sample> sample = sampleOf(cgroup);
  if (!sample) return;
  node.systemCgroups.push_back({.name = name, .cgroup = cgroup, .startTime = node.bootTime, .sample = *sample});
}

void HostReader::readPod(const PodToRead& asked, PodFigures& pod) {
  pod.ns = asked.ns;
  pod.name = asked.name;
  pod.uid = asked.uid;
  pod.startTime = asked.startTime;
  pod.sandboxId = asked.sandboxId;
  if (asked.ownCgroup && !asked.cgroup.empty()) {
    pod.cgroup = asked.cgroup;
    pod.sample = sampleOf(asked.cgroup);
  }
  std::vector<std::string> below;
  if (files_ && !asked.cgroup.empty())
    below = files_->children("memory", asked.cgroup).value_or(std::vector<std::string>());
  auto pathOf = [&](const std::string& id) {
    const std::string name = cgroupOfContainer(below, id);
    return name.empty() ? "" : asked.cgroup + "/" + name;
  };
  auto countProcesses = [&](const std::string& cgroup) {
    if (cgroup.empty()) return;
    Result<std::string> processes = files_->read("memory", cgroup, "cgroup.procs");
    if (processes) pod.processes = pod.processes.value_or(0) + countLines(*processes);
  };
  pod.sandboxCgroup = pathOf(asked.sandboxId);
  if (!pod.sandboxCgroup.empty()) pod.sandboxSample = sampleOf(pod.sandboxCgroup);
  countProcesses(pod.sandboxCgroup);
  std::string anyCgroup = pod.sandboxCgroup;
  for (const ContainerToRead& container : asked.containers) {
    ContainerFigures& one = pod.containers.emplace_back();
    one.name = container.name;
    one.id = container.id;
    one.image = container.image;
    one.startedAt = container.startedAt;
    one.cgroup = pathOf(container.id);
    if (one.cgroup.empty()) continue;
    one.sample = sampleOf(one.cgroup);
    countProcesses(one.cgroup);
    if (anyCgroup.empty()) anyCgroup = one.cgroup;
  }
  if (!asked.hostNetwork && !anyCgroup.empty()) pod.network = networkOf(anyCgroup);
}

std::optional<Network> HostReader::networkOf(const std::string& cgroup) {
  const std::string processes = files_->read("memory", cgroup, "cgroup.procs").value_or("");
  const std::uint64_t pid = number(processes);
  if (pid == 0) return std::nullopt;  // none, or one of another PID namespace
  const std::string directory = std::to_string(pid) + "/net/";
  Network network{.at = now_(),
                  .defaultName = defaultInterface(procFile(directory + "route")),
                  .interfaces = parseNetDev(procFile(directory + "dev"))};
  if (network.interfaces.empty()) return std::nullopt;
  return network;
}

std::vector<Interface> parseNetDev(std::string_view netDev) {
  std::vector<Interface> out;
  std::istringstream lines{std::string(netDev)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;  // the two lines of headings
    const std::vector<std::string> name = words(line.substr(0, colon));
    const std::vector<std::string> fields = words(line.substr(colon + 1));
    if (name.size() != 1 || name[0] == "lo" || fields.size() < 12) continue;
    out.push_back({.name = name[0],
                   .rxBytes = number(fields[0]),
                   .rxPackets = number(fields[1]),
                   .rxErrors = number(fields[2]),
                   .rxDropped = number(fields[3]),
                   .txBytes = number(fields[8]),
                   .txPackets = number(fields[9]),
                   .txErrors = number(fields[10]),
                   .txDropped = number(fields[11])});
  }
  return out;
}

std::string defaultInterface(std::string_view route) {
  std::istringstream lines{std::string(route)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = words(line);
    // Interface, destination, gateway, ..., mask in the eighth.
    if (fields.size() >= 8 && fields[1] == "00000000" && fields[7] == "00000000") return fields[0];
  }
  return "";
}

std::uint64_t memInfo(std::string_view memInfo, std::string_view key) {
  std::istringstream lines{std::string(memInfo)};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':')
      return number(std::string_view(line).substr(key.size() + 1)) * 1024;
  return 0;
}

std::map<std::string, std::string> deviceNames(std::string_view partitions) {
  std::map<std::string, std::string> out;
  std::istringstream lines{std::string(partitions)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = words(line);  // major, minor, blocks, name
    if (fields.size() == 4 && fields[0] != "major") out[fields[0] + ":" + fields[1]] = fields[3];
  }
  return out;
}

std::string ownCgroup(std::string_view procCgroup, bool v2) {
  std::istringstream lines{std::string(procCgroup)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool wanted = v2 ? controllers == ",," : controllers.find(",memory,") != std::string::npos;
    if (!wanted) continue;
    const std::string path = line.substr(second + 1);
    return path == "/" ? "" : path;
  }
  return "";
}

// A monitor that a runtime keeps beside the container has a name of its own: "crio-conmon-<id>.scope".
std::string cgroupOfContainer(const std::vector<std::string>& directories, std::string_view id) {
  if (id.empty()) return "";
  for (const std::string& directory : directories) {
    std::string_view name = directory;
    if (name.ends_with(".scope")) name.remove_suffix(6);
    if (!name.ends_with(id)) continue;
    const std::string_view runtime = name.substr(0, name.size() - id.size());
    if (runtime.empty() || (runtime.ends_with('-') && !runtime.ends_with("conmon-"))) return directory;
  }
  return "";
}

cgroups::MemoryUsage machineMemory(std::string_view memInfoText, std::string_view rootMemoryStat) {
  const std::uint64_t total = memInfo(memInfoText, "MemTotal");
  const std::uint64_t used = total - std::min(total, memInfo(memInfoText, "MemFree"));
  return cgroups::memoryUsage(std::to_string(used), "", rootMemoryStat, true);
}

std::optional<FsUsage> fileSystemOf(const std::string& path, WallTime at) {
  struct statvfs status = {};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  FsUsage fs;
  fs.at = at;
  const std::uint64_t block = status.f_frsize;
  fs.capacity = status.f_blocks * block;
  fs.available = status.f_bavail * block;
  fs.used = (status.f_blocks - status.f_bfree) * block;
  // Some file systems (btrfs) have no fixed number of inodes and say 0.
  if (status.f_files > 0) {
    fs.inodes = status.f_files;
    fs.inodesFree = status.f_ffree;
    fs.inodesUsed = status.f_files - status.f_ffree;
  }
  return fs;
}

}  // namespace cubelet::stats
