#include "kubelet/config/unimplemented.h"

#include <algorithm>
#include <variant>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/defaults.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/config/flag_table.h"

namespace cubelet::config {
namespace {

using nlohmann::json;

constexpr std::string_view kWorks;
// Not there yet.
constexpr std::string_view kSystemLogs = "questions to the system's journal by HTTPS";
constexpr std::string_view kMemoryQos = "memory that is kept for pods, an alpha feature";
constexpr std::string_view kQosReserved = "an alpha feature";
constexpr std::string_view kOtherCgroups = "cgroups of programs that are not pods: use systemd units";
constexpr std::string_view kReservedCpus = "CPUs kept for the system: use systemReserved";
constexpr std::string_view kManagers = "CPU, memory and topology managers";
constexpr std::string_view kVolumes = "volumes from the API server";
constexpr std::string_view kHost = "kernel and iptables settings of the host";
constexpr std::string_view kOwnLimits = "limits of the agent itself: set them in the systemd unit";
constexpr std::string_view kTracing = "tracing";
constexpr std::string_view kLockFile = "lock file";
// Will not come.
constexpr std::string_view kNotNeeded = "cubelet reacts to events and needs no such period";
constexpr std::string_view kMemoryPressure = "cubelet is told of memory pressure (PSI) wherever the kernel has it";
constexpr std::string_view kGoOnly = "about Go's runtime";
constexpr std::string_view kNoBuffer = "cubelet's log is not buffered";
constexpr std::string_view kNoVModule = "use logging.verbosity";
constexpr std::string_view kRefused = "refused";
constexpr std::string_view kNetworkPlugin = "the network plugin decides";
constexpr std::string_view kFlexVolume = "FlexVolume drivers";
constexpr std::string_view kNoHiddenMetrics = "no metric is hidden";
constexpr std::string_view kUpstreamNothing = "no effect upstream either";

constexpr Support kTable[] = {
    // ---- Static pods
    {"staticPodPath", kWorks},
    {"podLogsDir", kWorks},
    {"syncFrequency", kNotNeeded},
    {"fileCheckFrequency", kWorks},
    {"httpCheckFrequency", kWorks},
    {"staticPodURL", kWorks},
    {"staticPodURLHeader", kWorks},

    // ---- Server
    {"enableServer", kWorks},
    {"address", kWorks},
    {"port", kWorks},
    {"readOnlyPort", kWorks},
    {"tlsCertFile", kWorks},
    {"tlsPrivateKeyFile", kWorks},
    {"tlsCipherSuites", kWorks},
    {"tlsCurvePreferences", kWorks},
    {"tlsMinVersion", kWorks},
    {"rotateCertificates", kWorks},
    {"serverTLSBootstrap", kWorks},
    {"authentication", kWorks},
    {"authorization", kWorks},
    {"enableDebuggingHandlers", kWorks},
    {"enableContentionProfiling", kGoOnly},
    {"healthzPort", kWorks},
    {"healthzBindAddress", kWorks},
    {"streamingConnectionIdleTimeout", kWorks},
    {"enableSystemLogHandler", kWorks},
    {"enableSystemLogQuery", kSystemLogs},
    {"enableProfilingHandler", kGoOnly},
    {"enableDebugFlagsHandler", kWorks},
    {"showHiddenMetricsForVersion", kNoHiddenMetrics},

    // ---- Images
    {"registryPullQPS", kWorks},
    {"registryBurst", kWorks},
    {"serializeImagePulls", kWorks},
    {"maxParallelImagePulls", kWorks},
    {"imagePullCredentialsVerificationPolicy", kWorks},
    {"preloadedImagesVerificationAllowlist", kWorks},
    {"imageMinimumGCAge", kWorks},
    {"imageMaximumGCAge", kWorks},
    {"imageGCHighThresholdPercent", kWorks},
    {"imageGCLowThresholdPercent", kWorks},

    // ---- Container runtime
    {"containerRuntimeEndpoint", kWorks},
    {"imageServiceEndpoint", kWorks},
    {"runtimeRequestTimeout", kWorks},
    {"containerLogMaxSize", kWorks},
    {"containerLogMaxFiles", kWorks},
    {"containerLogMaxWorkers", kWorks},
    {"containerLogMonitorInterval", kWorks},
    {"seccompDefault", kWorks},
    {"crashLoopBackOff", kWorks},
    {"userNamespaces", kWorks},

    // ---- Pods
    {"maxPods", kWorks},
    {"podsPerCore", kWorks},
    {"podPidsLimit", kWorks},
    {"podCIDR", kNetworkPlugin},
    {"clusterDomain", kWorks},
    {"clusterDNS", kWorks},
    {"resolvConf", kWorks},
    {"hairpinMode", kNetworkPlugin},
    {"allowedUnsafeSysctls", kWorks},
    {"runOnce", kRefused},
    {"configMapAndSecretChangeDetectionStrategy", kVolumes},
    {"volumeStatsAggPeriod", kWorks},
    {"enableControllerAttachDetach", kVolumes},
    {"volumePluginDir", kFlexVolume},

    // ---- Node and API server
    {"nodeStatusUpdateFrequency", kWorks},
    {"nodeStatusReportFrequency", kWorks},
    {"nodeLeaseDurationSeconds", kWorks},
    {"nodeStatusMaxImages", kWorks},
    {"registerNode", kWorks},
    {"registerWithTaints", kWorks},
    {"providerID", kWorks},
    {"contentType", kWorks},
    {"kubeAPIQPS", kWorks},
    {"kubeAPIBurst", kWorks},
    {"eventRecordQPS", kWorks},
    {"eventBurst", kWorks},
    {"--kubeconfig", kWorks},
    {"--bootstrap-kubeconfig", kWorks},
    {"--cert-dir", kWorks},
    {"--node-ip", kWorks},
    {"--node-labels", kWorks},
    {"--cloud-provider", kWorks},
    {"--image-credential-provider-config", kWorks},
    {"--image-credential-provider-bin-dir", kWorks},

    // ---- Resources
    {"kubeletCgroups", kOtherCgroups},
    {"systemCgroups", kOtherCgroups},
    {"cgroupRoot", kWorks},
    {"cgroupsPerQOS", kWorks},
    {"cgroupDriver", kWorks},
    {"failCgroupV1", kWorks},
    {"cpuManagerPolicy", kManagers},
    {"cpuManagerPolicyOptions", kManagers},
    {"cpuManagerReconcilePeriod", kManagers},
    {"cpuCFSQuota", kWorks},
    {"cpuCFSQuotaPeriod", kWorks},
    {"memoryManagerPolicy", kManagers},
    {"reservedMemory", kManagers},
    {"memoryThrottlingFactor", kWorks},
    {"memoryReservationPolicy", kMemoryQos},
    {"topologyManagerPolicy", kManagers},
    {"topologyManagerScope", kManagers},
    {"topologyManagerPolicyOptions", kManagers},
    {"qosReserved", kQosReserved},
    {"singleProcessOOMKill", kWorks},
    {"oomScoreAdj", kOwnLimits},
    {"maxOpenFiles", kOwnLimits},
    {"systemReserved", kWorks},
    {"kubeReserved", kWorks},
    {"reservedSystemCPUs", kReservedCpus},
    {"systemReservedCgroup", kWorks},
    {"kubeReservedCgroup", kWorks},
    {"enforceNodeAllocatable", kWorks},
    {"failSwapOn", kWorks},
    {"memorySwap", kWorks},
    {"localStorageCapacityIsolation", kWorks},
    {"--runtime-cgroups", kWorks},

    // ---- Eviction
    {"evictionHard", kWorks},
    {"evictionSoft", kWorks},
    {"evictionSoftGracePeriod", kWorks},
    {"evictionMinimumReclaim", kWorks},
    {"evictionPressureTransitionPeriod", kWorks},
    {"evictionMaxPodGracePeriod", kWorks},
    {"mergeDefaultEvictionSettings", kWorks},
    {"kernelMemcgNotification", kMemoryPressure},
    {"--minimum-container-ttl-duration", kWorks},
    {"--maximum-dead-containers-per-container", kWorks},
    {"--maximum-dead-containers", kWorks},

    // ---- Host
    {"protectKernelDefaults", kHost},
    {"makeIPTablesUtilChains", kHost},
    {"iptablesMasqueradeBit", kUpstreamNothing},
    {"iptablesDropBit", kUpstreamNothing},
    {"shutdownGracePeriod", kWorks},
    {"shutdownGracePeriodCriticalPods", kWorks},
    {"shutdownGracePeriodByPodPriority", kWorks},

    // ---- The agent itself
    {"featureGates", kWorks},  // see kGatesWithEffect
    {"logging.format", kWorks},
    {"logging.flushFrequency", kNoBuffer},
    {"logging.verbosity", kWorks},
    {"logging.vmodule", kNoVModule},
    {"logging.options", kNoBuffer},
    {"tracing", kTracing},
    {"--config", kWorks},
    {"--config-dir", kWorks},
    {"--root-dir", kWorks},
    {"--local-socket", kWorks},
    {"--local-objects", kWorks},
    {"--hostname-override", kWorks},
    {"--lock-file", kLockFile},
    {"--exit-on-lock-contention", kLockFile},
};

// Gates that change what cubelet does. All others are accepted and change nothing.
constexpr std::string_view kGatesWithEffect[] = {
    "AllBeta",
    "CSIVolumeHealth",
    "ComponentFlagz",
    "ComponentStatusz",
    "ContainerCheckpoint",
    "CustomCPUCFSQuotaPeriod",
    "GracefulNodeShutdown",
    "GracefulNodeShutdownBasedOnPodPriority",
    "KubeletCrashLoopBackOffMax",
    "KubeletEnsureSecretPulledImages",
    "KubeletServiceAccountTokenForCredentialProviders",
    "LocalStorageCapacityIsolationFSQuotaMonitoring",
    "ResourceHealthStatus",
    "SELinuxMount",
};

json valueAt(const json& root, std::string_view field) {
  std::string path = "/" + std::string(field);
  std::ranges::replace(path, '.', '/');
  json::json_pointer pointer(path);
  return root.contains(pointer) ? root[pointer] : json();
}

struct Differs {
  const CommandLine& have;
  const CommandLine& usual;

