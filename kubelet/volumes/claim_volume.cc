#include "kubelet/volumes/claim_volume.h"

#include "kubelet/objects/pod_references.h"
#include "kubelet/volumes/claim_rules.h"
#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {
namespace {

Error notProcessed(const Error& why, const std::string& doing) {
  return Error(why.code, kNotProcessed, doing + why.message);
}

struct Bound {
  objects::ClaimPtr claim;
  objects::PersistentVolumePtr volume;
};

Task<Result<Bound>> findVolume(core::Pod pod, core::Volume volume, std::string claimName, Sources sources) {
  Result<objects::ClaimPtr> claim = co_await sources.objects->claim(pod.metadata().namespace_(), claimName);
  if (!claim) co_return fail(notProcessed(claim.error(), "failed to fetch PVC from API server: "));
  if (Result<void> usable = checkClaim(pod, volume, **claim); !usable) co_return fail(usable.error());
  const std::string name = (*claim)->spec().volumename();
  Result<objects::PersistentVolumePtr> found = co_await sources.objects->persistentVolume(name);
  if (!found) co_return fail(notProcessed(found.error(), "failed to fetch PV " + name + " from API server: "));
  if (Result<void> bound = checkBinding(**claim, **found); !bound) co_return fail(bound.error());
  if (Result<void> fits = checkMode(pod, volume.name(), **found); !fits) co_return fail(fits.error());
  co_return Bound{.claim = std::move(*claim), .volume = std::move(*found)};
}

}  // namespace

Task<Result<VolumeRequest>> ClaimVolume::prepare(VolumeRequest request, Sources sources) const {
  const std::string claimName = objects::claimOf(request.pod, request.volume);
  if (sources.objects == nullptr) co_return noApiServer("persistentvolumeclaim \"" + claimName + "\"");
  Result<Bound> found = co_await findVolume(request.pod, request.volume, claimName, sources);
  if (!found)
    co_return fail(notProcessed(
        found.error(), "error processing PVC " + request.pod.metadata().namespace_() + "/" + claimName + ": "));
  const core::PersistentVolumeSpec& spec = found->volume->spec();
  if (spec.nodeaffinity().has_required() && sources.nodeMatches && !sources.nodeMatches(spec.nodeaffinity().required()))
    co_return fail(Code::kInvalid, "",
                   "node affinity of persistent volume " + found->volume->metadata().name() +
                       ": no matching NodeSelectorTerms, it cannot be reached from this node");
  request.persistent = std::move(found->volume);
  request.claim = std::move(found->claim);
  co_return request;
}

Result<std::string> ClaimVolume::setUp(const VolumeRequest& request) const {
  return fail(Code::kInternal, "", "nobody has looked for what is behind the claim of volume " + request.volume.name());
}

}  // namespace cubelet::volumes
