// HostMachine: this machine, its cgroups and what the runtime knows of its containers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/blocking.h"
#include "cri/client/runtime_service.h"
#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/eviction/disk_usage.h"
#include "kubelet/eviction/machine.h"
#include "kubelet/eviction/node_files.h"
#include "kubelet/layout/layout.h"

namespace cubelet::eviction {

class HostMachine final : public Machine {
 public:
  // All must outlive this object.
  struct Services {
    BlockingPool& pool;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    cgroups::PodCgroups& cgroups;
  };
  // `projectQuotas`: see pathsOf().
  HostMachine(Services services, layout::Directories dirs, bool projectQuotas = false, NodeFiles files = {});

  Task<Result<NodeReadings>> node() override;
  Task<std::map<std::string, PodUsage>> usageOf(std::vector<core::Pod> pods, WantedUsage wanted) override;

 private:
  struct FileSystems {
    std::string images;  // where they are mounted
    std::string containers;
  };
  Task<Result<FileSystems>> fileSystems();
  Task<void> addMemory(Readings* readings);
  Task<PodUsage> writtenBy(core::Pod pod, bool projectQuotas);
  Task<void> addContainers(std::map<std::string, PodUsage>* usage);

  Services services_;
  const layout::Directories dirs_;
  const bool projectQuotas_;
  const NodeFiles files_;
  std::optional<FileSystems> fileSystems_;  // the runtime's, once it has told
};

}  // namespace cubelet::eviction
