#include "kubelet/cgroups/cpu.h"

#include <algorithm>
#include <cmath>

namespace cubelet::cgroups {

std::int64_t cpuShares(std::int64_t milliCpu) {
  constexpr std::int64_t kSharesPerCpu = 1024;
  return std::clamp(milliCpu * kSharesPerCpu / 1000, kMinShares, kMaxShares);
}

std::int64_t cpuQuota(std::int64_t milliCpu, std::int64_t periodMicros) {
  constexpr std::int64_t kMinQuotaMicros = 1000;
  if (milliCpu <= 0) return 0;
  return std::max(milliCpu * periodMicros / 1000, kMinQuotaMicros);
}

std::int64_t cpuWeight(std::int64_t shares) {
  constexpr std::int64_t kMaxWeight = 10000;
  if (shares <= kMinShares) return 1;
  if (shares >= kMaxShares) return kMaxWeight;
  const double log = std::log2(static_cast<double>(shares));
  const double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
  return static_cast<std::int64_t>(std::ceil(std::pow(10, exponent)));
}

}  // namespace cubelet::cgroups
