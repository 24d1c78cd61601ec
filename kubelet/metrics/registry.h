// Registry: the counters and histograms of the agent.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/metrics/families.h"

namespace cubelet::metrics {

// Bounds that grow by a factor: `count` of them from `first`.
std::vector<double> exponentialBounds(double first, double factor, int count);

double seconds(Duration duration);

// Values that only grow, one for each combination of label values.
class Counters {
 public:
  // `values` in the order of the label names.
  void add(const std::vector<std::string>& values, double by = 1) { counts_[values] += by; }
  double of(const std::vector<std::string>& values) const;
  // Those of what is gone for good, so that a long life does not fill the memory with them.
  void forget(const std::function<bool(const std::vector<std::string>& values)>& isGone);

 private:
  friend class Registry;
  std::map<std::vector<std::string>, double> counts_;
};

class Histograms {
 public:
  explicit Histograms(std::vector<double> bounds) : bounds_(std::move(bounds)) {}

  void observe(const std::vector<std::string>& values, double value);
  void observe(const std::vector<std::string>& values, Duration took) { observe(values, seconds(took)); }
  std::uint64_t countOf(const std::vector<std::string>& values) const;
  void forget(const std::function<bool(const std::vector<std::string>& values)>& isGone);

 private:
  friend class Registry;
  struct Histogram {
    std::vector<std::uint64_t> inBucket;  // the last one: above all bounds
    std::uint64_t count = 0;
    double sum = 0;
  };
  std::vector<double> bounds_;
  std::map<std::vector<std::string>, Histogram> histograms_;
};

// Plain numbers: noting one costs a look into a map and no system call. Nothing happens between scrapes. References
// that it gives out stay good. Loop thread only.
class Registry {
 public:
  Counters& counters(std::string name, std::string help, std::vector<std::string> labels = {});
  Histograms& histograms(std::string name, std::string help, std::vector<double> bounds,
                         std::vector<std::string> labels = {});
  // For what is looked up when somebody asks; it appends its families.
  void onCollect(std::function<void(Families&)> source) { sources_.push_back(std::move(source)); }

  // In the order in which they were made.
  Families collect() const;

 private:
  struct Named {
    std::string name;
    std::string help;
    std::vector<std::string> labels;
  };
  template <class T>
  struct Entry {
    Named named;
    T values;
  };
  static Labels labelsOf(const Named& named, const std::vector<std::string>& values);

  std::deque<Entry<Counters>> counters_;
  std::deque<Entry<Histograms>> histograms_;
  std::vector<std::function<void(Families&)>> sources_;
};

}  // namespace cubelet::metrics
