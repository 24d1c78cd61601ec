// Metrics as data: what a scrape answers, before it is text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace cubelet::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;  // name and value

enum class Kind { kCounter, kGauge, kHistogram };

struct Sample {
  Labels labels = {};
  double value = 0;                 // of histograms: the sum of all that was observed
  std::optional<WallTime> at = {};  // told to whoever scrapes; nothing: now
  // Of histograms: how many values were at most as large as each bound of the family, and how many there are in all.
  std::vector<std::uint64_t> upTo = {};
  std::uint64_t count = 0;
};

struct Family {
  std::string name = {};
  std::string help = {};
  Kind kind = Kind::kGauge;
  std::vector<double> bounds = {};  // of histograms, ascending
  std::vector<Sample> samples = {};
};

using Families = std::vector<Family>;

}  // namespace cubelet::metrics
