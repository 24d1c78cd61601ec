// The CRI configuration of one container instance (surface 5.4). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/environment.h"
#include "kubelet/podconfig/node_facts.h"
#include "kubelet/podconfig/security.h"
#include "proto/deviceplugin/deviceplugin.pb.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

struct ContainerInputs {
  std::uint32_t attempt = 0;  // restart count
  Namespaces namespaces;
  bool recursiveReadOnlyMounts = false;  // the pod's runtime handler can make them (RTC-4)
  cri::v1::Image image;                  // as the runtime has it: id and user
  std::string imageRef;                  // what CreateContainer gets (CFG-25)
  std::vector<std::string> podIps;
  References references;                           // what its environment is made from
  std::map<std::string, std::string> volumePaths;  // volume name -> host path
  std::set<std::string> relabelled;                // volumes whose files get the container's SELinux label (CSI-14)
  std::set<std::int64_t> volumeGroups;             // of persistent volumes: the container has them (SEC-4)
  std::map<int, std::string> subPaths;             // index of a mount with subPath -> host path, or path in the image
  std::map<std::string, cri::v1::ImageSpec> imageVolumes;  // by volume name: what the runtime mounts itself (CFG-24)
  std::string hostsFile;                                   // host path, mounted at /etc/hosts; empty: none
  std::string terminationMessageFile;                      // host path, mounted at terminationMessagePath; empty: none
  ::v1beta1::ContainerAllocateResponse devices;            // what device plug-ins want it to have (SRV-14)
};

// Errors have reason CreateContainerConfigError.
Result<cri::v1::ContainerConfig> makeContainerConfig(const core::Pod& pod, const core::Container& container,
                                                     const ContainerInputs& inputs, const NodeFacts& node);

// Labels and annotations that let any kubelet find, judge and stop the container with no pod object at hand (SBX-4).
std::map<std::string, std::string> containerAnnotations(const core::Pod& pod, const core::Container& container,
                                                        std::uint32_t attempt);

}  // namespace cubelet::podconfig
