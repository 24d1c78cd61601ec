#include "kubelet/config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/defaults.h"

namespace cubelet::config {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

KubeletConfiguration configOf(const std::string& text) {
  auto config = fromJson(json::parse(text));
  EXPECT_TRUE(config) << config.error().message;
  applyDefaults(*config);
  return *config;
}

std::vector<std::string> lines(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) texts.push_back(finding.field + ": " + finding.message);
  return texts;
}

struct Case {
  std::string name;
  std::string config;   // JSON
  std::string finding;  // one of the lines has it; "": there is none at all
};

class Validate : public testing::TestWithParam<Case> {};

TEST_P(Validate, NamesFieldValueAndWhatIsAllowed) {
  std::vector<std::string> found = lines(validate(configOf(GetParam().config)));
  if (GetParam().finding.empty())
    EXPECT_THAT(found, IsEmpty());
  else
    EXPECT_THAT(found, testing::Contains(HasSubstr(GetParam().finding)));
}

INSTANTIATE_TEST_SUITE_P(
    Server, Validate,
    testing::Values(
        Case{"Defaults", "{}", ""},  //
        Case{"PortTooHigh", R"({"port": 65536})", "port: must be between 1 and 65535, is 65536"},
        Case{"PortLow", R"({"port": 1})", ""},  //
        Case{"PortNegative", R"({"port": -1})", "port: must be between"},
        Case{"ReadOnlyPort", R"({"readOnlyPort": 70000})", "readOnlyPort: must be between 0 and 65535, is 70000"},
        Case{"HealthzPort", R"({"healthzPort": -1})", "healthzPort: must be between 0 and 65535, is -1"},
        Case{"HealthzOff", R"({"healthzPort": 0})", ""},
        Case{"Address", R"({"address": "localhost"})", "address: must be an IP address, is \"localhost\""},
        Case{"HealthzAddress", R"({"healthzBindAddress": "x"})", "healthzBindAddress: must be an IP address"},
        Case{"Mode", R"({"authorization": {"mode": "Maybe"}})",
             "authorization.mode: must be one of Webhook, AlwaysAllow, is \"Maybe\""},
        Case{"TlsVersion", R"({"tlsMinVersion": "1.2"})", "tlsMinVersion: must be one of \"\", VersionTLS10"},
        Case{"TlsCipher", R"({"tlsCipherSuites": ["TLS_AES_128_GCM_SHA256", "X"]})",
             "tlsCipherSuites: \"X\" is no cipher"},
        Case{"TlsHalf", R"({"tlsCertFile": "/c"})", "tlsPrivateKeyFile: must be set"},
        Case{"TlsOtherHalf", R"({"tlsPrivateKeyFile": "/k"})", "tlsCertFile: must be set"},
        Case{"Bootstrap", R"({"serverTLSBootstrap": true})", ""},
        Case{"BootstrapWithoutGate",
             R"({"serverTLSBootstrap": true, "featureGates": {"RotateKubeletServerCertificate": false}})",
             "serverTLSBootstrap: needs feature gate RotateKubeletServerCertificate"},
        Case{"LogQuery", R"({"enableSystemLogQuery": true, "enableSystemLogHandler": false})",
             "enableSystemLogQuery: needs enableSystemLogHandler"},
        Case{"HiddenMetrics", R"({"showHiddenMetricsForVersion": "1.20"})",
             "showHiddenMetricsForVersion: must be one of"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Images, Validate,
    testing::Values(
        Case{"GcHigh", R"({"imageGCHighThresholdPercent": 101})",
             "imageGCHighThresholdPercent: must be between 0 and 100"},
        Case{"GcLow", R"({"imageGCLowThresholdPercent": -1})", "imageGCLowThresholdPercent: must be between 0 and 100"},
        Case{"GcOrder", R"({"imageGCLowThresholdPercent": 85})",
             "imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent (85), is 85"},
        Case{"GcAge", R"({"imageMinimumGCAge": "-1s"})", "imageMinimumGCAge: must not be negative, is -1s"},
        Case{"GcMaxAge", R"({"imageMaximumGCAge": "-1s"})", "imageMaximumGCAge: must not be negative, is -1s"},
        Case{"GcAges", R"({"imageMaximumGCAge": "1m"})",
             "imageMaximumGCAge: must be more than imageMinimumGCAge (2m0s), is 1m0s"},
        Case{"Burst", R"({"registryBurst": -1})", "registryBurst: must be 0 or more"},
        Case{"Qps", R"({"registryPullQPS": -1})", "registryPullQPS: must be 0 or more"},
        Case{"NoPulls", R"({"maxParallelImagePulls": 0})", "maxParallelImagePulls: must be 1 or more, is 0"},
        Case{"SerialPulls", R"({"maxParallelImagePulls": 2, "serializeImagePulls": true})",
             "maxParallelImagePulls: must be 1 while serializeImagePulls is true, is 2"},
        Case{"Policy", R"({"imagePullCredentialsVerificationPolicy": "Never"})",
             "imagePullCredentialsVerificationPolicy: must be one of NeverVerify,"},
        Case{"PolicyWithoutGate", R"({"imagePullCredentialsVerificationPolicy": "AlwaysVerify",
                                      "featureGates": {"KubeletEnsureSecretPulledImages": false}})",
             "imagePullCredentialsVerificationPolicy: needs feature gate"},
        Case{"Allowlist", R"({"preloadedImagesVerificationAllowlist": ["a"]})",
             "preloadedImagesVerificationAllowlist: needs imagePullCredentialsVerificationPolicy"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Runtime, Validate,
    testing::Values(
        Case{"LogSize", R"({"containerLogMaxSize": "big"})", "containerLogMaxSize: must be a quantity above zero"},
        Case{"LogSizeZero", R"({"containerLogMaxSize": "0"})", "containerLogMaxSize: must be a quantity above zero"},
        Case{"LogFiles", R"({"containerLogMaxFiles": 1})", "containerLogMaxFiles: must be 2 or more, is 1"},
        Case{"LogWorkers", R"({"containerLogMaxWorkers": 0})", "containerLogMaxWorkers: must be 1 or more, is 0"},
        Case{"LogInterval", R"({"containerLogMonitorInterval": "2s"})",
             "containerLogMonitorInterval: must be 3s or more, is 2s"},
        Case{"LogIntervalLeast", R"({"containerLogMonitorInterval": "3s"})", ""},
        Case{"BackOffLow", R"({"crashLoopBackOff": {"maxContainerRestartPeriod": "999ms"}})",
             "crashLoopBackOff.maxContainerRestartPeriod: must be between 1s and 5m0s (300s), is 999ms"},
        Case{"BackOffHigh", R"({"crashLoopBackOff": {"maxContainerRestartPeriod": "301s"}})",
             "crashLoopBackOff.maxContainerRestartPeriod: must be between"},
        Case{"BackOffZero", R"({"crashLoopBackOff": {"maxContainerRestartPeriod": "0s"}})",
             "crashLoopBackOff.maxContainerRestartPeriod: must be between"},
        Case{"BackOffEnds", R"({"crashLoopBackOff": {"maxContainerRestartPeriod": "1s"}})", ""},
        Case{"BackOffWithoutGate", R"({"crashLoopBackOff": {"maxContainerRestartPeriod": "60s"},
                                       "featureGates": {"KubeletCrashLoopBackOffMax": false}})",
             "crashLoopBackOff.maxContainerRestartPeriod: needs feature gate"},
        Case{"Ids", R"({"userNamespaces": {"idsPerPod": 65537}})",
             "userNamespaces.idsPerPod: must be a multiple of 65536"},
        Case{"IdsZero", R"({"userNamespaces": {"idsPerPod": 0}})", "userNamespaces.idsPerPod: must be"},
        Case{"IdsTooMany", R"({"userNamespaces": {"idsPerPod": 4294967296}})", "userNamespaces.idsPerPod: must be"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Pods, Validate,
    testing::Values(Case{"MaxPods", R"({"maxPods": -1})", "maxPods: must be 0 or more, is -1"},
                    Case{"PerCore", R"({"podsPerCore": -1})", "podsPerCore: must be 0 or more"},
                    Case{"RunOnce", R"({"runOnce": true})", "runOnce: must not be true"},
                    Case{"Hairpin", R"({"hairpinMode": "x"})",
                         "hairpinMode: must be one of promiscuous-bridge, hairpin-veth, none"},
                    Case{"Strategy", R"({"configMapAndSecretChangeDetectionStrategy": "Poll"})",
                         "configMapAndSecretChangeDetectionStrategy: must be one of Watch, Cache, Get"},
                    Case{"LogsRelative", R"({"podLogsDir": "logs"})", "podLogsDir: must be an absolute path"},
                    Case{"LogsDots", R"({"podLogsDir": "/var/../logs"})", "podLogsDir: must be an absolute path"},
                    Case{"LogsSlash", R"({"podLogsDir": "/var/log/"})", "podLogsDir: must be an absolute path"},
                    Case{"LogsSlashes", R"({"podLogsDir": "/var//log"})", "podLogsDir: must be an absolute path"},
                    Case{"LogsAscii", R"({"podLogsDir": "/var/lög"})", "podLogsDir: must be an absolute path in ASCII"},
                    Case{"Logs", R"({"podLogsDir": "/var/..log"})", ""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Node, Validate,
    testing::Values(
        Case{"Lease", R"({"nodeLeaseDurationSeconds": -1})", "nodeLeaseDurationSeconds: must be 1 or more, is -1"},
        Case{"Images", R"({"nodeStatusMaxImages": -2})", "nodeStatusMaxImages: must be -1 or more, is -2"},
        Case{"ApiQps", R"({"kubeAPIQPS": -1})", "kubeAPIQPS: must be 0 or more"},
        Case{"ApiBurst", R"({"kubeAPIBurst": -1})", "kubeAPIBurst: must be 0 or more"},
        Case{"EventQps", R"({"eventRecordQPS": -1})", "eventRecordQPS: must be 0 or more"},
        Case{"EventBurst", R"({"eventBurst": -1})", "eventBurst: must be 0 or more"},
        Case{"TaintEffect", R"({"registerWithTaints": [{"key": "a", "effect": "Never"}]})",
             "registerWithTaints: \"a=:Never\" is not a taint"},
        Case{"TaintKey", R"({"registerWithTaints": [{"key": "", "effect": "NoSchedule"}]})",
             "registerWithTaints: \"=:NoSchedule\" is not a taint"},
        Case{"TaintTime",
             R"({"registerWithTaints": [{"key": "a", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}]})",
             "registerWithTaints: timeAdded must not be set"},
        Case{"Taint", R"({"registerWithTaints": [{"key": "example.com/a", "value": "b", "effect": "NoExecute"}]})", ""},
        Case{"Critical", R"({"shutdownGracePeriod": "10s", "shutdownGracePeriodCriticalPods": "20s"})",
             "shutdownGracePeriodCriticalPods: must not be more than shutdownGracePeriod (10s), is 20s"},
        Case{"ShortShutdown", R"({"shutdownGracePeriod": "500ms"})",
             "shutdownGracePeriod: must be 0s, or 1s or more, is 500ms"},
        Case{"ShortCritical", R"({"shutdownGracePeriod": "5s", "shutdownGracePeriodCriticalPods": "500ms"})",
             "shutdownGracePeriodCriticalPods: must be 0s, or 1s or more, is 500ms"},
        Case{"BothShutdowns", R"({"shutdownGracePeriod": "10s",
                                  "shutdownGracePeriodByPodPriority": [{"priority": 0, "shutdownGracePeriodSeconds": 1}]})",
             "shutdownGracePeriodByPodPriority: excludes shutdownGracePeriod"},
        Case{"Shutdown", R"({"shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"})", ""},
        Case{"ShutdownWithoutGate",
             R"({"shutdownGracePeriod": "10s", "featureGates": {"GracefulNodeShutdown": false}})",
             "shutdownGracePeriod: needs feature gate GracefulNodeShutdown"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Resources, Validate,
    testing::Values(
        Case{"Driver", R"({"cgroupDriver": "docker"})",
             "cgroupDriver: must be one of cgroupfs, systemd, is \"docker\""},
        Case{"SystemCgroups", R"({"systemCgroups": "/s"})", "cgroupRoot: must be set when systemCgroups is"},
        Case{"OomScore", R"({"oomScoreAdj": -1001})", "oomScoreAdj: must be between -1000 and 1000, is -1001"},
        Case{"OpenFiles", R"({"maxOpenFiles": -1})", "maxOpenFiles: must be 0 or more"},
        Case{"MasqueradeBit", R"({"iptablesMasqueradeBit": 32})", "iptablesMasqueradeBit: must be between 0 and 31"},
        Case{"DropBit", R"({"iptablesDropBit": -1})", "iptablesDropBit: must be between 0 and 31"},
        Case{"Topology", R"({"topologyManagerPolicy": "best"})",
             "topologyManagerPolicy: must be one of none, best-effort"},
        Case{"Scope", R"({"topologyManagerScope": "node"})", "topologyManagerScope: must be one of container, pod"},
        Case{"CpuPolicy", R"({"cpuManagerPolicy": "dynamic"})", "cpuManagerPolicy: must be one of none, static"},
        Case{"QuotaLow", R"({"cpuCFSQuotaPeriod": "999us"})",
             "cpuCFSQuotaPeriod: must be between 1ms and 1s, is 999µs"},
        Case{"QuotaHigh", R"({"cpuCFSQuotaPeriod": "2s"})", "cpuCFSQuotaPeriod: must be between"},
        Case{"Quota", R"({"cpuCFSQuotaPeriod": "10ms"})", ""},
        Case{"QuotaWithoutGate", R"({"cpuCFSQuotaPeriod": "10ms", "featureGates": {"CustomCPUCFSQuotaPeriod": false}})",
             "cpuCFSQuotaPeriod: 10ms needs feature gate CustomCPUCFSQuotaPeriod"},
        Case{"Cpus", R"({"reservedSystemCPUs": "0-1,4"})", ""},
        Case{"CpusBackwards", R"({"reservedSystemCPUs": "3-1"})", "reservedSystemCPUs: must be a list of CPUs"},
        Case{"CpusEnd", R"({"reservedSystemCPUs": "1,"})", "reservedSystemCPUs: must be a list of CPUs"},
        Case{"CpusCgroup", R"({"reservedSystemCPUs": "0", "systemReservedCgroup": "/s"})",
             "reservedSystemCPUs: excludes systemReservedCgroup"},
        Case{"MemoryPolicy", R"({"memoryManagerPolicy": "static"})",
             "memoryManagerPolicy: must be one of None, Static"},
        Case{"Swap", R"({"memorySwap": {"swapBehavior": "Unlimited"}})",
             "memorySwap.swapBehavior: must be one of \"\", NoSwap, LimitedSwap"},
        Case{"Throttling", R"({"memoryThrottlingFactor": 1.5})",
             "memoryThrottlingFactor: must be above 0 and not above 1"},
        Case{"ThrottlingZero", R"({"memoryThrottlingFactor": 0})", "memoryThrottlingFactor: must be above 0"},
        Case{"Reservation", R"({"memoryReservationPolicy": "All"})", "memoryReservationPolicy: must be one of"},
        Case{"Tiered", R"({"memoryReservationPolicy": "TieredReservation"})",
             "memoryReservationPolicy: TieredReservation needs feature gate MemoryQoS"},
        Case{"NumaType", R"({"reservedMemory": [{"numaNode": 0, "limits": {"disk": "1Gi"}}]})",
             "reservedMemory: \"disk\" is not a type of memory"},
        Case{"NumaZero", R"({"reservedMemory": [{"numaNode": 0, "limits": {"memory": "0"}}]})",
             "reservedMemory: memory of NUMA node 0 must be a quantity above zero"},
        Case{
            "NumaTwice",
            R"({"reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}, {"numaNode": 0, "limits": {"memory": "1Gi"}}]})",
            "reservedMemory: memory of NUMA node 0 is there twice"},
        Case{"Reserved",
             R"({"systemReserved": {"cpu": "100m", "memory": "1Gi", "ephemeral-storage": "1Gi", "pid": "10"}})", ""},
        Case{"ReservedKey", R"({"systemReserved": {"gpu": "1"}})", "systemReserved: \"gpu\" cannot be reserved"},
        Case{"ReservedAmount", R"({"kubeReserved": {"cpu": "some"}})",
             "kubeReserved: cpu must be a quantity that is not negative, is \"some\""},
        Case{"ReservedNegative", R"({"kubeReserved": {"cpu": "-1"}})", "kubeReserved: cpu must be a quantity"},
        Case{"Enforcement", R"({"enforceNodeAllocatable": ["all"]})",
             "enforceNodeAllocatable: must be one of none, pods"},
        Case{"EnforcementTwice", R"({"enforceNodeAllocatable": ["pods", "pods"]})",
             "enforceNodeAllocatable: pods is there twice"},
        Case{"EnforcementNone", R"({"enforceNodeAllocatable": ["none", "pods"]})",
             "enforceNodeAllocatable: none must stand alone"},
        Case{"EnforcementCgroup", R"({"enforceNodeAllocatable": ["pods", "system-reserved"]})",
             "systemReservedCgroup: must be set for system-reserved"},
        Case{"EnforcementKube", R"({"enforceNodeAllocatable": ["kube-reserved-compressible"]})",
             "kubeReservedCgroup: must be set for kube-reserved-compressible"},
        Case{"EnforcementBoth", R"({"enforceNodeAllocatable": ["system-reserved", "system-reserved-compressible"],
                                    "systemReservedCgroup": "/s"})",
             "enforceNodeAllocatable: system-reserved and system-reserved-compressible exclude each other"},
        Case{"EnforcementQos", R"({"cgroupsPerQOS": false})",
             "cgroupsPerQOS: must be true while enforceNodeAllocatable has pods"},
        Case{"NoEnforcement", R"({"cgroupsPerQOS": false, "enforceNodeAllocatable": ["none"]})", ""},
        Case{"QosGate", R"({"qosReserved": {"memory": "50%"}})", "qosReserved: needs feature gate QOSReserved"},
        Case{"QosShare", R"({"qosReserved": {"memory": "150%"}, "featureGates": {"QOSReserved": true}})",
             "qosReserved: must be memory=N%"},
        Case{"Qos", R"({"qosReserved": {"memory": "50%"}, "featureGates": {"QOSReserved": true}})", ""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Eviction, Validate,
    testing::Values(
        Case{"Signal", R"({"evictionHard": {"memory.free": "1Gi"}})",
             "evictionHard: \"memory.free\" is no eviction signal"},
        Case{"Threshold", R"({"evictionHard": {"memory.available": "some"}})",
             "evictionHard: memory.available must be a share such as 10% or a quantity above zero"},
        Case{"ThresholdZero", R"({"evictionHard": {"memory.available": "0"}})",
             "evictionHard: memory.available must be"},
        Case{"ThresholdOff", R"({"evictionHard": {"memory.available": "0%", "nodefs.available": "100%"}})", ""},
        Case{"ThresholdShare", R"({"evictionHard": {"memory.available": "110%"}})",
             "evictionHard: memory.available must be"},
        Case{"SoftWithoutPeriod", R"({"evictionSoft": {"memory.available": "1Gi"}})",
             "evictionSoftGracePeriod: must have an entry for memory.available"},
        Case{
            "Soft",
            R"({"evictionSoft": {"memory.available": "1.5Gi"}, "evictionSoftGracePeriod": {"memory.available": "1m30s"}})",
            ""},
        Case{"SoftPeriod", R"({"evictionSoftGracePeriod": {"memory.available": "90"}})",
             "evictionSoftGracePeriod: memory.available must be a duration"},
        Case{"Reclaim", R"({"evictionMinimumReclaim": {"memory.available": "-1"}})",
             "evictionMinimumReclaim: memory.available must be a share or a quantity"},
        Case{"ReclaimZero", R"({"evictionMinimumReclaim": {"memory.available": "0Mi", "nodefs.available": "5%"}})",
             ""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Logging, Validate,
    testing::Values(
        Case{"Format", R"({"logging": {"format": "xml"}})", "logging.format: must be one of text, json, is \"xml\""},
        Case{"Flush", R"({"logging": {"flushFrequency": "-1s"}})",
             "logging.flushFrequency: must be above zero, is -1s"},
        Case{"Verbosity", R"({"logging": {"verbosity": 4000000000}})",
             "logging.verbosity: must be between 0 and 2147483647"},
        Case{"VModuleJson", R"({"logging": {"format": "json", "vmodule": [{"filePattern": "a", "verbosity": 1}]}})",
             "logging.vmodule: works with format text only"},
        Case{"VModulePattern", R"({"logging": {"vmodule": [{"filePattern": "a=b", "verbosity": 1}]}})",
             "logging.vmodule: a filePattern must not be empty"},
        Case{"Split", R"({"logging": {"options": {"json": {"splitStream": true}}}})",
             "logging.options.json.splitStream: needs feature gate LoggingAlphaOptions"},
        Case{"Buffer", R"({"logging": {"options": {"text": {"infoBufferSize": "1Ki"}}}})",
             "logging.options.text.infoBufferSize: needs feature gate LoggingAlphaOptions"},
        Case{
            "SplitWithGate",
            R"({"logging": {"options": {"json": {"splitStream": true}}}, "featureGates": {"LoggingAlphaOptions": true}})",
            ""},
        Case{"Sampling", R"({"tracing": {"samplingRatePerMillion": 1000001}})",
             "tracing.samplingRatePerMillion: must be between 0 and 1000000"},
        Case{"Endpoint", R"({"tracing": {"endpoint": "http://x"}})", "tracing.endpoint: must have no scheme"},
        Case{"EndpointPlain", R"({"tracing": {"endpoint": "localhost:4317"}})", ""},
        Case{"Gates", R"({"featureGates": {"SidecarContainers": false, "ZzzNothing": true}})",
             "featureGates: SidecarContainers cannot be false"},
        Case{"GatesSecond", R"({"featureGates": {"SidecarContainers": false, "ZzzNothing": true}})",
             "featureGates: unknown feature gate ZzzNothing"}),
    [](const auto& test) { return test.param.name; });

TEST(ValidateConfig, EmptyEndpointOfAFlagIsRefused) {
  KubeletConfiguration config = configOf("{}");
  config.set_containerruntimeendpoint("");
  EXPECT_THAT(lines(validate(config)), testing::ElementsAre("containerRuntimeEndpoint: must not be empty"));
}

TEST(ValidateConfig, AllFindingsAreTold) {
  EXPECT_EQ(validate(configOf(R"({"port": 70000, "maxPods": -1, "oomScoreAdj": 9999})")).size(), 3u);
}

// ---- Command line

std::vector<std::string> labelFindings(const std::string& label, const std::string& value = "") {
  CommandLine commandLine;
  commandLine.nodeLabels[label] = value;
  return lines(validate(commandLine));
}

TEST(ValidateCommandLine, DefaultsAreFine) {
  EXPECT_THAT(validate(CommandLine()), IsEmpty());
}

TEST(ValidateCommandLine, LabelsOfOtherDomainsAreFree) {
  for (const char* label : {"role", "example.com/role", "mykubernetes.io/x", "k8s.io.example.com/x"})
    EXPECT_THAT(labelFindings(label, "a"), IsEmpty()) << label;
}

TEST(ValidateCommandLine, NOD_3_WellKnownLabelsAreAllowed) {
  for (const char* label :
       {"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region", "kubelet.kubernetes.io/x", "a.kubelet.kubernetes.io/x",
        "node.kubernetes.io/x", "a.node.kubernetes.io/x"})
    EXPECT_THAT(labelFindings(label), IsEmpty()) << label;
}

TEST(ValidateCommandLine, NOD_3_OtherLabelsOfKubernetesAreRefused) {
  for (const char* label :
       {"node-role.kubernetes.io/control-plane", "kubernetes.io/x", "k8s.io/x", "a.k8s.io/x", "xnode.kubernetes.io/x"})
    EXPECT_THAT(labelFindings(label), testing::ElementsAre(HasSubstr("a node may not give itself the label"))) << label;
}

TEST(ValidateCommandLine, LabelsHaveTheirForm) {
  EXPECT_THAT(labelFindings("-x"), testing::ElementsAre(HasSubstr("\"-x\" is not a label name")));
  EXPECT_THAT(labelFindings("x", "a b"), testing::ElementsAre(HasSubstr("\"a b\" is not a label value (label x)")));
}

TEST(ValidateCommandLine, NodeAddressIsOneOrAPair) {
  auto findings = [](const std::string& nodeIp) {
    CommandLine commandLine;
    commandLine.nodeIp = nodeIp;
    return lines(validate(commandLine));
  };
  for (const char* fine : {"", "10.0.0.1", "fd00::1", "10.0.0.1,fd00::1", "fd00::1,10.0.0.1", "::", "0.0.0.0"})
    EXPECT_THAT(findings(fine), IsEmpty()) << fine;
  EXPECT_THAT(findings("10.0.0.1,10.0.0.2"), testing::ElementsAre(HasSubstr("one IPv4 and one IPv6 address")));
  EXPECT_THAT(findings("10.0.0.1,fd00::1,fd00::2"), testing::ElementsAre(HasSubstr("must be one address")));
  EXPECT_THAT(findings("0.0.0.0,fd00::1"), testing::ElementsAre(HasSubstr("must not have 0.0.0.0 or :: in a pair")));
}

TEST(ValidateCommandLine, CloudProviderIsNoneOrExternal) {
  CommandLine commandLine;
  commandLine.cloudProvider = "external";
  EXPECT_THAT(validate(commandLine), IsEmpty());
  commandLine.cloudProvider = "aws";
  EXPECT_THAT(lines(validate(commandLine)),
              testing::ElementsAre("--cloud-provider: must be one of \"\", external, is \"aws\""));
}

TEST(ValidateCommandLine, LockContentionNeedsALockFile) {
  CommandLine commandLine;
  commandLine.exitOnLockContention = true;
  EXPECT_THAT(lines(validate(commandLine)), testing::ElementsAre("--exit-on-lock-contention: needs --lock-file"));
}

TEST(ValidateCommandLine, RootDirectoryIsAbsolute) {
  CommandLine commandLine;
  commandLine.rootDir = "kubelet";
  EXPECT_THAT(lines(validate(commandLine)), testing::ElementsAre(HasSubstr("--root-dir: must be an absolute path")));
}

// ---- Machine

TEST(ValidateForHost, FittingMachineIsFine) {
  EXPECT_THAT(validateForHost(configOf("{}"), {}), IsEmpty());
}

TEST(ValidateForHost, CgroupV1EndsTheStartUnlessAllowed) {
  HostFacts facts{.cgroupV2 = false, .swapOn = false};
  EXPECT_THAT(lines(validateForHost(configOf("{}"), facts)),
              testing::ElementsAre(HasSubstr("failCgroupV1: this machine")));
  EXPECT_THAT(validateForHost(configOf(R"({"failCgroupV1": false})"), facts), IsEmpty());
  EXPECT_THAT(lines(validateForHost(configOf(R"({"failCgroupV1": false, "singleProcessOOMKill": false})"), facts)),
              testing::ElementsAre(HasSubstr("singleProcessOOMKill: must not be false")));
  EXPECT_THAT(lines(validateForHost(
                  configOf(R"({"failCgroupV1": false, "memorySwap": {"swapBehavior": "LimitedSwap"}})"), facts)),
              testing::ElementsAre(HasSubstr("memorySwap.swapBehavior: LimitedSwap needs cgroup v2")));
}

TEST(ValidateForHost, SwapEndsTheStartUnlessAllowed) {
  HostFacts facts{.cgroupV2 = true, .swapOn = true};
  EXPECT_THAT(lines(validateForHost(configOf("{}"), facts)), testing::ElementsAre(HasSubstr("failSwapOn: swap is on")));
  EXPECT_THAT(validateForHost(configOf(R"({"failSwapOn": false})"), facts), IsEmpty());
}

// ---- Doubts

TEST(Doubts, AreToldForWhatHasNoEffect) {
  CommandLine commandLine;
  commandLine.nodeIp = "10.0.0.1,nowhere";
  commandLine.kubeconfig = "/k";
  commandLine.localObjects = "/o";
  KubeletConfiguration config = configOf(
      R"({"clusterDNS": ["1.1.1.1", "x"], "kubeletCgroups": "/a", "kubeReservedCgroup": "/b", "featureGates": {"KMSv1": true}})");
  EXPECT_THAT(lines(doubts(config, commandLine)),
              testing::UnorderedElementsAre(HasSubstr("clusterDNS: \"x\" is not an IP address"),
                                            HasSubstr("--node-ip: \"nowhere\" is not an IP address"),
                                            HasSubstr("--local-objects: has no effect on a node with an API server"),
                                            HasSubstr("kubeletCgroups: does not lie below"),
                                            HasSubstr("featureGates: feature gate KMSv1 is deprecated")));
  EXPECT_THAT(doubts(configOf("{}"), CommandLine()), IsEmpty());
}

}  // namespace
}  // namespace cubelet::config
