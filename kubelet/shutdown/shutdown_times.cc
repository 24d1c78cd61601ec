#include "kubelet/shutdown/shutdown_times.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/time_text.h"
#include "kubelet/logs/cri_log.h"

namespace cubelet::shutdown {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 4096;
constexpr mode_t kMode = 0600;
constexpr char kNever[] = "0001-01-01T00:00:00Z";  // Go's zero time

std::string textOf(const std::optional<WallTime>& time) {
  return time ? rfc3339Nano(*time) : kNever;
}

std::optional<WallTime> timeOf(const json& times, const char* name) {
  const auto found = times.find(name);
  if (found == times.end() || !found->is_string() || *found == kNever) return std::nullopt;
  return logs::parseRfc3339(found->get<std::string>());
}

}  // namespace

std::string shutdownTimesFile(const std::string& root) {
  return joinPath(root, "graceful_node_shutdown_state");
}

ShutdownTimes readShutdownTimes(const std::string& path) {
  const Result<std::string> text = readFile(path, kMostBytes);
  const json times = text ? json::parse(*text, nullptr, false) : json();
  if (!times.is_object()) return {};
  return {.began = timeOf(times, "startTime"), .ended = timeOf(times, "endTime")};
}

Result<void> writeShutdownTimes(const std::string& path, const ShutdownTimes& times) {
  const json text = {{"startTime", textOf(times.began)}, {"endTime", textOf(times.ended)}};
  return writeFileAtomic(path, text.dump(), kMode);
}

}  // namespace cubelet::shutdown
