#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/stats/cadvisor_metrics.h"
#include "kubelet/stats/resource_metrics.h"
#include "kubelet/stats/test_summary.h"
#include "kubelet/stats/volume_metrics.h"

namespace cubelet::stats {
namespace {

using metrics::Families;
using metrics::Family;
using metrics::Labels;
using testing::Contains;
using testing::ElementsAre;
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

const metrics::Sample* withLabels(const Family& family, const Labels& wanted) {
  for (const metrics::Sample& sample : family.samples)
    if (std::ranges::all_of(wanted, [&](const auto& label) { return std::ranges::count(sample.labels, label) > 0; }))
      return &sample;
  return nullptr;
}

TEST(ResourceMetrics, SRV_6_NamesLabelsAndTimes) {
  Summary summary = testSummary();
  summary.pods[0].containers[0].sample->usage.swap = cgroups::SwapUsage{5, 50};
  const Families families = resourceMetrics(summary);
  EXPECT_THAT(
      namesOf(families),
      UnorderedElementsAre("node_cpu_usage_seconds_total", "node_memory_working_set_bytes",
                           "container_cpu_usage_seconds_total", "container_memory_working_set_bytes",
                           "container_swap_usage_bytes", "container_swap_limit_bytes", "container_start_time_seconds",
                           "pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes", "resource_scrape_error"));
  const metrics::Sample& cpu = named(families, "container_cpu_usage_seconds_total").samples.at(0);
  EXPECT_THAT(cpu.labels, ElementsAre(Pair("container", "main"), Pair("namespace", "shop"), Pair("pod", "web")));
  EXPECT_DOUBLE_EQ(cpu.value, 2.5);
  EXPECT_EQ(cpu.at, atSecond(2));
  EXPECT_EQ(named(families, "pod_memory_working_set_bytes").samples.at(0).value, 3000);
  EXPECT_TRUE(named(families, "node_cpu_usage_seconds_total").samples.at(0).labels.empty());
  EXPECT_EQ(named(families, "resource_scrape_error").samples.at(0).value, 0);
}

TEST(ResourceMetrics, SRV_6_AContainerHasStartedBeforeItsSample) {
  Summary summary = testSummary();
  const metrics::Sample usual = named(resourceMetrics(summary), "container_start_time_seconds").samples.at(0);
  EXPECT_EQ(usual.value, 1'800'000'000 - 90);
  EXPECT_FALSE(usual.at) << "it has no time of its own";
  summary.pods[0].containers[0].startedAt = atSecond(9);
  EXPECT_EQ(named(resourceMetrics(summary), "container_start_time_seconds").samples.at(0).value, 1'800'000'002);
}

TEST(ResourceMetrics, SRV_6_AFailureIsAMetric) {
  const Families families = resourceMetricsFailed();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].samples.at(0).value, 1);
}

TEST(CadvisorMetrics, SRV_2_OneSeriesForEachCgroup) {
  const Families families = cadvisorMetrics(testSummary());
  const Family& memory = named(families, "container_memory_working_set_bytes");
  EXPECT_EQ(memory.samples.size(), 5u);
  const Labels pod = {{"namespace", "shop"}, {"pod", "web"}};
  auto of = [&](const std::string& container) {
    Labels labels = pod;
    labels.emplace_back("container", container);
    return withLabels(memory, labels);
  };
  ASSERT_TRUE(of("") && of("POD") && of("main"));
  EXPECT_EQ(of("")->value, 3000);
  EXPECT_EQ(of("POD")->value, 1000);
  EXPECT_EQ(of("main")->value, 2000);
  EXPECT_THAT(of("main")->labels,
              IsSupersetOf({Pair("id", "/kubepods/podu1/c1"), Pair("name", "c1"), Pair("image", "web:1")}));
  ASSERT_TRUE(withLabels(memory, {{"id", "/"}}));
  ASSERT_TRUE(withLabels(memory, {{"id", "/kubepods"}}));
}

TEST(CadvisorMetrics, SRV_2_CpuNetworkAndDevices) {
  Summary summary = testSummary();
  summary.node.devices["8:0"] = "sda";
  summary.pods[0].network = Network{atSecond(3), "eth0", {{.name = "eth0", .rxBytes = 7, .txDropped = 2}}};
  summary.pods[0].containers[0].sample->usage.devices["8:0"] = {
      .readBytes = 10, .writtenBytes = 20, .reads = 1, .writes = 2};
  summary.pods[0].containers[0].sample->usage.cpu->throttledPeriods = 3;
  const Families families = cadvisorMetrics(summary);
  const metrics::Sample* cpu =
      withLabels(named(families, "container_cpu_usage_seconds_total"), {{"container", "main"}});
  ASSERT_TRUE(cpu);
  EXPECT_THAT(cpu->labels, Contains(Pair("cpu", "total")));
  EXPECT_DOUBLE_EQ(cpu->value, 2.5);
  EXPECT_EQ(named(families, "container_cpu_cfs_throttled_periods_total").samples.at(0).value, 3);
  const Family& received = named(families, "container_network_receive_bytes_total");
  ASSERT_EQ(received.samples.size(), 1u) << "a pod's network is told once";
  EXPECT_THAT(received.samples[0].labels, IsSupersetOf({Pair("container", "POD"), Pair("interface", "eth0")}));
  EXPECT_EQ(received.samples[0].value, 7);
  const Family& written = named(families, "container_fs_writes_bytes_total");
  ASSERT_EQ(written.samples.size(), 1u);
  EXPECT_THAT(written.samples[0].labels, Contains(Pair("device", "/dev/sda")));
  EXPECT_EQ(written.samples[0].value, 20);
}

TEST(CadvisorMetrics, SRV_2_TheMachine) {
  const Families families = cadvisorMetrics(testSummary());
  EXPECT_EQ(named(families, "machine_cpu_cores").samples.at(0).value, 4);
  EXPECT_EQ(named(families, "machine_memory_bytes").samples.at(0).value, 1'000'000);
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
