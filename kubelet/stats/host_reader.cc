#include "kubelet/stats/host_reader.h"

#include <algorithm>
#include <string_view>
#include <sys/statvfs.h>
#include <thread>
#include <utility>

#include "base/files.h"

namespace cubelet::stats {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1024} * 1024;

// Takes the first line off the front of `text`.
std::string_view takeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string_view> words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> out;
  for (std::size_t begin = text.find_first_not_of(kBlanks); begin != std::string_view::npos;
       begin = text.find_first_not_of(kBlanks)) {
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::uint64_t number(std::string_view text) {
  return cgroups::numberIn(text).value_or(0);
}

cgroups::Depth depthOf(Detail detail) {
  switch (detail) {
    case Detail::kUsage:
      return cgroups::Depth::kUsage;
    case Detail::kSummary:
      return cgroups::Depth::kPressure;
    case Detail::kCounters:
      return cgroups::Depth::kCounters;
  }
  std::unreachable();
}

}  // namespace

bool isIn(const Share& share, std::string_view uid) {
  return share.of <= 1 || std::hash<std::string_view>()(uid) % share.of == share.index;
}

HostReader::HostReader(std::unique_ptr<cgroups::Tree> tree, std::function<WallTime()> now, std::string proc,
                       std::size_t mostOpen)
    : tree_(std::move(tree)), now_(std::move(now)), proc_(std::move(proc)), mostOpen_(mostOpen) {}

std::string HostReader::procFile(const std::string& name) const {
  return readFile(joinPath(proc_, name), kMaxFile).value_or("");
}

Summary HostReader::read(const Question& question, Detail detail, Share share) {
  if (!reader_)
    if (Result<cgroups::CgroupFiles> found = cgroups::CgroupFiles::find(*tree_); found)
      reader_.emplace(std::move(*found));
  ++round_;
  open_ = 0;
  Summary summary;
  if (share.index == 0) readNode(question, detail, summary.node);
  summary.pods.reserve(question.pods.size() / share.of + 1);
  for (const PodToRead& pod : question.pods)
    if (isIn(share, pod.uid)) readPod(pod, detail, summary.pods.emplace_back());
  std::erase_if(known_, [&](const auto& entry) { return entry.second.round != round_; });
  return summary;
}

std::optional<Sample> HostReader::sampleOf(cgroups::UsageFiles& cgroup, cgroups::Depth depth, cgroups::Keep keep) {
  Sample sample;
  sample.at = now_();
  sample.usage = reader_->read(cgroup, depth, keep);
  if (!sample.usage.cpu && !sample.usage.memory) return std::nullopt;
  return sample;
}

std::optional<Sample> HostReader::sampleOfSystem(const std::string& cgroup, Detail detail) {
  if (!reader_) return std::nullopt;
  cgroups::UsageFiles& files = systems_.try_emplace(cgroup, cgroup).first->second;
  return sampleOf(files, depthOf(detail), cgroups::Keep::kOpen);
}

void HostReader::readNode(const Question& question, Detail detail, NodeFigures& node) {
  node.name = question.nodeName;
  node.cpus = std::thread::hardware_concurrency();
  const std::string memory = procFile("meminfo");
  node.memoryCapacity = memInfo(memory, "MemTotal");
  node.swapCapacity = memInfo(memory, "SwapTotal");
  node.sample = sampleOfSystem("", detail).value_or(Sample{.at = now_()});
  cgroups::Usage& usage = node.sample.usage;
  if (reader_ && reader_->files().isV2()) {
    usage.memory = machineMemory(memory, reader_->files().read("memory", "", "memory.stat").value_or(""));
    if (detail >= Detail::kSummary) {
      if (usage.cpu) usage.cpu->pressure = cgroups::parsePressure(procFile("pressure/cpu"));
      usage.memory->pressure = cgroups::parsePressure(procFile("pressure/memory"));
      usage.io = cgroups::parsePressure(procFile("pressure/io"));
    }
  }
  usage.swap = cgroups::SwapUsage{node.swapCapacity - std::min(node.swapCapacity, memInfo(memory, "SwapFree")),
                                  node.swapCapacity};
  if (usage.memory) usage.memory->limit = node.memoryCapacity;
  if (detail >= Detail::kSummary) readRestOfNode(question, node);
  if (detail >= Detail::kCounters) node.devices = deviceNames(procFile("partitions"));
  if (reader_) addSystem("kubelet", ownCgroup(procFile("self/cgroup"), reader_->files().isV2()), detail, node);
  addSystem("runtime", question.runtimeCgroup, detail, node);
  addSystem("pods", question.podsCgroup, detail, node);
}

