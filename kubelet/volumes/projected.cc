#include "kubelet/volumes/projected.h"

#include <algorithm>
#include <chrono>

#include "kubelet/volumes/downward_api.h"
#include "kubelet/volumes/trust_anchors.h"

namespace cubelet::volumes {
namespace {

constexpr std::chrono::seconds kDefaultTokenLife(3600);

Task<Result<VolumeFiles>> secretSource(core::Pod pod, core::SecretProjection source, mode_t mode, Sources sources) {
  Result<objects::SecretPtr> object = co_await findSecret(sources.objects, pod.metadata().namespace_(),
                                                          source.localobjectreference().name(), source.optional());
  if (!object) co_return fail(object.error());
  Result<Files> files = secretFiles(*object, source.items(), mode, source.optional());
  if (!files) co_return fail(files.error());
  co_return VolumeFiles{std::move(*files), std::nullopt};
}

Task<Result<VolumeFiles>> configMapSource(core::Pod pod, core::ConfigMapProjection source, mode_t mode,
                                          Sources sources) {
  Result<objects::ConfigMapPtr> object = co_await findConfigMap(
      sources.objects, pod.metadata().namespace_(), source.localobjectreference().name(), source.optional());
  if (!object) co_return fail(object.error());
  Result<Files> files = configMapFiles(*object, source.items(), mode, source.optional());
  if (!files) co_return fail(files.error());
  co_return VolumeFiles{std::move(*files), std::nullopt};
}

Task<Result<VolumeFiles>> tokenSource(core::Pod pod, core::ServiceAccountTokenProjection source, mode_t mode,
                                      Sources sources) {
  if (sources.objects == nullptr) co_return noApiServer("a service account token");
  Result<std::string> path = cleanPath(source.path());
  if (!path) co_return fail(path.error());
  const std::chrono::seconds life =
      source.has_expirationseconds() ? std::chrono::seconds(source.expirationseconds()) : kDefaultTokenLife;
  core::Pod owner = pod;
  Result<objects::Token> token = co_await sources.objects->token(std::move(owner), source.audience(), life);
  if (!token) co_return fail(token.error());
  VolumeFiles out;
  out.files.emplace(std::move(*path), tokenFile(pod, std::move(token->text), mode));
  out.renewAt = token->renew;
  co_return out;
}

Task<Result<VolumeFiles>> trustSource(core::Pod pod, core::ClusterTrustBundleProjection source, mode_t mode,
                                      Sources sources) {
  if (sources.objects == nullptr) co_return noApiServer("a clusterTrustBundle");
  Result<std::string> path = cleanPath(source.path());
  if (!path) co_return fail(path.error());
  Result<objects::TrustBundles> bundles = co_await sources.objects->trustBundles();
  if (!bundles) co_return fail(bundles.error());
  Result<std::string> anchors = trustAnchors(*bundles, source);
  if (!anchors) co_return fail(anchors.error());
  VolumeFiles out;
  out.files.emplace(std::move(*path), tokenFile(pod, std::move(*anchors), mode));
  co_return out;
}

Task<Result<VolumeFiles>> filesOf(core::Pod pod, core::VolumeProjection source, mode_t mode, Sources sources) {
  if (source.has_secret()) co_return co_await secretSource(pod, source.secret(), mode, sources);
  if (source.has_configmap()) co_return co_await configMapSource(pod, source.configmap(), mode, sources);
  if (source.has_serviceaccounttoken())
    co_return co_await tokenSource(pod, source.serviceaccounttoken(), mode, sources);
  if (source.has_clustertrustbundle()) co_return co_await trustSource(pod, source.clustertrustbundle(), mode, sources);
  if (source.has_downwardapi()) {
    Result<Files> files = downwardFiles(pod, source.downwardapi().items(), mode, sources);
    if (!files) co_return fail(files.error());
    co_return VolumeFiles{std::move(*files), std::nullopt};
  }
  const char* kind = source.has_podcertificate() ? "podCertificate" : "of an unknown kind";
  co_return fail(Code::kUnimplemented, "", std::string("a projected source ") + kind + " is not supported yet");
}

}  // namespace

File tokenFile(const core::Pod& pod, std::string text, mode_t defaultMode) {
  File file{std::move(text), defaultMode, commonUser(pod)};
  if (file.owner || pod.spec().securitycontext().has_fsgroup()) file.mode = 0600;
  return file;
}

Task<Result<VolumeFiles>> ProjectedVolume::files(VolumeRequest request, Sources sources) const {
  const core::ProjectedVolumeSource& projected = request.volume.volumesource().projected();
  const mode_t mode = projected.has_defaultmode() ? static_cast<mode_t>(projected.defaultmode()) : kDefaultFileMode;
  VolumeFiles out;
  std::vector<Error> errors;
  for (const core::VolumeProjection& source : projected.sources()) {
    Result<VolumeFiles> part = co_await filesOf(request.pod, source, mode, sources);
    if (!part) {
      errors.push_back(part.error());
      continue;
    }
    for (auto& [path, file] : part->files) out.files.insert_or_assign(path, std::move(file));
    if (part->renewAt) out.renewAt = std::min(*part->renewAt, out.renewAt.value_or(*part->renewAt));
  }
  if (!errors.empty()) co_return fail(joined(errors));
  co_return out;
}

}  // namespace cubelet::volumes
