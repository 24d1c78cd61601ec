// Words for findings: the checks in validate*.cc read as a list of rules.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kubelet/config/validate.h"

namespace cubelet::config {

inline std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

class Findings {
 public:
  void add(std::string_view field, std::string message) { list_.push_back({std::string(field), std::move(message)}); }

  void between(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high)
      add(field,
          "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", is " + std::to_string(value));
  }

  void atLeast(std::string_view field, std::int64_t value, std::int64_t low) {
    if (value < low) add(field, "must be " + std::to_string(low) + " or more, is " + std::to_string(value));
  }

  void oneOf(std::string_view field, std::string_view value, std::initializer_list<std::string_view> allowed) {
    if (std::ranges::find(allowed, value) != allowed.end()) return;
    std::string names;
    for (std::string_view name : allowed)
      names += (names.empty() ? "" : ", ") + (name.empty() ? "\"\"" : std::string(name));
    add(field, "must be one of " + names + ", is " + quoted(value));
  }

  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

}  // namespace cubelet::config
