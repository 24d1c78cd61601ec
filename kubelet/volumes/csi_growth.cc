#include "kubelet/volumes/csi_growth.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "csi/client/outcome.h"
#include "csi/volumes/volumes.h"
#include "kubelet/events/recorder.h"
#include "kubelet/volumes/claim_statuses.h"
#include "kubelet/volumes/csi_rules.h"
#include "kubelet/volumes/growth_rules.h"

namespace cubelet::volumes {
namespace {

events::ObjectRef claimRef(const core::PersistentVolumeClaim& claim) {
  return {.kind = "PersistentVolumeClaim",
          .ns = claim.metadata().namespace_(),
          .name = claim.metadata().name(),
          .uid = claim.metadata().uid(),
          .fieldPath = ""};
}

std::string quoted(const VolumeRequest& request) {
  return "\"" + request.persistent->metadata().name() + "\"";
}

Task<Result<void>> tell(objects::ClaimPtr* claim, std::string patch, Sources sources) {
  if (sources.claims == nullptr) co_return Result<void>();
  const std::string ns = (*claim)->metadata().namespace_();
  const std::string name = (*claim)->metadata().name();
  Result<objects::ClaimPtr> now = co_await sources.claims->patch(ns, name, std::move(patch));
  if (!now) co_return fail(now.error().within("tell the status of claim " + ns + "/" + name));
  *claim = std::move(*now);
  co_return Result<void>();
}

void setSize(const csi::VolumeSpec& spec, csi::Volumes::Size size, const Sources& sources) {
  sources.csi->noteSize(spec.driver, spec.handle, size);
}

// What the failure means for the claim, for the pod and for the next try.
Task<Result<void>> notGrown(VolumeRequest request, Growth growth, Error error, Sources sources) {
  const csi::VolumeSpec spec = request.csi->spec;
  // Not the driver's word: it has been taken back meanwhile.
  if (error.code == Code::kNotFound && error.reason.empty()) co_return fail(std::move(error));
  csi::Volumes::Size size = sources.csi->size(spec.driver, spec.handle);
  if (error.code == Code::kUnimplemented) {
    // Such a driver has no part in it: its controller has done everything.
    size.refused = growth.bytes;
    setSize(spec, size, sources);
    log::debug(1, "the volume is not grown on the node", {{"volume", spec.name}, {"error", error.message}});
    co_return Result<void>();
  }
  const std::string message = "NodeExpandVolume failed for volume " + quoted(request) + " : " + error.message;
  const csi::ExpandFailure failure = csi::expandFailureOf(error);
  if (failure == csi::ExpandFailure::kInUse) {
    size.refused = growth.bytes;
    setSize(spec, size, sources);
    log::warning("the driver does not grow the volume while it is in use",
                 {{"volume", spec.name}, {"error", error.message}});
    co_return Result<void>();
  }
  if (sources.events != nullptr) sources.events->warning(events::podRef(request.pod), "VolumeResizeFailed", message);
  const bool forGood = failure == csi::ExpandFailure::kInfeasible;
  // Without a claim that says so, nobody else would remember.
  if (forGood && !growth.stepwise) size.refused = growth.bytes;
  setSize(spec, size, sources);
  if (growth.stepwise && failure != csi::ExpandFailure::kUncertain) {
    objects::ClaimPtr claim = request.claim;
    std::string patch = patchNotResized(*claim, error.message, forGood, sources.now());
    Result<void> told = co_await tell(&claim, std::move(patch), sources);
    if (!told) co_return told;
  }
  co_return fail(Error(error.code, error.reason, message));
}

}  // namespace

bool hasGrown(const VolumeRequest& request, const Sources& sources) {
  const core::CSIPersistentVolumeSource& source = request.persistent->spec().persistentvolumesource().csi();
  // One that is still on its way to the pod is grown when it is there.
  if (!sources.csi->pathOf(source.driver(), source.volumehandle(), request.pod.metadata().uid())) return false;
  return growthOf(*request.claim, *request.persistent, sources.csi->size(source.driver(), source.volumehandle()))
      .has_value();
}

Task<Result<void>> growCsi(VolumeRequest request, Sources sources) {
  if (!request.persistent || !request.claim) co_return Result<void>();
  csi::VolumeSpec spec = request.csi->spec;
  csi::PodUse use = request.csi->use;
  csi::Volumes::Size size = sources.csi->size(spec.driver, spec.handle);
  const std::optional<Growth> growth = growthOf(*request.claim, *request.persistent, size);
  if (!growth) {
    if (size.known == 0) size.known = sizeOf(*request.claim);
    setSize(spec, size, sources);
    co_return Result<void>();
  }
  if (use.readOnly) {
    if (sources.events != nullptr)
      sources.events->warning(
          events::podRef(request.pod), "FileSystemResizeFailed",
          "MountVolume.NodeExpandVolume failed for volume " + quoted(request) + " requested read-only file system");
    co_return Result<void>();
  }
  objects::ClaimPtr claim = request.claim;
  if (growth->stepwise && !isResizing(*claim)) {
    std::string patch = patchResizing(*claim);
    Result<void> told = co_await tell(&claim, std::move(patch), sources);
    if (!told) co_return told;
    request.claim = claim;
  }
  Result<std::int64_t> grown = co_await sources.csi->expand(spec, use, growth->bytes);
  if (!grown) {
    Result<void> failed = co_await notGrown(std::move(request), *growth, grown.error(), sources);
    co_return failed;
  }
  // A volume of unknown size may have had it all the time.
  if (sources.events != nullptr && (size.known > 0 || growth->tellClaim)) {
    const std::string message =
        "MountVolume.NodeExpandVolume succeeded for volume " + quoted(request) + " " + sources.nodeName;
    sources.events->normal(events::podRef(request.pod), "FileSystemResizeSuccessful", message);
    sources.events->normal(claimRef(*claim), "FileSystemResizeSuccessful", message);
  }
  if (!growth->tellClaim) co_return Result<void>();
  std::string patch = patchResized(*claim, *request.persistent);
  Result<void> told = co_await tell(&claim, std::move(patch), sources);
  co_return told;
}

}  // namespace cubelet::volumes
