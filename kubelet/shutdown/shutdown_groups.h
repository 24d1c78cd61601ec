// Which pods end together when the machine goes down, and how long they have (SHD-3). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "kubelet/config/configuration.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::shutdown {

namespace core = ::k8s::core::v1;
using std::chrono::seconds;

struct GroupTime {
  std::int32_t priority = 0;  // of its pods, the least
  seconds period{0};          // all of them have so long
  friend bool operator==(const GroupTime&, const GroupTime&) = default;
};

// The configuration's groups, lowest priority first; of shutdownGracePeriod and shutdownGracePeriodCriticalPods two,
// the second for critical pods (priority 2000000000 and more). Empty: the feature is off (SHD-1).
std::vector<GroupTime> groupTimes(const config::KubeletConfiguration& config);

// What all groups together may take: so long logind has to wait.
seconds totalOf(const std::vector<GroupTime>& groups);

struct Group {
  GroupTime time;
  std::vector<core::Pod> pods;
};

// The pods by group, those that end first in front; groups without pods are left out. A pod below the lowest group's
// priority goes with the lowest.
std::vector<Group> groupPods(const std::vector<GroupTime>& times, const std::vector<core::Pod>& pods);

// The time that a pod has to end: what it asks for, and no more than its group has.
seconds graceOf(const core::Pod& pod, const GroupTime& group);

}  // namespace cubelet::shutdown
