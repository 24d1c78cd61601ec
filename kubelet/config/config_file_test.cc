#include "kubelet/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::config {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

struct Parsed {
  json content;
  std::string error;
  std::vector<std::string> warnings;
};

Parsed parse(const std::string& text, const std::string& path = "/etc/cubelet/config.yaml") {
  Parsed parsed;
  auto file = parseConfigFile(path, text, parsed.warnings);
  if (file)
    parsed.content = file->json;
  else
    parsed.error = file.error().message;
  return parsed;
}

std::string errorOf(const std::string& text) {
  return parse(text).error;
}

TEST(ConfigFile, IsYamlOrJson) {
  EXPECT_EQ(parse(kHead + "maxPods: 5\n").content["maxPods"], 5);
  EXPECT_EQ(parse(R"({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 5})")
                .content["maxPods"],
            5);
}

TEST(ConfigFile, KeepsNullsAndEmptyCollections) {
  json content = parse(kHead + "evictionHard: {}\nenforceNodeAllocatable: []\nresolvConf: null\n").content;
  EXPECT_EQ(content["evictionHard"], json::object());
  EXPECT_EQ(content["enforceNodeAllocatable"], json::array());
  EXPECT_TRUE(content.contains("resolvConf") && content["resolvConf"].is_null());
}

TEST(ConfigFile, UnknownFieldIsAWarningWithItsPlace) {
  Parsed parsed = parse(kHead + "authentication:\n  webhook:\n    enabledd: true\nmaxPods: 3\n");
  EXPECT_EQ(parsed.error, "");
  EXPECT_THAT(parsed.warnings,
              ElementsAre(HasSubstr("/etc/cubelet/config.yaml:5: authentication.webhook.enabledd: unknown field")));
  EXPECT_EQ(parsed.content["maxPods"], 3);
}

TEST(ConfigFile, DuplicateFieldIsAWarningAndTheLastOneCounts) {
  Parsed parsed = parse(kHead + "maxPods: 3\nmaxPods: 4\n");
  EXPECT_EQ(parsed.error, "");
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("/etc/cubelet/config.yaml:4: maxPods: duplicate")));
  EXPECT_EQ(parsed.content["maxPods"], 4);
}

TEST(ConfigFile, FurtherDocumentsAreWarnedOf) {
  Parsed parsed = parse(kHead + "maxPods: 3\n---\n" + kHead + "maxPods: 4\n");
  EXPECT_EQ(parsed.content["maxPods"], 3);
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("only the first document of the file counts")));
}

struct Refusal {
  std::string name;
  std::string text;
  std::string error;
};

