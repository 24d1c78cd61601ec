#include "kubelet/nodeapi/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/metrics/registry.h"

namespace cubelet::nodeapi {
namespace {

using metrics::Families;
using metrics::Kind;

TEST(Exposition, SRV_6_SamplesHaveLabelsAndTheirOwnTime) {
  const Families families = {
      {.name = "cpu_total",
       .help = "CPU",
       .kind = Kind::kCounter,
       .samples = {{.labels = {{"pod", "a\"b"}}, .value = 2.5, .at = WallTime(std::chrono::milliseconds(1234))},
                   {.labels = {}, .value = 1}}},
      {.name = "memory", .help = "Memory", .kind = Kind::kGauge, .samples = {{.value = 1024}}}};
  EXPECT_EQ(expositionText(families),
            "# HELP cpu_total CPU\n"
            "# TYPE cpu_total counter\n"
            "cpu_total{pod=\"a\\\"b\"} 2.5 1234\n"
            "cpu_total 1\n"
            "# HELP memory Memory\n"
            "# TYPE memory gauge\n"
            "memory 1024\n");
}

TEST(Exposition, SRV_2_HistogramsHaveBuckets) {
  metrics::Registry registry;
  metrics::Histograms& took = registry.histograms("took_seconds", "Time", {0.5, 2}, {"step"});
  took.observe({"pull"}, 1.0);
  took.observe({"pull"}, 3.0);
  EXPECT_EQ(expositionText(registry.collect()),
            "# HELP took_seconds Time\n"
            "# TYPE took_seconds histogram\n"
            "took_seconds_count{step=\"pull\"} 2\n"
            "took_seconds_sum{step=\"pull\"} 4\n"
            "took_seconds_bucket{step=\"pull\",le=\"0.5\"} 0\n"
            "took_seconds_bucket{step=\"pull\",le=\"2\"} 1\n"
            "took_seconds_bucket{step=\"pull\",le=\"+Inf\"} 2\n");
}

TEST(Exposition, SRV_6_LargeNumbersKeepTheirDigits) {
  const Families families = {{.name = "n", .help = "N", .kind = Kind::kGauge, .samples = {{.value = 1234567890123}}}};
  EXPECT_THAT(expositionText(families), testing::HasSubstr("\nn 1234567890123\n"));
}

}  // namespace
}  // namespace cubelet::nodeapi
