// What a pod is called on the network: its hostname and the domain behind it (NET-5 to NET-7). Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

struct PodNames {
  std::string hostname;
  std::string domain;  // "<subdomain>.<namespace>.svc.<cluster domain>"; empty without a subdomain
  std::string fqdn() const { return domain.empty() ? hostname : hostname + "." + domain; }
};

// spec.hostnameOverride (which leaves no domain), spec.hostname or the pod's name, cut to 63 characters.
PodNames podNames(const core::Pod& pod, const std::string& clusterDomain);

// What the kernel of the pod's UTS namespace is told: the hostname, or with setHostnameAsFQDN the full name; empty for
// host network, where the node's own name stands. kInvalid when a full name is longer than the 64 characters that Linux
// takes: such a pod cannot start.
Result<std::string> kernelHostname(const core::Pod& pod, const std::string& clusterDomain);

}  // namespace cubelet::podconfig
