// What the bench found out, as a table for people and as JSON for machines.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cubelet::integration {

double median(std::vector<double> values);
double maximum(const std::vector<double>& values);

class Table {
 public:
  // A time in milliseconds beside its floor; the goal is a sentence for people.
  void addTimes(const std::string& what, std::vector<double> cubelet, std::vector<double> floor,
                const std::string& goal);
  void addTimes(const std::string& what, std::vector<double> cubelet, const std::string& goal);
  void addFigure(const std::string& what, double value, const std::string& unit, const std::string& goal);

  std::string text() const;
  nlohmann::json json() const { return rows_; }

 private:
  nlohmann::json rows_ = nlohmann::json::array();
};

}  // namespace cubelet::integration
