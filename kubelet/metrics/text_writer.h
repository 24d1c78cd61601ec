// TextWriter: Prometheus' text format, written straight into one string. For what has thousands of samples.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "kubelet/metrics/families.h"

namespace cubelet::metrics {

// One label as the format has it, without a comma: pod="web".
std::string labelText(std::string_view name, std::string_view value);
// Several, with commas between.
std::string labelText(const Labels& labels);

class TextWriter {
 public:
  explicit TextWriter(std::size_t expectedBytes) { text_.reserve(expectedBytes); }

  // Counters and gauges only. The samples after this are its own; without any, nothing is told of it.
  void family(std::string_view name, std::string_view help, Kind kind);
  // `labels` and `more` as labelText() makes them; either may be empty. `at`: nothing for now.
  void sample(std::string_view labels, double value, std::optional<WallTime> at = {}, std::string_view more = {});

  // Ends the writing.
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string heading_;  // of a family without a sample so far
  std::string name_;
};

}  // namespace cubelet::metrics
