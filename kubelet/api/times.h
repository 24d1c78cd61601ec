// Times and spans as the Kubernetes API writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cubelet::api {

struct Instant {
  std::int64_t seconds = 0;  // since the Unix epoch
  std::int32_t nanos = 0;
};

// RFC 3339 as Go reads it: upper-case T and Z, years 0000 to 9999, no leap second, any number of fraction digits (those
// beyond nine are dropped).
std::optional<Instant> parseTime(std::string_view text);

// "2026-01-02T03:04:05Z".
std::string timeText(std::int64_t seconds);
// "2026-01-02T03:04:05.000006Z".
std::string microTimeText(Instant instant);

// Go's time.ParseDuration in nanoseconds: "1h30m", "1.5s", "-2m", "0"; units ns, us, µs, ms, s, m, h.
std::optional<std::int64_t> parseDuration(std::string_view text);

}  // namespace cubelet::api
