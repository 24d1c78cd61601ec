#include "kubelet/config/suggest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>

namespace cubelet::config {
namespace {

bool sameLetter(char left, char right) {
  return std::tolower(static_cast<unsigned char>(left)) == std::tolower(static_cast<unsigned char>(right));
}

// Levenshtein distance, one row at a time.
std::size_t editDistance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      std::size_t replaced = diagonal + (sameLetter(left[i - 1], right[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string nearestName(std::string_view name, const std::vector<std::string_view>& known) {
  std::size_t limit = std::max<std::size_t>(2, name.size() / 4);
  std::string_view best;
  std::size_t bestDistance = limit + 1;
  for (std::string_view candidate : known) {
    std::size_t distance = editDistance(name, candidate);
    // A name that shares nothing with a short one is not near, however small the number.
    if (distance >= bestDistance || distance >= candidate.size()) continue;
    best = candidate;
    bestDistance = distance;
  }
  return std::string(best);
}

}  // namespace cubelet::config
