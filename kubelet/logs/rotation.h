// What becomes of a container's log as it grows: when to look at it, and which of its files stay. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace cubelet::logs {

struct RotationLimits {
  std::uint64_t maxBytes = std::uint64_t{10} << 20;  // containerLogMaxSize: a longer log is rotated
  std::size_t maxFiles = 5;                          // containerLogMaxFiles: of one log, the live one counts too
  Duration interval = std::chrono::seconds(10);      // containerLogMonitorInterval
  std::size_t workers = 1;                           // containerLogMaxWorkers: logs being compressed at once
};

// How long a log that grows may be left alone: whatever its writer does up to 5 MB/s, and whatever it has done so far
// above that, the log is looked at before it has overshot its limit by more than a twentieth; at the latest after the
// interval. `bytesPerSecond` is what was observed since the last look, 0 when nothing is known.
Duration pauseBeforeNextLook(std::uint64_t size, double bytesPerSecond, const RotationLimits& limits);

// Of the log "0.log": "0.log.20270115-080000". UTC, so that the names sort by age across a change of daylight saving
// time too. Later than every name among `names` (the files beside the log), even when several rotations fall into one
// second or the clock was put back.
std::string rotatedName(std::string_view log, const std::vector<std::string>& names, WallTime now);

// What to do with the rotated files of `log` among `names`. The newest stays plain: programs that follow the log may
// still read it. Earlier ones are compressed, the oldest go when there are more than maxFiles with the live one, and
// so does what a crash has left: temporary files, and plain ones that have been compressed already (LOG-3).
struct Tidying {
  std::vector<std::string> remove;
  std::vector<std::string> compress;
};
Tidying planTidying(std::string_view log, const std::vector<std::string>& names, std::size_t maxFiles);

// The log itself, its rotated files and temporary ones among `names`.
std::vector<std::string> filesOf(std::string_view log, const std::vector<std::string>& names);

}  // namespace cubelet::logs
