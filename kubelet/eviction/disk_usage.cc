#include "kubelet/eviction/disk_usage.h"

#include <cerrno>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/disk_usage.h"
#include "base/files.h"
#include "kubelet/api/project_volume.h"

namespace cubelet::eviction {
namespace {

Result<void> addTo(DiskUsage& usage, const std::string& path, const std::atomic<bool>& stop) {
  Result<DiskUsage> more = diskUsage(path, stop);
  if (!more) return fail(more.error());
  usage += *more;
  return {};
}

}  // namespace

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

PodPaths pathsOf(const core::Pod& pod, const layout::Directories& dirs, bool projectQuotas) {
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
    if (projectQuotas && api::mayBeProject(spec, source)) paths.projects.insert(volume.name());
  }
  paths.hostsFile = layout::podHostsFile(dirs, meta.uid());
  return paths;
}

Result<PodUsage> measureStorage(const PodPaths& paths, const std::atomic<bool>& stop, ProjectCalls& calls) {
  const LowPriority priority;
  PodUsage usage;
  for (const auto& [name, path] : paths.logs)
    if (Result<void> added = addTo(usage.containers[name].logs, path, stop); !added) return fail(added.error());
  for (const auto& [name, path] : paths.volumes) {
    if (paths.projects.contains(name)) {
      if (Result<DiskUsage> counted = projectUsage(path, calls); counted) {
        usage.volumes[name] = *counted;
        usage.byQuota = true;
        continue;
      }
    }
    if (Result<void> added = addTo(usage.volumes[name], path, stop); !added) return fail(added.error());
  }
  if (Result<void> added = addTo(usage.files, paths.hostsFile, stop); !added) return fail(added.error());
  return usage;
}

}  // namespace cubelet::eviction
