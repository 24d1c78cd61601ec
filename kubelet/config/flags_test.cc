#include "kubelet/config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/fields.h"

namespace cubelet::config {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string errorOf(const std::vector<std::string>& args) {
  auto arguments = parseArguments(args);
  return arguments ? "" : arguments.error().message;
}

// The configuration that the flags alone make.
json configOf(const std::vector<std::string>& args) {
  auto arguments = parseArguments(args);
  if (!arguments) return arguments.error().message;
  KubeletConfiguration config;
  if (auto applied = applyFlags(arguments->configUses, config); !applied) return applied.error().message;
  return toJson(config);
}

CommandLine commandLineOf(const std::vector<std::string>& args) {
  auto arguments = parseArguments(args);
  EXPECT_TRUE(arguments) << arguments.error().message;
  return arguments ? arguments->commandLine : CommandLine();
}

// ---- Forms

TEST(Flags, ValueFollowsAnEqualsSignOrIsTheNextWord) {
  EXPECT_EQ(commandLineOf({"--config=/a"}).configFile, "/a");
  EXPECT_EQ(commandLineOf({"--config", "/a"}).configFile, "/a");
  EXPECT_EQ(commandLineOf({"--config="}).configFile, "");
  EXPECT_EQ(commandLineOf({"--config", "--config-dir"}).configFile, "--config-dir");
  EXPECT_EQ(configOf({"--feature-gates=EnvFiles=false"}), json::parse(R"({"featureGates":{"EnvFiles":false}})"));
}

TEST(Flags, BooleanAloneIsTrueAndTakesNoNextWord) {
  EXPECT_EQ(configOf({"--fail-swap-on"}), json::parse(R"({"failSwapOn":true})"));
  EXPECT_EQ(configOf({"--fail-swap-on=false"}), json::parse(R"({"failSwapOn":false})"));
  EXPECT_EQ(configOf({"--fail-swap-on=F"}), json::parse(R"({"failSwapOn":false})"));
  EXPECT_EQ(errorOf({"--fail-swap-on", "false"}), "unknown command \"false\"");
}

TEST(Flags, UnderscoresAreHyphens) {
  EXPECT_EQ(commandLineOf({"--root_dir=/r"}).rootDir, "/r");
  EXPECT_EQ(configOf({"--max_pods", "7"}), json::parse(R"({"maxPods":7})"));
}

TEST(Flags, LogLevelHasAShortForm) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"-v", "4"}, {"-v=4"}, {"-v4"}, {"--v=4"}, {"--v", "4"}})
    EXPECT_EQ(configOf(args), json::parse(R"({"logging":{"verbosity":4}})")) << args[0];
  EXPECT_THAT(errorOf({"-v", "x"}), HasSubstr("flag -v: \"x\" is not a whole number"));
  EXPECT_THAT(errorOf({"-v=-1"}), HasSubstr("flag -v: \"-1\""));
}

TEST(Flags, HelpAndVersionAreRecognized) {
  EXPECT_TRUE(commandLineOf({"-h"}).help);
  EXPECT_TRUE(commandLineOf({"--help"}).help);
  EXPECT_EQ(commandLineOf({"--version"}).version, "true");
  EXPECT_EQ(commandLineOf({"--version=raw"}).version, "raw");
  EXPECT_EQ(commandLineOf({"--version=false"}).version, "");
  EXPECT_THAT(errorOf({"--version=x"}), HasSubstr("\"x\" is not true, false or raw"));
}

TEST(Flags, DoubleDashEndsTheFlags) {
  EXPECT_EQ(errorOf({"--help", "--"}), "");
  EXPECT_EQ(errorOf({"--", "--help"}), "unknown command \"--help\"");
}

TEST(Flags, NoArgumentsMeanTheDefaults) {
  CommandLine commandLine = commandLineOf({});
  EXPECT_EQ(commandLine.rootDir, "/var/lib/kubelet");
  EXPECT_EQ(commandLine.certDir, "/var/lib/kubelet/pki");
  EXPECT_EQ(commandLine.localSocket, "/run/cubelet/cubelet.sock");
  EXPECT_EQ(commandLine.kubeconfig, "");
  EXPECT_EQ(commandLine.maximumDeadContainersPerContainer, 1);
  EXPECT_EQ(commandLine.maximumDeadContainers, -1);
}

