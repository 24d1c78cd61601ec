#include "kubelet/cgroups/usage.h"

#include <algorithm>
#include <charconv>
#include <unistd.h>

namespace cubelet::cgroups {
namespace {

constexpr std::uint64_t kNanosPerMicro = 1000;
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;
// v1 writes "no limit" as the largest multiple of the page size that its counters hold.
constexpr std::uint64_t kUnlimitedV1 = 0x7fff'ffff'f000'0000;

// Takes the part before `end` off the front of `text`.
std::string_view take(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

// Calls `fn` with key and value of each "key value" line.
template <class Fn>
void eachField(std::string_view text, Fn fn) {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view key = take(line, ' ');
    fn(key, line);
  }
}

Count scaled(Count count, std::uint64_t by) {
  return count ? Count(*count * by) : std::nullopt;
}

Count limitOf(std::string_view text) {
  Count limit = numberIn(text);
  return limit && *limit < kUnlimitedV1 ? limit : std::nullopt;
}

double decimal(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

PressureLine pressureLine(std::string_view fields) {
  PressureLine line;
  while (!fields.empty()) {
    std::string_view value = take(fields, ' ');
    const std::string_view key = take(value, '=');
    if (key == "avg10") line.avg10 = decimal(value);
    if (key == "avg60") line.avg60 = decimal(value);
    if (key == "avg300") line.avg300 = decimal(value);
    if (key == "total") line.totalNanos = numberIn(value).value_or(0) * kNanosPerMicro;
  }
  return line;
}

// Lines of v1: "8:0 Read 4096". Calls `add` with device, what was done and how much.
template <class Fn>
void eachDeviceV1(std::string_view text, Fn add) {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view device = take(line, ' ');
    const std::string_view what = take(line, ' ');
    const Count amount = numberIn(line);
    if (amount && device.find(':') != std::string_view::npos) add(std::string(device), what, *amount);
  }
}

}  // namespace

Count numberIn(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

Count fieldOf(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (take(line, ' ') == key) return numberIn(line);
  }
  return std::nullopt;
}

std::optional<Pressure> parsePressure(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Pressure out;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view who = take(line, ' ');
    if (who == "some") out.some = pressureLine(line);
    if (who == "full") out.full = pressureLine(line);
  }
  return out;
}

CpuUsage cpuUsageV2(std::string_view cpuStat) {
  CpuUsage out;
  out.nanos = fieldOf(cpuStat, "usage_usec").value_or(0) * kNanosPerMicro;
  out.userNanos = scaled(fieldOf(cpuStat, "user_usec"), kNanosPerMicro);
  out.systemNanos = scaled(fieldOf(cpuStat, "system_usec"), kNanosPerMicro);
  out.periods = fieldOf(cpuStat, "nr_periods");
  out.throttledPeriods = fieldOf(cpuStat, "nr_throttled");
  out.throttledNanos = scaled(fieldOf(cpuStat, "throttled_usec"), kNanosPerMicro);
  return out;
}

CpuUsage cpuUsageV1(std::string_view cpuacctUsage, std::string_view cpuacctStat, std::string_view cpuStat) {
  const long ticks = ::sysconf(_SC_CLK_TCK);
  const std::uint64_t nanosPerTick = kNanosPerSecond / static_cast<std::uint64_t>(ticks > 0 ? ticks : 100);
  CpuUsage out;
  out.nanos = numberIn(cpuacctUsage).value_or(0);
  out.userNanos = scaled(fieldOf(cpuacctStat, "user"), nanosPerTick);
  out.systemNanos = scaled(fieldOf(cpuacctStat, "system"), nanosPerTick);
  out.periods = fieldOf(cpuStat, "nr_periods");
  out.throttledPeriods = fieldOf(cpuStat, "nr_throttled");
  out.throttledNanos = fieldOf(cpuStat, "throttled_time");
  return out;
}

// The total_ fields of v1 hold what lies below the cgroup, too; v2's always do.
MemoryUsage memoryUsage(std::string_view usage, std::string_view limit, std::string_view memoryStat, bool v2) {
  MemoryUsage out;
  out.usage = numberIn(usage).value_or(0);
  out.limit = limitOf(limit);
  std::uint64_t idle = 0;
  eachField(memoryStat, [&](std::string_view key, std::string_view value) {
    if (!v2) {
      if (!key.starts_with("total_")) return;
      key.remove_prefix(6);
    }
    if (key == "inactive_file") idle = numberIn(value).value_or(0);
    if (key == (v2 ? "anon" : "rss")) out.rss = numberIn(value);
    if (key == (v2 ? "file" : "cache")) out.cache = numberIn(value);
    if (key == (v2 ? "file_mapped" : "mapped_file")) out.mappedFile = numberIn(value);
    if (key == "pgfault") out.pageFaults = numberIn(value);
    if (key == "pgmajfault") out.majorPageFaults = numberIn(value);
  });
  out.workingSet = out.usage - std::min(out.usage, idle);
  return out;
}

std::optional<SwapUsage> swapUsageV1(std::string_view memoryStat, const Count& memoryLimit,
                                     std::string_view bothLimit) {
  const Count used = fieldOf(memoryStat, "total_swap");
  if (!used) return std::nullopt;
  SwapUsage swap{*used, std::nullopt};
  const Count limit = limitOf(bothLimit);
  if (limit && memoryLimit) swap.limit = *limit - std::min(*limit, *memoryLimit);
  return swap;
}

std::map<std::string, DeviceUsage> devicesV2(std::string_view ioStat) {
  std::map<std::string, DeviceUsage> out;
  while (!ioStat.empty()) {
    std::string_view line = take(ioStat, '\n');
    const std::string_view device = take(line, ' ');
    if (device.find(':') == std::string_view::npos) continue;
    DeviceUsage& one = out[std::string(device)];
    while (!line.empty()) {
      std::string_view value = take(line, ' ');
      const std::string_view key = take(value, '=');
      const std::uint64_t amount = numberIn(value).value_or(0);
      if (key == "rbytes") one.readBytes = amount;
      if (key == "wbytes") one.writtenBytes = amount;
      if (key == "rios") one.reads = amount;
      if (key == "wios") one.writes = amount;
    }
  }
  return out;
}

std::map<std::string, DeviceUsage> devicesV1(std::string_view serviceBytes, std::string_view serviced) {
  std::map<std::string, DeviceUsage> out;
  eachDeviceV1(serviceBytes, [&](std::string device, std::string_view what, std::uint64_t amount) {
    if (what == "Read") out[device].readBytes = amount;
    if (what == "Write") out[device].writtenBytes = amount;
  });
  eachDeviceV1(serviced, [&](std::string device, std::string_view what, std::uint64_t amount) {
    if (what == "Read") out[device].reads = amount;
    if (what == "Write") out[device].writes = amount;
  });
  return out;
}

}  // namespace cubelet::cgroups
