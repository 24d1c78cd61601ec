#include "kubelet/stats/volume_metrics.h"

#include <set>
#include <string>
#include <utility>

namespace cubelet::stats {
namespace {

struct Figure {
  const char* name;
  const char* help;
  Count FsUsage::* value;
};

constexpr Figure kFigures[] = {
    {"kubelet_volume_stats_capacity_bytes", "Size of the volume", &FsUsage::capacity},
    {"kubelet_volume_stats_available_bytes", "What is free on the volume", &FsUsage::available},
    {"kubelet_volume_stats_used_bytes", "What is used of the volume", &FsUsage::used},
    {"kubelet_volume_stats_inodes", "Inodes of the volume", &FsUsage::inodes},
    {"kubelet_volume_stats_inodes_free", "Free inodes of the volume", &FsUsage::inodesFree},
    {"kubelet_volume_stats_inodes_used", "Used inodes of the volume", &FsUsage::inodesUsed},
};

}  // namespace

metrics::Families volumeMetrics(const Summary& summary) {
  metrics::Families out;
  for (const Figure& figure : kFigures)
    out.push_back({.name = figure.name, .help = figure.help, .kind = metrics::Kind::kGauge});
  out.push_back({.name = "kubelet_volume_stats_health_status_abnormal",
                 .help = "1 when the driver calls the volume abnormal",
                 .kind = metrics::Kind::kGauge});
  std::set<std::pair<std::string, std::string>> told;
  for (const PodFigures& pod : summary.pods)
    for (const VolumeFigures& volume : pod.volumes) {
      if (volume.claim.empty() || !told.emplace(pod.ns, volume.claim).second) continue;
      for (std::size_t i = 0; i < std::size(kFigures); ++i)
        if (const Count value = volume.fs.*kFigures[i].value)
          out[i].samples.push_back({.labels = {{"namespace", pod.ns}, {"persistentvolumeclaim", volume.claim}},
                                    .value = static_cast<double>(*value)});
      if (volume.abnormal)
        out.back().samples.push_back({.labels = {{"namespace", pod.ns}, {"persistentvolumeclaim", volume.claim}},
                                      .value = *volume.abnormal ? 1.0 : 0.0});
    }
  std::erase_if(out, [](const metrics::Family& family) { return family.samples.empty(); });
  return out;
}

}  // namespace cubelet::stats
