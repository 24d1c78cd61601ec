// Pods for the tests of eviction.
#pragma once

#include <string>

#include "kubelet/admission/test_pod.h"
#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

inline constexpr std::int64_t kKi = 1 << 10;
inline constexpr std::int64_t kMi = 1 << 20;
inline constexpr std::int64_t kGi = 1 << 30;

using admission::asking;
using admission::asStatic;
using admission::makePod;

inline core::Pod withPriority(core::Pod pod, int priority) {
  pod.mutable_spec()->set_priority(priority);
  return pod;
}

inline core::Pod limited(core::Pod pod, const std::string& storage) {
  auto& limits = *pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_limits();
  limits["ephemeral-storage"].set_string(storage);
  return pod;
}

inline core::Pod withEmptyDir(core::Pod pod, const std::string& name, const std::string& sizeLimit,
                              const std::string& medium = "") {
  core::Volume& volume = *pod.mutable_spec()->add_volumes();
  volume.set_name(name);
  core::EmptyDirVolumeSource& source = *volume.mutable_volumesource()->mutable_emptydir();
  if (!sizeLimit.empty()) source.mutable_sizelimit()->set_string(sizeLimit);
  if (!medium.empty()) source.set_medium(medium);
  return pod;
}

}  // namespace cubelet::eviction
