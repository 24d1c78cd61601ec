#include "kubelet/node/node_resources.h"

#include <gtest/gtest.h>

namespace cubelet::node {
namespace {

constexpr std::int64_t kMi = 1 << 20;
constexpr std::int64_t kGi = 1 << 30;

MachineFacts machine() {
  MachineFacts facts;
  facts.cpus = 4;
  facts.memoryBytes = 16 * kGi;
  facts.storageBytes = 100 * kGi;
  return facts;
}

ResourceList allocatable(const MachineFacts& facts, const ResourceSettings& settings) {
  return allocatableOf(capacityOf(facts, settings), settings);
}

TEST(Capacity, NOD7_IsWhatTheMachineHas) {
  EXPECT_EQ(capacityOf(machine(), {}),
            (ResourceList{{"cpu", "4"}, {"memory", "16Gi"}, {"pods", "110"}, {"ephemeral-storage", "100Gi"}}));
}

TEST(Capacity, NOD7_NamesHugePagesByTheirSize) {
  MachineFacts facts = machine();
  facts.hugePages = {{2 * kMi, 512}, {kGi, 0}};
  const ResourceList capacity = capacityOf(facts, {});
  EXPECT_EQ(capacity.at("hugepages-2Mi"), "1Gi");
  EXPECT_EQ(capacity.at("hugepages-1Gi"), "0");
}

TEST(Capacity, NOD7_PodsPerCoreLimitsPods) {
  EXPECT_EQ(capacityOf(machine(), {.podsPerCore = 10}).at("pods"), "40");
  EXPECT_EQ(capacityOf(machine(), {.podsPerCore = 100}).at("pods"), "110");
  EXPECT_EQ(capacityOf(machine(), {.maxPods = 250}).at("pods"), "250");
}

TEST(Capacity, NOD7_LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(capacityOf({}, {}), (ResourceList{{"pods", "110"}}));
  EXPECT_FALSE(capacityOf(machine(), {.countsStorage = false}).contains("ephemeral-storage"));
}

TEST(Allocatable, NOD7_IsCapacityWithoutReservations) {
  EXPECT_EQ(allocatable(machine(), {}), capacityOf(machine(), {}));
}

TEST(Allocatable, NOD7_LosesBothReservations) {
  const ResourceSettings settings{.kubeReserved = {{"cpu", "100m"}, {"memory", "1Gi"}, {"ephemeral-storage", "1Gi"}},
                                  .systemReserved = {{"cpu", "200m"}, {"memory", "512Mi"}, {"pid", "1000"}}};
  EXPECT_EQ(allocatable(machine(), settings),
            (ResourceList{{"cpu", "3700m"}, {"memory", "14848Mi"}, {"pods", "110"}, {"ephemeral-storage", "99Gi"}}));
}

TEST(Allocatable, NOD7_LosesHardEvictionThresholds) {
  const ResourceSettings settings{
      .evictionHard = {{"memory.available", "100Mi"}, {"nodefs.available", "10%"}, {"imagefs.available", "15%"}}};
  const ResourceList got = allocatable(machine(), settings);
  EXPECT_EQ(got.at("memory"), "16284Mi");
  // 100Gi less 10737418400: 10 % in single precision, as upstream computes it.
  EXPECT_EQ(got.at("ephemeral-storage"), "96636764k");
}

TEST(Allocatable, NOD7_ThresholdOfMemoryMayBeAShare) {
  EXPECT_EQ(allocatable(machine(), {.evictionHard = {{"memory.available", "50%"}}}).at("memory"), "8Gi");
  EXPECT_EQ(allocatable(machine(), {.evictionHard = {{"memory.available", "0%"}}}).at("memory"), "16Gi");
  EXPECT_EQ(allocatable(machine(), {.evictionHard = {{"memory.available", "100%"}}}).at("memory"), "16Gi");
}

TEST(Allocatable, NOD7_HugePagesAreNoMemory) {
  MachineFacts facts = machine();
  facts.hugePages = {{2 * kMi, 512}};
  const ResourceList got = allocatable(facts, {});
  EXPECT_EQ(got.at("memory"), "15Gi");
  EXPECT_EQ(got.at("hugepages-2Mi"), "1Gi");
}

TEST(Allocatable, NOD7_IsNeverBelowZero) {
  MachineFacts facts = machine();
  facts.hugePages = {{kGi, 32}};
  const ResourceSettings settings{.systemReserved = {{"cpu", "8"}, {"ephemeral-storage", "200Gi"}}};
  const ResourceList got = allocatable(facts, settings);
  EXPECT_EQ(got.at("cpu"), "0");
  EXPECT_EQ(got.at("memory"), "0");
  EXPECT_EQ(got.at("ephemeral-storage"), "0");
}

TEST(Allocatable, HasExtendedResourcesAsAWhole) {
  EXPECT_EQ(allocatableOf({{"example.com/gpu", "2"}}, {}), (ResourceList{{"example.com/gpu", "2"}}));
}

TEST(ExtendedResources, HaveADomainOfTheirOwn) {
  EXPECT_TRUE(isExtended("example.com/gpu"));
  for (const char* other : {"cpu", "memory", "hugepages-2Mi", "kubernetes.io/x", "a.kubernetes.io/x"})
    EXPECT_FALSE(isExtended(other)) << other;
}

TEST(BytesQuantity, UsesTheLargestSuffixThatLosesNothing) {
  const std::pair<std::int64_t, std::string> cases[] = {{0, "0"},         {1, "1"},          {1023, "1023"},
                                                        {1024, "1Ki"},    {1536, "1536"},    {3000, "3k"},
                                                        {3 * kMi, "3Mi"}, {1LL << 60, "1Ei"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(bytesQuantity(bytes), text);
}

TEST(ResourceSettings, ComeFromTheConfiguration) {
  config::KubeletConfiguration config;
  config.set_maxpods(42);
  config.set_podspercore(7);
  (*config.mutable_kubereserved())["cpu"] = "1";
  (*config.mutable_systemreserved())["memory"] = "2Gi";
  (*config.mutable_evictionhard())["memory.available"] = "5%";
  config.set_localstoragecapacityisolation(false);
  const ResourceSettings settings = resourceSettings(config);
  EXPECT_EQ(settings.maxPods, 42);
  EXPECT_EQ(settings.podsPerCore, 7);
  EXPECT_EQ(settings.kubeReserved, (ResourceList{{"cpu", "1"}}));
  EXPECT_EQ(settings.systemReserved, (ResourceList{{"memory", "2Gi"}}));
  EXPECT_EQ(settings.evictionHard, (ResourceList{{"memory.available", "5%"}}));
  EXPECT_FALSE(settings.countsStorage);
}

}  // namespace
}  // namespace cubelet::node