TEST(Flags, CertificatesFollowTheRootDirectory) {
  EXPECT_EQ(commandLineOf({"--root-dir=/r"}).certDir, "/r/pki");
  EXPECT_EQ(commandLineOf({"--root-dir=/r", "--cert-dir=/c"}).certDir, "/c");
}

// ---- What is refused

TEST(Flags, UnknownFlagIsNamedWithANearOne) {
  EXPECT_EQ(errorOf({"--max-pod=3"}), "unknown flag: --max-pod, did you mean --max-pods?");
  EXPECT_EQ(errorOf({"--there-is-nothing-like-this"}), "unknown flag: --there-is-nothing-like-this");
  EXPECT_EQ(errorOf({"-x"}), "unknown flag: -x");
}

TEST(Flags, PositionalArgumentIsAnUnknownCommand) {
  EXPECT_EQ(errorOf({"pods"}), "unknown command \"pods\"");
  EXPECT_EQ(errorOf({"--config=/a", "x y"}), "unknown command \"x y\"");
  EXPECT_EQ(errorOf({""}), "unknown command \"\"");
  EXPECT_EQ(errorOf({"-"}), "unknown command \"-\"");
}

TEST(Flags, MissingValueIsAnError) {
  EXPECT_EQ(errorOf({"--config"}), "flag --config needs a value");
  EXPECT_EQ(errorOf({"-v"}), "flag -v needs a value");
}

struct BadValue {
  std::string flag;
  std::string wanted;
};

class FlagsWithBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(FlagsWithBadValue, SayFlagValueAndWhatIsWanted) {
  std::string name = GetParam().flag.substr(0, GetParam().flag.find('='));
  EXPECT_THAT(errorOf({GetParam().flag}), HasSubstr("flag " + name + ": "));
  EXPECT_THAT(errorOf({GetParam().flag}), HasSubstr(GetParam().wanted));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FlagsWithBadValue,
    testing::Values(BadValue{"--fail-swap-on=maybe", "\"maybe\" is not true or false"},
                    BadValue{"--port=http", "\"http\" is not a whole number"},
                    BadValue{"--port=", "\"\" is not a whole number"},
                    BadValue{"--port=99999999999", "is not a whole number from -2147483648 to 2147483647"},
                    BadValue{"--sync-frequency=10", "\"10\" is not a duration"},
                    BadValue{"--address=localhost", "\"localhost\" is not an IP address"},
                    BadValue{"--eviction-hard=memory.available=1Gi", "is not of the form key<value"},
                    BadValue{"--system-reserved=cpu", "\"cpu\" is not of the form key=value"},
                    BadValue{"--feature-gates=EnvFiles=often", "EnvFiles: \"often\" is not true or false"},
                    BadValue{"--feature-gates=EnvFiles", "\"EnvFiles\" is not of the form key=value"},
                    BadValue{"--register-with-taints=a=b", "want key=value:Effect"},
                    BadValue{"--register-with-taints=a=b:Sometimes", "the effect must be NoSchedule"},
                    BadValue{"--register-with-taints=a:NoExecute,a=x:NoExecute", "is there twice"},
                    BadValue{"--register-with-taints=-a:NoExecute", "its key is not a qualified name"},
                    BadValue{"--register-with-taints=a=b c:NoExecute", "its value is not a label value"},
                    BadValue{"--reserved-memory=memory=1Gi", "want NODE:type=quantity"},
                    BadValue{"--reserved-memory=0:disk=1Gi", "\"disk\" is not a type of memory"},
                    BadValue{"--reserved-memory=0:memory=much", "\"much\" is not a quantity"},
                    BadValue{"--vmodule=file=x", "\"x\" is not a log level"},
                    BadValue{"--log-json-info-buffer-size=big", "\"big\" is not a quantity"},
                    BadValue{"--cluster-dns=\"1.1.1.1", "has no closing quote"},
                    BadValue{"--exit-on-lock-contention=2", "\"2\" is not true or false"},
                    BadValue{"--maximum-dead-containers=many", "\"many\" is not a whole number"},
                    BadValue{"--minimum-container-ttl-duration=1", "\"1\" is not a duration"}));

