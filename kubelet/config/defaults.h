// What a configuration means where it says nothing (surface of Kubernetes v1.36).
#pragma once

#include <span>
#include <string_view>

#include "kubelet/config/configuration.h"

namespace cubelet::config {

// When a field takes its default: a field that is a pointer in the Go type only when it is absent, any other one also
// when it is 0, "" or 0s. kubeadm writes such zeros and means the defaults.
enum class Unset { kAbsent, kZero };

struct Default {
  std::string_view field;
  Unset unset;
  std::string_view value;  // as a flag would say it
};

// The defaults that depend on nothing else. The rest (nodeStatusReportFrequency, serializeImagePulls, evictionHard,
// ...) stands in applyDefaults.
std::span<const Default> defaultTable();

// Lists and maps that a file gives as empty. Protobuf cannot tell them from absent ones, but the empty list of
// enforcements and the empty map of thresholds switch things off.
struct GivenEmpty {
  bool evictionHard = false;
  bool enforceNodeAllocatable = false;
};

void applyDefaults(KubeletConfiguration& config, GivenEmpty given = {});

// The five thresholds that hold when evictionHard is absent.
const std::map<std::string, std::string>& defaultEvictionHard();

// Without --config four fields keep the meaning they had when flags were the only configuration: anonymous requests
// allowed, no webhook authentication, everything authorized, read-only port open.
KubeletConfiguration legacyConfiguration();

}  // namespace cubelet::config
