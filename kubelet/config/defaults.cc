#include "kubelet/config/defaults.h"

#include <cstdlib>
#include <map>
#include <string>

#include "kubelet/config/feature_gates.h"
#include "kubelet/config/fields.h"

namespace cubelet::config {
namespace {

using enum Unset;

constexpr Default kDefaults[] = {
    {"enableServer", kAbsent, "true"},
    {"podLogsDir", kZero, "/var/log/pods"},
    {"syncFrequency", kZero, "1m"},
    {"fileCheckFrequency", kZero, "20s"},
    {"httpCheckFrequency", kZero, "20s"},
    {"address", kZero, "0.0.0.0"},
    {"port", kZero, "10250"},
    {"readOnlyPort", kZero, "0"},
    {"rotateCertificates", kZero, "false"},
    {"serverTLSBootstrap", kZero, "false"},
    {"authentication.anonymous.enabled", kAbsent, "false"},
    {"authentication.webhook.enabled", kAbsent, "true"},
    {"authentication.webhook.cacheTTL", kZero, "2m"},
    {"authorization.mode", kZero, "Webhook"},
    {"authorization.webhook.cacheAuthorizedTTL", kZero, "5m"},
    {"authorization.webhook.cacheUnauthorizedTTL", kZero, "30s"},
    {"registryPullQPS", kAbsent, "5"},
    {"registryBurst", kZero, "10"},
    {"eventRecordQPS", kAbsent, "50"},
    {"eventBurst", kZero, "100"},
    {"enableDebuggingHandlers", kAbsent, "true"},
    {"healthzPort", kAbsent, "10248"},
    {"healthzBindAddress", kZero, "127.0.0.1"},
    {"oomScoreAdj", kAbsent, "-999"},
    {"streamingConnectionIdleTimeout", kZero, "4h"},
    {"nodeLeaseDurationSeconds", kZero, "40"},
    {"imageMinimumGCAge", kZero, "2m"},
    {"imageMaximumGCAge", kZero, "0s"},
    {"imageGCHighThresholdPercent", kAbsent, "85"},
    {"imageGCLowThresholdPercent", kAbsent, "80"},
    {"volumeStatsAggPeriod", kZero, "1m"},
    {"cgroupsPerQOS", kAbsent, "true"},
    {"cgroupDriver", kZero, "cgroupfs"},
    {"cpuManagerPolicy", kZero, "none"},
    {"cpuManagerReconcilePeriod", kZero, "10s"},
    {"memoryManagerPolicy", kZero, "None"},
    {"topologyManagerPolicy", kZero, "none"},
    {"topologyManagerScope", kZero, "container"},
    {"runtimeRequestTimeout", kZero, "2m"},
    {"hairpinMode", kZero, "promiscuous-bridge"},
    {"maxPods", kZero, "110"},
    {"podsPerCore", kZero, "0"},
    {"podPidsLimit", kAbsent, "-1"},
    {"resolvConf", kAbsent, "/etc/resolv.conf"},
    {"cpuCFSQuota", kAbsent, "true"},
    {"cpuCFSQuotaPeriod", kAbsent, "100ms"},
    {"nodeStatusMaxImages", kAbsent, "50"},
    {"maxOpenFiles", kZero, "1000000"},
    {"contentType", kZero, "application/vnd.kubernetes.protobuf"},
    {"kubeAPIQPS", kAbsent, "50"},
    {"kubeAPIBurst", kZero, "100"},
    {"evictionPressureTransitionPeriod", kZero, "5m"},
    {"evictionMaxPodGracePeriod", kZero, "0"},
    {"mergeDefaultEvictionSettings", kAbsent, "false"},
    {"enableControllerAttachDetach", kAbsent, "true"},
    {"protectKernelDefaults", kZero, "false"},
    {"makeIPTablesUtilChains", kAbsent, "true"},
    {"iptablesMasqueradeBit", kAbsent, "14"},
    {"iptablesDropBit", kAbsent, "15"},
    {"failSwapOn", kAbsent, "true"},
    {"containerLogMaxSize", kZero, "10Mi"},
    {"containerLogMaxFiles", kAbsent, "5"},
    {"containerLogMaxWorkers", kAbsent, "1"},
    {"containerLogMonitorInterval", kAbsent, "10s"},
    {"configMapAndSecretChangeDetectionStrategy", kZero, "Watch"},
    {"volumePluginDir", kZero, "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"},
    {"logging.format", kZero, "text"},
    {"logging.flushFrequency", kZero, "5s"},
    {"logging.verbosity", kZero, "0"},
    {"logging.options.text.infoBufferSize", kZero, "0"},
    {"logging.options.json.infoBufferSize", kZero, "0"},
    {"enableSystemLogHandler", kAbsent, "true"},
    {"enableSystemLogQuery", kAbsent, "false"},
    {"shutdownGracePeriod", kZero, "0s"},
    {"shutdownGracePeriodCriticalPods", kZero, "0s"},
    {"enableProfilingHandler", kAbsent, "true"},
    {"enableDebugFlagsHandler", kAbsent, "true"},
    {"seccompDefault", kAbsent, "false"},
    {"memoryThrottlingFactor", kAbsent, "0.9"},
    {"memoryReservationPolicy", kZero, "None"},
    {"registerNode", kAbsent, "true"},
    {"localStorageCapacityIsolation", kAbsent, "true"},
    {"containerRuntimeEndpoint", kZero, "unix:///run/containerd/containerd.sock"},
    {"failCgroupV1", kAbsent, "true"},
    {"userNamespaces.idsPerPod", kAbsent, "65536"},
};

// The texts stand in this file, so one that does not fit its field is a mistake in it, which a test finds.
void set(KubeletConfiguration& config, std::string_view field, std::string_view value) {
  if (!setFromText(config, field, value)) std::abort();
}

void setIfUnset(KubeletConfiguration& config, const Default& entry) {
  bool unset = entry.unset == kZero ? isZero(config, entry.field) : !isPresent(config, entry.field);
  if (unset) set(config, entry.field, entry.value);
}

// Before the update frequency itself takes its default: a report frequency follows an update frequency that was given.
void setStatusFrequencies(KubeletConfiguration& config) {
  bool updateGiven = !isZero(config, "nodeStatusUpdateFrequency");
  if (isZero(config, "nodeStatusReportFrequency")) {
    if (updateGiven)
      *config.mutable_nodestatusreportfrequency() = config.nodestatusupdatefrequency();
    else
      set(config, "nodeStatusReportFrequency", "5m");
  }
  if (!updateGiven) set(config, "nodeStatusUpdateFrequency", "10s");
}

void setEvictionHard(KubeletConfiguration& config, bool givenEmpty) {
  auto& thresholds = *config.mutable_evictionhard();
  bool given = givenEmpty || !thresholds.empty();
  if (given && !config.mergedefaultevictionsettings()) return;
  for (const auto& [signal, value] : defaultEvictionHard())
    if (!thresholds.contains(signal)) thresholds[signal] = value;
}

// Fields that must stay absent while their gate is off.
void setGatedDefaults(KubeletConfiguration& config) {
  // Gates that are wrong are reported by validation; here they count as not given.
  FeatureGates gates = FeatureGates::lenient(config);
  if (gates.enabled("KubeletCrashLoopBackOffMax") && !isPresent(config, "crashLoopBackOff.maxContainerRestartPeriod"))
    set(config, "crashLoopBackOff.maxContainerRestartPeriod", "5m");
  if (gates.enabled("KubeletEnsureSecretPulledImages") && config.imagepullcredentialsverificationpolicy().empty())
    config.set_imagepullcredentialsverificationpolicy("NeverVerifyPreloadedImages");
}

}  // namespace

std::span<const Default> defaultTable() {
  return kDefaults;
}

const std::map<std::string, std::string>& defaultEvictionHard() {
  static const std::map<std::string, std::string> thresholds = {{"memory.available", "100Mi"},
                                                                {"nodefs.available", "10%"},
                                                                {"nodefs.inodesFree", "5%"},
                                                                {"imagefs.available", "15%"},
                                                                {"imagefs.inodesFree", "5%"}};
  return thresholds;
}

void applyDefaults(KubeletConfiguration& config, GivenEmpty given) {
  setStatusFrequencies(config);
  for (const Default& entry : kDefaults) setIfUnset(config, entry);
  if (config.podpidslimit() < 0) config.set_podpidslimit(-1);
  if (!config.has_serializeimagepulls()) config.set_serializeimagepulls(config.maxparallelimagepulls() < 2);
  if (config.enforcenodeallocatable().empty() && !given.enforceNodeAllocatable)
    config.add_enforcenodeallocatable("pods");
  setEvictionHard(config, given.evictionHard);
  setGatedDefaults(config);
}

KubeletConfiguration legacyConfiguration() {
  KubeletConfiguration config;
  config.mutable_authentication()->mutable_anonymous()->set_enabled(true);
  config.mutable_authentication()->mutable_webhook()->set_enabled(false);
  config.mutable_authorization()->set_mode("AlwaysAllow");
  config.set_readonlyport(10255);
  return config;
}

}  // namespace cubelet::config
