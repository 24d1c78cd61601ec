// NodeStats: what is measured of this node, and the collector that measures it.
#pragma once

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "csi/volumes/volumes.h"
#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/config/load.h"
#include "kubelet/events/recorder.h"
#include "kubelet/layout/layout.h"
#include "kubelet/observe/observer.h"
#include "kubelet/stats/collector.h"
#include "kubelet/sync/sync_loop.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet {

// Loop thread only.
class NodeStats {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    const sync::SyncLoop& sync;
    const observe::Observer& observer;
    const cgroups::PodCgroups& cgroups;
    const config::Effective& effective;
    const volumes::PodVolumes& volumes;
    csi::Volumes& csiVolumes;
    events::EventRecorder& events;
    layout::Directories dirs;
  };
  explicit NodeStats(Services services);

  stats::Collector& collector() { return collector_; }
  Task<void> close() { return collector_.close(); }

 private:
  stats::Question question() const;
  Task<Result<stats::DriverAnswer>> askDriver(stats::DriverQuestion asked);
  void tellAbnormal(const stats::DriverQuestion& asked, const std::string& condition);

  Services services_;
  const bool volumeHealth_;  // feature gate CSIVolumeHealth
  const bool projectQuotas_;
  stats::Collector collector_;
};

}  // namespace cubelet
