#include "kubelet/main/evictor.h"

#include <algorithm>
#include <utility>

#include "kubelet/eviction/memory_watch.h"
#include "kubelet/main/cluster.h"
#include "kubelet/main/project_quotas.h"

namespace cubelet {
namespace {

bool aboutMemory(const eviction::Threshold& threshold) {
  return eviction::resourceOf(threshold.signal) == eviction::Resource::kMemory;
}

}  // namespace

Evictor::Evictor(Services services, const config::Effective& effective, layout::Directories dirs,
                 std::function<void(const eviction::Pressure&)> pressureChanged)
    : services_(services),
      watchesMemory_(std::ranges::any_of(eviction::thresholdsOf(effective.config), aboutMemory)),
      machine_({.pool = services.blocking,
                .runtime = services.runtime,
                .images = services.images,
                .cgroups = services.cgroups},
               std::move(dirs), projectQuotas(effective)),
      manager_(services.clock, machine_, eviction::evictionOptions(effective.config),
               hooks(effective, std::move(pressureChanged))) {}

eviction::EvictionManager::Hooks Evictor::hooks(const config::Effective& effective,
                                                std::function<void(const eviction::Pressure&)> pressureChanged) {
  eviction::EvictionManager::Hooks out;
  // The API server is told the node's conditions, pods or none.
  out.wanted = [this, cluster = wantsCluster(effective)] { return cluster || services_.sync.podCount() > 0; };
  out.pods = [this] { return services_.sync.activePods(); };
  out.evict = [this](const eviction::Eviction& one) { evict(one); };
  out.isEnding = [this](const std::string& uid) { return services_.sync.isEnding(uid); };
  out.removeDeadContainers = [this] { return services_.sync.removeAllDead(); };
  out.removeUnusedImages = [this] { return services_.imageCollector.removeUnused(); };
  out.pressure = std::move(pressureChanged);
  out.warn = [this, node = effective.nodeName](std::string_view reason, std::string message) {
    services_.events.warning(events::nodeRef(node, node), reason, std::move(message));
  };
  return out;
}

void Evictor::evict(const eviction::Eviction& one) {
  services_.sync.evict(one.uid,
                       {.reason = eviction::kEvicted, .message = one.notice.message, .disruption = one.disruption},
                       one.grace, one.notice.annotations);
  services_.metrics.podEvicted(one.signal);
}

Task<void> Evictor::watchMemory() {
  if (!watchesMemory_) co_return;
  std::function<void()> stalled = [this] { manager_.look(); };
  co_await eviction::watchMemoryPressure(&services_.loop, eviction::kMemoryPressureFile, std::move(stalled));
}

}  // namespace cubelet
