// One log line as text. Pure, so that the formats can be tested; see log.h for their use.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace cubelet::log {

// Without the newline at its end, and without any inside: line breaks and control characters of messages and values are
// escaped, so that nobody can forge a line.
//   plain:    2027-01-15T08:00:00.123Z info starting container pod=default/web error="exit 1"
//   journal:  <6>starting container pod=default/web error="exit 1"
//   json:     {"ts":"2027-01-15T08:00:00.123Z","level":"info","msg":"starting container","pod":"default/web"}
std::string formatLine(const Options& options, WallTime time, Priority priority, std::string_view message,
                       std::span<const Field> fields);

}  // namespace cubelet::log
