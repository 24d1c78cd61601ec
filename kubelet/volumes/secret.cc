#include "kubelet/volumes/secret.h"

namespace cubelet::volumes {

Task<Result<VolumeFiles>> SecretVolume::files(VolumeRequest request, Sources sources) const {
  const core::SecretVolumeSource& source = request.volume.volumesource().secret();
  Result<objects::SecretPtr> object =
      co_await findSecret(sources.objects, request.pod.metadata().namespace_(), source.secretname(), source.optional());
  if (!object) co_return fail(object.error());
  const mode_t mode = source.has_defaultmode() ? static_cast<mode_t>(source.defaultmode()) : kDefaultFileMode;
  Result<Files> files = secretFiles(*object, source.items(), mode, source.optional());
  if (!files) co_return fail(files.error());
  co_return VolumeFiles{std::move(*files), std::nullopt};
}

}  // namespace cubelet::volumes
