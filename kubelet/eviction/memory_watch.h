// The kernel's word that memory is getting short: pressure stall information (PSI).
#pragma once

#include <functional>
#include <string>

#include "base/loop.h"
#include "base/task.h"

namespace cubelet::eviction {

// Calls `stalled` when programs have waited for memory for 300 ms of two seconds, and again each further two in which
// they do. Costs nothing until then. Returns at once where the kernel has no such file or lets nobody set a trigger;
// otherwise runs until it is cancelled. `loop` must outlive the task.
Task<void> watchMemoryPressure(Loop* loop, std::string path, std::function<void()> stalled);

inline constexpr char kMemoryPressureFile[] = "/proc/pressure/memory";

}  // namespace cubelet::eviction
