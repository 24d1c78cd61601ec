#include "kubelet/shutdown/shutdown_groups.h"

#include <algorithm>
#include <utility>

namespace cubelet::shutdown {
namespace {

constexpr std::int32_t kCritical = 2'000'000'000;  // the priority class system-cluster-critical

seconds secondsOf(const k8s::meta::v1::Duration& duration) {
  return std::chrono::duration_cast<seconds>(std::chrono::nanoseconds(duration.duration()));
}

}  // namespace

std::vector<GroupTime> groupTimes(const config::KubeletConfiguration& config) {
  std::vector<GroupTime> groups;
  for (const auto& group : config.shutdowngraceperiodbypodpriority())
    groups.push_back({group.priority(), seconds(group.shutdowngraceperiodseconds())});
  std::ranges::sort(groups, {}, &GroupTime::priority);
  if (!groups.empty()) return groups;
  const seconds total = secondsOf(config.shutdowngraceperiod());
  const seconds critical = secondsOf(config.shutdowngraceperiodcriticalpods());
  if (total <= seconds(0) || critical > total) return {};
  return {{0, total - critical}, {kCritical, critical}};
}

seconds totalOf(const std::vector<GroupTime>& groups) {
  seconds total{0};
  for (const GroupTime& group : groups) total += group.period;
  return total;
}

std::vector<Group> groupPods(const std::vector<GroupTime>& times, const std::vector<core::Pod>& pods) {
  std::vector<Group> groups;
  for (const GroupTime& time : times) groups.push_back({time, {}});
  if (groups.empty()) return groups;
  for (const core::Pod& pod : pods) {
    const auto above =
        std::ranges::find_if(groups, [&](const Group& group) { return group.time.priority > pod.spec().priority(); });
    (above == groups.begin() ? above : std::prev(above))->pods.push_back(pod);
  }
  std::erase_if(groups, [](const Group& group) { return group.pods.empty(); });
  return groups;
}

seconds graceOf(const core::Pod& pod, const GroupTime& group) {
  if (!pod.spec().has_terminationgraceperiodseconds()) return group.period;
  return std::min(seconds(pod.spec().terminationgraceperiodseconds()), group.period);
}

}  // namespace cubelet::shutdown
