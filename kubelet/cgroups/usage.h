// What a cgroup has used so far, as the kernel counts it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cubelet::cgroups {

using Count = std::optional<std::uint64_t>;  // nothing: this kernel does not tell

// Shares of time, in percent, in which some or all tasks waited; `totalNanos` since the start.
struct PressureLine {
  double avg10 = 0;
  double avg60 = 0;
  double avg300 = 0;
  std::uint64_t totalNanos = 0;
};
struct Pressure {
  PressureLine some;
  PressureLine full;
};

struct CpuUsage {
  std::uint64_t nanos = 0;
  Count userNanos;
  Count systemNanos;
  Count periods;  // of the quota, and how many of them it has held something up in
  Count throttledPeriods;
  Count throttledNanos;
  std::optional<Pressure> pressure;  // of v2 only, like all pressure
};

// Bytes, but for the counters of faults and kills.
struct MemoryUsage {
  std::uint64_t usage = 0;
  std::uint64_t workingSet = 0;  // usage without file pages that nobody has touched for a while
  Count rss;                     // anonymous memory
  Count cache;
  Count mappedFile;
  Count pageFaults;
  Count majorPageFaults;
  Count limit;  // nothing: unlimited
  Count peak;
  Count failures;  // how often the limit was hit
  Count oomKills;
  std::optional<Pressure> pressure;
};

struct SwapUsage {
  std::uint64_t usage = 0;
  Count limit;  // nothing: unlimited
};

// Of one block device, named "8:0".
struct DeviceUsage {
  std::uint64_t readBytes = 0;
  std::uint64_t writtenBytes = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
};

struct Usage {
  std::optional<CpuUsage> cpu;
  std::optional<MemoryUsage> memory;
  std::optional<SwapUsage> swap;
  Count tasks;  // threads
  std::map<std::string, DeviceUsage> devices;
  std::optional<Pressure> io;
};

// The parts, pure. Texts are those of the files of that name.
CpuUsage cpuUsageV2(std::string_view cpuStat);
CpuUsage cpuUsageV1(std::string_view cpuacctUsage, std::string_view cpuacctStat, std::string_view cpuStat);
MemoryUsage memoryUsage(std::string_view usage, std::string_view limit, std::string_view memoryStat, bool v2);
// v1 counts limits of memory and of swap together. Nothing: it does not count swap at all.
std::optional<SwapUsage> swapUsageV1(std::string_view memoryStat, const Count& memoryLimit, std::string_view bothLimit);
std::map<std::string, DeviceUsage> devicesV2(std::string_view ioStat);
std::map<std::string, DeviceUsage> devicesV1(std::string_view serviceBytes, std::string_view serviced);
std::optional<Pressure> parsePressure(std::string_view text);

// The value behind `key` in a file with one "key value" per line.
Count fieldOf(std::string_view text, std::string_view key);
// The number that a file holds; nothing for "max" and for what is none.
Count numberIn(std::string_view text);

}  // namespace cubelet::cgroups
