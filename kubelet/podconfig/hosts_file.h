// The /etc/hosts that a pod's containers share (NET-1 to NET-4). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

inline constexpr char kHostsPath[] = "/etc/hosts";

// The file's content, byte for byte as upstream writes it. `nodeHosts` is the node's own file: all that a pod in the
// host's network sees beside its hostAliases.
std::string hostsFile(const core::Pod& pod, const std::vector<std::string>& podIps, const std::string& clusterDomain,
                      std::string_view nodeHosts);

// Whether this container gets the file: not when it mounts something of its own there, nor without an address.
bool wantsHostsFile(const core::Container& container, const std::vector<std::string>& podIps);

}  // namespace cubelet::podconfig
