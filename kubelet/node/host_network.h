// HostNetwork: the interfaces of this machine and where its default routes lead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/node/ip_address.h"

namespace cubelet::node {

struct Interface {
  std::string name;
  bool up = false;
  bool loopback = false;
  std::vector<IpAddress> addresses;  // primary ones first
};

struct HostNetwork {
  std::vector<Interface> interfaces;
  // Names of the interfaces that default routes use, the preferred one (smallest metric) first.
  std::vector<std::string> defaultRoutesV4;
  std::vector<std::string> defaultRoutesV6;

  bool has(const IpAddress& address) const;
  const Interface* find(std::string_view name) const;
};

// From the text of /proc/net/route and /proc/net/ipv6_route. Routes that are down or that reject are none.
std::vector<std::string> parseDefaultRoutesV4(std::string_view text);
std::vector<std::string> parseDefaultRoutesV6(std::string_view text);

// The network namespace this process lives in. A missing route table (no IPv6) is an empty one.
Result<HostNetwork> readHostNetwork();

}  // namespace cubelet::node
