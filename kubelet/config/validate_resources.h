// The part of validation that is about reservations, managers and eviction.
#pragma once

#include "kubelet/config/configuration.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/config/findings.h"

namespace cubelet::config {

void checkResources(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found);
void checkEviction(const KubeletConfiguration& config, Findings& found);

}  // namespace cubelet::config
