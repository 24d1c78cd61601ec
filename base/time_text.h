// Times and durations as text.
#pragma once

#include <string>

#include "base/clock.h"

namespace cubelet {

// "2027-01-15T08:00:00.123Z": UTC, always three digits. For logs.
std::string rfc3339Milli(WallTime time);
// "2027-01-15T08:00:00.1234567Z": UTC, as many digits as are not zero, none for whole seconds (Go's time.RFC3339Nano).
std::string rfc3339Nano(WallTime time);

// "1h2m3s", "1.5s", "250ms", "0s": as Go prints a time.Duration.
std::string durationText(Duration duration);

}  // namespace cubelet
