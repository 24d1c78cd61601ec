#include "kubelet/volumes/growth_rules.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "kubelet/api/quantity.h"
#include "proto/k8s/claim_resize.pb.h"

namespace cubelet::volumes {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kStorage[] = "storage";
constexpr char kInProgress[] = "NodeResizeInProgress";
// Conditions that are over once a volume has its size.
constexpr std::array<std::string_view, 4> kOver = {"Resizing", "FileSystemResizePending", "ControllerResizeError",
                                                   "NodeResizeError"};

template <class Amounts>
std::int64_t storageOf(const Amounts& amounts) {
  auto found = amounts.find(kStorage);
  if (found == amounts.end()) return 0;
  return std::max<std::int64_t>(api::quantityValue(found->second.string()).value_or(0), 0);
}

// The fields that core.proto leaves to it.
core::PersistentVolumeClaimResize resizeOf(const core::PersistentVolumeClaim& claim) {
  core::PersistentVolumeClaimResize resize;
  if (!resize.ParseFromString(claim.status().SerializeAsString())) resize.Clear();
  return resize;
}

std::string stepOf(const core::PersistentVolumeClaimResize& resize) {
  auto found = resize.allocatedresourcestatuses().find(kStorage);
  return found != resize.allocatedresourcestatuses().end() ? found->second : "";
}

std::string patchOf(const core::PersistentVolumeClaim& claim, Json status) {
  Json patch;
  patch["metadata"] = {{"uid", claim.metadata().uid()}, {"resourceVersion", claim.metadata().resourceversion()}};
  patch["status"] = std::move(status);
  return patch.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::int64_t sizeOf(const core::PersistentVolume& volume) {
  return storageOf(volume.spec().capacity());
}

std::int64_t sizeOf(const core::PersistentVolumeClaim& claim) {
  return storageOf(claim.status().capacity());
}

std::optional<Growth> growthOf(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume,
                               csi::Volumes::Size size) {
  const std::int64_t wanted = sizeOf(volume);
  const std::int64_t told = sizeOf(claim);
  if (wanted == 0 || size.refused == wanted) return std::nullopt;
  if (told == 0) return size.known < wanted ? std::optional(Growth{.bytes = wanted}) : std::nullopt;
  const core::PersistentVolumeClaimResize resize = resizeOf(claim);
  const std::string step = stepOf(resize);
  // Another node has grown it and said so; this one still has the smaller file system.
  if (told >= wanted)
    return size.known > 0 && size.known < wanted && step.empty() ? std::optional(Growth{.bytes = wanted})
                                                                 : std::nullopt;
  if (step == "NodeResizePending" || step == kInProgress)
    return Growth{.bytes = wanted, .tellClaim = true, .stepwise = true};
  // A resizer that does not tell its steps.
  if (step.empty() && !resize.allocatedresources().contains(kStorage))
    return Growth{.bytes = wanted, .tellClaim = true};
  return std::nullopt;
}

bool isResizing(const core::PersistentVolumeClaim& claim) {
  return stepOf(resizeOf(claim)) == kInProgress;
}

std::string patchResizing(const core::PersistentVolumeClaim& claim) {
  return patchOf(claim, {{"allocatedResourceStatuses", {{kStorage, kInProgress}}}});
}

std::string patchResized(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume) {
  Json status;
  status["capacity"] = {{kStorage, volume.spec().capacity().at(kStorage).string()}};
  const core::PersistentVolumeClaimResize resize = resizeOf(claim);
  if (!stepOf(resize).empty()) status["allocatedResourceStatuses"] = {{kStorage, nullptr}};
  for (const core::PersistentVolumeClaimCondition& condition : resize.conditions())
    if (std::ranges::find(kOver, condition.type()) != kOver.end())
      status["conditions"].push_back({{"$patch", "delete"}, {"type", condition.type()}});
  return patchOf(claim, std::move(status));
}

std::string patchNotResized(const core::PersistentVolumeClaim& claim, std::string_view why, bool forGood,
                            WallTime now) {
  Json status;
  if (forGood) status["allocatedResourceStatuses"] = {{kStorage, "NodeResizeInfeasible"}};
  status["conditions"].push_back({{"type", "NodeResizeError"},
                                  {"status", "True"},
                                  {"lastTransitionTime", rfc3339Nano(std::chrono::floor<std::chrono::seconds>(now))},
                                  {"message", why}});
  return patchOf(claim, std::move(status));
}

}  // namespace cubelet::volumes
