#include "kubelet/config/defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/fields.h"

namespace cubelet::config {
namespace {

using nlohmann::json;

KubeletConfiguration defaulted(const std::string& given) {
  auto config = fromJson(json::parse(given));
  EXPECT_TRUE(config) << config.error().message;
  applyDefaults(*config);
  return *config;
}

json defaultedJson(const std::string& given) {
  return toJson(defaulted(given));
}

// What a v1.36 kubelet reports on /configz after an empty configuration file, for all fields that are set then.
TEST(Defaults, AreThoseOfVersion136) {
  EXPECT_EQ(defaultedJson("{}"), json::parse(R"({
    "enableServer": true,
    "podLogsDir": "/var/log/pods",
    "syncFrequency": "1m0s",
    "fileCheckFrequency": "20s",
    "httpCheckFrequency": "20s",
    "address": "0.0.0.0",
    "port": 10250,
    "readOnlyPort": 0,
    "rotateCertificates": false,
    "serverTLSBootstrap": false,
    "authentication": {"webhook": {"enabled": true, "cacheTTL": "2m0s"}, "anonymous": {"enabled": false}},
    "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"}},
    "registryPullQPS": 5,
    "registryBurst": 10,
    "imagePullCredentialsVerificationPolicy": "NeverVerifyPreloadedImages",
    "eventRecordQPS": 50,
    "eventBurst": 100,
    "enableDebuggingHandlers": true,
    "healthzPort": 10248,
    "healthzBindAddress": "127.0.0.1",
    "oomScoreAdj": -999,
    "streamingConnectionIdleTimeout": "4h0m0s",
    "nodeStatusUpdateFrequency": "10s",
    "nodeStatusReportFrequency": "5m0s",
    "nodeLeaseDurationSeconds": 40,
    "imageMinimumGCAge": "2m0s",
    "imageMaximumGCAge": "0s",
    "imageGCHighThresholdPercent": 85,
    "imageGCLowThresholdPercent": 80,
    "volumeStatsAggPeriod": "1m0s",
    "cgroupsPerQOS": true,
    "cgroupDriver": "cgroupfs",
    "cpuManagerPolicy": "none",
    "cpuManagerReconcilePeriod": "10s",
    "memoryManagerPolicy": "None",
    "topologyManagerPolicy": "none",
    "topologyManagerScope": "container",
    "runtimeRequestTimeout": "2m0s",
    "hairpinMode": "promiscuous-bridge",
    "maxPods": 110,
    "podsPerCore": 0,
    "podPidsLimit": -1,
    "resolvConf": "/etc/resolv.conf",
    "cpuCFSQuota": true,
    "cpuCFSQuotaPeriod": "100ms",
    "nodeStatusMaxImages": 50,
    "maxOpenFiles": 1000000,
    "contentType": "application/vnd.kubernetes.protobuf",
    "kubeAPIQPS": 50,
    "kubeAPIBurst": 100,
    "serializeImagePulls": true,
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%",
                     "imagefs.available": "15%", "imagefs.inodesFree": "5%"},
    "evictionPressureTransitionPeriod": "5m0s",
    "evictionMaxPodGracePeriod": 0,
    "mergeDefaultEvictionSettings": false,
    "enableControllerAttachDetach": true,
    "protectKernelDefaults": false,
    "makeIPTablesUtilChains": true,
    "iptablesMasqueradeBit": 14,
    "iptablesDropBit": 15,
    "failSwapOn": true,
    "containerLogMaxSize": "10Mi",
    "containerLogMaxFiles": 5,
    "containerLogMaxWorkers": 1,
    "containerLogMonitorInterval": "10s",
    "configMapAndSecretChangeDetectionStrategy": "Watch",
    "enforceNodeAllocatable": ["pods"],
    "volumePluginDir": "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/",
    "logging": {"format": "text", "flushFrequency": "5s", "verbosity": 0,
                "options": {"text": {"infoBufferSize": "0"}, "json": {"infoBufferSize": "0"}}},
    "enableSystemLogHandler": true,
    "enableSystemLogQuery": false,
    "shutdownGracePeriod": "0s",
    "shutdownGracePeriodCriticalPods": "0s",
    "crashLoopBackOff": {"maxContainerRestartPeriod": "5m0s"},
    "enableProfilingHandler": true,
    "enableDebugFlagsHandler": true,
    "seccompDefault": false,
    "memoryThrottlingFactor": 0.9,
    "memoryReservationPolicy": "None",
    "registerNode": true,
    "localStorageCapacityIsolation": true,
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "failCgroupV1": true,
    "userNamespaces": {"idsPerPod": 65536}
  })"));
}

TEST(Defaults, TableNamesRealFieldsWithFittingValues) {
  for (const Default& entry : defaultTable()) {
    KubeletConfiguration config;
    ASSERT_NE(findField(config, entry.field), nullptr) << entry.field;
    auto set = setFromText(config, entry.field, entry.value);
    EXPECT_TRUE(set) << entry.field << ": " << set.error().message;
  }
}

TEST(Defaults, TwiceIsTheSame) {
  KubeletConfiguration once = defaulted("{}");
  KubeletConfiguration twice = once;
  applyDefaults(twice);
  EXPECT_EQ(toJson(once), toJson(twice));
}

