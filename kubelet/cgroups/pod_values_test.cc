#include "kubelet/cgroups/pod_values.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "kubelet/cgroups/cpu.h"
#include "kubelet/cgroups/slice_properties.h"
#include "kubelet/cgroups/value_files.h"

namespace cubelet::cgroups {
namespace {

constexpr std::int64_t kMi = 1 << 20;
constexpr std::int64_t kGi = 1 << 30;

TEST(Cpu, RES_8_Shares) {
  EXPECT_EQ(cpuShares(0), 2);
  EXPECT_EQ(cpuShares(1), 2);
  EXPECT_EQ(cpuShares(250), 256);
  EXPECT_EQ(cpuShares(1000), 1024);
  EXPECT_EQ(cpuShares(10'000'000), 262144);
}

TEST(Cpu, RES_8_Weight) {
  EXPECT_EQ(cpuWeight(0), 1);
  EXPECT_EQ(cpuWeight(2), 1);
  EXPECT_EQ(cpuWeight(1024), 100);
  EXPECT_EQ(cpuWeight(262144), 10000);
  EXPECT_EQ(cpuWeight(1'000'000), 10000);
  for (std::int64_t shares = 2; shares < 5000; ++shares) EXPECT_LE(cpuWeight(shares), cpuWeight(shares + 1)) << shares;
}

TEST(Cpu, RES_9_Quota) {
  EXPECT_EQ(cpuQuota(0, 100'000), 0);
  EXPECT_EQ(cpuQuota(500, 100'000), 50'000);
  EXPECT_EQ(cpuQuota(1, 100'000), 1000);
  EXPECT_EQ(cpuQuota(500, 10'000), 5000);
}

// "cpu=1 memory=1Gi" as entries of a resource list.
std::string entries(const std::string& list, const std::string& amounts) {
  std::string out;
  for (std::size_t at = 0; at < amounts.size();) {
    const std::size_t equals = amounts.find('=', at);
    const std::size_t end = std::min(amounts.find(' ', equals), amounts.size());
    out += list + " { key: '" + amounts.substr(at, equals - at) + "' value { string: '" +
           amounts.substr(equals + 1, end - equals - 1) + "' } } ";
    at = end + 1;
  }
  return out;
}

std::string resources(const std::string& requests, const std::string& limits) {
  return "resources { " + entries("requests", requests) + entries("limits", limits) + " } ";
}
std::string container(const std::string& requests, const std::string& limits) {
  return "containers { " + resources(requests, limits) + "} ";
}
std::string init(const std::string& requests, const std::string& limits, const std::string& more = "") {
  return "initContainers { " + more + resources(requests, limits) + "} ";
}
std::string sidecar(const std::string& requests, const std::string& limits) {
  return init(requests, limits, "restartPolicy: 'Always' ");
}

core::Pod podOf(const std::string& spec) {
  core::Pod pod;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("spec { " + spec + " }", &pod)) << spec;
  return pod;
}

struct Case {
  std::string name;
  std::string spec;
  std::int64_t shares;
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> memory;
};
void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}

class PodLimits : public testing::TestWithParam<Case> {};
TEST_P(PodLimits, RES_12) {
  const Values values = podValues(podOf(GetParam().spec), {});
  EXPECT_EQ(values.cpuShares, GetParam().shares);
  EXPECT_EQ(values.cpuQuota, GetParam().quota);
  EXPECT_EQ(values.memoryMax, GetParam().memory);
  EXPECT_EQ(values.pidsMax, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Pods, PodLimits,
    testing::Values(
        Case{"BestEffort", container("", ""), 2, {}, {}},
        Case{"Guaranteed", container("cpu=500m memory=64Mi", "cpu=500m memory=64Mi"), 512, 50'000, 64 * kMi},
        Case{"Burstable", container("cpu=250m", ""), 256, {}, {}},
        Case{"BurstableWithLimits", container("cpu=250m memory=1Mi", "cpu=1 memory=2Mi"), 256, 100'000, 2 * kMi},
        Case{"OneContainerWithoutCpuLimit",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + container("memory=1Mi", "memory=1Mi"),
             1024,
             {},
             2 * kMi},
        Case{"OneInitContainerWithoutLimits",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + init("", ""),
             1024,
             {},
             {}},
        Case{"InitContainersCountOneByOne",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + init("cpu=2 memory=4Mi", "cpu=2 memory=4Mi") +
                 init("cpu=3 memory=2Mi", "cpu=3 memory=2Mi"),
             3072, 300'000, 4 * kMi},
        Case{"SidecarsCountBesideTheContainers",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + sidecar("cpu=2 memory=4Mi", "cpu=2 memory=4Mi"), 3072,
             300'000, 5 * kMi},
        Case{"SidecarsCountBesideLaterInitContainers",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + sidecar("cpu=2 memory=4Mi", "cpu=2 memory=4Mi") +
                 init("cpu=4 memory=1Mi", "cpu=4 memory=1Mi"),
             6144, 600'000, 5 * kMi},
        Case{"OverheadIsAdded",
             container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi") + entries("overhead", "cpu=250m memory=1Mi"), 1280,
             125'000, 2 * kMi},
        Case{"OverheadSetsNoLimit", container("cpu=1", "") + entries("overhead", "cpu=250m memory=1Mi"), 1280, {}, {}},
        Case{"PodLevelWins",
             container("cpu=1", "") + container("", "") + resources("cpu=2 memory=1Gi", "cpu=4 memory=1Gi"), 2048,
             400'000, kGi}),
    [](const auto& test) { return test.param.name; });

TEST(PodLimits, RES_9_NoQuotaWhenItIsSwitchedOff) {
  const core::Pod pod = podOf(container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi"));
  EXPECT_EQ(podValues(pod, {.cpuQuota = false}).cpuQuota, std::nullopt);
  const Values values = podValues(pod, {.cpuPeriodMicros = 10'000});
  EXPECT_EQ(values.cpuQuota, 10'000);
  EXPECT_EQ(values.cpuPeriod, 10'000);
}

TEST(PodLimits, RES_14_HugePagesThatNobodyAsksForAreNotToBeHad) {
  const core::Pod pod = podOf(container("hugepages-2Mi=4Mi cpu=1", "hugepages-2Mi=4Mi") +
                              container("hugepages-2Mi=2Mi cpu=1", "hugepages-2Mi=2Mi"));
  const std::map<std::int64_t, std::int64_t> want = {{2 * kMi, 6 * kMi}, {kGi, 0}};
  EXPECT_EQ(podValues(pod, {.hugePageSizes = {2 * kMi, kGi}}).hugePages, want);
}

TEST(PodLimits, RES_15_Pids) {
  EXPECT_EQ(podValues(podOf(container("", "")), {.podPidsLimit = 100}).pidsMax, 100);
  EXPECT_EQ(podValues(podOf(container("", "")), {.podPidsLimit = 0}).pidsMax, std::nullopt);
}

TEST(QosLimits, RES_13_OnlyBurstablePodsCount) {
  EXPECT_EQ(burstableMilliCpu(podOf(container("cpu=250m", ""))), 250);
  EXPECT_EQ(burstableMilliCpu(podOf(container("cpu=1 memory=1Mi", "cpu=1 memory=1Mi"))), 0);
  EXPECT_EQ(burstableMilliCpu(podOf(container("", ""))), 0);
  const PodRules rules{.hugePageSizes = {2 * kMi}};
  EXPECT_EQ(burstableValues(0, rules).cpuShares, 2);
  EXPECT_EQ(burstableValues(1250, rules).cpuShares, 1280);
  EXPECT_EQ(burstableValues(1250, rules).memoryMax, std::nullopt);
  EXPECT_EQ(burstableValues(1250, rules).hugePages.at(2 * kMi), -1);
  EXPECT_EQ(bestEffortValues(rules).cpuShares, 2);
  EXPECT_EQ(bestEffortValues(rules).hugePages.at(2 * kMi), -1);
}

TEST(NodeLimits, RES_16_CapacityLessWhatIsReserved) {
  const NodeAmounts capacity{.milliCpu = 4000, .memoryBytes = 8 * kGi, .pids = 32768, .hugePages = {{2 * kMi, kGi}}};
  const NodeAmounts left = lessReserved(capacity, {{"cpu", "500m"}, {"memory", "1Gi"}, {"pid", "1000"}},
                                        {{"cpu", "500m"}, {"memory", "1Gi"}, {"ephemeral-storage", "1Gi"}});
  const Values values = nodeValues(left);
  EXPECT_EQ(values.cpuShares, 3072);
  EXPECT_EQ(values.cpuQuota, std::nullopt);
  EXPECT_EQ(values.memoryMax, 6 * kGi);
  EXPECT_EQ(values.pidsMax, 31768);
  EXPECT_EQ(values.hugePages.at(2 * kMi), kGi);
  EXPECT_EQ(lessReserved(capacity, {{"memory", "1Ti"}}, {}).memoryBytes, 0);
}

TEST(NodeLimits, RES_16_ReservedCgroups) {
  const Reserved reserved = {{"cpu", "500m"}, {"memory", "1Gi"}, {"pid", "100"}};
  const Values all = reservedValues(reserved, false);
  EXPECT_EQ(all.cpuShares, 512);
  EXPECT_EQ(all.memoryMax, kGi);
  EXPECT_EQ(all.pidsMax, 100);
  EXPECT_EQ(reservedValues(reserved, true), Values{.cpuShares = 512});
}

// ---- As files and properties ----

const Values kAll{.cpuShares = 1024,
                  .cpuQuota = 50'000,
                  .memoryMax = 64 * kMi,
                  .pidsMax = 100,
                  .hugePages = {{2 * kMi, 4 * kMi}, {kGi, -1}}};
const Values kNoLimits{.cpuQuota = -1, .memoryMax = -1, .pidsMax = -1};

TEST(ValueFiles, RES_10_V1) {
  const std::vector<FileValue> want = {{"cpu", "cpu.shares", "1024"},
                                       {"cpu", "cpu.cfs_period_us", "100000"},
                                       {"cpu", "cpu.cfs_quota_us", "50000"},
                                       {"memory", "memory.limit_in_bytes", "67108864"},
                                       {"pids", "pids.max", "100"},
                                       {"hugetlb", "hugetlb.2MB.limit_in_bytes", "4194304"},
                                       {"hugetlb", "hugetlb.1GB.limit_in_bytes", "-1"}};
  EXPECT_EQ(filesV1(kAll), want);
  EXPECT_EQ(filesV1(kNoLimits)[1].content, "-1");
  EXPECT_EQ(filesV1(kNoLimits)[2].content, "-1");
  EXPECT_EQ(filesV1(kNoLimits)[3].content, "max");
  EXPECT_TRUE(filesV1({}).empty());
}

TEST(ValueFiles, RES_10_V2) {
  const std::vector<FileValue> want = {
      {"cpu", "cpu.weight", "100"}, {"cpu", "cpu.max", "50000 100000"},        {"memory", "memory.max", "67108864"},
      {"pids", "pids.max", "100"},  {"hugetlb", "hugetlb.2MB.max", "4194304"}, {"hugetlb", "hugetlb.1GB.max", "max"}};
  EXPECT_EQ(filesV2(kAll), want);
  EXPECT_EQ(filesV2(kNoLimits)[0].content, "max 100000");
  EXPECT_EQ(filesV2(kNoLimits)[1].content, "max");
  EXPECT_TRUE(filesV2({}).empty());
}

TEST(ValueFiles, PageSizes) {
  EXPECT_EQ(pageSizeText(64 * 1024), "64KB");
  EXPECT_EQ(pageSizeText(2 * kMi), "2MB");
  EXPECT_EQ(pageSizeText(kGi), "1GB");
}

TEST(SliceProperties, ValuesOfV1AndV2) {
  using Properties = std::vector<UnitProperty>;
  const Properties v2 = {{"CPUWeight", std::uint64_t{100}},
                         {"CPUQuotaPeriodUSec", std::uint64_t{100'000}},
                         {"CPUQuotaPerSecUSec", std::uint64_t{500'000}},
                         {"MemoryMax", std::uint64_t{64 * kMi}},
                         {"TasksMax", std::uint64_t{100}}};
  EXPECT_EQ(valueProperties(kAll, true), v2);
  EXPECT_EQ(valueProperties(kAll, false)[0], (UnitProperty{"CPUShares", std::uint64_t{1024}}));
  EXPECT_EQ(valueProperties(kAll, false)[3].name, "MemoryLimit");
  EXPECT_EQ(valueProperties(kNoLimits, true)[1], (UnitProperty{"CPUQuotaPerSecUSec", UINT64_MAX}));
  EXPECT_EQ(valueProperties({.cpuQuota = 1234}, true)[1], (UnitProperty{"CPUQuotaPerSecUSec", std::uint64_t{20'000}}));
}

TEST(SliceProperties, ASliceIsWantedWithItsParent) {
  const std::vector<UnitProperty> properties = sliceProperties({"kubepods", "burstable"}, {}, true);
  const UnitProperty wants{"Wants", std::vector<std::string>{"kubepods.slice"}};
  EXPECT_NE(std::ranges::find(properties, wants), properties.end());
}

}  // namespace
}  // namespace cubelet::cgroups