class RefusedConfigFile : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedConfigFile, SaysFileLineAndReason) {
  EXPECT_THAT(errorOf(GetParam().text), HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, RefusedConfigFile,
    testing::Values(
        Refusal{"Empty", "", "/etc/cubelet/config.yaml: the file is empty"},
        Refusal{"OnlyComments", "# nothing\n", "/etc/cubelet/config.yaml: the file is empty"},
        Refusal{"BrokenYaml", kHead + "maxPods: [1\n", "/etc/cubelet/config.yaml:"},
        Refusal{"Tab", kHead + "authentication:\n\twebhook: {}\n", "/etc/cubelet/config.yaml:4"},
        Refusal{"BrokenJson", "{\"apiVersion\": \"kubelet.config.k8s.io/v1beta1\",", "/etc/cubelet/config.yaml:1"},
        Refusal{"NoObject", "- a\n", "/etc/cubelet/config.yaml:1"},
        Refusal{"NoKind", "apiVersion: kubelet.config.k8s.io/v1beta1\nmaxPods: 1\n",
                "kind: missing, must be KubeletConfiguration"},
        Refusal{"NoApiVersion", "kind: KubeletConfiguration\n",
                "apiVersion: missing, must be kubelet.config.k8s.io/v1beta1"},
        Refusal{"OtherKind", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: ConfigMap\n",
                "/etc/cubelet/config.yaml:2: kind: \"ConfigMap\" is not known here, must be KubeletConfiguration"},
        Refusal{"OtherVersion", "apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n",
                "/etc/cubelet/config.yaml:1: apiVersion: \"kubelet.config.k8s.io/v1\" is not known here"},
        Refusal{"WrongType", kHead + "maxPods: many\n", "/etc/cubelet/config.yaml:3: maxPods: expected integer"},
        Refusal{"NumberForString", kHead + "systemReserved:\n  cpu: 1\n",
                "/etc/cubelet/config.yaml:4: systemReserved[cpu]: expected string"},
        Refusal{"TooLarge", kHead + "port: 3000000000\n", "/etc/cubelet/config.yaml:3: port: "},
        Refusal{"BadDuration", kHead + "syncFrequency: soon\n", "/etc/cubelet/config.yaml:3: syncFrequency: "},
        Refusal{"DurationWithoutUnit", kHead + "authentication:\n  webhook:\n    cacheTTL: 20\n",
                "/etc/cubelet/config.yaml:5: authentication.webhook.cacheTTL: expected a duration such as 10s, got 20"},
        Refusal{"BadQuantity", kHead + "reservedMemory:\n- numaNode: 0\n  limits: {memory: much}\n",
                "/etc/cubelet/config.yaml:5: reservedMemory[0].limits[memory]: "}),
    [](const auto& test) { return test.param.name; });

TEST(ConfigFile, AllWrongTypesAreTold) {
  std::string error = errorOf(kHead + "maxPods: many\nsyncFrequency: 5\nport: x\n");
  EXPECT_THAT(error, HasSubstr("config.yaml:3: maxPods"));
  EXPECT_THAT(error, HasSubstr("config.yaml:4: syncFrequency"));
  EXPECT_THAT(error, HasSubstr("config.yaml:5: port"));
}

TEST(ConfigFile, FlushFrequencyIsANumberOfNanosecondsOrADuration) {
  for (std::string value : {"5000000000", "5s", "\"5s\""}) {
    Parsed parsed = parse(kHead + "logging:\n  flushFrequency: " + value + "\n");
    ASSERT_EQ(parsed.error, "") << value;
    auto config = fromJson(parsed.content);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->logging().flushfrequency().duration(), 5'000'000'000) << value;
  }
}

TEST(ConfigFile, RelativePathsCountFromItsDirectory) {
  json content = parse(kHead + R"(staticPodPath: manifests
podLogsDir: ../logs
tlsCertFile: /abs/tls.crt
tlsPrivateKeyFile: ./tls.key
resolvConf: ""
volumePluginDir: plugins
authentication:
  x509:
    clientCAFile: pki/ca.crt
)")
                     .content;
  EXPECT_EQ(content["staticPodPath"], "/etc/cubelet/manifests");
  EXPECT_EQ(content["podLogsDir"], "/etc/logs");
  EXPECT_EQ(content["tlsCertFile"], "/abs/tls.crt");
  EXPECT_EQ(content["tlsPrivateKeyFile"], "/etc/cubelet/tls.key");
  EXPECT_EQ(content["resolvConf"], "");
  EXPECT_EQ(content["volumePluginDir"], "/etc/cubelet/plugins");
  EXPECT_EQ(content["authentication"]["x509"]["clientCAFile"], "/etc/cubelet/pki/ca.crt");
}

// One document with every field of v1.36: all are read, and written again as they were.
const char kEveryField[] = R"({
  "enableServer": true, "staticPodPath": "/m", "podLogsDir": "/l", "syncFrequency": "1m0s",
  "fileCheckFrequency": "20s", "httpCheckFrequency": "20s", "staticPodURL": "http://x",
  "staticPodURLHeader": {"A": ["1", "2"], "B": ["3"]}, "address": "0.0.0.0", "port": 10250, "readOnlyPort": 10255,
  "tlsCertFile": "/c", "tlsPrivateKeyFile": "/k", "tlsCipherSuites": ["TLS_AES_128_GCM_SHA256"],
  "tlsCurvePreferences": [29, 4588], "tlsMinVersion": "VersionTLS12", "rotateCertificates": true,
  "serverTLSBootstrap": true,
  "authentication": {"x509": {"clientCAFile": "/ca"}, "webhook": {"enabled": true, "cacheTTL": "2m0s"},
                     "anonymous": {"enabled": false}},
  "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"}},
  "registryPullQPS": 5, "registryBurst": 10, "imagePullCredentialsVerificationPolicy": "AlwaysVerify",
  "preloadedImagesVerificationAllowlist": ["registry.k8s.io/*"], "eventRecordQPS": 50, "eventBurst": 100,
  "enableDebuggingHandlers": true, "enableContentionProfiling": true, "healthzPort": 10248,
  "healthzBindAddress": "127.0.0.1", "oomScoreAdj": -999, "clusterDomain": "cluster.local",
  "clusterDNS": ["10.96.0.10"], "streamingConnectionIdleTimeout": "4h0m0s", "nodeStatusUpdateFrequency": "10s",
  "nodeStatusReportFrequency": "5m0s", "nodeLeaseDurationSeconds": 40, "imageMinimumGCAge": "2m0s",
  "imageMaximumGCAge": "1h0m0s", "imageGCHighThresholdPercent": 85, "imageGCLowThresholdPercent": 80,
  "volumeStatsAggPeriod": "1m0s", "kubeletCgroups": "/a", "systemCgroups": "/b", "cgroupRoot": "/",
  "cgroupsPerQOS": true, "cgroupDriver": "systemd", "cpuManagerPolicy": "static", "singleProcessOOMKill": true,
  "cpuManagerPolicyOptions": {"full-pcpus-only": "true"}, "cpuManagerReconcilePeriod": "10s",
  "memoryManagerPolicy": "Static", "topologyManagerPolicy": "none", "topologyManagerScope": "container",
  "topologyManagerPolicyOptions": {"a": "b"}, "qosReserved": {"memory": "50%"}, "runtimeRequestTimeout": "2m0s",
  "hairpinMode": "none", "maxPods": 110, "podCIDR": "10.0.0.0/24", "podPidsLimit": 1000,
  "resolvConf": "/etc/resolv.conf", "runOnce": false, "cpuCFSQuota": true, "cpuCFSQuotaPeriod": "100ms",
  "nodeStatusMaxImages": 50, "maxOpenFiles": 1000000, "contentType": "application/json", "kubeAPIQPS": 50,
  "kubeAPIBurst": 100, "serializeImagePulls": false, "maxParallelImagePulls": 5,
  "evictionHard": {"memory.available": "100Mi"}, "evictionSoft": {"memory.available": "200Mi"},
  "evictionSoftGracePeriod": {"memory.available": "1m"}, "evictionPressureTransitionPeriod": "5m0s",
  "evictionMaxPodGracePeriod": 30, "evictionMinimumReclaim": {"memory.available": "0Mi"},
  "mergeDefaultEvictionSettings": true, "podsPerCore": 10, "enableControllerAttachDetach": true,
  "protectKernelDefaults": true, "makeIPTablesUtilChains": true, "iptablesMasqueradeBit": 14, "iptablesDropBit": 15,
  "featureGates": {"EnvFiles": true}, "failSwapOn": false, "memorySwap": {"swapBehavior": "LimitedSwap"},
  "containerLogMaxSize": "10Mi", "containerLogMaxFiles": 5, "containerLogMaxWorkers": 2,
  "containerLogMonitorInterval": "10s", "configMapAndSecretChangeDetectionStrategy": "Watch",
  "systemReserved": {"cpu": "100m"}, "kubeReserved": {"memory": "1Gi"}, "reservedSystemCPUs": "0-1",
  "showHiddenMetricsForVersion": "1.35", "systemReservedCgroup": "/s", "kubeReservedCgroup": "/k",
  "enforceNodeAllocatable": ["pods"], "allowedUnsafeSysctls": ["net.*"], "volumePluginDir": "/v",
  "providerID": "kind://x", "kernelMemcgNotification": true,
  "logging": {"format": "json", "flushFrequency": "5s", "verbosity": 2,
              "vmodule": [{"filePattern": "a*", "verbosity": 3}],
              "options": {"text": {"splitStream": true, "infoBufferSize": "1Ki"},
                          "json": {"splitStream": false, "infoBufferSize": "0"}}},
  "enableSystemLogHandler": true, "enableSystemLogQuery": true, "shutdownGracePeriod": "30s",
  "shutdownGracePeriodCriticalPods": "10s",
  "shutdownGracePeriodByPodPriority": [{"priority": 2000000000, "shutdownGracePeriodSeconds": 10}],
  "crashLoopBackOff": {"maxContainerRestartPeriod": "1m0s"},
  "reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}], "enableProfilingHandler": true,
  "enableDebugFlagsHandler": true, "seccompDefault": true, "memoryThrottlingFactor": 0.8,
  "memoryReservationPolicy": "TieredReservation",
  "registerWithTaints": [{"key": "a", "value": "b", "effect": "NoSchedule", "timeAdded": "2026-01-02T03:04:05Z"}],
  "registerNode": true, "tracing": {"endpoint": "localhost:4317", "samplingRatePerMillion": 100},
  "localStorageCapacityIsolation": true, "containerRuntimeEndpoint": "unix:///c", "imageServiceEndpoint": "unix:///i",
  "failCgroupV1": true, "userNamespaces": {"idsPerPod": 131072}
})";

TEST(ConfigFile, EveryFieldIsReadAndWrittenAgain) {
  json content = json::parse(kEveryField);
  content["apiVersion"] = kApiVersion;
  content["kind"] = kKind;
  Parsed parsed = parse(content.dump());
  EXPECT_EQ(parsed.error, "");
  EXPECT_THAT(parsed.warnings, IsEmpty());
  auto config = fromJson(parsed.content);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(toJson(*config), json::parse(kEveryField));
}

TEST(ConfigFile, EveryFieldIsInTheTestAbove) {
  json content = json::parse(kEveryField);
  const auto* type = KubeletConfiguration::descriptor();
  for (int i = 0; i < type->field_count(); ++i)
    EXPECT_TRUE(content.contains(type->field(i)->name())) << type->field(i)->name();
  EXPECT_EQ(type->field_count(), 125);
}

}  // namespace
}  // namespace cubelet::config
