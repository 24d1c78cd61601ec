#include "kubelet/metrics/registry.h"

#include <algorithm>
#include <numeric>

namespace cubelet::metrics {

std::vector<double> exponentialBounds(double first, double factor, int count) {
  std::vector<double> bounds;
  for (double bound = first; static_cast<int>(bounds.size()) < count; bound *= factor) bounds.push_back(bound);
  return bounds;
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double Counters::of(const std::vector<std::string>& values) const {
  auto found = counts_.find(values);
  return found == counts_.end() ? 0 : found->second;
}

void Counters::forget(const std::function<bool(const std::vector<std::string>&)>& isGone) {
  std::erase_if(counts_, [&](const auto& entry) { return isGone(entry.first); });
}

void Histograms::forget(const std::function<bool(const std::vector<std::string>&)>& isGone) {
  std::erase_if(histograms_, [&](const auto& entry) { return isGone(entry.first); });
}

void Histograms::observe(const std::vector<std::string>& values, double value) {
  Histogram& one = histograms_[values];
  if (one.inBucket.empty()) one.inBucket.resize(bounds_.size() + 1);
  ++one.inBucket[static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin())];
  ++one.count;
  one.sum += value;
}

std::uint64_t Histograms::countOf(const std::vector<std::string>& values) const {
  auto found = histograms_.find(values);
  return found == histograms_.end() ? 0 : found->second.count;
}

Counters& Registry::counters(std::string name, std::string help, std::vector<std::string> labels) {
  Entry<Counters>& entry =
      counters_.emplace_back(Named{std::move(name), std::move(help), std::move(labels)}, Counters());
  // What has no labels is there from the start, as zero; the rest when it has happened first.
  if (entry.named.labels.empty()) entry.values.add({}, 0);
  return entry.values;
}

Histograms& Registry::histograms(std::string name, std::string help, std::vector<double> bounds,
                                 std::vector<std::string> labels) {
  return histograms_
      .emplace_back(Named{std::move(name), std::move(help), std::move(labels)}, Histograms(std::move(bounds)))
      .values;
}

Labels Registry::labelsOf(const Named& named, const std::vector<std::string>& values) {
  Labels labels;
  for (std::size_t i = 0; i < named.labels.size() && i < values.size(); ++i)
    labels.emplace_back(named.labels[i], values[i]);
  return labels;
}

Families Registry::collect() const {
  Families out;
  for (const auto& [named, counters] : counters_) {
    if (counters.counts_.empty()) continue;
    Family& family = out.emplace_back(Family{named.name, named.help, Kind::kCounter});
    for (const auto& [values, count] : counters.counts_)
      family.samples.push_back({.labels = labelsOf(named, values), .value = count});
  }
  for (const auto& [named, histograms] : histograms_) {
    if (histograms.histograms_.empty()) continue;
    Family& family = out.emplace_back(Family{named.name, named.help, Kind::kHistogram, histograms.bounds_, {}});
    for (const auto& [values, one] : histograms.histograms_) {
      Sample& sample = family.samples.emplace_back();
      sample.labels = labelsOf(named, values);
      sample.value = one.sum;
      sample.count = one.count;
      sample.upTo.resize(family.bounds.size());
      std::partial_sum(one.inBucket.begin(), one.inBucket.end() - 1, sample.upTo.begin());
    }
  }
  for (const auto& source : sources_) source(out);
  return out;
}

}  // namespace cubelet::metrics
