// "did you mean": the nearest known name to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cubelet::config {

// The known name with the smallest edit distance, if that is small for the length of `name`; otherwise "". Letter case
// does not count.
std::string nearestName(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace cubelet::config
