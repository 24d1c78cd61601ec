// NodeSettings: what the configuration says about the Node.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/config/load.h"
#include "kubelet/node/node_addresses.h"
#include "kubelet/node/node_resources.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

struct NodeSettings {
  const std::string& name() const { return addresses.nodeName; }

  AddressWishes addresses;
  std::map<std::string, std::string> labels;  // --node-labels
  std::vector<core::Taint> taints;            // registerWithTaints
  std::string providerId;
  ResourceSettings resources;
  bool registerNode = true;        // false: somebody else makes the object, we only report its status
  bool controllerAttaches = true;  // enableControllerAttachDetach
  std::int64_t maxImages = 50;     // negative: all
  std::int32_t serverPort = 10250;
  std::string kubeletVersion;                 // "v1.36.0"
  std::vector<std::string> declaredFeatures;  // NOD-10; only what is implemented
  std::string dataDirectory;                  // --root-dir

  Duration computeEvery = std::chrono::seconds(10);
  Duration reportEvery = std::chrono::minutes(5);
  std::chrono::seconds leaseDuration{40};
};

// `kubeletVersion`: the version of Kubernetes that we stand for.
NodeSettings nodeSettings(const config::Effective& effective, std::string kubeletVersion);

}  // namespace cubelet::node