void HostReader::readRestOfNode(const Question& question, NodeFigures& node) {
  node.bootTime = WallTime(std::chrono::seconds(cgroups::fieldOf(procFile("stat"), "btime").value_or(0)));
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

void HostReader::addSystem(const std::string& name, const std::string& cgroup, Detail detail, NodeFigures& node) {
  if (cgroup.empty()) return;
  std::optional<Sample> sample = sampleOfSystem(cgroup, detail);
  if (!sample) return;
  node.systemCgroups.push_back({.name = name, .cgroup = cgroup, .startTime = node.bootTime, .sample = *sample});
}

void HostReader::readPod(const PodToRead& asked, Detail detail, PodFigures& pod) {
  pod.ns = asked.ns;
  pod.name = asked.name;
  pod.uid = asked.uid;
  pod.startTime = asked.startTime;
  pod.sandboxId = asked.sandboxId;
  pod.containers.reserve(asked.containers.size());
  for (const ContainerToRead& container : asked.containers)
    pod.containers.push_back(
        {.name = container.name, .id = container.id, .image = container.image, .startedAt = container.startedAt});
  const bool own = asked.ownCgroup && !asked.cgroup.empty();
  if (own) pod.cgroup = asked.cgroup;
  if (!reader_ || asked.cgroup.empty()) return;

  KnownPod& known = known_[asked.uid];
  known.round = round_;
  open_ += (asked.containers.size() + 2) * cgroups::kUsageFiles;
  const cgroups::Keep keep = open_ <= mostOpen_ ? cgroups::Keep::kOpen : cgroups::Keep::kClosed;
  Reading reading{.asked = asked, .known = known, .depth = depthOf(detail), .keep = keep};
  if (own) {
    if (!known.own) known.own.emplace(asked.cgroup);
    pod.sample = sampleOf(*known.own, reading.depth, keep);
  }
  std::uint64_t pid = 0;  // of any of its processes
  const auto addProcesses = [&](cgroups::UsageFiles& files) {
    const std::optional<cgroups::Processes> processes = reader_->processes(files, keep);
    if (!processes) return;
    pod.processes = pod.processes.value_or(0) + processes->count;
    if (pid == 0) pid = processes->first;
  };
  if (detail >= Detail::kSummary)
    if (cgroups::UsageFiles* files = filesOf(reading, asked.sandboxId)) {
      pod.sandboxCgroup = files->path();
      if (detail >= Detail::kCounters) pod.sandboxSample = sampleOf(*files, reading.depth, keep);
      addProcesses(*files);
    }
  for (ContainerFigures& container : pod.containers) {
    cgroups::UsageFiles* files = filesOf(reading, container.id);
    if (files == nullptr) continue;
    container.cgroup = files->path();
    container.sample = sampleOf(*files, reading.depth, keep);
    if (detail >= Detail::kSummary) addProcesses(*files);
    // Looked for anew the next time.
    if (!container.sample) known.containers.erase(container.id);
  }
  forgetEnded(reading);
  if (pid != 0 && !asked.hostNetwork) pod.network = networkOf(pid, known);
}

cgroups::UsageFiles* HostReader::filesOf(Reading& reading, const std::string& id) {
  auto found = reading.known.containers.find(id);
  if (found != reading.known.containers.end()) return &found->second;
  if (!reading.directories)
    reading.directories =
        reader_->files().children("memory", reading.asked.cgroup).value_or(std::vector<std::string>());
  const std::string name = cgroupOfContainer(*reading.directories, id);
  if (name.empty()) return nullptr;
  return &reading.known.containers.try_emplace(id, reading.asked.cgroup + "/" + name).first->second;
}

void HostReader::forgetEnded(Reading& reading) {
  std::erase_if(reading.known.containers, [&](const auto& entry) {
    return entry.first != reading.asked.sandboxId &&
           std::ranges::find(reading.asked.containers, entry.first, &ContainerToRead::id) ==
               reading.asked.containers.end();
  });
}

std::optional<Network> HostReader::networkOf(std::uint64_t pid, KnownPod& known) {
  const std::string directory = std::to_string(pid) + "/net/";
  Network network{.at = now_(), .interfaces = parseNetDev(procFile(directory + "dev"))};
  if (network.interfaces.empty()) return std::nullopt;
  // A pod keeps its default route while it has the interface.
  if (std::ranges::find(network.interfaces, known.defaultInterface, &Interface::name) == network.interfaces.end())
    known.defaultInterface = defaultInterface(procFile(directory + "route"));
  network.defaultName = known.defaultInterface;
  return network;
}

std::vector<Interface> parseNetDev(std::string_view netDev) {
  std::vector<Interface> out;
  while (!netDev.empty()) {
    const std::string_view line = takeLine(netDev);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // the two lines of headings
    const std::vector<std::string_view> name = words(line.substr(0, colon));
    const std::vector<std::string_view> fields = words(line.substr(colon + 1));
    if (name.size() != 1 || name[0] == "lo" || fields.size() < 12) continue;
    out.push_back({.name = std::string(name[0]),
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
  while (!route.empty()) {
    const std::vector<std::string_view> fields = words(takeLine(route));
    // Interface, destination, gateway, ..., mask in the eighth.
    if (fields.size() >= 8 && fields[1] == "00000000" && fields[7] == "00000000") return std::string(fields[0]);
  }
  return "";
}

std::uint64_t memInfo(std::string_view memInfo, std::string_view key) {
  while (!memInfo.empty()) {
    const std::string_view line = takeLine(memInfo);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':')
      return number(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

std::map<std::string, std::string> deviceNames(std::string_view partitions) {
  std::map<std::string, std::string> out;
  while (!partitions.empty()) {
    const std::vector<std::string_view> fields = words(takeLine(partitions));  // major, minor, blocks, name
    if (fields.size() == 4 && fields[0] != "major")
      out[std::string(fields[0]) + ":" + std::string(fields[1])] = fields[3];
  }
  return out;
}

std::string ownCgroup(std::string_view procCgroup, bool v2) {
  while (!procCgroup.empty()) {
    const std::string_view line = takeLine(procCgroup);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const bool wanted = v2 ? controllers == ",," : controllers.find(",memory,") != std::string::npos;
    if (!wanted) continue;
    const std::string_view path = line.substr(second + 1);
    return path == "/" ? "" : std::string(path);
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
