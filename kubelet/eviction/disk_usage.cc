#include "kubelet/eviction/disk_usage.h"

#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "base/fd.h"
#include "base/files.h"
#include "base/tree_walk.h"

namespace cubelet::eviction {
namespace {

constexpr std::int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's own is

// The calling thread's, for as long as this object lives.
class LowPriority {
 public:
  LowPriority() {
    ::setpriority(PRIO_PROCESS, thread_, kNicest);
    setDisk(kBestEffortClass << kClassShift | kLowestLevel);
  }
  ~LowPriority() {
    ::setpriority(PRIO_PROCESS, thread_, before_);
    setDisk(0);  // follows the processor's again
  }
  LowPriority(const LowPriority&) = delete;
  LowPriority& operator=(const LowPriority&) = delete;

 private:
  static constexpr int kNicest = 19;
  static constexpr int kWhoProcess = 1;
  static constexpr int kClassShift = 13;
  static constexpr int kBestEffortClass = 2;
  static constexpr int kLowestLevel = 7;

  void setDisk(int priority) const { ::syscall(SYS_ioprio_set, kWhoProcess, thread_, priority); }

  const id_t thread_ = static_cast<id_t>(::gettid());
  const int before_ = ::getpriority(PRIO_PROCESS, thread_);
};

class Counter {
 public:
  explicit Counter(dev_t device) : device_(device) {}

  void add(const struct stat& status) {
    if (status.st_dev != device_) return;
    if (status.st_nlink > 1 && !S_ISDIR(status.st_mode) && !seen_.insert(status.st_ino).second) return;
    sum_ += {.bytes = static_cast<std::int64_t>(status.st_blocks) * kBlock, .inodes = 1};
  }
  const DiskUsage& sum() const { return sum_; }

 private:
  const dev_t device_;
  std::set<ino_t> seen_;  // of what has several names
  DiskUsage sum_;
};

Result<void> addTo(DiskUsage& usage, const std::string& path, const std::atomic<bool>& stop) {
  Result<DiskUsage> more = diskUsage(path, stop);
  if (!more) return fail(more.error());
  usage += *more;
  return {};
}

}  // namespace

Result<DiskUsage> diskUsage(const std::string& path, const std::atomic<bool>& stop) {
  Fd root(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!root && errno == ENOENT) return DiskUsage();
  struct stat status = {};
  // A link, a socket or a file that may not be opened takes what it takes itself.
  const int failed = root ? ::fstat(root.get(), &status) : ::lstat(path.c_str(), &status);
  if (failed != 0) return fail(errnoError(errno, "look at " + path));
  Counter counter(status.st_dev);
  counter.add(status);
  if (!S_ISDIR(status.st_mode)) return counter.sum();
  if (!root) return fail(errnoError(EACCES, "open " + path));
  const std::function<Result<void>(const TreeEntry&)> visit = [&](const TreeEntry& entry) -> Result<void> {
    counter.add(entry.status);
    return {};
  };
  if (Result<void> walked = walkTree(root, 1, stop, visit); !walked) return fail(walked.error().within("walk " + path));
  return counter.sum();
}

Result<FsSpace> fsSpace(const std::string& path) {
  struct statvfs space = {};
  if (::statvfs(path.c_str(), &space) != 0) return fail(errnoError(errno, "ask for the space at " + path));
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return fail(errnoError(errno, "look at " + path));
  const auto unit = static_cast<std::int64_t>(space.f_frsize);
  FsSpace out;
  out.bytes.capacity = static_cast<std::int64_t>(space.f_blocks) * unit;
  out.bytes.available = static_cast<std::int64_t>(space.f_bavail) * unit;
  out.inodes.capacity = static_cast<std::int64_t>(space.f_files);
  out.inodes.available = static_cast<std::int64_t>(space.f_ffree);
  out.device = status.st_dev;
  return out;
}

PodPaths pathsOf(const core::Pod& pod, const layout::Directories& dirs) {
  const auto& meta = pod.metadata();
  const core::PodSpec& spec = pod.spec();
  PodPaths paths;
  const std::string logs = layout::podLogDirectory(dirs, meta.namespace_(), meta.name(), meta.uid());
  for (const auto* list : {&spec.containers(), &spec.initcontainers()})
    for (const core::Container& container : *list) paths.logs[container.name()] = joinPath(logs, container.name());
  for (const core::EphemeralContainer& container : spec.ephemeralcontainers()) {
    const std::string& name = container.ephemeralcontainercommon().name();
    paths.logs[name] = joinPath(logs, name);
  }
  for (const core::Volume& volume : spec.volumes()) {
    const core::VolumeSource& source = volume.volumesource();
    const bool onDisk = source.has_emptydir() && source.emptydir().medium().empty();
    if (!onDisk && !source.has_configmap()) continue;
    const char* plugin = onDisk ? "kubernetes.io/empty-dir" : "kubernetes.io/configmap";
    paths.volumes[volume.name()] = layout::volumeDirectory(dirs, meta.uid(), plugin, volume.name());
  }
  paths.hostsFile = layout::podHostsFile(dirs, meta.uid());
  return paths;
}

Result<PodUsage> measureStorage(const PodPaths& paths, const std::atomic<bool>& stop) {
  const LowPriority priority;
  PodUsage usage;
  for (const auto& [name, path] : paths.logs)
    if (Result<void> added = addTo(usage.containers[name].logs, path, stop); !added) return fail(added.error());
  for (const auto& [name, path] : paths.volumes)
    if (Result<void> added = addTo(usage.volumes[name], path, stop); !added) return fail(added.error());
  if (Result<void> added = addTo(usage.files, paths.hostsFile, stop); !added) return fail(added.error());
  return usage;
}

}  // namespace cubelet::eviction
