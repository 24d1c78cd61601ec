#include "kubelet/metrics/process_metrics.h"

#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

#include "base/files.h"

namespace cubelet::metrics {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1024} * 1024;

double inSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string textOf(const std::string& path) {
  return readFile(path, kMaxFile).value_or("");
}

}  // namespace

Family gauge(std::string name, std::string help, double value) {
  Family family{.name = std::move(name), .help = std::move(help), .kind = Kind::kGauge};
  family.samples.push_back({.value = value});
  return family;
}

double startTime(std::string_view selfStat, std::string_view stat, long ticksPerSecond) {
  // Behind the name in brackets, which may hold anything, the start is the twentieth field.
  constexpr int kStart = 20;
  const std::size_t bracket = selfStat.rfind(')');
  const std::size_t line = stat.find("btime ");
  if (bracket == std::string_view::npos || line == std::string_view::npos || ticksPerSecond <= 0) return 0;
  std::istringstream fields{std::string(selfStat.substr(bracket + 1))};
  std::string field;
  for (int i = 0; i < kStart; ++i)
    if (!(fields >> field)) return 0;
  std::istringstream boot{std::string(stat.substr(line + 6))};
  double ticks = 0;
  double began = 0;
  if (!(std::istringstream(field) >> ticks) || !(boot >> began)) return 0;
  return began + ticks / static_cast<double>(ticksPerSecond);
}

Families processMetrics(const std::string& proc) {
  Families out;
  rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    Family& cpu = out.emplace_back(gauge("process_cpu_seconds_total", "CPU time that the agent has used, in seconds",
                                         inSeconds(usage.ru_utime) + inSeconds(usage.ru_stime)));
    cpu.kind = Kind::kCounter;
  }
  std::istringstream statm(textOf(joinPath(proc, "self/statm")));
  double virtualPages = 0;
  double residentPages = 0;
  if (statm >> virtualPages >> residentPages) {
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    out.push_back(gauge("process_resident_memory_bytes", "Memory of the agent, in bytes", residentPages * page));
    out.push_back(gauge("process_virtual_memory_bytes", "Address space of the agent, in bytes", virtualPages * page));
  }
  const double start =
      startTime(textOf(joinPath(proc, "self/stat")), textOf(joinPath(proc, "stat")), ::sysconf(_SC_CLK_TCK));
  if (start > 0)
    out.push_back(gauge("process_start_time_seconds", "When the agent was started, in seconds of Unix time", start));
  if (Result<std::vector<std::string>> open = listDirectory(joinPath(proc, "self/fd")); open)
    out.push_back(gauge("process_open_fds", "Open file descriptors", static_cast<double>(open->size())));
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.push_back(gauge("process_max_fds", "File descriptors that may be open", static_cast<double>(limit.rlim_cur)));
  return out;
}

}  // namespace cubelet::metrics
