// Metrics as the text that Prometheus reads (exposition format 0.0.4).
#pragma once

#include <string>

#include "kubelet/metrics/families.h"

namespace cubelet::nodeapi {

inline constexpr char kExpositionType[] = "text/plain; version=0.0.4; charset=utf-8";

std::string expositionText(const metrics::Families& families);

}  // namespace cubelet::nodeapi
