#include "kubelet/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/defaults.h"

namespace cubelet::config {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

// What `kubeadm init` of v1.36 leaves on a machine with systemd-resolved.
const char kKubeadmConfig[] = R"(apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
resolvConf: /run/systemd/resolve/resolv.conf
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
)";

// A machine whose files are in memory.
class LoadTest : public testing::Test {
 protected:
  Environment environment() {
    Environment environment;
    environment.readFile = [this](const std::string& path) -> Result<std::string> {
      auto found = files_.find(path);
      if (found == files_.end()) return fail(Code::kNotFound, "", path + ": no such file");
      return found->second;
    };
    environment.listFiles = [this](const std::string& directory) -> Result<std::vector<std::string>> {
      std::vector<std::string> names;
      for (const auto& [path, text] : files_)
        if (path.starts_with(directory + "/")) names.push_back(path);
      if (names.empty()) return fail(Code::kNotFound, "", directory + ": no such directory");
      return names;
    };
    environment.workingDirectory = "/cwd";
    environment.hostname = hostname_;
    environment.facts = facts_;
    return environment;
  }

  Effective load(const std::vector<std::string>& args) {
    auto effective = config::load(args, environment());
    EXPECT_TRUE(effective) << effective.error().message;
    return effective ? *effective : Effective();
  }
  std::string errorOf(const std::vector<std::string>& args) {
    auto effective = config::load(args, environment());
    return effective ? "" : effective.error().message;
  }

  // The configuration of one main file and its drop-ins, in order.
  Effective loadMerged(const std::string& main, const std::vector<std::string>& dropIns,
                       std::vector<std::string> args = {}) {
    files_["/c/config.yaml"] = kHead + main;
    for (std::size_t i = 0; i < dropIns.size(); ++i)
      files_["/c/conf.d/" + std::to_string(i) + ".conf"] = kHead + dropIns[i];
    args.insert(args.end(), {"--config=/c/config.yaml", "--config-dir=/c/conf.d"});
    return load(args);
  }

  std::map<std::string, std::string> files_;
  std::string hostname_ = "Node-1.Example.org";
  HostFacts facts_;
};

// ---- Without files

TEST_F(LoadTest, HelpAndVersionReadNothing) {
  facts_.cgroupV2 = false;
  EXPECT_TRUE(load({"--help", "--config=/none"}).commandLine.help);
  EXPECT_EQ(load({"--version=raw", "--config=/none"}).commandLine.version, "raw");
}

TEST_F(LoadTest, WithoutAConfigFileTheLegacyDefaultsHold) {
  Effective effective = load({});
  KubeletConfiguration legacy = legacyConfiguration();
  applyDefaults(legacy);
  EXPECT_EQ(toJson(effective.config), toJson(legacy));
  EXPECT_THAT(effective.warnings, IsEmpty());
}

TEST_F(LoadTest, FlagsAreAppliedOverTheDefaults) {
  Effective effective = load({"--max-pods=0", "--anonymous-auth=false", "--pod-manifest-path=manifests"});
  EXPECT_EQ(effective.config.maxpods(), 0);  // on the command line zero is zero
  EXPECT_FALSE(effective.config.authentication().anonymous().enabled());
  EXPECT_EQ(effective.config.staticpodpath(), "manifests");
}

// ---- kubeadm

TEST_F(LoadTest, KubeadmsConfigurationIsReadWithoutAWord) {
  files_["/var/lib/kubelet/config.yaml"] = kKubeadmConfig;
  Effective effective = load({"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
                              "--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml"});
  EXPECT_THAT(effective.warnings, IsEmpty());

  // Where it says 0s, 0, "" or {} the defaults hold.
  KubeletConfiguration expected;
  expected.mutable_authentication()->mutable_x509()->set_clientcafile("/etc/kubernetes/pki/ca.crt");
  expected.set_cgroupdriver("systemd");
  expected.add_clusterdns("10.96.0.10");
  expected.set_clusterdomain("cluster.local");
  expected.set_resolvconf("/run/systemd/resolve/resolv.conf");
  expected.set_rotatecertificates(true);
  expected.set_staticpodpath("/etc/kubernetes/manifests");
  expected.mutable_memoryswap();
  applyDefaults(expected);
  EXPECT_EQ(toJson(effective.config), toJson(expected));
}

