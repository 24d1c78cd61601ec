#include "kubelet/config/validate.h"

#include <chrono>
#include <set>
#include <string_view>

#include "base/time_text.h"
#include "kubelet/api/quantity.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/config/fields.h"
#include "kubelet/config/findings.h"
#include "kubelet/config/flag_values.h"
#include "kubelet/config/validate_resources.h"

namespace cubelet::config {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kLastPort = 65535;

std::chrono::nanoseconds span(const k8s::meta::v1::Duration& duration) {
  return std::chrono::nanoseconds(duration.duration());
}

void notNegative(Findings& found, std::string_view field, std::chrono::nanoseconds value) {
  if (value < 0ns) found.add(field, "must not be negative, is " + durationText(value));
}

void checkAddress(Findings& found, std::string_view field, const std::string& address) {
  if (!isIp(address)) found.add(field, "must be an IP address, is " + quoted(address));
}

// ---- Server

// The names of crypto/tls. Those of TLS 1.3 may be named but are not configurable.
bool isCipherSuite(std::string_view name) {
  static const std::set<std::string_view> kNames = {
      "TLS_AES_128_GCM_SHA256",
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
      "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
      "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLS_RSA_WITH_AES_128_CBC_SHA",
      "TLS_RSA_WITH_AES_128_CBC_SHA256",
      "TLS_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_RSA_WITH_AES_256_CBC_SHA",
      "TLS_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_RSA_WITH_RC4_128_SHA",
  };
  return kNames.contains(name);
}

void checkServer(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  checkAddress(found, "address", config.address());
  found.between("port", config.port(), 1, kLastPort);
  found.between("readOnlyPort", config.readonlyport(), 0, kLastPort);
  checkAddress(found, "healthzBindAddress", config.healthzbindaddress());
  found.between("healthzPort", config.healthzport(), 0, kLastPort);
  found.oneOf("authorization.mode", config.authorization().mode(), {"Webhook", "AlwaysAllow"});
  found.oneOf("tlsMinVersion", config.tlsminversion(),
              {"", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"});
  for (const std::string& suite : config.tlsciphersuites())
    if (!isCipherSuite(suite)) found.add("tlsCipherSuites", quoted(suite) + " is no cipher suite");
  if (config.tlscertfile().empty() != config.tlsprivatekeyfile().empty())
    found.add(config.tlscertfile().empty() ? "tlsCertFile" : "tlsPrivateKeyFile",
              "must be set when the other half of the pair is");
  if (config.servertlsbootstrap() && !gates.enabled("RotateKubeletServerCertificate"))
    found.add("serverTLSBootstrap", "needs feature gate RotateKubeletServerCertificate");
  if (config.enablesystemlogquery() && !config.enablesystemloghandler())
    found.add("enableSystemLogQuery", "needs enableSystemLogHandler");
  if (!config.showhiddenmetricsforversion().empty())
    found.oneOf("showHiddenMetricsForVersion", config.showhiddenmetricsforversion(), {"", "1.35"});
}

// ---- Images and container runtime

void checkImages(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  found.between("imageGCHighThresholdPercent", config.imagegchighthresholdpercent(), 0, 100);
  found.between("imageGCLowThresholdPercent", config.imagegclowthresholdpercent(), 0, 100);
  if (config.imagegclowthresholdpercent() >= config.imagegchighthresholdpercent())
    found.add("imageGCLowThresholdPercent", "must be less than imageGCHighThresholdPercent (" +
                                                std::to_string(config.imagegchighthresholdpercent()) + "), is " +
                                                std::to_string(config.imagegclowthresholdpercent()));
  notNegative(found, "imageMinimumGCAge", span(config.imageminimumgcage()));
  notNegative(found, "imageMaximumGCAge", span(config.imagemaximumgcage()));
  if (span(config.imagemaximumgcage()) > 0ns && span(config.imagemaximumgcage()) <= span(config.imageminimumgcage()))
    found.add("imageMaximumGCAge", "must be more than imageMinimumGCAge (" +
                                       durationText(span(config.imageminimumgcage())) + "), is " +
                                       durationText(span(config.imagemaximumgcage())));
  found.atLeast("registryBurst", config.registryburst(), 0);
  found.atLeast("registryPullQPS", config.registrypullqps(), 0);
  if (config.has_maxparallelimagepulls()) found.atLeast("maxParallelImagePulls", config.maxparallelimagepulls(), 1);
  if (config.serializeimagepulls() && config.maxparallelimagepulls() > 1)
    found.add("maxParallelImagePulls",
              "must be 1 while serializeImagePulls is true, is " + std::to_string(config.maxparallelimagepulls()));

  const std::string& policy = config.imagepullcredentialsverificationpolicy();
  bool listed = !config.preloadedimagesverificationallowlist().empty();
  if (!gates.enabled("KubeletEnsureSecretPulledImages")) {
    if (!policy.empty())
      found.add("imagePullCredentialsVerificationPolicy", "needs feature gate KubeletEnsureSecretPulledImages");
    if (listed) found.add("preloadedImagesVerificationAllowlist", "needs feature gate KubeletEnsureSecretPulledImages");
    return;
  }
  found.oneOf("imagePullCredentialsVerificationPolicy", policy,
              {"NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"});
  if (listed && policy != "NeverVerifyAllowlistedImages")
    found.add("preloadedImagesVerificationAllowlist",
              "needs imagePullCredentialsVerificationPolicy NeverVerifyAllowlistedImages, which is " + quoted(policy));
}

void checkRuntime(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  if (config.containerruntimeendpoint().empty()) found.add("containerRuntimeEndpoint", "must not be empty");
  notNegative(found, "runtimeRequestTimeout", span(config.runtimerequesttimeout()));

  if (auto size = api::quantityValue(config.containerlogmaxsize()); !size || *size <= 0)
    found.add("containerLogMaxSize",
              "must be a quantity above zero such as 10Mi, is " + quoted(config.containerlogmaxsize()));
  found.atLeast("containerLogMaxFiles", config.containerlogmaxfiles(), 2);
  found.atLeast("containerLogMaxWorkers", config.containerlogmaxworkers(), 1);
  if (span(config.containerlogmonitorinterval()) < 3s)
    found.add("containerLogMonitorInterval",
              "must be 3s or more, is " + durationText(span(config.containerlogmonitorinterval())));

  bool capped = config.crashloopbackoff().has_maxcontainerrestartperiod();
  auto cap = span(config.crashloopbackoff().maxcontainerrestartperiod());
  if (capped && !gates.enabled("KubeletCrashLoopBackOffMax"))
    found.add("crashLoopBackOff.maxContainerRestartPeriod", "needs feature gate KubeletCrashLoopBackOffMax");
  else if (capped && (cap < 1s || cap > 300s))
    found.add("crashLoopBackOff.maxContainerRestartPeriod",
              "must be between 1s and 5m0s (300s), is " + durationText(cap));

  constexpr std::int64_t kIdBlock = 65536;
  std::int64_t ids = config.usernamespaces().idsperpod();
  if (ids < kIdBlock || ids % kIdBlock != 0 || ids > 4294967295)
    found.add("userNamespaces.idsPerPod", "must be a multiple of 65536 and below 2^32, is " + std::to_string(ids));
}

// ---- Pods and paths

void checkPods(const KubeletConfiguration& config, Findings& found) {
  found.atLeast("maxPods", config.maxpods(), 0);
  found.atLeast("podsPerCore", config.podspercore(), 0);
  if (config.runonce()) found.add("runOnce", "must not be true: that mode is gone");
  found.oneOf("hairpinMode", config.hairpinmode(), {"promiscuous-bridge", "hairpin-veth", "none"});
  found.oneOf("configMapAndSecretChangeDetectionStrategy", config.configmapandsecretchangedetectionstrategy(),
              {"Watch", "Cache", "Get"});

  const std::string& logs = config.podlogsdir();
  bool clean = logs.starts_with('/') && logs.find("//") == std::string::npos && (logs == "/" || !logs.ends_with('/')) &&
               (logs + "/").find("/./") == std::string::npos && (logs + "/").find("/../") == std::string::npos;
  bool ascii = std::ranges::all_of(logs, [](char c) { return static_cast<unsigned char>(c) < 128; });
  if (!clean || !ascii)
    found.add("podLogsDir", "must be an absolute path in ASCII without //, . and .., is " + quoted(logs));
}

// ---- Node, API server, shutdown

void checkNode(const KubeletConfiguration& config, Findings& found) {
  found.atLeast("nodeLeaseDurationSeconds", config.nodeleasedurationseconds(), 1);
  found.atLeast("nodeStatusMaxImages", config.nodestatusmaximages(), -1);
  found.atLeast("kubeAPIQPS", config.kubeapiqps(), 0);
  found.atLeast("kubeAPIBurst", config.kubeapiburst(), 0);
  found.atLeast("eventRecordQPS", config.eventrecordqps(), 0);
  found.atLeast("eventBurst", config.eventburst(), 0);
  for (const auto& taint : config.registerwithtaints()) {
    if (!isQualifiedName(taint.key()) || !isLabelValue(taint.value()) || !isTaintEffect(taint.effect()))
      found.add("registerWithTaints", quoted(taint.key() + "=" + taint.value() + ":" + taint.effect()) +
                                          " is not a taint: a qualified name as key, a label value, and the effect "
                                          "NoSchedule, PreferNoSchedule or NoExecute are wanted");
    if (taint.has_timeadded()) found.add("registerWithTaints", "timeAdded must not be set");
  }
}

void checkShutdown(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  auto total = span(config.shutdowngraceperiod());
  auto critical = span(config.shutdowngraceperiodcriticalpods());
  bool given = total > 0ns || critical > 0ns;
  if (!gates.enabled("GracefulNodeShutdown")) {
    if (given) found.add("shutdownGracePeriod", "needs feature gate GracefulNodeShutdown");
  } else {
    if (critical > total)
      found.add("shutdownGracePeriodCriticalPods", "must not be more than shutdownGracePeriod (" + durationText(total) +
                                                       "), is " + durationText(critical));
    if (total != 0ns && total < 1s)
      found.add("shutdownGracePeriod", "must be 0s, or 1s or more, is " + durationText(total));
    if (critical != 0ns && critical < 1s)
      found.add("shutdownGracePeriodCriticalPods", "must be 0s, or 1s or more, is " + durationText(critical));
  }
  if (config.shutdowngraceperiodbypodpriority().empty()) return;
  if (!gates.enabled("GracefulNodeShutdownBasedOnPodPriority"))
    found.add("shutdownGracePeriodByPodPriority", "needs feature gate GracefulNodeShutdownBasedOnPodPriority");
  else if (given)
    found.add("shutdownGracePeriodByPodPriority",
              "excludes shutdownGracePeriod and shutdownGracePeriodCriticalPods: set one or the other");
}

// ---- Logging, tracing

void checkLogging(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  const auto& logging = config.logging();
  found.oneOf("logging.format", logging.format(), {"text", "json"});
  if (span(logging.flushfrequency()) <= 0ns)
    found.add("logging.flushFrequency", "must be above zero, is " + durationText(span(logging.flushfrequency())));
  found.between("logging.verbosity", logging.verbosity(), 0, 2147483647);
  if (!logging.vmodule().empty() && logging.format() != "text")
    found.add("logging.vmodule", "works with format text only");
  for (const auto& item : logging.vmodule())
    if (item.filepattern().empty() || item.filepattern().find_first_of("=,") != std::string::npos)
      found.add("logging.vmodule",
                "a filePattern must not be empty nor have = or , in it, is " + quoted(item.filepattern()));
  if (gates.enabled("LoggingAlphaOptions")) return;
  const auto& options = logging.options();
  for (const auto& [name, routing] : {std::pair("text", &options.text()), std::pair("json", &options.json())}) {
    std::string path = std::string("logging.options.") + name;
    if (routing->splitstream()) found.add(path + ".splitStream", "needs feature gate LoggingAlphaOptions");
    if (api::quantityValue(routing->infobuffersize().string()).value_or(0) != 0)
      found.add(path + ".infoBufferSize", "needs feature gate LoggingAlphaOptions");
  }
}

void checkTracing(const KubeletConfiguration& config, Findings& found) {
  const auto& tracing = config.tracing();
  if (tracing.has_samplingratepermillion())
    found.between("tracing.samplingRatePerMillion", tracing.samplingratepermillion(), 0, 1'000'000);
  std::string_view endpoint = tracing.endpoint();
  std::size_t colon = endpoint.find("://");
  if (colon == std::string_view::npos) return;
  std::string_view scheme = endpoint.substr(0, colon);
  if (scheme != "dns" && scheme != "unix" && scheme != "unix-abstract")
    found.add("tracing.endpoint", "must have no scheme, or dns, unix or unix-abstract, is " + quoted(endpoint));
}

void checkGates(const KubeletConfiguration& config, Findings& found) {
  auto gates = FeatureGates::from(config);
  if (gates) return;
  // One line each, "featureGates: what is wrong".
  constexpr std::string_view kPrefix = "featureGates: ";
  std::string_view rest = gates.error().message;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    found.add("featureGates", std::string(line.substr(kPrefix.size())));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
}

// ---- Command line

std::string_view labelDomain(std::string_view key) {
  std::size_t slash = key.find('/');
  return slash == std::string_view::npos ? std::string_view() : key.substr(0, slash);
}

bool isOrIsBelow(std::string_view domain, std::string_view parent) {
  return domain == parent || (domain.size() > parent.size() && domain.ends_with(parent) &&
                              domain[domain.size() - parent.size() - 1] == '.');
}

// Labels of Kubernetes' own domains that a node may give itself.
bool isAllowedNodeLabel(std::string_view key) {
  static const std::set<std::string_view> kAllowed = {
      "kubernetes.io/hostname",
      "kubernetes.io/os",
      "kubernetes.io/arch",
      "beta.kubernetes.io/os",
      "beta.kubernetes.io/arch",
      "beta.kubernetes.io/instance-type",
      "node.kubernetes.io/instance-type",
      "topology.kubernetes.io/zone",
      "topology.kubernetes.io/region",
      "failure-domain.beta.kubernetes.io/zone",
      "failure-domain.beta.kubernetes.io/region",
  };
  std::string_view domain = labelDomain(key);
  if (!isOrIsBelow(domain, "kubernetes.io") && !isOrIsBelow(domain, "k8s.io")) return true;
  return kAllowed.contains(key) || isOrIsBelow(domain, "kubelet.kubernetes.io") ||
         isOrIsBelow(domain, "node.kubernetes.io");
}

void checkNodeLabels(const CommandLine& commandLine, Findings& found) {
  for (const auto& [key, value] : commandLine.nodeLabels) {
    if (!isQualifiedName(key))
      found.add("--node-labels", quoted(key) + " is not a label name");
    else if (!isAllowedNodeLabel(key))
      found.add("--node-labels", "a node may not give itself the label " + key +
                                     ": in kubernetes.io and k8s.io only the well-known ones and those of "
                                     "kubelet.kubernetes.io and node.kubernetes.io are allowed");
    if (!isLabelValue(value)) found.add("--node-labels", quoted(value) + " is not a label value (label " + key + ")");
  }
}

bool isIp6(std::string_view address) {
  return address.find(':') != std::string_view::npos;
}

// Words between commas.
std::vector<std::string> addressesOf(const std::string& nodeIp) {
  std::vector<std::string> addresses;
  for (const auto& [address, unused] : parsePairs(nodeIp, '=', true).value_or(Pairs())) addresses.push_back(address);
  return addresses;
}

void checkNodeIp(const CommandLine& commandLine, Findings& found) {
  std::vector<std::string> addresses = addressesOf(commandLine.nodeIp);
  std::erase_if(addresses, [](const std::string& address) { return !isIp(address); });  // these are doubts
  if (addresses.size() > 2 || (addresses.size() == 2 && isIp6(addresses[0]) == isIp6(addresses[1])))
    found.add("--node-ip", "must be one address, or one IPv4 and one IPv6 address, is " + quoted(commandLine.nodeIp));
  else if (addresses.size() == 2 && std::ranges::any_of(addresses, [](const std::string& address) {
             return address == "0.0.0.0" || address == "::";
           }))
    found.add("--node-ip", "must not have 0.0.0.0 or :: in a pair, is " + quoted(commandLine.nodeIp));
}

}  // namespace

std::vector<Finding> validate(const KubeletConfiguration& config) {
  Findings found;
  FeatureGates gates = FeatureGates::lenient(config);
  checkGates(config, found);
  checkServer(config, gates, found);
  checkImages(config, gates, found);
  checkRuntime(config, gates, found);
  checkPods(config, found);
  checkNode(config, found);
  checkShutdown(config, gates, found);
  checkResources(config, gates, found);
  checkEviction(config, found);
  checkLogging(config, gates, found);
  checkTracing(config, found);
  return found.take();
}

std::vector<Finding> validate(const CommandLine& commandLine) {
  Findings found;
  checkNodeLabels(commandLine, found);
  checkNodeIp(commandLine, found);
  found.oneOf("--cloud-provider", commandLine.cloudProvider, {"", "external"});
  if (commandLine.exitOnLockContention && commandLine.lockFile.empty())
    found.add("--exit-on-lock-contention", "needs --lock-file");
  if (!commandLine.rootDir.starts_with('/'))
    found.add("--root-dir", "must be an absolute path, is " + quoted(commandLine.rootDir));
  if (!commandLine.localObjects.empty() && !commandLine.localObjects.starts_with('/'))
    found.add("--local-objects", "must be an absolute path, is " + quoted(commandLine.localObjects));
  return found.take();
}

std::vector<Finding> validateForHost(const KubeletConfiguration& config, const HostFacts& facts) {
  Findings found;
  if (!facts.cgroupV2) {
    if (config.failcgroupv1())
      found.add("failCgroupV1", "this machine uses cgroup v1: boot it with cgroup v2, or set failCgroupV1 to false");
    if (config.has_singleprocessoomkill() && !config.singleprocessoomkill())
      found.add("singleProcessOOMKill", "must not be false on a machine with cgroup v1");
    if (config.memoryswap().swapbehavior() == "LimitedSwap")
      found.add("memorySwap.swapBehavior", "LimitedSwap needs cgroup v2, which this machine does not use");
  }
  if (facts.swapOn && config.failswapon())
    found.add("failSwapOn", "swap is on: switch it off (swapoff -a), or set failSwapOn to false");
  return found.take();
}

std::vector<Finding> doubts(const KubeletConfiguration& config, const CommandLine& commandLine) {
  Findings found;
  for (const std::string& warning : gateWarnings(config)) found.add("featureGates", warning);
  for (const std::string& server : config.clusterdns())
    if (!isIp(server)) found.add("clusterDNS", quoted(server) + " is not an IP address and is left out");
  for (const std::string& address : addressesOf(commandLine.nodeIp))
    if (!isIp(address)) found.add("--node-ip", quoted(address) + " is not an IP address and is left out");
  if (!commandLine.localObjects.empty() && !(commandLine.kubeconfig + commandLine.bootstrapKubeconfig).empty())
    found.add("--local-objects", "has no effect on a node with an API server, where static pods may not name objects");
  if (!config.kubeletcgroups().empty() && !config.kubereservedcgroup().empty() &&
      !config.kubeletcgroups().starts_with(config.kubereservedcgroup()))
    found.add("kubeletCgroups", "does not lie below kubeReservedCgroup " + config.kubereservedcgroup());
  return found.take();
}

}  // namespace cubelet::config