TEST(Flags, GoneFlagsAreRefusedWithTheReason) {
  for (std::string_view name :
       {"container-runtime=remote", "network-plugin=cni", "cni-bin-dir=/x", "cni-conf-dir=/x", "cloud-config=/x",
        "keep-terminated-pod-volumes", "register-schedulable", "iptables-masquerade-bit=14", "iptables-drop-bit=15",
        "docker", "docker-endpoint=x", "logtostderr", "log-file=/x"})
    EXPECT_THAT(errorOf({"--" + std::string(name)}), HasSubstr("no longer exists: ")) << name;
}

// ---- Warnings

TEST(Flags, DeprecatedFlagNamesTheFieldOnce) {
  auto arguments = parseArguments({"--cluster-dns=10.0.0.1", "--cluster-dns=10.0.0.2", "--max-pods=3"});
  ASSERT_TRUE(arguments);
  EXPECT_THAT(arguments->warnings,
              ElementsAre("flag --cluster-dns is deprecated: set clusterDNS in the configuration file",
                          "flag --max-pods is deprecated: set maxPods in the configuration file"));
}

TEST(Flags, LastingFlagsAreNotWarnedOf) {
  auto arguments = parseArguments({"-v=2", "--vmodule=a=1", "--log-flush-frequency=1s", "--provider-id=x",
                                   "--fail-cgroupv1=false", "--seccomp-default", "--kubeconfig=/k", "--node-ip=::"});
  ASSERT_TRUE(arguments);
  EXPECT_THAT(arguments->warnings, IsEmpty());
}

TEST(Flags, SandboxImageIsAcceptedWithAWarning) {
  auto arguments = parseArguments({"--pod-infra-container-image=registry.k8s.io/pause:3.9"});
  ASSERT_TRUE(arguments) << arguments.error().message;
  EXPECT_THAT(arguments->warnings, ElementsAre(HasSubstr("--pod-infra-container-image has no effect")));
  EXPECT_THAT(arguments->configUses, IsEmpty());
}

TEST(Flags, CadvisorsFlagsAreAcceptedInSilence) {
  for (std::string_view word : {"application-metrics-count-limit=1",
                                "boot-id-file=/x",
                                "container-hints=/x",
                                "containerd=/x",
                                "containerd-namespace=x",
                                "enable-load-reader",
                                "event-storage-age-limit=x",
                                "event-storage-event-limit=x",
                                "global-housekeeping-interval=1m",
                                "housekeeping-interval=10s",
                                "log-cadvisor-usage",
                                "machine-id-file=/x",
                                "max-housekeeping-interval=15s",
                                "storage-driver-buffer-duration=1m",
                                "storage-driver-db=x",
                                "storage-driver-host=x",
                                "storage-driver-password=x",
                                "storage-driver-secure",
                                "storage-driver-table=x",
                                "storage-driver-user=x"}) {
    auto arguments = parseArguments({"--" + std::string(word)});
    ASSERT_TRUE(arguments) << arguments.error().message;
    EXPECT_THAT(arguments->warnings, IsEmpty()) << word;
  }
}

// ---- Repeated flags

TEST(Flags, LastScalarCounts) {
  EXPECT_EQ(configOf({"--max-pods=1", "--max-pods=2"}), json::parse(R"({"maxPods":2})"));
}

TEST(Flags, RepeatedListsAndMapsAreJoined) {
  EXPECT_EQ(configOf({"--cluster-dns=1.1.1.1,2.2.2.2", "--cluster-dns=3.3.3.3"}),
            json::parse(R"({"clusterDNS":["1.1.1.1","2.2.2.2","3.3.3.3"]})"));
  EXPECT_EQ(configOf({"--eviction-hard=memory.available<1Gi", "--eviction-hard=nodefs.available<5%"}),
            json::parse(R"({"evictionHard":{"memory.available":"1Gi","nodefs.available":"5%"}})"));
  EXPECT_THAT(commandLineOf({"--node-labels=a=1", "--node-labels=b=2,a=3"}).nodeLabels,
              ElementsAre(Pair("a", "3"), Pair("b", "2")));
}

