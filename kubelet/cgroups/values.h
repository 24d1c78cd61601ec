// Values: what one cgroup may use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace cubelet::cgroups {

// Whatever is not set stays as it is.
struct Values {
  std::optional<std::int64_t> cpuShares = {};
  std::optional<std::int64_t> cpuQuota = {};   // microseconds per period; -1: no limit
  std::int64_t cpuPeriod = 100'000;            // microseconds; goes with cpuQuota
  std::optional<std::int64_t> memoryMax = {};  // bytes; -1: no limit
  std::optional<std::int64_t> pidsMax = {};
  std::map<std::int64_t, std::int64_t> hugePages = {};  // page size -> limit, both in bytes; -1: no limit

  friend bool operator==(const Values&, const Values&) = default;
};

}  // namespace cubelet::cgroups
