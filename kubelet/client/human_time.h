// Times as people read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::client {

// "45s", "3m20s", "5h", "2d4h": fewer parts the longer it is, as kubectl prints ages. "0s" for negative ones.
std::string humanDuration(Duration duration);

// Seconds ("30"), or numbers with h, m, s ("1h30m").
Result<Duration> parseDuration(std::string_view text);

std::optional<WallTime> wallTime(const k8s::meta::v1::Time& time);

}  // namespace cubelet::client
