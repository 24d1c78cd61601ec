// Pods and nodes for the tests of admission.
#pragma once

#include <string>

#include "kubelet/admission/admit.h"

namespace cubelet::admission {

// Of the API server; one container without requests.
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

inline core::Pod asking(core::Pod pod, const std::string& resource, const std::string& amount) {
  core::Container& container = *pod.mutable_spec()->mutable_containers(0);
  (*container.mutable_resources()->mutable_requests())[resource].set_string(amount);
  return pod;
}

// Guaranteed: cpu and memory, limits as requests.
inline core::Pod guaranteed(core::Pod pod, const std::string& cpu, const std::string& memory) {
  auto& resources = *pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  for (auto* list : {resources.mutable_requests(), resources.mutable_limits()}) {
    (*list)["cpu"].set_string(cpu);
    (*list)["memory"].set_string(memory);
  }
  return pod;
}

// 2 processors, 4 GiB, 10 pods, 1 GPU.
inline NodeView makeNode() {
  NodeView node;
  node.name = "n1";
  node.labels = {{"kubernetes.io/os", "linux"}, {"disk", "ssd"}, {"slots", "4"}};
  node.allocatable = {{"cpu", 2000}, {"memory", std::int64_t{4} << 30}, {"pods", 10}, {"example.com/gpu", 1}};
  return node;
}

}  // namespace cubelet::admission