  bool operator()(Nothing) const { return false; }
  bool operator()(ConfigField) const { return false; }
  template <class T>
  bool operator()(T CommandLine::* member) const {
    return have.*member != usual.*member;
  }
};

bool flagDiffers(std::string_view name, const CommandLine& have) {
  CommandLine usual;
  usual.certDir = have.rootDir + "/pki";
  auto flag = std::ranges::find(flagTable(), name.substr(2), &Flag::name);
  return flag != flagTable().end() && std::visit(Differs{have, usual}, flag->target);
}

// The defaults that hold for this start: those without a file are other ones.
json usualConfig(const CommandLine& commandLine) {
  KubeletConfiguration usual = commandLine.configFile.empty() ? legacyConfiguration() : KubeletConfiguration();
  applyDefaults(usual);
  return toJson(usual);
}

std::vector<std::string> gatesWithoutEffect(const KubeletConfiguration& config) {
  std::vector<std::string> names;
  for (const auto& [name, value] : config.featuregates()) {
    const FeatureGate* gate = findFeatureGate(name);
    bool changed = gate != nullptr && value != gate->enabledByDefault;
    if (changed && std::ranges::find(kGatesWithEffect, std::string_view(name)) == std::end(kGatesWithEffect))
      names.push_back("featureGates." + name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::span<const Support> supportTable() {
  return kTable;
}

std::vector<std::string> unimplemented(const Effective& effective) {
  json have = toJson(effective.config);
  json usual = usualConfig(effective.commandLine);
  std::vector<std::string> asked;
  for (const Support& entry : kTable) {
    if (entry.missing.empty()) continue;
    bool differs = entry.name.starts_with("--") ? flagDiffers(entry.name, effective.commandLine)
                                                : valueAt(have, entry.name) != valueAt(usual, entry.name);
    if (differs) asked.push_back(std::string(entry.name) + " (" + std::string(entry.missing) + ")");
  }
  for (const std::string& gate : gatesWithoutEffect(effective.config)) asked.push_back(gate);
  return asked;
}

std::string unimplementedWarning(const Effective& effective) {
  std::string list;
  for (const std::string& asked : unimplemented(effective)) list += (list.empty() ? "" : ", ") + asked;
  return list.empty() ? "" : "configured, but without effect in this version: " + list;
}

}  // namespace cubelet::config
