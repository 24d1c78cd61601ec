#include "kubelet/cgroups/usage_files.h"

#include <algorithm>

namespace cubelet::cgroups {
namespace {

struct Place {
  const char* controller;
  const char* file;
};

namespace v1 {
enum File : std::size_t {
  kCpuTime,
  kCpuModes,
  kCpuQuota,
  kMemory,
  kMemoryLimit,
  kMemoryStat,
  kSwapLimit,
  kFailures,
  kOom,
  kPeak,
  kTasks,
  kDeviceBytes,
  kDeviceUses,
  kProcesses,
  kFiles,
};
constexpr Place kPlaces[kFiles] = {
    {"cpuacct", "cpuacct.usage"},
    {"cpuacct", "cpuacct.stat"},
    {"cpu", "cpu.stat"},
    {"memory", "memory.usage_in_bytes"},
    {"memory", "memory.limit_in_bytes"},
    {"memory", "memory.stat"},
    {"memory", "memory.memsw.limit_in_bytes"},
    {"memory", "memory.failcnt"},
    {"memory", "memory.oom_control"},
    {"memory", "memory.max_usage_in_bytes"},
    {"pids", "pids.current"},
    {"blkio", "blkio.throttle.io_service_bytes"},
    {"blkio", "blkio.throttle.io_serviced"},
    {"memory", "cgroup.procs"},
};
}  // namespace v1

namespace v2 {
enum File : std::size_t {
  kCpu,
  kCpuPressure,
  kMemory,
  kMemoryLimit,
  kMemoryStat,
  kMemoryPressure,
  kMemoryEvents,
  kPeak,
  kSwap,
  kSwapLimit,
  kTasks,
  kDevices,
  kIoPressure,
  kProcesses,
  kFiles,
};
constexpr Place kPlaces[kFiles] = {
    {"cpu", "cpu.stat"},           {"cpu", "cpu.pressure"},    {"memory", "memory.current"},
    {"memory", "memory.max"},      {"memory", "memory.stat"},  {"memory", "memory.pressure"},
    {"memory", "memory.events"},   {"memory", "memory.peak"},  {"memory", "memory.swap.current"},
    {"memory", "memory.swap.max"}, {"pids", "pids.current"},   {"io", "io.stat"},
    {"io", "io.pressure"},         {"memory", "cgroup.procs"},
};
}  // namespace v2

static_assert(v1::kFiles <= kUsageFiles && v2::kFiles <= kUsageFiles);

const Place& placeOf(std::size_t file, bool isV2) {
  return isV2 ? v2::kPlaces[file] : v1::kPlaces[file];
}

}  // namespace

void UsageFiles::close() {
  for (std::unique_ptr<OpenFile>& file : open_) file.reset();
}

Usage UsageReader::read(UsageFiles& cgroup, Depth depth, Keep keep) {
  Usage usage = readOnce(cgroup, depth, keep);
  if (gone_) {
    cgroup.close();
    cgroup.missing_.reset();
    usage = readOnce(cgroup, depth, keep);
  }
  if (keep == Keep::kClosed) cgroup.close();
  // It may be gone, or not be there in every hierarchy yet.
  if (!usage.cpu || (!usage.memory && !cgroup.path().empty())) cgroup.missing_.reset();
  return usage;
}

std::optional<Processes> UsageReader::processes(UsageFiles& cgroup, Keep keep) {
  const std::size_t file = files_.isV2() ? std::size_t{v2::kProcesses} : std::size_t{v1::kProcesses};
  cgroup_ = &cgroup;
  keep_ = keep;
  gone_ = false;
  std::string_view list = text(file);
  if (gone_) {
    cgroup.open_[file].reset();
    list = text(file);
  }
  // A cgroup without processes has an empty list.
  if (list.empty() && cgroup.missing_[file]) {
    cgroup.missing_.reset(file);
    return std::nullopt;
  }
  return Processes{static_cast<std::uint64_t>(std::ranges::count(list, '\n')), numberIn(list).value_or(0)};
}

Usage UsageReader::readOnce(UsageFiles& cgroup, Depth depth, Keep keep) {
  cgroup_ = &cgroup;
  keep_ = keep;
  gone_ = false;
  return files_.isV2() ? readV2(depth) : readV1(depth);
}

std::string_view UsageReader::text(std::size_t file, std::size_t slot) {
  if (cgroup_->missing_[file]) return "";
  std::unique_ptr<OpenFile>& kept = cgroup_->open_[file];
  if (!kept) {
    const Place& place = placeOf(file, files_.isV2());
    Result<std::unique_ptr<OpenFile>> opened = files_.open(place.controller, cgroup_->path(), place.file);
    if (!opened) {
      if (opened.error().code == Code::kNotFound) cgroup_->missing_.set(file);
      return "";
    }
    kept = std::move(*opened);
  }
  const std::optional<std::string_view> said = kept->read(texts_[slot]);
  if (!said) gone_ = true;
  if (keep_ == Keep::kClosed) kept.reset();
  return said.value_or("");
}

Usage UsageReader::readV2(Depth depth) {
  Usage out;
  if (const std::string_view stat = text(v2::kCpu); !stat.empty()) out.cpu = cpuUsageV2(stat);
  if (const std::string_view current = text(v2::kMemory, 0); !current.empty())
    out.memory = memoryUsage(current, text(v2::kMemoryLimit, 1), text(v2::kMemoryStat, 2), true);
  if (const Count swap = number(v2::kSwap)) out.swap = SwapUsage{*swap, number(v2::kSwapLimit)};
  if (depth < Depth::kPressure) return out;
  if (out.cpu) out.cpu->pressure = parsePressure(text(v2::kCpuPressure));
  if (out.memory) out.memory->pressure = parsePressure(text(v2::kMemoryPressure));
  out.io = parsePressure(text(v2::kIoPressure));
  if (depth < Depth::kCounters) return out;
  if (out.memory) {
    const std::string_view events = text(v2::kMemoryEvents);
    out.memory->failures = fieldOf(events, "max");
    out.memory->oomKills = fieldOf(events, "oom_kill");
    out.memory->peak = number(v2::kPeak);
  }
  out.tasks = number(v2::kTasks);
  out.devices = devicesV2(text(v2::kDevices));
  return out;
}

Usage UsageReader::readV1(Depth depth) {
  Usage out;
  const bool counters = depth >= Depth::kCounters;
  if (const std::string_view nanos = text(v1::kCpuTime, 0); !nanos.empty())
    out.cpu = cpuUsageV1(nanos, counters ? text(v1::kCpuModes, 1) : "", counters ? text(v1::kCpuQuota, 2) : "");
  if (const std::string_view usage = text(v1::kMemory, 0); !usage.empty()) {
    const std::string_view limit = text(v1::kMemoryLimit, 1);
    const std::string_view stat = text(v1::kMemoryStat, 2);
    out.memory = memoryUsage(usage, limit, stat, false);
    out.swap = swapUsageV1(stat, out.memory->limit, text(v1::kSwapLimit, 0));
  }
  if (!counters) return out;
  if (out.memory) {
    out.memory->failures = number(v1::kFailures);
    out.memory->oomKills = fieldOf(text(v1::kOom), "oom_kill");
    out.memory->peak = number(v1::kPeak);
  }
  out.tasks = number(v1::kTasks);
  out.devices = devicesV1(text(v1::kDeviceBytes, 0), text(v1::kDeviceUses, 1));
  return out;
}

}  // namespace cubelet::cgroups
