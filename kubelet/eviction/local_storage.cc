#include "kubelet/eviction/local_storage.h"

#include <algorithm>

#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::eviction {
namespace {

constexpr std::string_view kStorage = "ephemeral-storage";

std::int64_t amountOf(const std::string& text) {
  return api::quantityValue(text).value_or(0);
}

// 0: none.
std::int64_t limitOf(const core::Volume& volume) {
  const core::EmptyDirVolumeSource& source = volume.volumesource().emptydir();
  return source.has_sizelimit() ? amountOf(source.sizelimit().string()) : 0;
}

// Empty: none.
std::string podLimit(const core::PodSpec& spec) {
  const api::ResourceAmounts limits = api::podLimits(spec);
  const auto found = limits.find(kStorage);
  return found == limits.end() ? "" : found->second;
}

std::string containerLimit(const core::Container& container) {
  const auto& limits = container.resources().limits();
  const auto found = limits.find(std::string(kStorage));
  return found == limits.end() ? "" : found->second.string();
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

}  // namespace

bool limitsStorage(const core::Pod& pod) {
  const auto& volumes = pod.spec().volumes();
  return std::any_of(volumes.begin(), volumes.end(), [](const auto& volume) { return limitOf(volume) > 0; }) ||
         !podLimit(pod.spec()).empty();
}

std::optional<Excess> storageExcess(const core::Pod& pod, const PodUsage& usage, const FsLayout& layout) {
  for (const core::Volume& volume : pod.spec().volumes()) {
    const auto used = usage.volumes.find(volume.name());
    if (used == usage.volumes.end() || limitOf(volume) <= 0 || used->second.bytes <= limitOf(volume)) continue;
    return Excess{"Usage of EmptyDir volume " + quoted(volume.name()) + " exceeds the limit " +
                      quoted(volume.volumesource().emptydir().sizelimit().string()) + ". ",
                  "emptydirfs.limit"};
  }
  const StorageParts parts = partsOnNodeFs(layout);
  // What the pod as a whole may use counts its writable layers wherever they lie.
  if (const std::string limit = podLimit(pod.spec()); !limit.empty())
    if (storageOf(usage, {.writable = true, .logs = true, .volumes = true}).bytes > amountOf(limit))
      return Excess{"Pod ephemeral local storage usage exceeds the total limit of containers " + limit + ". ",
                    "ephemeralpodfs.limit"};
  for (const core::Container& container : pod.spec().containers()) {
    const std::string limit = containerLimit(container);
    const auto used = usage.containers.find(container.name());
    if (used == usage.containers.end() || amountOf(limit) == 0) continue;
    const std::int64_t bytes = used->second.logs.bytes + (parts.writable ? used->second.writable.bytes : 0);
    if (bytes > amountOf(limit))
      return Excess{
          "Container " + container.name() + " exceeded its local ephemeral storage limit " + quoted(limit) + ". ",
          "ephemeralcontainerfs.limit"};
  }
  return std::nullopt;
}

}  // namespace cubelet::eviction
