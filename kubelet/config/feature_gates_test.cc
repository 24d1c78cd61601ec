#include "kubelet/config/feature_gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

KubeletConfiguration with(const std::map<std::string, bool>& gates) {
  KubeletConfiguration config;
  config.mutable_featuregates()->insert(gates.begin(), gates.end());
  return config;
}

std::string errorOf(const std::map<std::string, bool>& gates) {
  auto result = FeatureGates::from(with(gates));
  return result ? "" : result.error().message;
}

TEST(FeatureGates, TableIsSortedWithoutDuplicates) {
  auto gates = knownFeatureGates();
  for (std::size_t i = 1; i < gates.size(); ++i) EXPECT_LT(gates[i - 1].name, gates[i].name);
}

TEST(FeatureGates, EachIsFoundByName) {
  for (const FeatureGate& gate : knownFeatureGates()) EXPECT_EQ(findFeatureGate(gate.name), &gate) << gate.name;
  EXPECT_EQ(findFeatureGate("AAA"), nullptr);
  EXPECT_EQ(findFeatureGate("zzz"), nullptr);
}

TEST(FeatureGates, StagesAgreeWithDefaultsAndLocks) {
  for (const FeatureGate& gate : knownFeatureGates()) {
    if (gate.stage == Stage::kAlpha) {
      EXPECT_FALSE(gate.enabledByDefault) << gate.name;
    }
    if (gate.stage == Stage::kGa) {
      EXPECT_TRUE(gate.enabledByDefault) << gate.name;
    }
    if (gate.locked) {
      EXPECT_TRUE(gate.stage == Stage::kGa || gate.stage == Stage::kDeprecated) << gate.name;
    }
  }
}

// The gates that the surface of v1.36 names, by what it says of them.
TEST(FeatureGates, KnowsThoseOfVersion136) {
  for (std::string_view name :
       {"KubeletFineGrainedAuthz", "KubeletCgroupDriverFromCRI", "KubeletPSI", "UserNamespacesSupport", "ImageVolume",
        "NodeLogQuery", "ProcMountType", "MutableCSINodeAllocatableCount", "CSIServiceAccountTokenSecrets",
        "SELinuxMountReadWriteOncePod", "InPlacePodVerticalScaling", "SidecarContainers", "PodLifecycleSleepAction",
        "RecursiveReadOnlyMounts"}) {
    const FeatureGate* gate = findFeatureGate(name);
    ASSERT_NE(gate, nullptr) << name;
    EXPECT_TRUE(gate->stage == Stage::kGa && gate->enabledByDefault && gate->locked) << name;
  }
  for (std::string_view name :
       {"ExtendWebSocketsToKubelet", "NodeDeclaredFeatures", "ReloadKubeletClientCAFile", "KubeletCrashLoopBackOffMax",
        "PodReadyToStartContainersCondition", "PLEGOnDemandRelist", "ContainerRestartRules",
        "RestartAllContainersOnContainerExits", "EnvFiles", "KubeletEnsureSecretPulledImages",
        "PreventStaticPodAPIReferences", "ComponentStatusz", "ComponentFlagz", "ServiceAccountNodeAudienceRestriction",
        "WatchListClient"}) {
    const FeatureGate* gate = findFeatureGate(name);
    ASSERT_NE(gate, nullptr) << name;
    EXPECT_TRUE(gate->stage == Stage::kBeta && gate->enabledByDefault) << name;
  }
  for (std::string_view name : {"EventedPLEG", "PodAndContainerStatsFromCRI", "CRIListStreaming", "PodsAPI",
                                "PodLogsQuerySplitStreams", "ContainerStopSignals", "MemoryQoS", "ClusterTrustBundle",
                                "ClusterTrustBundleProjection", "PodCertificateRequest", "GitRepoVolumeDriver"}) {
    const FeatureGate* gate = findFeatureGate(name);
    ASSERT_NE(gate, nullptr) << name;
    EXPECT_FALSE(gate->enabledByDefault) << name;
  }
}

TEST(FeatureGates, DefaultsAreValid) {
  EXPECT_EQ(errorOf({}), "");
}

TEST(FeatureGates, AllGroupsOnAreValid) {
  EXPECT_EQ(errorOf({{"AllAlpha", true}, {"AllBeta", true}}), "");
}

TEST(FeatureGates, EachMayBeSetToItsDefault) {
  std::map<std::string, bool> all;
  for (const FeatureGate& gate : knownFeatureGates()) all[std::string(gate.name)] = gate.enabledByDefault;
  EXPECT_EQ(errorOf(all), "");
}

TEST(FeatureGates, UnknownNameIsAnErrorThatSuggestsAKnownOne) {
  EXPECT_EQ(errorOf({{"EventedPLEGG", true}}),
            "featureGates: unknown feature gate EventedPLEGG, did you mean EventedPLEG?");
  EXPECT_EQ(errorOf({{"NothingLikeAnyGateAtAll", true}}), "featureGates: unknown feature gate NothingLikeAnyGateAtAll");
}

TEST(FeatureGates, LockedGateKeepsItsDefault) {
  EXPECT_EQ(errorOf({{"SidecarContainers", false}}),
            "featureGates: SidecarContainers cannot be false, it is locked to true");
  EXPECT_EQ(errorOf({{"GitRepoVolumeDriver", true}}),
            "featureGates: GitRepoVolumeDriver cannot be true, it is locked to false");
  EXPECT_EQ(errorOf({{"SidecarContainers", true}}), "");
}

TEST(FeatureGates, AllThatIsWrongIsTold) {
  std::string message = errorOf({{"SidecarContainers", false}, {"Nope1Nope2Nope3", true}});
  EXPECT_THAT(message, HasSubstr("SidecarContainers"));
  EXPECT_THAT(message, HasSubstr("Nope1Nope2Nope3"));
}

TEST(FeatureGates, GateNeedsTheGatesItBuildsOn) {
  EXPECT_THAT(errorOf({{"NodeDeclaredFeatures", false}}),
              HasSubstr("featureGates: ExtendWebSocketsToKubelet is on but needs NodeDeclaredFeatures, which is off"));
}

TEST(FeatureGates, SetValueWinsOverGroupAndDefault) {
  auto gates = FeatureGates::from(with({{"AllAlpha", true}, {"EventedPLEG", false}, {"EnvFiles", false}}));
  ASSERT_TRUE(gates) << gates.error().message;
  EXPECT_FALSE(gates->enabled("EventedPLEG"));
  EXPECT_FALSE(gates->enabled("EnvFiles"));
  EXPECT_TRUE(gates->enabled("PodsAPI"));
  EXPECT_TRUE(gates->enabled("SidecarContainers"));
}

TEST(FeatureGates, AllBetaOffTurnsBetaGatesOff) {
  auto gates = FeatureGates::lenient(with({{"AllBeta", false}}));
  EXPECT_FALSE(gates.enabled("EnvFiles"));
  EXPECT_TRUE(gates.enabled("SidecarContainers"));
}

TEST(FeatureGates, UnknownGateIsOff) {
  EXPECT_FALSE(FeatureGates::lenient({}).enabled("NoSuchGate"));
}

TEST(FeatureGates, DeprecatedAndGaGatesAreWarnedOf) {
  EXPECT_THAT(gateWarnings(with({{"SidecarContainers", true}, {"KMSv1", true}, {"EventedPLEG", true}})),
              ElementsAre(HasSubstr("KMSv1 is deprecated"), HasSubstr("SidecarContainers is generally available")));
}

}  // namespace
}  // namespace cubelet::config
