// Which pods make room for a critical one (ADM-10). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/admission/pod_claims.h"

namespace cubelet::admission {

// So much of a resource is missing, in the unit of Amounts; more than zero.
struct Missing {
  std::string resource;
  std::int64_t amount = 0;
};

// UIDs of the pods to stop so that `missing` becomes free: as few Guaranteed ones as possible, then Burstable, then
// BestEffort; among equals those that fit best, then the smaller ones. Only pods that `critical` may take the place of:
// no critical ones, except those of a lower priority where both have one. An Error (kInvalid) when all of them together
// are not enough.
Result<std::vector<std::string>> chooseVictims(const PodClaims& critical, const std::vector<const PodClaims*>& running,
                                               const std::vector<Missing>& missing);

}  // namespace cubelet::admission
