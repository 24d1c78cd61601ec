#include "kubelet/volumes/downward_api.h"

namespace cubelet::volumes {
namespace {

Result<std::string> valueOf(const core::Pod& pod, const core::DownwardAPIVolumeFile& item, const Sources& sources) {
  if (item.has_resourcefieldref()) return sources.resourceValue(pod, item.resourcefieldref());
  const std::string& path = item.fieldref().fieldpath();
  if (path == "metadata.labels") return mapText(pod.metadata().labels());
  if (path == "metadata.annotations") return mapText(pod.metadata().annotations());
  return sources.fieldValue(pod, path);
}

}  // namespace

Result<Files> downwardFiles(const core::Pod& pod, const DownwardItems& items, mode_t defaultMode,
                            const Sources& sources) {
  Files files;
  std::vector<Error> errors;
  for (const core::DownwardAPIVolumeFile& item : items) {
    Result<std::string> path = cleanPath(item.path());
    Result<std::string> value = valueOf(pod, item, sources);
    if (!path) errors.push_back(path.error());
    if (!value) errors.push_back(value.error());
    if (!path || !value) continue;
    const mode_t mode = item.has_mode() ? static_cast<mode_t>(item.mode()) : defaultMode;
    files.insert_or_assign(std::move(*path), File{std::move(*value), mode, std::nullopt});
  }
  if (!errors.empty()) return fail(joined(errors));
  return files;
}

Task<Result<VolumeFiles>> DownwardApiVolume::files(VolumeRequest request, Sources sources) const {
  const core::DownwardAPIVolumeSource& source = request.volume.volumesource().downwardapi();
  const mode_t mode = source.has_defaultmode() ? static_cast<mode_t>(source.defaultmode()) : kDefaultFileMode;
  Result<Files> files = downwardFiles(request.pod, source.items(), mode, sources);
  if (!files) co_return fail(files.error());
  co_return VolumeFiles{std::move(*files), std::nullopt};
}

}  // namespace cubelet::volumes
