// CPU amounts as the kernel wants them (RES-8, RES-9). Pure.
#pragma once

#include <cstdint>

namespace cubelet::cgroups {

inline constexpr std::int64_t kMinShares = 2;
inline constexpr std::int64_t kMaxShares = 262144;

// Milli-CPU to cpu.shares: 1024 per CPU, between 2 and 262144.
std::int64_t cpuShares(std::int64_t milliCpu);
// Milli-CPU to microseconds per period, at least 1000; 0 (no limit) for no CPU limit.
std::int64_t cpuQuota(std::int64_t milliCpu, std::int64_t periodMicros);
// cpu.weight of cgroup v2 for that many shares: 2 -> 1, 1024 -> 100, 262144 -> 10000, as runc and crun convert them.
std::int64_t cpuWeight(std::int64_t shares);

}  // namespace cubelet::cgroups
