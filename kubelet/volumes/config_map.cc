#include "kubelet/volumes/config_map.h"

namespace cubelet::volumes {

Task<Result<VolumeFiles>> ConfigMapVolume::files(VolumeRequest request, Sources sources) const {
  const core::ConfigMapVolumeSource& source = request.volume.volumesource().configmap();
  Result<objects::ConfigMapPtr> object = co_await findConfigMap(
      sources.objects, request.pod.metadata().namespace_(), source.localobjectreference().name(), source.optional());
  if (!object) co_return fail(object.error());
  const mode_t mode = source.has_defaultmode() ? static_cast<mode_t>(source.defaultmode()) : kDefaultFileMode;
  Result<Files> files = configMapFiles(*object, source.items(), mode, source.optional());
  if (!files) co_return fail(files.error());
  co_return VolumeFiles{std::move(*files), std::nullopt};
}

}  // namespace cubelet::volumes
