// Addresses of pod and node. Behaviours PLC-12, PLC-13.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <optional>

#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

bool isV6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

// As everybody writes it ("::1", not "0:0::1"); nothing when it is no address.
std::optional<std::string> canonical(const std::string& address) {
  const int family = isV6(address) ? AF_INET6 : AF_INET;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(family, address.c_str(), bytes.data()) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return std::nullopt;
  return std::string(text.data());
}

// At most one of each family, the preferred family first.
std::vector<std::string> onePerFamily(const std::vector<std::string>& addresses, bool v6First) {
  std::vector<std::string> result;
  for (const bool v6 : {v6First, !v6First}) {
    for (const std::string& address : addresses) {
      const std::optional<std::string> text = canonical(address);
      if (!text || isV6(*text) != v6) continue;
      result.push_back(*text);
      break;
    }
  }
  return result;
}

std::vector<std::string> observedIps(const observe::ObservedPod& have) {
  return have.sandboxes.empty() ? std::vector<std::string>() : have.sandboxes.front().ips;
}

std::vector<std::string> previousIps(const Inputs& inputs) {
  std::vector<std::string> ips;
  for (const core::PodStatus* from : {&inputs.previous, &inputs.pod.status()}) {
    for (const auto& entry : from->podips()) ips.push_back(entry.ip());
    if (ips.empty() && !from->podip().empty()) ips.push_back(from->podip());
    if (!ips.empty()) break;
  }
  return ips;
}

// The node's addresses, kept once they are set; only a second family may still join.
std::vector<std::string> hostNetworkIps(const Inputs& inputs, const std::vector<std::string>& nodeIps) {
  std::vector<std::string> ips = previousIps(inputs);
  if (ips.empty()) return nodeIps;
  if (ips.size() == 1 && nodeIps.size() == 2 && isV6(nodeIps[1]) != isV6(ips[0])) ips.push_back(nodeIps[1]);
  return ips;
}

}  // namespace

void addAddresses(const Inputs& inputs, core::PodStatus& status) {
  const std::vector<std::string>& given = inputs.in.nodeIps;
  const bool v6First = !given.empty() && isV6(given.front());
  const std::vector<std::string> nodeIps = onePerFamily(given, v6First);

  std::vector<std::string> podIps;
  if (inputs.pod.spec().hostnetwork()) {
    podIps = hostNetworkIps(inputs, nodeIps);
  } else {
    podIps = onePerFamily(observedIps(inputs.have), v6First);
    if (podIps.empty()) podIps = previousIps(inputs);
  }

  for (const std::string& ip : nodeIps) status.add_hostips()->set_ip(ip);
  for (const std::string& ip : podIps) status.add_podips()->set_ip(ip);
  if (!nodeIps.empty()) status.set_hostip(nodeIps.front());
  if (!podIps.empty()) status.set_podip(podIps.front());
}

}  // namespace cubelet::status
