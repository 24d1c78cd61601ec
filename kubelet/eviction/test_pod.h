// Pods for the tests of eviction.
#pragma once

#include <string>

#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

inline constexpr std::int64_t kKi = 1 << 10;
inline constexpr std::int64_t kMi = 1 << 20;
inline constexpr std::int64_t kGi = 1 << 30;

// Of the API server; one container "c" without requests.
inline core::Pod makePod(const std::string& uid) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(uid);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_spec()->add_containers()->set_name("c");
  return pod;
}

inline core::Pod asStatic(core::Pod pod) {
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  return pod;
}

inline core::Pod withPriority(core::Pod pod, int priority) {
  pod.mutable_spec()->set_priority(priority);
  return pod;
}

inline core::Pod asking(core::Pod pod, const std::string& resource, const std::string& amount) {
  (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())[resource].set_string(amount);
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
