#include "kubelet/node/node_addresses.h"

#include <optional>
#include <sstream>

namespace cubelet::node {
namespace {

// Why this cannot be an address of the node; empty: it can.
std::string whyNotOurs(const IpAddress& ip, const HostNetwork& network) {
  if (ip.isLoopback()) return "is a loopback address";
  if (ip.isMulticast()) return "is a multicast address";
  if (ip.isLinkLocal()) return "is a link-local address";
  if (ip.isUnspecified()) return "is all zeros";
  if (!network.has(ip)) return "is not an address of any network interface of this machine";
  return "";
}

bool isGiven(const AddressWishes& wishes, std::size_t position) {
  return wishes.nodeIps.size() > position && !wishes.nodeIps[position].isUnspecified();
}

Family preferredFamily(const AddressWishes& wishes) {
  return wishes.nodeIps.empty() ? Family::kV4 : wishes.nodeIps.front().family;
}

std::optional<IpAddress> fromResolved(const std::vector<IpAddress>& resolved, const HostNetwork& network,
                                      Family preferred) {
  std::optional<IpAddress> second;
  for (const IpAddress& ip : resolved) {
    if (!whyNotOurs(ip, network).empty()) continue;
    if (ip.family == preferred) return ip;
    if (!second) second = ip;
  }
  return second;
}

std::optional<IpAddress> globalAddress(const Interface& interface, Family family) {
  if (!interface.up) return std::nullopt;
  for (const IpAddress& ip : interface.addresses)
    if (ip.family == family && ip.isGlobal()) return ip;
  return std::nullopt;
}

std::optional<IpAddress> fromDefaultRoute(const HostNetwork& network, Family family) {
  const std::vector<std::string>& routes = family == Family::kV4 ? network.defaultRoutesV4 : network.defaultRoutesV6;
  for (const std::string& name : routes) {
    const Interface* interface = network.find(name);
    if (interface == nullptr) continue;
    if (std::optional<IpAddress> ip = globalAddress(*interface, family)) return ip;
  }
  if (routes.empty()) return std::nullopt;
  // Unnumbered links (RFC 5549): the machine's address sits on its loopback interface.
  for (const Interface& interface : network.interfaces)
    if (interface.loopback)
      if (std::optional<IpAddress> ip = globalAddress(interface, family)) return ip;
  return std::nullopt;
}

std::optional<IpAddress> fromMachine(const AddressWishes& wishes, const HostNetwork& network,
                                     const std::vector<IpAddress>& resolved) {
  if (std::optional<IpAddress> ip = parseIp(wishes.nodeName)) return ip;
  const Family preferred = preferredFamily(wishes);
  if (std::optional<IpAddress> ip = fromResolved(resolved, network, preferred)) return ip;
  if (std::optional<IpAddress> ip = fromDefaultRoute(network, preferred)) return ip;
  return fromDefaultRoute(network, preferred == Family::kV4 ? Family::kV6 : Family::kV4);
}

}  // namespace

std::vector<IpAddress> parseNodeIps(const std::string& flag) {
  std::vector<IpAddress> ips;
  std::istringstream list(flag);
  for (std::string one; std::getline(list, one, ',');)
    if (std::optional<IpAddress> ip = parseIp(one)) ips.push_back(*ip);
  return ips;
}

bool wantsLookup(const AddressWishes& wishes) {
  if (isGiven(wishes, 0) || parseIp(wishes.nodeName)) return false;
  return !wishes.externalProvider || !wishes.nodeIps.empty();
}

Result<std::vector<Address>> chooseAddresses(const AddressWishes& wishes, const HostNetwork& network,
                                             const std::vector<IpAddress>& resolved,
                                             const std::vector<Address>& present) {
  for (std::size_t i = 0; i < wishes.nodeIps.size(); ++i) {
    if (!isGiven(wishes, i)) continue;
    if (const std::string why = whyNotOurs(wishes.nodeIps[i], network); !why.empty())
      return fail(Code::kInvalid, "", "--node-ip " + wishes.nodeIps[i].text() + " " + why);
  }
  const Address hostname{"Hostname", wishes.nodeName};
  if (wishes.externalProvider) {
    if (!present.empty()) return present;
    if (wishes.nodeIps.empty()) return std::vector{hostname};
  }
  if (isGiven(wishes, 0) && isGiven(wishes, 1))
    return std::vector{Address{"InternalIP", wishes.nodeIps[0].text()}, Address{"InternalIP", wishes.nodeIps[1].text()},
                       hostname};
  const std::optional<IpAddress> ip =
      isGiven(wishes, 0) ? std::optional(wishes.nodeIps[0]) : fromMachine(wishes, network, resolved);
  if (!ip)
    return fail(Code::kUnavailable, "",
                "no address of node " + wishes.nodeName +
                    " is known: its name does not resolve to one of this machine's, and there is no default route");
  return std::vector{Address{"InternalIP", ip->text()}, hostname};
}

std::string providedNodeIp(const AddressWishes& wishes) {
  if (!wishes.externalProvider || !isGiven(wishes, 0)) return "";
  return wishes.nodeIps[0].text() + (isGiven(wishes, 1) ? "," + wishes.nodeIps[1].text() : "");
}

}  // namespace cubelet::node
