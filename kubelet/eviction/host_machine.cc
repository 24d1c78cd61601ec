#include "kubelet/eviction/host_machine.h"

#include <array>
#include <utility>

#include "base/log.h"

namespace cubelet::eviction {
namespace {

constexpr Duration kStatTime = std::chrono::seconds(30);
// A walk that takes longer says nothing about now any more.
constexpr Duration kWalkTime = std::chrono::minutes(2);
constexpr char kUidLabel[] = "io.kubernetes.pod.uid";
constexpr char kContainerLabel[] = "io.kubernetes.container.name";

struct Spaces {
  FsSpace node;
  FsSpace images;
  FsSpace containers;
};

Result<Spaces> readSpaces(const std::string& node, const std::string& images, const std::string& containers) {
  Spaces spaces;
  for (const auto& [path, into] : {std::pair(&node, &spaces.node), std::pair(&images, &spaces.images),
                                   std::pair(&containers, &spaces.containers)}) {
    Result<FsSpace> space = fsSpace(*path);
    if (!space) return fail(space.error());
    *into = *space;
  }
  return spaces;
}

void addSpace(Readings& readings, const FsSpace& space, Signal bytes, Signal inodes) {
  readings[bytes] = space.bytes;
  if (space.inodes.capacity > 0) readings[inodes] = space.inodes;
}

// Stops the walk whose caller no longer waits for it.
struct StopOnExit {
  std::shared_ptr<std::atomic<bool>> stop = std::make_shared<std::atomic<bool>>(false);
  ~StopOnExit() { *stop = true; }
};

}  // namespace

HostMachine::HostMachine(Services services, layout::Directories dirs, bool projectQuotas, NodeFiles files)
    : services_(services), dirs_(std::move(dirs)), projectQuotas_(projectQuotas), files_(std::move(files)) {}

Task<Result<HostMachine::FileSystems>> HostMachine::fileSystems() {
  if (fileSystems_) co_return *fileSystems_;
  Result<cri::v1::ImageFsInfoResponse> info = co_await services_.images.imageFsInfo();
  if (!info) co_return fail(info.error().within("find the file system of the images"));
  if (info->image_filesystems_size() == 0)
    co_return fail(Code::kInternal, "", "the container runtime names no file system of its images");
  FileSystems found;
  found.images = info->image_filesystems(0).fs_id().mountpoint();
  found.containers = info->container_filesystems_size() > 0 ? info->container_filesystems(0).fs_id().mountpoint() : "";
  if (found.containers.empty()) found.containers = found.images;
  fileSystems_ = found;
  co_return found;
}

Task<Result<NodeReadings>> HostMachine::node() {
  Result<FileSystems> where = co_await fileSystems();
  if (!where) co_return fail(where.error());
  std::function<Result<Spaces>()> read = [node = dirs_.root, where = *where] {
    return readSpaces(node, where.images, where.containers);
  };
  Result<Spaces> spaces = co_await services_.pool.run<Spaces>("ask for the space of the node", kStatTime, read);
  if (!spaces) {
    fileSystems_.reset();  // they may be mounted elsewhere by now
    co_return fail(spaces.error());
  }
  NodeReadings out;
  out.layout.imagesApart = spaces->images.device != spaces->node.device;
  out.layout.containersApart = spaces->containers.device != spaces->images.device;
  addSpace(out.readings, spaces->node, Signal::kNodeFsAvailable, Signal::kNodeFsInodesFree);
  addSpace(out.readings, spaces->images, Signal::kImageFsAvailable, Signal::kImageFsInodesFree);
  addSpace(out.readings, spaces->containers, Signal::kContainerFsAvailable, Signal::kContainerFsInodesFree);
  co_await addMemory(&out.readings);
  if (Result<Reading> pids = readPids(files_); pids)
    out.readings[Signal::kPidAvailable] = *pids;
  else
    log::debug(1, "cannot read how many processes there are", {{"error", pids.error().message}});
  co_return out;
}

Task<void> HostMachine::addMemory(Readings* readings) {
  if (Result<Reading> memory = readMemory(files_); memory)
    (*readings)[Signal::kMemoryAvailable] = *memory;
  else
    log::debug(1, "cannot read how much memory is free", {{"error", memory.error().message}});
  const std::optional<cgroups::NodeMemory> pods = co_await services_.cgroups.nodeMemory();
  if (pods)
    (*readings)[Signal::kAllocatableMemoryAvailable] = {
        .available = std::max<std::int64_t>(pods->limit - pods->inUse, 0), .capacity = pods->limit};
}

Task<PodUsage> HostMachine::writtenBy(core::Pod pod, bool projectQuotas) {
  const StopOnExit guard;
  std::function<Result<PodUsage>()> walk = [paths = pathsOf(pod, dirs_, projectQuotas), stop = guard.stop] {
    return measureStorage(paths, *stop);
  };
  const std::string name = pod.metadata().namespace_() + "/" + pod.metadata().name();
  Result<PodUsage> measured =
      co_await services_.pool.run<PodUsage>("measure the files of pod " + name, kWalkTime, std::move(walk));
  if (measured) co_return std::move(*measured);
  log::warning("cannot measure what a pod has written", {{"pod", name}, {"error", measured.error().message}});
  co_return PodUsage();
}

// One question for all pods: the runtime answers it from what it collects anyway.
Task<void> HostMachine::addContainers(std::map<std::string, PodUsage>* usage) {
  cri::v1::ContainerStatsFilter every;
  Result<cri::v1::ListContainerStatsResponse> answer = co_await services_.runtime.listContainerStats(every);
  if (!answer) {
    log::warning("cannot ask what containers use", {{"error", answer.error().message}});
    co_return;
  }
  for (const cri::v1::ContainerStats& stats : answer->stats()) {
    const auto& labels = stats.attributes().labels();
    const auto uid = labels.find(kUidLabel);
    const auto name = labels.find(kContainerLabel);
    if (uid == labels.end() || name == labels.end()) continue;
    const auto pod = usage->find(uid->second);
    if (pod == usage->end()) continue;
    ContainerUsage& container = pod->second.containers[name->second];
    if (stats.memory().has_working_set_bytes())
      container.memory = static_cast<std::int64_t>(stats.memory().working_set_bytes().value());
    container.writable.bytes = static_cast<std::int64_t>(stats.writable_layer().used_bytes().value());
    container.writable.inodes = static_cast<std::int64_t>(stats.writable_layer().inodes_used().value());
  }
}

Task<std::map<std::string, PodUsage>> HostMachine::usageOf(std::vector<core::Pod> pods, WantedUsage wanted) {
  std::map<std::string, PodUsage> usage;
  for (const core::Pod& pod : pods) {
    PodUsage one;
    if (wanted.storage) {
      Task<PodUsage> walk = writtenBy(pod, projectQuotas_ && !wanted.walk);
      one = co_await std::move(walk);
    }
    if (wanted.memory) {
      Task<std::optional<std::int64_t>> read = services_.cgroups.memoryInUse(pod);
      one.memory = co_await std::move(read);
    }
    if (wanted.processes) {
      Task<std::optional<std::int64_t>> read = services_.cgroups.processesIn(pod);
      one.processes = co_await std::move(read);
    }
    usage[pod.metadata().uid()] = std::move(one);
  }
  if (wanted.storage || wanted.memory) co_await addContainers(&usage);
  co_return usage;
}

}  // namespace cubelet::eviction