TEST(Flags, MapReplacesWhatTheFieldHadButGatesAreMerged) {
  KubeletConfiguration config;
  (*config.mutable_evictionhard())["memory.available"] = "100Mi";
  (*config.mutable_featuregates())["EnvFiles"] = true;
  (*config.mutable_featuregates())["PodsAPI"] = true;
  config.add_clusterdns("1.1.1.1");
  auto arguments = parseArguments({"--eviction-hard=nodefs.available<5%",
                                   "--feature-gates=EnvFiles=false,EventedPLEG=true", "--cluster-dns=2.2.2.2"});
  ASSERT_TRUE(arguments);
  ASSERT_TRUE(applyFlags(arguments->configUses, config));
  EXPECT_EQ(toJson(config), json::parse(R"({"clusterDNS":["2.2.2.2"],"evictionHard":{"nodefs.available":"5%"},
                                            "featureGates":{"EnvFiles":false,"EventedPLEG":true,"PodsAPI":true}})"));
}

TEST(Flags, EmptyValueClearsListsAndMaps) {
  KubeletConfiguration config;
  (*config.mutable_evictionhard())["memory.available"] = "100Mi";
  config.add_enforcenodeallocatable("pods");
  config.add_registerwithtaints()->set_key("x");
  auto arguments = parseArguments({"--eviction-hard=", "--enforce-node-allocatable=", "--register-with-taints="});
  ASSERT_TRUE(arguments);
  ASSERT_TRUE(applyFlags(arguments->configUses, config));
  EXPECT_EQ(toJson(config), json::object());
}

TEST(Flags, ListElementsMayStandInQuotes) {
  EXPECT_EQ(configOf({"--allowed-unsafe-sysctls=\"a,b\",c,\"d\"\"e\""}),
            json::parse(R"({"allowedUnsafeSysctls":["a,b","c","d\"e"]})"));
}

// ---- Every flag

struct FieldFlag {
  std::string word;
  std::string config;  // JSON
};

class ConfigFlags : public testing::TestWithParam<FieldFlag> {};

TEST_P(ConfigFlags, SetTheirField) {
  EXPECT_EQ(configOf({"--" + GetParam().word}), json::parse(GetParam().config)) << GetParam().word;
}

