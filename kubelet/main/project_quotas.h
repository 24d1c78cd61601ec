// Whether file systems may count what pods write.
#pragma once

#include "kubelet/config/feature_gates.h"
#include "kubelet/config/load.h"

namespace cubelet {

inline bool projectQuotas(const config::Effective& effective) {
  return config::FeatureGates::lenient(effective.config).enabled("LocalStorageCapacityIsolationFSQuotaMonitoring");
}

}  // namespace cubelet
