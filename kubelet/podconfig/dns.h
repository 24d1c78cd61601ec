// The resolv.conf of a pod's sandbox (NET-8 to NET-11). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cri/client/runtime_service.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

struct ResolvConf {
  std::vector<std::string> nameservers;
  std::vector<std::string> searches;  // without trailing dots
  std::vector<std::string> options;   // "name" or "name:value"
};

// Lines that mean nothing here are skipped; the last search line wins, options add up.
ResolvConf parseResolvConf(std::string_view text);

// What the node's configuration says about name resolution.
struct NodeDns {
  ResolvConf resolvConf;  // content of the file that resolvConf names
  // Set when no file is configured (resolvConf: ""): loopback addresses, which in effect turn name resolution off.
  std::vector<std::string> localServers;
  std::vector<std::string> clusterDns;
  std::string clusterDomain;
  std::string error;  // why the file could not be read; empty: it could
};

// What is wrong with the node's file for all pods that use it, as an event CheckLimitsForResolvConf says it (NET-12);
// empty: nothing. `path` names the file.
std::string resolvConfProblem(const NodeDns& node, const std::string& path);

// 127.0.0.1 or ::1 for each of the node's addresses; 127.0.0.1 when it has none.
std::vector<std::string> localServersFor(const std::vector<std::string>& nodeIps);

struct DnsWarning {
  std::string reason;  // DNSConfigForming, MissingClusterDNS
  std::string message;
  std::string nodeMessage;  // also an event of the node; empty: not
};

struct PodDns {
  cri::v1::DNSConfig config;
  std::vector<DnsWarning> warnings;
};

PodDns makeDnsConfig(const core::Pod& pod, const NodeDns& node);

}  // namespace cubelet::podconfig
