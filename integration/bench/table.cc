#include "integration/bench/table.h"

#include <algorithm>
#include <cstdio>

namespace cubelet::integration {
namespace {

using json = nlohmann::json;

std::string number(double value) {
  char text[32];
  snprintf(text, sizeof text, value < 10 ? "%.2f" : "%.1f", value);
  return text;
}

std::string cell(const json& row, const char* key, const std::string& unit = "") {
  return row.contains(key) ? number(row[key]) + unit : "";
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double maximum(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

void Table::addTimes(const std::string& what, std::vector<double> cubelet, std::vector<double> floor,
                     const std::string& goal) {
  double own = median(cubelet);
  double bare = median(floor);
  rows_.push_back({{"what", what},
                   {"unit", "ms"},
                   {"cubelet", own},
                   {"worst", maximum(cubelet)},
                   {"floor", bare},
                   {"difference", own - bare},
                   {"ratio", bare > 0 ? own / bare : 0},
                   {"goal", goal},
                   {"samples", cubelet},
                   {"floorSamples", floor}});
}

void Table::addTimes(const std::string& what, std::vector<double> cubelet, const std::string& goal) {
  rows_.push_back({{"what", what},
                   {"unit", "ms"},
                   {"cubelet", median(cubelet)},
                   {"worst", maximum(cubelet)},
                   {"goal", goal},
                   {"samples", cubelet}});
}

void Table::addFigure(const std::string& what, double value, const std::string& unit, const std::string& goal) {
  rows_.push_back({{"what", what}, {"unit", unit}, {"cubelet", value}, {"goal", goal}});
}

std::string Table::text() const {
  std::string out =
      "| What | cubelet | worst | floor | cubelet - floor | ratio | goal |\n|---|---|---|---|---|---|---|\n";
  for (const nlohmann::json& row : rows_) {
    std::string unit = " " + std::string(row["unit"]);
    out += "| " + std::string(row["what"]) + " | " + cell(row, "cubelet", unit) + " | " + cell(row, "worst", unit) +
           " | " + cell(row, "floor", unit) + " | " + cell(row, "difference", unit) + " | " + cell(row, "ratio") +
           " | " + std::string(row["goal"]) + " |\n";
  }
  return out;
}

}  // namespace cubelet::integration
