// What this machine is: addresses, processors, memory, cgroup version.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kubelet/config/load.h"
#include "kubelet/podconfig/node_facts.h"
#include "kubelet/volumes/selinux_mount.h"

namespace cubelet {

// Addresses that the node can be reached by: what --node-ip says, else the source address of the default route for each
// family (IPv4 first). Empty on a machine without any network. Sends nothing.
std::vector<std::string> hostAddresses(const std::string& nodeIpFlag);

podconfig::NodeFacts readNodeFacts(const config::Effective& effective);

// The kernel enforces AppArmor profiles.
bool appArmorEnabled();

// The policy that the kernel enforces, as far as mounts need it.
volumes::SelinuxHost selinuxHost(const config::Effective& effective);

// Makes the directories below the root and for logs, with upstream's modes.
Result<void> makeHostDirectories(const layout::Directories& dirs);

// As many open files as the hard limit allows: 1024, the usual soft one, is for programs that use select(), and clients
// of our server could use them up.
void raiseFileLimit();

// Holds <root>/cubelet/lock until the process ends: two agents on one root would fight over every pod. kUnavailable:
// another one has it.
Result<Fd> lockRoot(const layout::Directories& dirs);

}  // namespace cubelet