TEST(Defaults, ZeroOfAFieldThatIsNoPointerMeansTheDefault) {
  KubeletConfiguration config = defaulted(R"({"syncFrequency": "0s", "port": 0, "address": "", "maxPods": 0,
      "containerRuntimeEndpoint": "", "logging": {"flushFrequency": 0}, "authentication": {"webhook": {"cacheTTL": "0s"}},
      "memorySwap": {}, "crashLoopBackOff": {}})");
  EXPECT_EQ(config.syncfrequency().duration(), 60'000'000'000);
  EXPECT_EQ(config.port(), 10250);
  EXPECT_EQ(config.address(), "0.0.0.0");
  EXPECT_EQ(config.maxpods(), 110);
  EXPECT_EQ(config.containerruntimeendpoint(), "unix:///run/containerd/containerd.sock");
  EXPECT_EQ(config.logging().flushfrequency().duration(), 5'000'000'000);
  EXPECT_EQ(config.authentication().webhook().cachettl().duration(), 120'000'000'000);
  EXPECT_EQ(config.crashloopbackoff().maxcontainerrestartperiod().duration(), 300'000'000'000);
}

TEST(Defaults, ZeroOfAPointerIsKept) {
  KubeletConfiguration config =
      defaulted(R"({"healthzPort": 0, "registryPullQPS": 0, "oomScoreAdj": 0, "resolvConf": "",
      "enableServer": false, "failSwapOn": false, "imageGCLowThresholdPercent": 0})");
  EXPECT_EQ(config.healthzport(), 0);
  EXPECT_EQ(config.registrypullqps(), 0);
  EXPECT_EQ(config.oomscoreadj(), 0);
  EXPECT_EQ(config.resolvconf(), "");
  EXPECT_FALSE(config.enableserver());
  EXPECT_FALSE(config.failswapon());
  EXPECT_EQ(config.imagegclowthresholdpercent(), 0);
}

TEST(Defaults, ReportFrequencyFollowsAGivenUpdateFrequency) {
  KubeletConfiguration config = defaulted(R"({"nodeStatusUpdateFrequency": "1m"})");
  EXPECT_EQ(config.nodestatusreportfrequency().duration(), 60'000'000'000);
  config = defaulted(R"({"nodeStatusUpdateFrequency": "1m", "nodeStatusReportFrequency": "2m"})");
  EXPECT_EQ(config.nodestatusreportfrequency().duration(), 120'000'000'000);
}

TEST(Defaults, PullsAreSerialUnlessSeveralAreAllowed) {
  EXPECT_TRUE(defaulted("{}").serializeimagepulls());
  EXPECT_TRUE(defaulted(R"({"maxParallelImagePulls": 1})").serializeimagepulls());
  EXPECT_FALSE(defaulted(R"({"maxParallelImagePulls": 2})").serializeimagepulls());
  EXPECT_TRUE(defaulted(R"({"maxParallelImagePulls": 2, "serializeImagePulls": true})").serializeimagepulls());
}

TEST(Defaults, NegativePidLimitIsMinusOne) {
  EXPECT_EQ(defaulted(R"({"podPidsLimit": -7})").podpidslimit(), -1);
}

TEST(Defaults, GivenThresholdsReplaceAllDefaultsUnlessMergingIsAskedFor) {
  EXPECT_EQ(defaultedJson(R"({"evictionHard": {"memory.available": "1Gi"}})")["evictionHard"],
            json::parse(R"({"memory.available": "1Gi"})"));
  json merged = defaultedJson(
      R"({"evictionHard": {"memory.available": "1Gi"}, "mergeDefaultEvictionSettings": true})")["evictionHard"];
  EXPECT_EQ(merged.size(), 5u);
  EXPECT_EQ(merged["memory.available"], "1Gi");
}

TEST(Defaults, ListsAndMapsGivenAsEmptyStayEmpty) {
  KubeletConfiguration config;
  applyDefaults(config, {.evictionHard = true, .enforceNodeAllocatable = true});
  EXPECT_TRUE(config.evictionhard().empty());
  EXPECT_TRUE(config.enforcenodeallocatable().empty());
}

TEST(Defaults, GatedFieldsStayAbsentWhileTheirGateIsOff) {
  KubeletConfiguration config =
      defaulted(R"({"featureGates": {"KubeletCrashLoopBackOffMax": false, "KubeletEnsureSecretPulledImages": false}})");
  EXPECT_FALSE(config.crashloopbackoff().has_maxcontainerrestartperiod());
  EXPECT_FALSE(config.has_imagepullcredentialsverificationpolicy());
}

TEST(Defaults, LegacyConfigurationOpensTheServer) {
  KubeletConfiguration config = legacyConfiguration();
  applyDefaults(config);
  EXPECT_TRUE(config.authentication().anonymous().enabled());
  EXPECT_FALSE(config.authentication().webhook().enabled());
  EXPECT_EQ(config.authorization().mode(), "AlwaysAllow");
  EXPECT_EQ(config.readonlyport(), 10255);
}

}  // namespace
}  // namespace cubelet::config