TEST_F(LoadTest, OldKubeadmEnvironmentFilesStillWork) {
  files_["/var/lib/kubelet/config.yaml"] = kKubeadmConfig;
  Effective effective =
      load({"--config=/var/lib/kubelet/config.yaml", "--container-runtime-endpoint=unix:///run/other.sock",
            "--pod-infra-container-image=registry.k8s.io/pause:3.9", "--hostname-override=worker",
            "--register-with-taints=node-role.kubernetes.io/control-plane:NoSchedule"});
  EXPECT_EQ(effective.config.containerruntimeendpoint(), "unix:///run/other.sock");
  EXPECT_EQ(effective.config.registerwithtaints_size(), 1);
  EXPECT_EQ(effective.nodeName, "worker");
  EXPECT_THAT(effective.warnings,
              ElementsAre(HasSubstr("set containerRuntimeEndpoint"), HasSubstr("--pod-infra-container-image"),
                          HasSubstr("set registerWithTaints")));
}

// ---- Files and drop-ins

TEST_F(LoadTest, FileWithoutADropInGetsTheNewDefaults) {
  files_["/cwd/config.yaml"] = kHead;
  Effective effective = load({"--config=config.yaml"});
  EXPECT_FALSE(effective.config.authentication().anonymous().enabled());
  EXPECT_EQ(effective.config.authorization().mode(), "Webhook");
  EXPECT_EQ(effective.config.readonlyport(), 0);
}

TEST_F(LoadTest, SRV_15_DropInsAreMergedInLexicalOrder) {
  Effective effective =
      loadMerged("maxPods: 1\nport: 1001\naddress: 1.1.1.1\n", {"maxPods: 2\nport: 1002\n", "maxPods: 3\n"});
  EXPECT_EQ(effective.config.maxpods(), 3);
  EXPECT_EQ(effective.config.port(), 1002);
  EXPECT_EQ(effective.config.address(), "1.1.1.1");
}

