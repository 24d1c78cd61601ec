#include "kubelet/nodeapi/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>

namespace cubelet::nodeapi {
namespace {

prometheus::MetricType typeOf(metrics::Kind kind) {
  switch (kind) {
    case metrics::Kind::kCounter:
      return prometheus::MetricType::Counter;
    case metrics::Kind::kGauge:
      return prometheus::MetricType::Gauge;
    case metrics::Kind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  std::unreachable();
}

prometheus::ClientMetric metricOf(const metrics::Family& family, const metrics::Sample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  if (sample.at)
    metric.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(sample.at->time_since_epoch()).count();
  switch (family.kind) {
    case metrics::Kind::kCounter:
      metric.counter.value = sample.value;
      break;
    case metrics::Kind::kGauge:
      metric.gauge.value = sample.value;
      break;
    case metrics::Kind::kHistogram:
      metric.histogram.sample_count = sample.count;
      metric.histogram.sample_sum = sample.value;
      for (std::size_t i = 0; i < family.bounds.size(); ++i)
        metric.histogram.bucket.push_back({sample.upTo[i], family.bounds[i]});
      break;
  }
  return metric;
}

}  // namespace

std::string expositionText(const metrics::Families& families) {
  std::vector<prometheus::MetricFamily> all;
  all.reserve(families.size());
  for (const metrics::Family& family : families) {
    prometheus::MetricFamily& one = all.emplace_back();
    one.name = family.name;
    one.help = family.help;
    one.type = typeOf(family.kind);
    one.metric.reserve(family.samples.size());
    for (const metrics::Sample& sample : family.samples) one.metric.push_back(metricOf(family, sample));
  }
  const prometheus::TextSerializer serializer;
  return static_cast<const prometheus::Serializer&>(serializer).Serialize(all);
}

}  // namespace cubelet::nodeapi
