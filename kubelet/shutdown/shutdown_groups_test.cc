#include "kubelet/shutdown/shutdown_groups.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace cubelet::shutdown {
namespace {

using Times = std::vector<GroupTime>;
using Names = std::vector<std::string>;

constexpr std::int32_t kCritical = 2'000'000'000;

struct ConfigCase {
  std::string name;
  int total = 0;
  int critical = 0;
  std::map<std::int32_t, int> byPriority;  // written into the configuration highest first
  Times groups;
};

class ShutdownConfig : public testing::TestWithParam<ConfigCase> {};

TEST_P(ShutdownConfig, GivesGroups) {
  const ConfigCase& row = GetParam();
  config::KubeletConfiguration config;
  config.mutable_shutdowngraceperiod()->set_duration(row.total * 1'000'000'000LL);
  config.mutable_shutdowngraceperiodcriticalpods()->set_duration(row.critical * 1'000'000'000LL);
  for (auto one = row.byPriority.rbegin(); one != row.byPriority.rend(); ++one) {
    auto& group = *config.add_shutdowngraceperiodbypodpriority();
    group.set_priority(one->first);
    group.set_shutdowngraceperiodseconds(one->second);
  }
  EXPECT_EQ(groupTimes(config), row.groups);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ShutdownConfig,
    testing::Values(
        ConfigCase{"SHD_1_OffByDefault", 0, 0, {}, {}},
        ConfigCase{
            "SHD_3_NormalPodsHaveWhatCriticalOnesLeave", 30, 10, {}, {{0, seconds(20)}, {kCritical, seconds(10)}}},
        ConfigCase{"SHD_3_NothingForCriticalPods", 30, 0, {}, {{0, seconds(30)}, {kCritical, seconds(0)}}},
        ConfigCase{"SHD_3_ByPriorityLowestFirst",
                   0,
                   0,
                   {{100000, 10}, {0, 60}, {10000, 180}},
                   {{0, seconds(60)}, {10000, seconds(180)}, {100000, seconds(10)}}}),
    [](const auto& test) { return test.param.name; });

TEST(ShutdownGroups, SHD_1_LogindHasToWaitForAllOfThem) {
  EXPECT_EQ(totalOf({{0, seconds(20)}, {kCritical, seconds(10)}}), seconds(30));
  EXPECT_EQ(totalOf({}), seconds(0));
}

core::Pod podOf(const std::string& name, std::optional<std::int32_t> priority, std::optional<int> grace = {}) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  if (priority) pod.mutable_spec()->set_priority(*priority);
  if (grace) pod.mutable_spec()->set_terminationgraceperiodseconds(*grace);
  return pod;
}

TEST(ShutdownGroups, SHD_3_EachPodGoesWithTheGroupBelowIt) {
  const Times times = {{100, seconds(1)}, {1000, seconds(2)}, {5000, seconds(3)}, {kCritical, seconds(4)}};
  const std::vector<core::Pod> pods = {podOf("critical", kCritical + 1000),
                                       podOf("none", {}),
                                       podOf("below", -5),
                                       podOf("at", 1000),
                                       podOf("between", 4999),
                                       podOf("lowest", 100)};
  std::vector<std::pair<seconds, Names>> got;
  for (const Group& group : groupPods(times, pods)) {
    got.emplace_back(group.time.period, Names());
    for (const core::Pod& pod : group.pods) got.back().second.push_back(pod.metadata().name());
  }
  const std::vector<std::pair<seconds, Names>> want = {
      {seconds(1), {"none", "below", "lowest"}}, {seconds(2), {"at", "between"}}, {seconds(4), {"critical"}}};
  EXPECT_EQ(got, want);
  EXPECT_TRUE(groupPods({}, pods).empty());
}

TEST(ShutdownGroups, SHD_3_APodHasWhatItAsksForAndNoMoreThanItsGroup) {
  const GroupTime group{0, seconds(20)};
  EXPECT_EQ(graceOf(podOf("p", 0, 5), group), seconds(5));
  EXPECT_EQ(graceOf(podOf("p", 0, 60), group), seconds(20));
  EXPECT_EQ(graceOf(podOf("p", 0), group), seconds(20));
}

}  // namespace
}  // namespace cubelet::shutdown