const FieldFlag kFieldFlags[] = {
    {"address=1.2.3.4", R"({"address":"1.2.3.4"})"},
    {"port=1", R"({"port":1})"},
    {"read-only-port=2", R"({"readOnlyPort":2})"},
    {"anonymous-auth=false", R"({"authentication":{"anonymous":{"enabled":false}}})"},
    {"authentication-token-webhook", R"({"authentication":{"webhook":{"enabled":true}}})"},
    {"authorization-mode=Webhook", R"({"authorization":{"mode":"Webhook"}})"},
    {"client-ca-file=/ca", R"({"authentication":{"x509":{"clientCAFile":"/ca"}}})"},
    {"tls-cert-file=/c", R"({"tlsCertFile":"/c"})"},
    {"tls-private-key-file=/k", R"({"tlsPrivateKeyFile":"/k"})"},
    {"rotate-certificates", R"({"rotateCertificates":true})"},
    {"rotate-server-certificates", R"({"serverTLSBootstrap":true})"},
    {"cluster-dns=10.96.0.10", R"({"clusterDNS":["10.96.0.10"]})"},
    {"cluster-domain=cluster.local", R"({"clusterDomain":"cluster.local"})"},
    {"pod-manifest-path=/m", R"({"staticPodPath":"/m"})"},
    {"cgroup-driver=systemd", R"({"cgroupDriver":"systemd"})"},
    {"cgroup-root=/k", R"({"cgroupRoot":"/k"})"},
    {"fail-swap-on=false", R"({"failSwapOn":false})"},
    {"eviction-hard=memory.available<5%,nodefs.available<1Gi",
     R"({"evictionHard":{"memory.available":"5%","nodefs.available":"1Gi"}})"},
    {"max-pods=250", R"({"maxPods":250})"},
    {"resolv-conf=", R"({"resolvConf":""})"},
    {"healthz-port=0", R"({"healthzPort":0})"},
    {"healthz-bind-address=::1", R"({"healthzBindAddress":"::1"})"},
    {"system-reserved=cpu=100m,memory=1Gi", R"({"systemReserved":{"cpu":"100m","memory":"1Gi"}})"},
    {"kube-reserved=pid=100", R"({"kubeReserved":{"pid":"100"}})"},
    {"register-node=false", R"({"registerNode":false})"},
    {"node-status-update-frequency=20s", R"({"nodeStatusUpdateFrequency":"20s"})"},
    {"pod-cidr=10.0.0.0/24", R"({"podCIDR":"10.0.0.0/24"})"},
    {"image-gc-high-threshold=90", R"({"imageGCHighThresholdPercent":90})"},
    {"image-gc-low-threshold=10", R"({"imageGCLowThresholdPercent":10})"},
    {"enable-server=false", R"({"enableServer":false})"},
    {"sync-frequency=1m", R"({"syncFrequency":"1m0s"})"},
    {"file-check-frequency=1s", R"({"fileCheckFrequency":"1s"})"},
    {"http-check-frequency=2s", R"({"httpCheckFrequency":"2s"})"},
    {"manifest-url=http://x", R"({"staticPodURL":"http://x"})"},
    {"manifest-url-header=a:hello,b:again,a:world,b:x:y",
     R"({"staticPodURLHeader":{"a":["hello","world"],"b":["again","x:y"]}})"},
    {"container-runtime-endpoint=unix:///c", R"({"containerRuntimeEndpoint":"unix:///c"})"},
    {"image-service-endpoint=unix:///i", R"({"imageServiceEndpoint":"unix:///i"})"},
    {"authentication-token-webhook-cache-ttl=1m", R"({"authentication":{"webhook":{"cacheTTL":"1m0s"}}})"},
    {"authorization-webhook-cache-authorized-ttl=1m", R"({"authorization":{"webhook":{"cacheAuthorizedTTL":"1m0s"}}})"},
    {"authorization-webhook-cache-unauthorized-ttl=1s",
     R"({"authorization":{"webhook":{"cacheUnauthorizedTTL":"1s"}}})"},
    {"tls-cipher-suites=A,B", R"({"tlsCipherSuites":["A","B"]})"},
    {"tls-min-version=VersionTLS13", R"({"tlsMinVersion":"VersionTLS13"})"},
    {"registry-qps=0", R"({"registryPullQPS":0})"},
    {"registry-burst=1", R"({"registryBurst":1})"},
    {"event-qps=0", R"({"eventRecordQPS":0})"},
    {"event-burst=1", R"({"eventBurst":1})"},
    {"enable-debugging-handlers=false", R"({"enableDebuggingHandlers":false})"},
    {"contention-profiling", R"({"enableContentionProfiling":true})"},
    {"oom-score-adj=-500", R"({"oomScoreAdj":-500})"},
    {"volume-plugin-dir=/v", R"({"volumePluginDir":"/v"})"},
    {"streaming-connection-idle-timeout=1h", R"({"streamingConnectionIdleTimeout":"1h0m0s"})"},
    {"minimum-image-ttl-duration=1m", R"({"imageMinimumGCAge":"1m0s"})"},
    {"volume-stats-agg-period=-1s", R"({"volumeStatsAggPeriod":"-1s"})"},
    {"kubelet-cgroups=/k", R"({"kubeletCgroups":"/k"})"},
    {"system-cgroups=/s", R"({"systemCgroups":"/s"})"},
    {"cgroups-per-qos=false", R"({"cgroupsPerQOS":false})"},
    {"cpu-manager-policy=static", R"({"cpuManagerPolicy":"static"})"},
    {"cpu-manager-policy-options=full-pcpus-only=true", R"({"cpuManagerPolicyOptions":{"full-pcpus-only":"true"}})"},
    {"cpu-manager-reconcile-period=1s", R"({"cpuManagerReconcilePeriod":"1s"})"},
    {"memory-manager-policy=Static", R"({"memoryManagerPolicy":"Static"})"},
    {"reserved-memory=0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=2Gi",
     R"({"reservedMemory":[{"numaNode":0,"limits":{"hugepages-1Gi":"2Gi","memory":"1Gi"}},
                           {"numaNode":1,"limits":{"memory":"2Gi"}}]})"},
    {"topology-manager-policy=restricted", R"({"topologyManagerPolicy":"restricted"})"},
    {"topology-manager-policy-options=a=b", R"({"topologyManagerPolicyOptions":{"a":"b"}})"},
    {"topology-manager-scope=pod", R"({"topologyManagerScope":"pod"})"},
    {"qos-reserved=memory=50%", R"({"qosReserved":{"memory":"50%"}})"},
    {"runtime-request-timeout=5m", R"({"runtimeRequestTimeout":"5m0s"})"},
    {"hairpin-mode=none", R"({"hairpinMode":"none"})"},
    {"pod-max-pids=100", R"({"podPidsLimit":100})"},
    {"runonce=false", R"({"runOnce":false})"},
    {"cpu-cfs-quota=false", R"({"cpuCFSQuota":false})"},
    {"cpu-cfs-quota-period=50ms", R"({"cpuCFSQuotaPeriod":"50ms"})"},
    {"enable-controller-attach-detach=false", R"({"enableControllerAttachDetach":false})"},
    {"make-iptables-util-chains=false", R"({"makeIPTablesUtilChains":false})"},
    {"container-log-max-size=5Mi", R"({"containerLogMaxSize":"5Mi"})"},
    {"container-log-max-files=2", R"({"containerLogMaxFiles":2})"},
    {"allowed-unsafe-sysctls=net.*", R"({"allowedUnsafeSysctls":["net.*"]})"},
    {"node-status-max-images=-1", R"({"nodeStatusMaxImages":-1})"},
    {"kernel-memcg-notification", R"({"kernelMemcgNotification":true})"},
    {"local-storage-capacity-isolation=false", R"({"localStorageCapacityIsolation":false})"},
    {"max-open-files=5", R"({"maxOpenFiles":5})"},
    {"kube-api-content-type=application/json", R"({"contentType":"application/json"})"},
    {"kube-api-qps=1", R"({"kubeAPIQPS":1})"},
    {"kube-api-burst=2", R"({"kubeAPIBurst":2})"},
    {"serialize-image-pulls=false", R"({"serializeImagePulls":false})"},
    {"eviction-soft=memory.available<1Gi", R"({"evictionSoft":{"memory.available":"1Gi"}})"},
    {"eviction-soft-grace-period=memory.available=1m", R"({"evictionSoftGracePeriod":{"memory.available":"1m"}})"},
    {"eviction-max-pod-grace-period=30", R"({"evictionMaxPodGracePeriod":30})"},
    {"eviction-minimum-reclaim=imagefs.available=2Gi", R"({"evictionMinimumReclaim":{"imagefs.available":"2Gi"}})"},
    {"eviction-pressure-transition-period=1m", R"({"evictionPressureTransitionPeriod":"1m0s"})"},
    {"pods-per-core=10", R"({"podsPerCore":10})"},
    {"protect-kernel-defaults", R"({"protectKernelDefaults":true})"},
    {"reserved-cpus=0-1", R"({"reservedSystemCPUs":"0-1"})"},
    {"system-reserved-cgroup=/s", R"({"systemReservedCgroup":"/s"})"},
    {"kube-reserved-cgroup=/k", R"({"kubeReservedCgroup":"/k"})"},
    {"enforce-node-allocatable=pods,kube-reserved", R"({"enforceNodeAllocatable":["pods","kube-reserved"]})"},
    {"logging-format=json", R"({"logging":{"format":"json"}})"},
    {"log-text-split-stream", R"({"logging":{"options":{"text":{"splitStream":true}}}})"},
    {"log-text-info-buffer-size=1Ki", R"({"logging":{"options":{"text":{"infoBufferSize":"1Ki"}}}})"},
    {"log-json-split-stream", R"({"logging":{"options":{"json":{"splitStream":true}}}})"},
    {"log-json-info-buffer-size=2M", R"({"logging":{"options":{"json":{"infoBufferSize":"2M"}}}})"},
    {"log-flush-frequency=1s", R"({"logging":{"flushFrequency":"1s"}})"},
    {"vmodule=a=1,b*=2",
     R"({"logging":{"vmodule":[{"filePattern":"a","verbosity":1},{"filePattern":"b*","verbosity":2}]}})"},
    {"v=3", R"({"logging":{"verbosity":3}})"},
    {"fail-cgroupv1=false", R"({"failCgroupV1":false})"},
    {"seccomp-default", R"({"seccompDefault":true})"},
    {"provider-id=kind://x", R"({"providerID":"kind://x"})"},
    {"feature-gates=EnvFiles=false,PodsAPI=true", R"({"featureGates":{"EnvFiles":false,"PodsAPI":true}})"},
    {"register-with-taints=node-role.kubernetes.io/control-plane=:NoSchedule,a=b:NoExecute,c:PreferNoSchedule",
     R"({"registerWithTaints":[{"key":"node-role.kubernetes.io/control-plane","value":"","effect":"NoSchedule"},
                               {"key":"a","value":"b","effect":"NoExecute"},
                               {"key":"c","value":"","effect":"PreferNoSchedule"}]})"},
};

