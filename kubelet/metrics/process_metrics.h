// What the agent's own process uses, under the names that every Prometheus client library has.
#pragma once

#include <string>
#include <string_view>

#include "kubelet/metrics/families.h"

namespace cubelet::metrics {

// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_start_time_seconds,
// process_open_fds and process_max_fds, as far as `proc` tells. Blocks for some reads of /proc.
Families processMetrics(const std::string& proc = "/proc");

// When the process began, in seconds of Unix time, by the texts of /proc/self/stat and /proc/stat; 0 when they do not
// tell. Pure.
double startTime(std::string_view selfStat, std::string_view stat, long ticksPerSecond);

// A gauge with one sample, without labels.
Family gauge(std::string name, std::string help, double value);

}  // namespace cubelet::metrics
