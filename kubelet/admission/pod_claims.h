// PodClaims: what a pod takes of the node once it is admitted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/admission/node_view.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::admission {

struct HostPort {
  std::string ip;        // "0.0.0.0": all
  std::string protocol;  // TCP, UDP, SCTP
  std::int32_t port = 0;
};

// The same port of the same protocol, on addresses that overlap. As upstream has it, only "0.0.0.0" stands for all.
bool clashes(const HostPort& one, const HostPort& other);

struct PodClaims {
  std::string uid;
  Amounts requests;  // of all containers together, overhead included (RTC-3); without "pods", of which it takes one
  std::vector<HostPort> ports;
  std::string qosClass;
  bool critical = false;
  std::optional<std::int32_t> priority;

  // "pods" is 1.
  std::int64_t of(std::string_view resource) const;
};
PodClaims claimsOf(const core::Pod& pod);

// Static pods, mirror pods, and those of the system's own priority classes (ADM-10).
bool isCritical(const core::Pod& pod);

}  // namespace cubelet::admission
