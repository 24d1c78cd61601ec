#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "kubelet/stats/cadvisor_metrics.h"
#include "kubelet/stats/resource_metrics.h"
#include "kubelet/stats/test_summary.h"
#include "kubelet/stats/volume_metrics.h"

namespace cubelet::stats {
namespace {

using metrics::Families;
using metrics::Family;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Pair;
using testing::UnorderedElementsAre;

const Family& named(const Families& families, const std::string& name) {
  static const Family none;
  auto found = std::ranges::find(families, name, &Family::name);
  if (found == families.end()) ADD_FAILURE() << "no metric " << name;
  return found == families.end() ? none : *found;
}

std::vector<std::string> namesOf(const Families& families) {
  std::vector<std::string> names;
  for (const Family& family : families) names.push_back(family.name);
  return names;
}

std::vector<std::string> linesOf(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Names of the families, as their TYPE lines say.
std::vector<std::string> typesOf(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string& line : linesOf(text))
    if (line.starts_with("# TYPE ")) names.push_back(line.substr(7));
  return names;
}

// The samples of that name, without it.
std::vector<std::string> samplesOf(const std::string& text, const std::string& name) {
  std::vector<std::string> samples;
  for (const std::string& line : linesOf(text))
    if (line.starts_with(name + "{") || line.starts_with(name + " ")) samples.push_back(line.substr(name.size()));
  return samples;
}

TEST(ResourceMetrics, SRV_6_NamesLabelsAndTimes) {
  Summary summary = testSummary();
  summary.pods[0].containers[0].sample->usage.swap = cgroups::SwapUsage{5, 50};
  const std::string text = resourceMetrics(summary);
  EXPECT_THAT(
      typesOf(text),
      UnorderedElementsAre("node_cpu_usage_seconds_total counter", "node_memory_working_set_bytes gauge",
                           "container_cpu_usage_seconds_total counter", "container_memory_working_set_bytes gauge",
                           "container_swap_usage_bytes gauge", "container_swap_limit_bytes gauge",
                           "container_start_time_seconds gauge", "pod_cpu_usage_seconds_total counter",
                           "pod_memory_working_set_bytes gauge", "resource_scrape_error gauge"));
  EXPECT_THAT(samplesOf(text, "container_cpu_usage_seconds_total"),
              ElementsAre(R"({container="main",namespace="shop",pod="web"} 2.5 1800000002000)"));
  EXPECT_THAT(samplesOf(text, "pod_memory_working_set_bytes"),
              ElementsAre(R"({namespace="shop",pod="web"} 3000 1800000001000)"));
  EXPECT_THAT(samplesOf(text, "node_cpu_usage_seconds_total"), ElementsAre(" 9 1800000000000"));
  EXPECT_THAT(samplesOf(text, "container_swap_limit_bytes"),
              ElementsAre(R"({container="main",namespace="shop",pod="web"} 50 1800000002000)"));
  EXPECT_THAT(samplesOf(text, "resource_scrape_error"), ElementsAre(" 0"));
}

TEST(ResourceMetrics, SRV_6_AContainerHasStartedBeforeItsSample) {
  Summary summary = testSummary();
  const std::string labels = R"({container="main",namespace="shop",pod="web"})";
  EXPECT_THAT(samplesOf(resourceMetrics(summary), "container_start_time_seconds"), ElementsAre(labels + " 1799999910"))
      << "it has no time of its own";
  summary.pods[0].containers[0].startedAt = atSecond(9);
  EXPECT_THAT(samplesOf(resourceMetrics(summary), "container_start_time_seconds"), ElementsAre(labels + " 1800000002"));
}

TEST(ResourceMetrics, SRV_6_AFailureIsAMetric) {
  EXPECT_THAT(linesOf(resourceMetricsFailed()),
              ElementsAre(HasSubstr("# HELP"), "# TYPE resource_scrape_error gauge", "resource_scrape_error 1"));
}

TEST(CadvisorMetrics, SRV_2_OneSeriesForEachCgroup) {
  const std::string text = cadvisorMetrics(testSummary());
  EXPECT_THAT(
      samplesOf(text, "container_memory_working_set_bytes"),
      ElementsAre(
          R"({container="",id="/",image="",name="",namespace="",pod=""} 500000 1800000000000)",
          R"({container="",id="/kubepods",image="",name="",namespace="",pod=""} 6 1800000000000)",
          R"({container="",id="/kubepods/podu1",image="",name="",namespace="shop",pod="web"} 3000 1800000001000)",
          R"({container="POD",id="/kubepods/podu1/s1",image="",name="s1",namespace="shop",pod="web"} 1000 1800000001000)",
          R"({container="main",id="/kubepods/podu1/c1",image="web:1",name="c1",namespace="shop",pod="web"} 2000 1800000002000)"));
}

TEST(CadvisorMetrics, SRV_2_CpuNetworkAndDevices) {
  Summary summary = testSummary();
  summary.node.devices["8:0"] = "sda";
  summary.pods[0].network = Network{atSecond(3), "eth0", {{.name = "eth0", .rxBytes = 7, .txDropped = 2}}};
  cgroups::Usage& usage = summary.pods[0].containers[0].sample->usage;
  usage.devices["8:0"] = {.readBytes = 10, .writtenBytes = 20, .reads = 1, .writes = 2};
  usage.cpu->throttledPeriods = 3;
  usage.memory->pageFaults = 4;
  usage.memory->majorPageFaults = 5;
  const std::string text = cadvisorMetrics(summary);
  const std::string main =
      R"({container="main",id="/kubepods/podu1/c1",image="web:1",name="c1",namespace="shop",pod="web")";
  const std::string at = " 1800000002000";
  EXPECT_THAT(samplesOf(text, "container_cpu_usage_seconds_total"), IsSupersetOf({main + R"(,cpu="total"} 2.5)" + at}));
  EXPECT_THAT(samplesOf(text, "container_cpu_cfs_throttled_periods_total"), ElementsAre(main + "} 3" + at));
  EXPECT_THAT(samplesOf(text, "container_memory_failures_total"),
              ElementsAre(main + R"(,failure_type="pgfault",scope="hierarchy"} 4)" + at,
                          main + R"(,failure_type="pgmajfault",scope="hierarchy"} 5)" + at));
  EXPECT_THAT(
      samplesOf(text, "container_network_receive_bytes_total"),
      ElementsAre(
          R"({container="POD",id="/kubepods/podu1/s1",image="",name="s1",namespace="shop",pod="web",interface="eth0"} 7 1800000003000)"))
      << "a pod's network is told once";
  EXPECT_THAT(samplesOf(text, "container_fs_writes_bytes_total"), ElementsAre(main + R"(,device="/dev/sda"} 20)" + at));
  const std::vector<std::string> types = typesOf(text);
  EXPECT_EQ(std::set(types.begin(), types.end()).size(), types.size()) << "each family once";
}

TEST(CadvisorMetrics, SRV_2_TheMachine) {
  const std::string text = cadvisorMetrics(testSummary());
  EXPECT_THAT(samplesOf(text, "machine_cpu_cores"), ElementsAre(" 4"));
  EXPECT_THAT(samplesOf(text, "machine_memory_bytes"), ElementsAre(" 1000000"));
}

TEST(VolumeMetrics, CSI_16_EachClaimOnce) {
  Summary summary = testSummary();
  VolumeFigures volume{.name = "data", .claim = "disk", .fs = {.capacity = 100, .used = 60, .inodes = 9}};
  summary.pods[0].volumes = {volume, {.name = "tmp", .fs = {.used = 1}}};
  summary.pods.push_back(summary.pods[0]);
  const Families families = volumeMetrics(summary);
  EXPECT_THAT(namesOf(families),
              UnorderedElementsAre("kubelet_volume_stats_capacity_bytes", "kubelet_volume_stats_used_bytes",
                                   "kubelet_volume_stats_inodes"));
  const Family& used = named(families, "kubelet_volume_stats_used_bytes");
  ASSERT_EQ(used.samples.size(), 1u);
  EXPECT_THAT(used.samples[0].labels, ElementsAre(Pair("namespace", "shop"), Pair("persistentvolumeclaim", "disk")));
  EXPECT_EQ(used.samples[0].value, 60);
}

TEST(VolumeMetrics, CSI_16_HealthWhereItIsTold) {
  Summary summary = testSummary();
  summary.pods[0].volumes = {{.name = "data", .claim = "disk", .abnormal = true}, {.name = "b", .claim = "other"}};
  const Families families = volumeMetrics(summary);
  const Family& health = named(families, "kubelet_volume_stats_health_status_abnormal");
  ASSERT_EQ(health.samples.size(), 1u);
  EXPECT_EQ(health.samples[0].value, 1);
}

}  // namespace
}  // namespace cubelet::stats
