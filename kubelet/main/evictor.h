// Evictor: eviction, wired to the pods, the images and the conditions of this node.
#pragma once

#include <functional>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/config/load.h"
#include "kubelet/events/recorder.h"
#include "kubelet/eviction/eviction_manager.h"
#include "kubelet/eviction/host_machine.h"
#include "kubelet/images/image_collector.h"
#include "kubelet/layout/layout.h"
#include "kubelet/metrics/kubelet_metrics.h"
#include "kubelet/sync/sync_loop.h"

namespace cubelet {

// Loop thread only.
class Evictor {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& blocking;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    cgroups::PodCgroups& cgroups;
    events::EventRecorder& events;
    sync::SyncLoop& sync;
    images::ImageCollector& imageCollector;
    metrics::KubeletMetrics& metrics;
  };
  // `pressureChanged` is told each new set of conditions.
  Evictor(Services services, const config::Effective& effective, layout::Directories dirs,
          std::function<void(const eviction::Pressure&)> pressureChanged);

  // Both until cancelled.
  Task<void> run() { return manager_.run(); }
  Task<void> watchMemory();

  void podsChanged() { manager_.podsChanged(); }
  const eviction::Pressure& pressure() const { return manager_.pressure(); }

 private:
  eviction::EvictionManager::Hooks hooks(const config::Effective& effective,
                                         std::function<void(const eviction::Pressure&)> pressureChanged);
  void evict(const eviction::Eviction& one);

  Services services_;
  const bool watchesMemory_;
  eviction::HostMachine machine_;
  eviction::EvictionManager manager_;
};

}  // namespace cubelet
