#include "kubelet/admission/preemption.h"

#include <gtest/gtest.h>

#include "kubelet/admission/test_pod.h"

namespace cubelet::admission {
namespace {

using Uids = std::vector<std::string>;

struct Preemption : testing::Test {
  std::vector<core::Pod> pods;
  core::Pod critical = asStatic(makePod("critical"));

  Result<Uids> victims(std::vector<Missing> missing) {
    std::vector<PodClaims> claims;
    for (const core::Pod& pod : pods) claims.push_back(claimsOf(pod));
    std::vector<const PodClaims*> pointers;
    for (const PodClaims& one : claims) pointers.push_back(&one);
    return chooseVictims(claimsOf(critical), pointers, missing);
  }
};

TEST_F(Preemption, ADM_10_BestEffortPodsGoBeforeAllOthersWherePodsAreMissing) {
  pods = {guaranteed(makePod("g"), "1", "1Gi"), asking(makePod("b"), "cpu", "100m"), makePod("e")};
  EXPECT_EQ(*victims({{"pods", 1}}), Uids{"e"});
}

TEST_F(Preemption, ADM_10_BurstableBeforeGuaranteed) {
  pods = {guaranteed(makePod("g"), "1", "1Gi"), asking(makePod("b"), "cpu", "1"), makePod("e")};
  EXPECT_EQ(*victims({{"cpu", 1000}}), Uids{"b"});
}

TEST_F(Preemption, ADM_10_OnlyWhatTheLowerClassesCannotGiveComesFromGuaranteedOnes) {
  pods = {guaranteed(makePod("g1"), "1", "1Gi"), guaranteed(makePod("g2"), "500m", "1Gi"),
          asking(makePod("b"), "cpu", "200m")};
  EXPECT_EQ(*victims({{"cpu", 700}}), (Uids{"b", "g2"}));
}

TEST_F(Preemption, ADM_10_TheBestFitAmongEquals) {
  pods = {asking(makePod("large"), "cpu", "2"), asking(makePod("fits"), "cpu", "500m"),
          asking(makePod("small"), "cpu", "100m")};
  EXPECT_EQ(*victims({{"cpu", 500}}), Uids{"fits"});
}

TEST_F(Preemption, ADM_10_SeveralWhereOneIsNotEnough) {
  pods = {asking(makePod("a"), "cpu", "300m"), asking(makePod("b"), "cpu", "400m")};
  EXPECT_EQ(*victims({{"cpu", 600}}), (Uids{"b", "a"}));
}

TEST_F(Preemption, ADM_10_CriticalPodsAreSpared) {
  core::Pod system = asking(makePod("system"), "cpu", "1");
  system.mutable_spec()->set_priority(2'000'000'000);
  pods = {system, asStatic(asking(makePod("static"), "cpu", "1"))};
  const Result<Uids> none = victims({{"cpu", 500}, {"memory", 7}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "no set of running pods found to reclaim resources: [(res: cpu, q: 500), (res: memory, q: 7), ]");
}

TEST_F(Preemption, ADM_10_ACriticalPodOfHigherPriorityTakesTheOthersPlace) {
  core::Pod system = asking(makePod("system"), "cpu", "1");
  system.mutable_spec()->set_priority(2'000'000'000);
  pods = {system};
  critical.mutable_spec()->set_priority(2'000'001'000);
  EXPECT_EQ(*victims({{"cpu", 500}}), Uids{"system"});
}

}  // namespace
}  // namespace cubelet::admission
