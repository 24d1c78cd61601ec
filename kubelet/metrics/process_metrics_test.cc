#include "kubelet/metrics/process_metrics.h"

#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::metrics {
namespace {

TEST(ProcessMetrics, SRV_2_TellOfThisProcess) {
  std::vector<std::string> names;
  double started = 0;
  for (const Family& family : processMetrics()) {
    names.push_back(family.name);
    EXPECT_GT(family.samples.at(0).value, 0) << family.name;
    if (family.name == "process_start_time_seconds") started = family.samples[0].value;
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("process_cpu_seconds_total", "process_resident_memory_bytes",
                                                   "process_virtual_memory_bytes", "process_start_time_seconds",
                                                   "process_open_fds", "process_max_fds"));
  EXPECT_LE(started, static_cast<double>(std::time(nullptr)) + 1);
}

TEST(ProcessMetrics, TheStartIsFoundBehindAnyName) {
  const std::string fields = "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 250 0 0\n";
  EXPECT_DOUBLE_EQ(startTime("7 (a) b (c) " + fields, "cpu 1\nbtime 1000\n", 100), 1002.5);
  EXPECT_EQ(startTime("7 (a", "btime 1000\n", 100), 0);
  EXPECT_EQ(startTime("7 (a) S 1", "btime 1000\n", 100), 0);
  EXPECT_EQ(startTime("7 (a) " + fields, "", 100), 0);
}

}  // namespace
}  // namespace cubelet::metrics
