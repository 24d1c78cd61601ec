#include "kubelet/stats/pod_to_read.h"

#include <algorithm>
#include <set>

#include "base/files.h"
#include "kubelet/api/project_volume.h"

namespace cubelet::stats {
namespace {

// The directory of a volume that always lies in one of its own, by its type.
const char* pluginOf(const core::VolumeSource& source) {
  if (source.has_emptydir()) return "kubernetes.io/empty-dir";
  if (source.has_configmap()) return "kubernetes.io/configmap";
  if (source.has_secret()) return "kubernetes.io/secret";
  if (source.has_downwardapi()) return "kubernetes.io/downward-api";
  if (source.has_projected()) return "kubernetes.io/projected";
  return nullptr;
}

// Upstream counts what lies on the node's disk and is made for the pod alone.
bool isEphemeral(const core::VolumeSource& source) {
  return source.has_configmap() || (source.has_emptydir() && source.emptydir().medium().empty());
}

// The claim of a generic ephemeral volume is named after pod and volume.
std::string claimOf(const core::Pod& pod, const core::Volume& volume) {
  const core::VolumeSource& source = volume.volumesource();
  if (source.has_persistentvolumeclaim()) return source.persistentvolumeclaim().claimname();
  if (source.has_ephemeral()) return pod.metadata().name() + "-" + volume.name();
  return "";
}

// Upstream has no figures of hostPath, with or without a claim: what lies there is not the pod's.
bool isMounted(const std::string& path, const layout::Directories& dirs, const std::string& uid) {
  return path.starts_with(joinPath(layout::podDirectory(dirs, uid), "volumes/"));
}

void addVolume(const core::Pod& pod, const core::Volume& volume, const std::map<std::string, std::string>& paths,
               const layout::Directories& dirs, const std::map<std::string, DrivenVolume>& driven, PodToRead& out) {
  VolumeToRead one;
  one.name = volume.name();
  one.claim = claimOf(pod, volume);
  one.ephemeral = isEphemeral(volume.volumesource());
  if (const char* plugin = pluginOf(volume.volumesource())) {
    one.path = layout::volumeDirectory(dirs, out.uid, plugin, volume.name());
  } else {
    auto path = paths.find(volume.name());
    if (path == paths.end()) return;
    one.path = path->second;
    if (auto found = driven.find(path->second); found != driven.end()) {
      one.measure = VolumeMeasure::kDriver;
      one.driver = found->second.driver;
      one.handle = found->second.handle;
    } else if (isMounted(path->second, dirs, out.uid)) {
      one.measure = VolumeMeasure::kFileSystem;
    } else {
      return;
    }
  }
  out.volumes.push_back(std::move(one));
}

void markProjects(const core::Pod& pod, PodToRead& out) {
  for (const core::Volume& volume : pod.spec().volumes()) {
    if (!api::mayBeProject(pod.spec(), volume.volumesource())) continue;
    auto one = std::ranges::find(out.volumes, volume.name(), &VolumeToRead::name);
    if (one != out.volumes.end()) one->measure = VolumeMeasure::kProject;
  }
}

}  // namespace

std::optional<PodToRead> podToRead(const core::Pod& pod, const observe::ObservedPod& have,
                                   const std::map<std::string, std::string>& volumePaths,
                                   const layout::Directories& dirs, const std::map<std::string, DrivenVolume>& driven,
                                   bool projectQuotas) {
  if (have.sandboxes.empty()) return std::nullopt;
  PodToRead out;
  out.ns = pod.metadata().namespace_();
  out.name = pod.metadata().name();
  out.uid = pod.metadata().uid();
  out.startTime = WallTime(std::chrono::seconds(pod.status().starttime().seconds()));
  out.hostNetwork = have.sandboxes.front().hostNetwork;
  out.sandboxId = have.sandboxes.front().id;
  const std::string logs = layout::podLogDirectory(dirs, out.ns, out.name, out.uid);
  std::set<std::string> seen;
  for (const observe::ObservedContainer& container : have.containers) {
    if (!seen.insert(container.name).second || container.state != observe::ContainerState::kRunning) continue;
    out.containers.push_back({.name = container.name,
                              .id = container.id,
                              .image = container.image,
                              .startedAt = container.startedAt,
                              .logDirectory = joinPath(logs, container.name)});
  }
  for (const core::Volume& volume : pod.spec().volumes()) addVolume(pod, volume, volumePaths, dirs, driven, out);
  if (projectQuotas) markProjects(pod, out);
  return out;
}

}  // namespace cubelet::stats