TEST_F(LoadTest, SRV_15_ObjectsAreMergedListsReplacedAndNullDeletes) {
  Effective effective = loadMerged(
      "authentication: {anonymous: {enabled: true}, webhook: {cacheTTL: 7s}}\nclusterDNS: [1.1.1.1, 2.2.2.2]\n"
      "maxPods: 5\nsystemReserved: {cpu: 100m, memory: 1Gi}\n",
      {"authentication: {anonymous: {enabled: false}}\nclusterDNS: [3.3.3.3]\nmaxPods: null\n"
       "systemReserved: {cpu: null, pid: '7'}\n"});
  const KubeletConfiguration& config = effective.config;
  EXPECT_FALSE(config.authentication().anonymous().enabled());
  EXPECT_EQ(config.authentication().webhook().cachettl().duration(), 7'000'000'000);
  EXPECT_THAT(config.clusterdns(), ElementsAre("3.3.3.3"));
  EXPECT_EQ(config.maxpods(), 110);
  EXPECT_EQ(toJson(config)["systemReserved"], json::parse(R"({"memory": "1Gi", "pid": "7"})"));
}

TEST_F(LoadTest, SRV_15_DefaultsComeAfterTheMerge) {
  EXPECT_FALSE(loadMerged("", {"maxParallelImagePulls: 3\n"}).config.serializeimagepulls());
}

TEST_F(LoadTest, DropInChangesOneDefaultThresholdAndKeepsTheOthers) {
  KubeletConfiguration config = loadMerged("", {"evictionHard: {memory.available: 1Gi}\n"}).config;
  EXPECT_EQ(config.evictionhard().at("memory.available"), "1Gi");
  EXPECT_EQ(config.evictionhard_size(), 5);
}

TEST_F(LoadTest, ThresholdsOfTheMainFileStandAlone) {
  KubeletConfiguration config =
      loadMerged("evictionHard: {memory.available: 1Gi}\n", {"evictionHard: {nodefs.available: 2Gi}\n"}).config;
  EXPECT_EQ(toJson(config)["evictionHard"], json::parse(R"({"memory.available": "1Gi", "nodefs.available": "2Gi"})"));
}

TEST_F(LoadTest, EmptyListsAndMapsSwitchThingsOff) {
  KubeletConfiguration config = loadMerged("evictionHard: {}\nenforceNodeAllocatable: []\n", {""}).config;
  EXPECT_TRUE(config.evictionhard().empty());
  EXPECT_TRUE(config.enforcenodeallocatable().empty());
}

TEST_F(LoadTest, DropInsWithoutAMainFileStandOverTheLegacyDefaults) {
  files_["/d/a.conf"] = kHead + "maxPods: 9\nauthentication: {webhook: {enabled: true}}\n";
  KubeletConfiguration config = load({"--config-dir=/d"}).config;
  EXPECT_EQ(config.maxpods(), 9);
  EXPECT_TRUE(config.authentication().anonymous().enabled());
  EXPECT_TRUE(config.authentication().webhook().enabled());
}

TEST_F(LoadTest, SRV_15_OtherFilesOfTheDirectoryAreSkippedWithAWord) {
  files_["/c/conf.d/notes.txt"] = "hello";
  files_["/c/conf.d/b.conf.bak"] = "hello";
  Effective effective = loadMerged("", {"maxPods: 2\n"});
  EXPECT_THAT(effective.warnings, ElementsAre("/c/conf.d/b.conf.bak: skipped, drop-ins must be named *.conf",
                                              "/c/conf.d/notes.txt: skipped, drop-ins must be named *.conf"));
}

TEST_F(LoadTest, EachDropInNeedsItsKind) {
  files_["/d/a.conf"] = "maxPods: 9\n";
  EXPECT_THAT(errorOf({"--config-dir=/d"}), HasSubstr("/d/a.conf:1: kind: missing"));
  files_["/d/a.conf"] = "";
  EXPECT_THAT(errorOf({"--config-dir=/d"}), HasSubstr("/d/a.conf: the file is empty"));
}

TEST_F(LoadTest, UnknownFieldOfADropInIsAWarning) {
  Effective effective = loadMerged("", {"maxPodz: 2\n"});
  EXPECT_THAT(effective.warnings, ElementsAre(HasSubstr("/c/conf.d/0.conf:3: maxPodz: unknown field")));
}

TEST_F(LoadTest, WrongTypeInADropInNamesItsLine) {
  files_["/d/a.conf"] = kHead + "maxPods: many\n";
  EXPECT_THAT(errorOf({"--config-dir=/d"}), HasSubstr("/d/a.conf:3: maxPods: "));
}

TEST_F(LoadTest, SRV_15_RelativePathsCountFromTheFileTheyStandIn) {
  Effective effective =
      loadMerged("staticPodPath: manifests\nresolvConf: resolv.conf\n", {"resolvConf: resolv.conf\n"});
  EXPECT_EQ(effective.config.staticpodpath(), "/c/manifests");
  EXPECT_EQ(effective.config.resolvconf(), "/c/conf.d/resolv.conf");
}

TEST_F(LoadTest, MissingFilesAreErrors) {
  EXPECT_THAT(errorOf({"--config=none.yaml"}), HasSubstr("/cwd/none.yaml: no such file"));
  EXPECT_THAT(errorOf({"--config-dir=/none"}), HasSubstr("read drop-in directory: /none"));
}

// ---- Flags over files

TEST_F(LoadTest, SRV_15_FlagsWinOverFileAndDropIns) {
  KubeletConfiguration config =
      loadMerged("maxPods: 1\nclusterDNS: [1.1.1.1]\n", {"maxPods: 2\n"}, {"--max-pods=3", "--cluster-dns=2.2.2.2"})
          .config;
  EXPECT_EQ(config.maxpods(), 3);
  EXPECT_THAT(config.clusterdns(), ElementsAre("2.2.2.2"));
}

TEST_F(LoadTest, GatesOfFlagsAndFilesAreMergedOtherMapsReplaced) {
  KubeletConfiguration config = loadMerged("featureGates: {EnvFiles: true, PodsAPI: true}\nsystemReserved: {cpu: 1m}\n",
                                           {"featureGates: {EventedPLEG: true}\n"},
                                           {"--feature-gates=EnvFiles=false", "--system-reserved=memory=1Gi"})
                                    .config;
  EXPECT_EQ(toJson(config)["featureGates"],
            json::parse(R"({"EnvFiles": false, "EventedPLEG": true, "PodsAPI": true})"));
  EXPECT_EQ(toJson(config)["systemReserved"], json::parse(R"({"memory": "1Gi"})"));
}

// ---- Checks

TEST_F(LoadTest, AllErrorsAreToldWithTheirOrigin) {
  files_["/c/config.yaml"] = kHead + "maxPods: -1\nport: 70000\n";
  files_["/c/conf.d/a.conf"] = kHead + "port: 80000\nauthorization:\n  mode: Maybe\n";
  std::string error = errorOf({"--config=/c/config.yaml", "--config-dir=/c/conf.d", "--oom-score-adj=5000",
                               "--cloud-provider=aws", "--feature-gates=Nonsense=true"});
  EXPECT_THAT(error, HasSubstr("invalid configuration\n"));
  EXPECT_THAT(error, HasSubstr("/c/config.yaml:3: maxPods: must be 0 or more, is -1"));
  EXPECT_THAT(error, HasSubstr("/c/conf.d/a.conf:3: port: must be between 1 and 65535, is 80000"));
  EXPECT_THAT(error,
              HasSubstr("/c/conf.d/a.conf:5: authorization.mode: must be one of Webhook, AlwaysAllow, is \"Maybe\""));
  EXPECT_THAT(error, HasSubstr("--oom-score-adj: oomScoreAdj: must be between -1000 and 1000, is 5000"));
  EXPECT_THAT(error, HasSubstr("--cloud-provider: must be one of \"\", external, is \"aws\""));
  EXPECT_THAT(error, HasSubstr("--feature-gates: featureGates: unknown feature gate Nonsense"));
}

TEST_F(LoadTest, OneErrorStaysOnOneLine) {
  EXPECT_EQ(errorOf({"--port=0"}), "invalid configuration: --port: port: must be between 1 and 65535, is 0");
}

TEST_F(LoadTest, SRV_15_UnknownFlagEndsTheStart) {
  EXPECT_EQ(errorOf({"--max-podz=1"}), "unknown flag: --max-podz, did you mean --max-pods?");
}

TEST_F(LoadTest, UnknownGateEndsTheStart) {
  files_["/c.yaml"] = kHead + "featureGates:\n  NoSuchGate: true\n";
  EXPECT_THAT(errorOf({"--config=/c.yaml"}), HasSubstr("/c.yaml:3: featureGates: unknown feature gate NoSuchGate"));
}

TEST_F(LoadTest, LockedGateEndsTheStart) {
  files_["/c.yaml"] = kHead + "featureGates: {SidecarContainers: false}\n";
  EXPECT_THAT(errorOf({"--config=/c.yaml"}), HasSubstr("SidecarContainers cannot be false, it is locked to true"));
}

TEST_F(LoadTest, HostThatDoesNotFitEndsTheStart) {
  facts_ = {.cgroupV2 = false, .swapOn = true};
  std::string error = errorOf({});
  EXPECT_THAT(error, HasSubstr("failCgroupV1: this machine uses cgroup v1"));
  EXPECT_THAT(error, HasSubstr("failSwapOn: swap is on"));
  EXPECT_EQ(errorOf({"--fail-cgroupv1=false", "--fail-swap-on=false"}), "");
}

TEST_F(LoadTest, DoubtsAreWarnings) {
  files_["/c.yaml"] = kHead + "clusterDNS: [dns.example.org]\nfeatureGates: {SidecarContainers: true}\n";
  EXPECT_THAT(load({"--config=/c.yaml"}).warnings,
              ElementsAre(HasSubstr("/c.yaml:4: featureGates: feature gate SidecarContainers is generally available"),
                          HasSubstr("/c.yaml:3: clusterDNS: \"dns.example.org\" is not an IP address")));
}

// ---- Node name

TEST_F(LoadTest, NOD_2_NodeNameIsTheHostNameTrimmedInLowerCase) {
  hostname_ = "  Node-1.Example.org\n";
  EXPECT_EQ(load({}).nodeName, "node-1.example.org");
  EXPECT_EQ(load({"--hostname-override= Worker-A "}).nodeName, "worker-a");
}

TEST_F(LoadTest, EmptyNodeNameIsAnError) {
  hostname_ = " ";
  EXPECT_THAT(errorOf({}), HasSubstr("the node has no name"));
}

// ---- Effective JSON

TEST_F(LoadTest, EffectiveJsonHasKindAndAllDefaults) {
  json effective = json::parse(effectiveJson(load({}).config));
  EXPECT_EQ(effective["kind"], "KubeletConfiguration");
  EXPECT_EQ(effective["apiVersion"], "kubelet.config.k8s.io/v1beta1");
  EXPECT_EQ(effective["syncFrequency"], "1m0s");
  EXPECT_EQ(effective["shutdownGracePeriod"], "0s");
}

TEST_F(LoadTest, EffectiveJsonMasksHeaders) {
  std::string text = effectiveJson(load({"--manifest-url-header=Authorization:secret"}).config);
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_EQ(json::parse(text)["staticPodURLHeader"], json::parse(R"({"Authorization": ["<masked>"]})"));
}

TEST_F(LoadTest, EffectiveJsonIsAConfigurationFile) {
  Effective effective = load({"--max-pods=7"});
  files_["/c.yaml"] = effectiveJson(effective.config);
  EXPECT_EQ(toJson(load({"--config=/c.yaml"}).config), toJson(effective.config));
}

}  // namespace
}  // namespace cubelet::config