INSTANTIATE_TEST_SUITE_P(Cases, ConfigFlags, testing::ValuesIn(kFieldFlags), [](const auto& test) {
  std::string name = test.param.word.substr(0, test.param.word.find('='));
  std::erase(name, '-');
  return name;
});

TEST(Flags, EachConfigurationFlagIsTestedAboveAndHasAField) {
  for (const Flag& flag : flagTable()) {
    const auto* field = std::get_if<ConfigField>(&flag.target);
    if (field == nullptr) continue;
    bool tested = std::ranges::any_of(
        kFieldFlags, [&](const FieldFlag& each) { return each.word.substr(0, each.word.find('=')) == flag.name; });
    EXPECT_TRUE(tested) << flag.name;
    EXPECT_NE(findField(KubeletConfiguration(), field->path), nullptr) << flag.name;
  }
}

TEST(Flags, CommandLineFlagsSetTheirMember) {
  CommandLine line = commandLineOf({"--config=a",
                                    "--config-dir=b",
                                    "--kubeconfig=c",
                                    "--bootstrap-kubeconfig=d",
                                    "--cert-dir=e",
                                    "--root-dir=f",
                                    "--hostname-override=g",
                                    "--node-ip=1.2.3.4",
                                    "--node-labels=x=1,y",
                                    "--cloud-provider=external",
                                    "--image-credential-provider-config=h",
                                    "--image-credential-provider-bin-dir=i",
                                    "--runtime-cgroups=j",
                                    "--lock-file=k",
                                    "--exit-on-lock-contention",
                                    "--local-socket=",
                                    "--local-objects=/l",
                                    "--minimum-container-ttl-duration=1m",
                                    "--maximum-dead-containers-per-container=2",
                                    "--maximum-dead-containers=3",
                                    "--experimental-mounter-path=x",
                                    "--experimental-allocatable-ignore-eviction"});
  EXPECT_EQ(line.configFile, "a");
  EXPECT_EQ(line.configDir, "b");
  EXPECT_EQ(line.kubeconfig, "c");
  EXPECT_EQ(line.bootstrapKubeconfig, "d");
  EXPECT_EQ(line.certDir, "e");
  EXPECT_EQ(line.rootDir, "f");
  EXPECT_EQ(line.hostnameOverride, "g");
  EXPECT_EQ(line.nodeIp, "1.2.3.4");
  EXPECT_THAT(line.nodeLabels, ElementsAre(Pair("x", "1"), Pair("y", "")));
  EXPECT_EQ(line.cloudProvider, "external");
  EXPECT_EQ(line.imageCredentialProviderConfig, "h");
  EXPECT_EQ(line.imageCredentialProviderBinDir, "i");
  EXPECT_EQ(line.runtimeCgroups, "j");
  EXPECT_EQ(line.lockFile, "k");
  EXPECT_TRUE(line.exitOnLockContention);
  EXPECT_EQ(line.localSocket, "");
  EXPECT_EQ(line.localObjects, "/l");
  EXPECT_EQ(line.minimumContainerTtl, std::chrono::minutes(1));
  EXPECT_EQ(line.maximumDeadContainersPerContainer, 2);
  EXPECT_EQ(line.maximumDeadContainers, 3);
}

TEST(Flags, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Flag& flag : flagTable()) EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
}

TEST(Help, ShowsEachFlagOnceUnderItsGroupAndHidesThoseWithoutEffect) {
  std::string help = helpText();
  for (const Flag& flag : flagTable()) {
    bool shown =
        help.find("\n  --" + std::string(flag.name) +
                  (flag.kind == FlagKind::kBool || flag.kind == FlagKind::kVersion ? " " : "=")) != std::string::npos;
    EXPECT_EQ(shown, flag.status != FlagStatus::kWithoutEffect) << flag.name;
  }
  EXPECT_THAT(help, HasSubstr("\nStatic pods:\n"));
  EXPECT_THAT(help, HasSubstr(" pods on this node [maxPods]\n"));
}

TEST(Help, LinesAreShort) {
  std::string help = helpText();
  for (std::size_t at = 0; at < help.size();) {
    std::size_t end = help.find('\n', at);
    EXPECT_LE(end - at, 130u) << help.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace cubelet::config
