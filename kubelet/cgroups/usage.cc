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

class Reader {
 public:
  Reader(CgroupFiles& files, const std::string& path) : files_(files), path_(path) {}

  // "" when it cannot be read.
  std::string text(std::string_view controller, const std::string& file) {
    return files_.read(controller, path_, file).value_or("");
  }
  Count number(std::string_view controller, const std::string& file) { return numberIn(text(controller, file)); }

  Usage v2() {
    Usage out;
    if (const std::string stat = text("cpu", "cpu.stat"); !stat.empty()) {
      out.cpu = cpuUsageV2(stat);
      out.cpu->pressure = parsePressure(text("cpu", "cpu.pressure"));
    }
    if (const std::string current = text("memory", "memory.current"); !current.empty()) {
      out.memory = memoryUsage(current, text("memory", "memory.max"), text("memory", "memory.stat"), true);
      const std::string events = text("memory", "memory.events");
      out.memory->failures = fieldOf(events, "max");
      out.memory->oomKills = fieldOf(events, "oom_kill");
      out.memory->peak = number("memory", "memory.peak");
      out.memory->pressure = parsePressure(text("memory", "memory.pressure"));
    }
    if (const Count swap = number("memory", "memory.swap.current"))
      out.swap = SwapUsage{*swap, number("memory", "memory.swap.max")};
    out.tasks = number("pids", "pids.current");
    out.devices = devicesV2(text("io", "io.stat"));
    out.io = parsePressure(text("io", "io.pressure"));
    return out;
  }

  Usage v1() {
    Usage out;
    if (const std::string nanos = text("cpuacct", "cpuacct.usage"); !nanos.empty())
      out.cpu = cpuUsageV1(nanos, text("cpuacct", "cpuacct.stat"), text("cpu", "cpu.stat"));
    if (const std::string usage = text("memory", "memory.usage_in_bytes"); !usage.empty()) {
      const std::string limit = text("memory", "memory.limit_in_bytes");
      out.memory = memoryUsage(usage, limit, text("memory", "memory.stat"), false);
      out.memory->failures = number("memory", "memory.failcnt");
      out.memory->oomKills = fieldOf(text("memory", "memory.oom_control"), "oom_kill");
      out.memory->peak = number("memory", "memory.max_usage_in_bytes");
      out.swap = swapV1(*out.memory);
    }
    out.tasks = number("pids", "pids.current");
    out.devices =
        devicesV1(text("blkio", "blkio.throttle.io_service_bytes"), text("blkio", "blkio.throttle.io_serviced"));
    return out;
  }

 private:
  // v1 counts memory and swap together.
  std::optional<SwapUsage> swapV1(const MemoryUsage& memory) {
    const Count both = number("memory", "memory.memsw.usage_in_bytes");
    if (!both) return std::nullopt;
    SwapUsage swap;
    swap.usage = *both - std::min(*both, memory.usage);
    const Count limit = limitOf(text("memory", "memory.memsw.limit_in_bytes"));
    if (limit && memory.limit) swap.limit = *limit - std::min(*limit, *memory.limit);
    return swap;
  }

  CgroupFiles& files_;
  const std::string& path_;
};

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
  const std::uint64_t idle = fieldOf(memoryStat, v2 ? "inactive_file" : "total_inactive_file").value_or(0);
  out.workingSet = out.usage - std::min(out.usage, idle);
  out.rss = fieldOf(memoryStat, v2 ? "anon" : "total_rss");
  out.cache = fieldOf(memoryStat, v2 ? "file" : "total_cache");
  out.mappedFile = fieldOf(memoryStat, v2 ? "file_mapped" : "total_mapped_file");
  out.pageFaults = fieldOf(memoryStat, v2 ? "pgfault" : "total_pgfault");
  out.majorPageFaults = fieldOf(memoryStat, v2 ? "pgmajfault" : "total_pgmajfault");
  out.limit = limitOf(limit);
  return out;
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

Usage readUsage(CgroupFiles& files, const std::string& path) {
  Reader reader(files, path);
  return files.isV2() ? reader.v2() : reader.v1();
}

}  // namespace cubelet::cgroups
