#include "kubelet/metrics/text_writer.h"

#include <gtest/gtest.h>

namespace cubelet::metrics {
namespace {

TEST(TextWriter, SRV_6_SamplesHaveLabelsAndTheirOwnTime) {
  TextWriter out(100);
  out.family("cpu_total", "CPU", Kind::kCounter);
  out.sample(labelText({{"pod", "a\"b\\c\nd"}, {"id", "/"}}), 2.5, WallTime(std::chrono::milliseconds(1234)));
  out.sample("", 1);
  out.sample("", 2, {}, labelText("cpu", "total"));
  out.sample(labelText("pod", "a"), 3, {}, labelText("cpu", "total"));
  out.family("memory", "Memory", Kind::kGauge);
  out.sample("", 1024);
  EXPECT_EQ(out.take(),
            "# HELP cpu_total CPU\n"
            "# TYPE cpu_total counter\n"
            "cpu_total{pod=\"a\\\"b\\\\c\\nd\",id=\"/\"} 2.5 1234\n"
            "cpu_total 1\n"
            "cpu_total{cpu=\"total\"} 2\n"
            "cpu_total{pod=\"a\",cpu=\"total\"} 3\n"
            "# HELP memory Memory\n"
            "# TYPE memory gauge\n"
            "memory 1024\n");
}

TEST(TextWriter, SRV_6_AFamilyWithoutSamplesIsNotTold) {
  TextWriter out(0);
  out.family("none", "None", Kind::kGauge);
  out.family("one", "One", Kind::kGauge);
  out.sample("", 0);
  EXPECT_EQ(out.take(), "# HELP one One\n# TYPE one gauge\none 0\n");
}

TEST(TextWriter, SRV_6_NumbersKeepTheirDigits) {
  const std::pair<double, const char*> rows[] = {{1234567890123, "1234567890123"},
                                                 {1'800'000'000, "1800000000"},
                                                 {41.875342, "41.875342"},
                                                 {1800000000.125, "1800000000.125"},
                                                 {-3, "-3"},
                                                 {1.8446744073709552e19, "18446744073709551616"},
                                                 {1e300, "1e+300"}};
  for (const auto& [value, text] : rows) {
    TextWriter out(0);
    out.family("n", "N", Kind::kGauge);
    out.sample("", value);
    EXPECT_TRUE(out.take().ends_with("\nn " + std::string(text) + "\n")) << text;
  }
}

}  // namespace
}  // namespace cubelet::metrics
