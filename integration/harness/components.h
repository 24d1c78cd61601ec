// How the components of a test cluster are called: the same as plain processes and in containers that see the
// credentials under the same paths. Everything listens on 127.0.0.1. The first word is the program's name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/harness/credentials.h"

namespace cubelet::integration {

struct ClusterPorts {
  int etcd = 0;
  int etcdPeer = 0;
  int apiServer = 0;

  std::string url() const { return "https://127.0.0.1:" + std::to_string(apiServer); }
};
// Ports that nobody listens on, and that the kernel gives to no connection either, now or later.
ClusterPorts chooseClusterPorts();
// One such port.
int choosePort();

using Command = std::vector<std::string>;
Command etcdCommand(const ClusterPorts& ports, const std::filesystem::path& data);
// With the Node and RBAC authorizers and NodeRestriction.
Command apiServerCommand(const ClusterPorts& ports, const ClusterCredentials& credentials);
Command controllerManagerCommand(const ClusterCredentials& credentials);
Command schedulerCommand(const ClusterCredentials& credentials);

}  // namespace cubelet::integration
