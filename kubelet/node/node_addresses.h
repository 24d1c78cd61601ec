// The addresses that the Node shows: NOD-6. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/node/host_network.h"
#include "kubelet/node/ip_address.h"

namespace cubelet::node {

struct AddressWishes {
  std::string nodeName;  // becomes the Hostname address
  std::vector<IpAddress> nodeIps =
      {};                         // --node-ip: none, one, or one of each family; 0.0.0.0 and :: only choose a family
  bool externalProvider = false;  // --cloud-provider=external
};

struct Address {
  std::string type;  // InternalIP, Hostname, ...
  std::string address;
  friend bool operator==(const Address&, const Address&) = default;
};

// "10.0.0.5", "10.0.0.5,fd00::5". What is no address is left out: the configuration's checks have told of it.
std::vector<IpAddress> parseNodeIps(const std::string& flag);

// True when chooseAddresses looks at what name resolution answers for the node's name.
bool wantsLookup(const AddressWishes& wishes);

// `resolved`: what name resolution answers for the node's name. `present`: the addresses that the Node has at the API
// server; under an external provider those stay, whoever wrote them. kInvalid: --node-ip cannot be an address of this
// node. kUnavailable: this machine has no address that would do (yet).
Result<std::vector<Address>> chooseAddresses(const AddressWishes& wishes, const HostNetwork& network,
                                             const std::vector<IpAddress>& resolved,
                                             const std::vector<Address>& present);

// The value of the annotation alpha.kubernetes.io/provided-node-ip; empty: the Node must not have it.
std::string providedNodeIp(const AddressWishes& wishes);

}  // namespace cubelet::node
