// What a configuration may not say. The rules are those of Kubernetes v1.36, which checks some of them only later while
// it starts.
#pragma once

#include <string>
#include <vector>

#include "kubelet/config/command_line.h"
#include "kubelet/config/configuration.h"

namespace cubelet::config {

struct Finding {
  std::string field;    // "authentication.webhook.cacheTTL", or "--node-labels"
  std::string message;  // "must be between 1 and 65535, is 70000"
};

// Facts about the machine that a configuration has to fit.
struct HostFacts {
  bool cgroupV2 = true;
  bool swapOn = false;
};

// All findings, after defaults; none: the agent may start.
std::vector<Finding> validate(const KubeletConfiguration& config);
std::vector<Finding> validate(const CommandLine& commandLine);
// failCgroupV1, failSwapOn and what else depends on the machine.
std::vector<Finding> validateForHost(const KubeletConfiguration& config, const HostFacts& facts);

// What is allowed but has no or not the expected effect: said once at start.
std::vector<Finding> doubts(const KubeletConfiguration& config, const CommandLine& commandLine);

}  // namespace cubelet::config
