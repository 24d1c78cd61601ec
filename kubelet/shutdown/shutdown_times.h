// When the last shutdown began, and when the pods had ended: in upstream's file, for the metrics of the next start.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::shutdown {

struct ShutdownTimes {
  std::optional<WallTime> began;
  std::optional<WallTime> ended;
  friend bool operator==(const ShutdownTimes&, const ShutdownTimes&) = default;
};

// <root>/graceful_node_shutdown_state (SHD-5).
std::string shutdownTimesFile(const std::string& root);
// Nothing in it when there is no such file, or it cannot be read.
ShutdownTimes readShutdownTimes(const std::string& path);
Result<void> writeShutdownTimes(const std::string& path, const ShutdownTimes& times);

}  // namespace cubelet::shutdown
