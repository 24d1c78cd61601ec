#include "kubelet/stats/cadvisor_metrics.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/metrics/text_writer.h"

namespace cubelet::stats {
namespace {

using cgroups::CpuUsage;
using cgroups::DeviceUsage;
using cgroups::MemoryUsage;
using cgroups::Pressure;
using metrics::Kind;
using metrics::labelText;
using metrics::TextWriter;

constexpr double kNanosPerSecond = 1e9;
// Enough for most, so that the text is moved seldom.
constexpr std::size_t kBytesOfAll = 16384;
constexpr std::size_t kBytesOfRow = 12288;
using Value = std::optional<double>;

Value plain(const Count& count) {
  return count ? Value(static_cast<double>(*count)) : std::nullopt;
}
Value inSeconds(const Count& nanos) {
  return nanos ? Value(static_cast<double>(*nanos) / kNanosPerSecond) : std::nullopt;
}

// What is read off one sample.
struct Reading {
  const char* name;
  const char* help;
  Kind kind;
  Value (*of)(const cgroups::Usage&);
  std::string_view more = {};  // labels that this series has beside those of its cgroup
};

template <auto Member>
Value cpuCount(const cgroups::Usage& usage) {
  return usage.cpu ? plain(Count((*usage.cpu).*Member)) : std::nullopt;
}
template <auto Member>
Value cpuSeconds(const cgroups::Usage& usage) {
  return usage.cpu ? inSeconds(Count((*usage.cpu).*Member)) : std::nullopt;
}
template <auto Member>
Value memoryCount(const cgroups::Usage& usage) {
  return usage.memory ? plain(Count((*usage.memory).*Member)) : std::nullopt;
}
Value swapBytes(const cgroups::Usage& usage) {
  return usage.swap ? plain(usage.swap->usage) : std::nullopt;
}
Value threads(const cgroups::Usage& usage) {
  return plain(usage.tasks);
}

const std::optional<Pressure>& cpuPressure(const cgroups::Usage& usage) {
  static const std::optional<Pressure> none;
  return usage.cpu ? usage.cpu->pressure : none;
}
const std::optional<Pressure>& memoryPressure(const cgroups::Usage& usage) {
  static const std::optional<Pressure> none;
  return usage.memory ? usage.memory->pressure : none;
}
const std::optional<Pressure>& ioPressure(const cgroups::Usage& usage) {
  return usage.io;
}
template <auto Of, auto Line>
Value pressureSeconds(const cgroups::Usage& usage) {
  const std::optional<Pressure>& pressure = Of(usage);
  return pressure ? inSeconds(((*pressure).*Line).totalNanos) : std::nullopt;
}

std::vector<Reading> readings() {
  return {
      {"container_cpu_usage_seconds_total", "CPU time used, in seconds", Kind::kCounter, cpuSeconds<&CpuUsage::nanos>,
       R"(cpu="total")"},
      {"container_cpu_user_seconds_total", "CPU time used by programs, in seconds", Kind::kCounter,
       cpuSeconds<&CpuUsage::userNanos>},
      {"container_cpu_system_seconds_total", "CPU time used by the kernel, in seconds", Kind::kCounter,
       cpuSeconds<&CpuUsage::systemNanos>},
      {"container_cpu_cfs_periods_total", "Periods of the CPU quota that have passed", Kind::kCounter,
       cpuCount<&CpuUsage::periods>},
      {"container_cpu_cfs_throttled_periods_total", "Periods in which the CPU quota was used up", Kind::kCounter,
       cpuCount<&CpuUsage::throttledPeriods>},
      {"container_cpu_cfs_throttled_seconds_total", "Time held up by the CPU quota, in seconds", Kind::kCounter,
       cpuSeconds<&CpuUsage::throttledNanos>},
      {"container_memory_usage_bytes", "Memory in use, file pages included", Kind::kGauge,
       memoryCount<&MemoryUsage::usage>},
      {"container_memory_working_set_bytes", "Memory in use, without file pages that nobody has touched for a while",
       Kind::kGauge, memoryCount<&MemoryUsage::workingSet>},
      {"container_memory_rss", "Anonymous memory, in bytes", Kind::kGauge, memoryCount<&MemoryUsage::rss>},
      {"container_memory_cache", "File pages, in bytes", Kind::kGauge, memoryCount<&MemoryUsage::cache>},
      {"container_memory_mapped_file", "File pages that are mapped, in bytes", Kind::kGauge,
       memoryCount<&MemoryUsage::mappedFile>},
      {"container_memory_swap", "Swap in use, in bytes", Kind::kGauge, swapBytes},
      {"container_memory_max_usage_bytes", "The most memory that was in use", Kind::kGauge,
       memoryCount<&MemoryUsage::peak>},
      {"container_memory_failcnt", "How often the memory limit was hit", Kind::kCounter,
       memoryCount<&MemoryUsage::failures>},
      {"container_memory_failures_total", "Page faults", Kind::kCounter, memoryCount<&MemoryUsage::pageFaults>,
       R"(failure_type="pgfault",scope="hierarchy")"},
      {"container_memory_failures_total", "Page faults", Kind::kCounter, memoryCount<&MemoryUsage::majorPageFaults>,
       R"(failure_type="pgmajfault",scope="hierarchy")"},
      {"container_spec_memory_limit_bytes", "Memory limit, in bytes", Kind::kGauge, memoryCount<&MemoryUsage::limit>},
      {"container_oom_events_total", "Processes killed for want of memory", Kind::kCounter,
       memoryCount<&MemoryUsage::oomKills>},
      {"container_threads", "Threads", Kind::kGauge, threads},
      {"container_pressure_cpu_waiting_seconds_total", "Time in which some tasks waited for CPU", Kind::kCounter,
       pressureSeconds<cpuPressure, &Pressure::some>},
      {"container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for CPU", Kind::kCounter,
       pressureSeconds<cpuPressure, &Pressure::full>},
      {"container_pressure_memory_waiting_seconds_total", "Time in which some tasks waited for memory", Kind::kCounter,
       pressureSeconds<memoryPressure, &Pressure::some>},
      {"container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory", Kind::kCounter,
       pressureSeconds<memoryPressure, &Pressure::full>},
      {"container_pressure_io_waiting_seconds_total", "Time in which some tasks waited for I/O", Kind::kCounter,
       pressureSeconds<ioPressure, &Pressure::some>},
      {"container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for I/O", Kind::kCounter,
       pressureSeconds<ioPressure, &Pressure::full>},
  };
}

template <class Of>
struct Part {
  const char* name;
  const char* help;
  std::uint64_t Of::* value;
};

constexpr Part<DeviceUsage> kDevices[] = {
    {"container_fs_reads_total", "Reads from the device", &DeviceUsage::reads},
    {"container_fs_writes_total", "Writes to the device", &DeviceUsage::writes},
    {"container_fs_reads_bytes_total", "Bytes read from the device", &DeviceUsage::readBytes},
    {"container_fs_writes_bytes_total", "Bytes written to the device", &DeviceUsage::writtenBytes},
};

constexpr Part<Interface> kInterfaces[] = {
    {"container_network_receive_bytes_total", "Bytes received", &Interface::rxBytes},
    {"container_network_receive_packets_total", "Packets received", &Interface::rxPackets},
    {"container_network_receive_packets_dropped_total", "Packets dropped on receipt", &Interface::rxDropped},
    {"container_network_receive_errors_total", "Errors on receipt", &Interface::rxErrors},
    {"container_network_transmit_bytes_total", "Bytes sent", &Interface::txBytes},
    {"container_network_transmit_packets_total", "Packets sent", &Interface::txPackets},
    {"container_network_transmit_packets_dropped_total", "Packets dropped instead of sent", &Interface::txDropped},
    {"container_network_transmit_errors_total", "Errors while sending", &Interface::txErrors},
};

// One cgroup, as its series name it.
struct Row {
  std::string labels = {};
  const Sample* sample = nullptr;
  const Network* network = nullptr;
  std::optional<WallTime> startedAt = std::nullopt;
};

std::string labelsOf(std::string_view id, std::string_view name = {}, std::string_view image = {},
                     std::string_view ns = {}, std::string_view pod = {}, std::string_view container = {}) {
  std::string text = labelText("container", container);
  const std::pair<std::string_view, std::string_view> others[] = {
      {"id", id}, {"image", image}, {"name", name}, {"namespace", ns}, {"pod", pod}};
  for (const auto& [key, value] : others) text.append(",").append(labelText(key, value));
  return text;
}

void addPod(const PodFigures& pod, std::vector<Row>& rows) {
  const Network* network = pod.network ? &*pod.network : nullptr;
  if (pod.sample)
    rows.push_back({.labels = labelsOf(pod.cgroup, "", "", pod.ns, pod.name),
                    .sample = &*pod.sample,
                    .network = pod.sandboxSample ? nullptr : network,
                    .startedAt = pod.startTime});
  if (pod.sandboxSample)
    rows.push_back({.labels = labelsOf(pod.sandboxCgroup, pod.sandboxId, "", pod.ns, pod.name, "POD"),
                    .sample = &*pod.sandboxSample,
                    .network = network});
  for (const ContainerFigures& one : pod.containers)
    if (one.sample)
      rows.push_back({.labels = labelsOf(one.cgroup, one.id, one.image, pod.ns, pod.name, one.name),
                      .sample = &*one.sample,
                      .startedAt = one.startedAt});
}

std::vector<Row> rowsOf(const Summary& summary) {
  std::vector<Row> rows;
  rows.push_back({.labels = labelsOf("/"),
                  .sample = &summary.node.sample,
                  .network = summary.node.network ? &*summary.node.network : nullptr,
                  .startedAt = summary.node.bootTime});
  for (const SystemCgroup& one : summary.node.systemCgroups)
    rows.push_back({.labels = labelsOf(one.cgroup), .sample = &one.sample, .startedAt = one.startTime});
  for (const PodFigures& pod : summary.pods) addPod(pod, rows);
  return rows;
}

double unixSeconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string deviceName(const NodeFigures& node, const std::string& number) {
  auto found = node.devices.find(number);
  return found == node.devices.end() ? number : "/dev/" + found->second;
}

void addReadings(const std::vector<Row>& rows, TextWriter& out) {
  std::string_view last;  // series of one name follow each other
  for (const Reading& reading : readings()) {
    if (reading.name != last) out.family(reading.name, reading.help, reading.kind);
    last = reading.name;
    for (const Row& row : rows)
      if (const Value value = reading.of(row.sample->usage))
        out.sample(row.labels, *value, row.sample->at, reading.more);
  }
}

void addDevices(const NodeFigures& node, const std::vector<Row>& rows, TextWriter& out) {
  std::map<std::string, std::string> labels;  // by number
  for (const Row& row : rows)
    for (const auto& [device, usage] : row.sample->usage.devices)
      if (!labels.contains(device)) labels[device] = labelText("device", deviceName(node, device));
  for (const Part<DeviceUsage>& part : kDevices) {
    out.family(part.name, part.help, Kind::kCounter);
    for (const Row& row : rows)
      for (const auto& [device, usage] : row.sample->usage.devices)
        out.sample(row.labels, static_cast<double>(usage.*part.value), row.sample->at, labels[device]);
  }
}

void addInterfaces(const std::vector<Row>& rows, TextWriter& out) {
  for (const Part<Interface>& part : kInterfaces) {
    out.family(part.name, part.help, Kind::kCounter);
    for (const Row& row : rows) {
      if (row.network == nullptr) continue;
      for (const Interface& one : row.network->interfaces)
        out.sample(row.labels, static_cast<double>(one.*part.value), row.network->at, labelText("interface", one.name));
    }
  }
}

}  // namespace

std::string cadvisorMetrics(const Summary& summary) {
  const std::vector<Row> rows = rowsOf(summary);
  TextWriter out(kBytesOfAll + kBytesOfRow * rows.size());
  addReadings(rows, out);
  addDevices(summary.node, rows, out);
  addInterfaces(rows, out);
  out.family("container_start_time_seconds", "Start time, in seconds of Unix time", Kind::kGauge);
  for (const Row& row : rows)
    if (row.startedAt) out.sample(row.labels, unixSeconds(*row.startedAt), row.sample->at);
  out.family("machine_cpu_cores", "Processors of the machine", Kind::kGauge);
  out.sample("", static_cast<double>(summary.node.cpus));
  out.family("machine_memory_bytes", "Memory of the machine, in bytes", Kind::kGauge);
  out.sample("", static_cast<double>(summary.node.memoryCapacity));
  return out.take();
}

}  // namespace cubelet::stats
