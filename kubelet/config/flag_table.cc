#include "kubelet/config/flag_table.h"

namespace cubelet::config {
namespace {

using enum FlagKind;
using enum FlagGroup;
using enum FlagStatus;

// A flag that sets a configuration field: nearly all of these are deprecated in favour of the field.
constexpr Flag field(FlagGroup group, std::string_view name, FlagKind kind, std::string_view path,
                     std::string_view help) {
  return {name, kind, group, kDeprecated, ConfigField{path}, help};
}
constexpr Flag plainField(FlagGroup group, std::string_view name, FlagKind kind, std::string_view path,
                          std::string_view help) {
  return {name, kind, group, kPlain, ConfigField{path}, help};
}
constexpr Flag ignored(std::string_view name, FlagKind kind) {
  return {name, kind, kOther, kWithoutEffect, Nothing{}, ""};
}
constexpr Flag refused(std::string_view name, FlagKind kind, std::string_view warning) {
  return {name, kind, kOther, kWithoutEffect, Nothing{warning}, ""};
}

constexpr Flag kFlags[] = {
    // ---- Start
    {"help", kBool, kStart, kPlain, &CommandLine::help, "print this text (also -h)"},
    {"version", kVersion, kStart, kPlain, &CommandLine::version, "print the version; --version=raw prints all parts"},
    {"config", kString, kStart, kPlain, &CommandLine::configFile, "configuration file, YAML or JSON"},
    {"config-dir", kString, kStart, kPlain, &CommandLine::configDir,
     "directory with *.conf files that are merged over --config in lexical order"},
    {"root-dir", kString, kStart, kPlain, &CommandLine::rootDir, "directory for pods, volumes, certificates and state"},
    {"local-socket", kString, kStart, kPlain, &CommandLine::localSocket,
     "socket for the client commands (cubelet pods, logs, events); empty: none"},
    {"local-objects", kString, kStart, kPlain, &CommandLine::localObjects,
     "directory of ConfigMaps and Secrets for static pods of a node without API server; default "
     "<staticPodPath>/../objects"},
    {"lock-file", kString, kStart, kPlain, &CommandLine::lockFile, "file that only one agent at a time may lock"},
    {"exit-on-lock-contention", kBool, kStart, kPlain, &CommandLine::exitOnLockContention,
     "stop when another agent wants the lock file"},
    field(kStart, "feature-gates", kGates, "featureGates", "switch features on or off; merged over the file's gates"),

    // ---- Node and API server
    {"kubeconfig", kString, kNode, kPlain, &CommandLine::kubeconfig,
     "how to reach the API server; without it cubelet runs static pods only"},
    {"bootstrap-kubeconfig", kString, kNode, kPlain, &CommandLine::bootstrapKubeconfig,
     "how to get the first client certificate when --kubeconfig does not work yet"},
    {"cert-dir", kString, kNode, kPlain, &CommandLine::certDir, "directory for certificates; default <root-dir>/pki"},
    {"hostname-override", kString, kNode, kPlain, &CommandLine::hostnameOverride,
     "node name; default the host's name in lower case"},
    {"node-ip", kString, kNode, kPlain, &CommandLine::nodeIp,
     "address of the node, or an IPv4,IPv6 pair; 0.0.0.0 or :: only choose the family"},
    {"node-labels", kLabels, kNode, kPlain, &CommandLine::nodeLabels, "labels for the node when it registers"},
    {"cloud-provider", kString, kNode, kPlain, &CommandLine::cloudProvider, "external, or empty for none"},
    plainField(kNode, "provider-id", kString, "providerID", "identity of this machine at its cloud"),
    field(kNode, "register-node", kBool, "registerNode", "register with the API server"),
    field(kNode, "register-with-taints", kTaints, "registerWithTaints", "taints for the node when it registers"),
    field(kNode, "node-status-update-frequency", kDuration, "nodeStatusUpdateFrequency",
          "how often the node's state is computed"),
    field(kNode, "node-status-max-images", kInt, "nodeStatusMaxImages", "images to report; -1: all"),
    field(kNode, "kube-api-content-type", kString, "contentType", "encoding of requests to the API server"),
    field(kNode, "kube-api-qps", kInt, "kubeAPIQPS", "requests per second to the API server"),
    field(kNode, "kube-api-burst", kInt, "kubeAPIBurst", "requests to the API server in one burst"),
    field(kNode, "event-qps", kInt, "eventRecordQPS", "events per second; 0: no limit"),
    field(kNode, "event-burst", kInt, "eventBurst", "events in one burst"),
    field(kNode, "rotate-certificates", kBool, "rotateCertificates", "renew the client certificate"),
    field(kNode, "enable-controller-attach-detach", kBool, "enableControllerAttachDetach",
          "leave attaching volumes to the controller"),

    // ---- Static pods
    field(kStaticPods, "pod-manifest-path", kString, "staticPodPath", "directory of static pod manifests, or one file"),
    field(kStaticPods, "manifest-url", kString, "staticPodURL", "URL of static pod manifests"),
    field(kStaticPods, "manifest-url-header", kHeaders, "staticPodURLHeader", "HTTP headers for --manifest-url"),
    field(kStaticPods, "file-check-frequency", kDuration, "fileCheckFrequency",
          "time between two re-lists of the directory"),
    field(kStaticPods, "http-check-frequency", kDuration, "httpCheckFrequency", "time between two fetches of the URL"),
    field(kStaticPods, "sync-frequency", kDuration, "syncFrequency", "longest time between two looks at one pod"),

    // ---- Server
    field(kServer, "enable-server", kBool, "enableServer", "serve HTTPS at all"),
    field(kServer, "address", kIp, "address", "address to serve on"),
    field(kServer, "port", kInt, "port", "port to serve on"),
    field(kServer, "read-only-port", kInt, "readOnlyPort", "port without authentication; 0: off"),
    field(kServer, "healthz-bind-address", kIp, "healthzBindAddress", "address of the health check"),
    field(kServer, "healthz-port", kInt, "healthzPort", "port of the health check; 0: off"),
    field(kServer, "anonymous-auth", kBool, "authentication.anonymous.enabled", "allow requests without identity"),
    field(kServer, "authentication-token-webhook", kBool, "authentication.webhook.enabled",
          "have the API server check bearer tokens"),
    field(kServer, "authentication-token-webhook-cache-ttl", kDuration, "authentication.webhook.cacheTTL",
          "how long its answers are kept"),
    field(kServer, "client-ca-file", kString, "authentication.x509.clientCAFile",
          "authorities whose client certificates are accepted"),
    field(kServer, "authorization-mode", kString, "authorization.mode", "Webhook or AlwaysAllow"),
    field(kServer, "authorization-webhook-cache-authorized-ttl", kDuration, "authorization.webhook.cacheAuthorizedTTL",
          "how long a yes is kept"),
    field(kServer, "authorization-webhook-cache-unauthorized-ttl", kDuration,
          "authorization.webhook.cacheUnauthorizedTTL", "how long a no is kept"),
    field(kServer, "tls-cert-file", kString, "tlsCertFile", "serving certificate and its chain"),
    field(kServer, "tls-private-key-file", kString, "tlsPrivateKeyFile", "key of the serving certificate"),
    field(kServer, "tls-cipher-suites", kList, "tlsCipherSuites", "allowed cipher suites"),
    field(kServer, "tls-min-version", kString, "tlsMinVersion", "lowest TLS version: VersionTLS12 or VersionTLS13"),
    field(kServer, "rotate-server-certificates", kBool, "serverTLSBootstrap",
          "have the API server sign the serving certificate"),
    field(kServer, "enable-debugging-handlers", kBool, "enableDebuggingHandlers",
          "serve logs, exec, attach, port-forward"),
    field(kServer, "contention-profiling", kBool, "enableContentionProfiling", "accepted, cubelet has no lock profile"),
    field(kServer, "streaming-connection-idle-timeout", kDuration, "streamingConnectionIdleTimeout",
          "close streams that are idle this long"),

    // ---- Container runtime and images
    field(kRuntime, "container-runtime-endpoint", kString, "containerRuntimeEndpoint",
          "socket of the container runtime"),
    field(kRuntime, "image-service-endpoint", kString, "imageServiceEndpoint",
          "socket for images; default the runtime's"),
    field(kRuntime, "runtime-request-timeout", kDuration, "runtimeRequestTimeout", "deadline of calls to the runtime"),
    {"runtime-cgroups", kString, kRuntime, kPlain, &CommandLine::runtimeCgroups,
     "cgroup of the runtime, for statistics"},
    {"image-credential-provider-config", kString, kRuntime, kPlain, &CommandLine::imageCredentialProviderConfig,
     "file or directory that configures programs which know registry credentials"},
    {"image-credential-provider-bin-dir", kString, kRuntime, kPlain, &CommandLine::imageCredentialProviderBinDir,
     "directory of those programs"},
    field(kRuntime, "serialize-image-pulls", kBool, "serializeImagePulls", "pull one image at a time"),
    field(kRuntime, "registry-qps", kInt, "registryPullQPS", "pulls per second; 0: no limit"),
    field(kRuntime, "registry-burst", kInt, "registryBurst", "pulls in one burst"),
    field(kRuntime, "minimum-image-ttl-duration", kDuration, "imageMinimumGCAge",
          "age below which no image is removed"),
    field(kRuntime, "image-gc-high-threshold", kInt, "imageGCHighThresholdPercent",
          "disk usage (%) at which images are removed; 100: never"),
    field(kRuntime, "image-gc-low-threshold", kInt, "imageGCLowThresholdPercent", "disk usage (%) to get down to"),
    {"minimum-container-ttl-duration", kDuration, kRuntime, kDeprecated, &CommandLine::minimumContainerTtl,
     "age below which no dead container is removed"},
    {"maximum-dead-containers-per-container", kInt, kRuntime, kDeprecated,
     &CommandLine::maximumDeadContainersPerContainer, "dead containers to keep for each container"},
    {"maximum-dead-containers", kInt, kRuntime, kDeprecated, &CommandLine::maximumDeadContainers,
     "dead containers to keep in all; negative: no limit"},
    field(kRuntime, "container-log-max-size", kQuantity, "containerLogMaxSize", "size at which a log is rotated"),
    field(kRuntime, "container-log-max-files", kInt, "containerLogMaxFiles", "log files of one container, 2 or more"),

    // ---- Pods
    field(kPods, "max-pods", kInt, "maxPods", "pods on this node"),
    field(kPods, "pods-per-core", kInt, "podsPerCore", "pods per core; 0: no such limit"),
    field(kPods, "pod-max-pids", kInt, "podPidsLimit", "processes of one pod; -1: what the node allows"),
    field(kPods, "pod-cidr", kString, "podCIDR", "addresses for pods when there is no API server"),
    field(kPods, "cluster-dns", kList, "clusterDNS", "name servers of the cluster"),
    field(kPods, "cluster-domain", kString, "clusterDomain", "DNS domain of the cluster"),
    field(kPods, "resolv-conf", kString, "resolvConf", "file with the host's name servers; empty: none"),
    field(kPods, "hairpin-mode", kString, "hairpinMode", "accepted, the network plugin decides"),
    plainField(kPods, "seccomp-default", kBool, "seccompDefault",
               "use the runtime's seccomp profile where none is named"),
    field(kPods, "allowed-unsafe-sysctls", kList, "allowedUnsafeSysctls",
          "unsafe sysctls that pods may set; * at the end"),
    field(kPods, "volume-plugin-dir", kString, "volumePluginDir", "directory of FlexVolume drivers"),
    field(kPods, "volume-stats-agg-period", kDuration, "volumeStatsAggPeriod",
          "time between two measurements of volumes"),
    field(kPods, "runonce", kBool, "runOnce", "gone: true is refused"),

    // ---- Resources
    plainField(kResources, "fail-cgroupv1", kBool, "failCgroupV1", "refuse to start on cgroup v1"),
    field(kResources, "fail-swap-on", kBool, "failSwapOn", "refuse to start while swap is on"),
    field(kResources, "cgroup-driver", kString, "cgroupDriver", "cgroupfs or systemd; the runtime's answer wins"),
    field(kResources, "cgroup-root", kString, "cgroupRoot", "cgroup below which pods live"),
    field(kResources, "cgroups-per-qos", kBool, "cgroupsPerQOS", "make cgroups for QoS classes and pods"),
    field(kResources, "kubelet-cgroups", kString, "kubeletCgroups", "cgroup of the agent itself"),
    field(kResources, "system-cgroups", kString, "systemCgroups", "cgroup for processes that are in none"),
    field(kResources, "system-reserved", kMap, "systemReserved", "resources kept for the system"),
    field(kResources, "kube-reserved", kMap, "kubeReserved", "resources kept for Kubernetes' own programs"),
    field(kResources, "system-reserved-cgroup", kString, "systemReservedCgroup",
          "cgroup that --system-reserved limits"),
    field(kResources, "kube-reserved-cgroup", kString, "kubeReservedCgroup", "cgroup that --kube-reserved limits"),
    field(kResources, "reserved-cpus", kString, "reservedSystemCPUs", "CPUs kept for the system, e.g. 0-1,4"),
    field(kResources, "enforce-node-allocatable", kList, "enforceNodeAllocatable",
          "what to hold to the allocatable amount: none, pods, ..."),
    field(kResources, "cpu-cfs-quota", kBool, "cpuCFSQuota", "enforce CPU limits"),
    field(kResources, "cpu-cfs-quota-period", kDuration, "cpuCFSQuotaPeriod", "period of CPU limits, 1ms to 1s"),
    field(kResources, "cpu-manager-policy", kString, "cpuManagerPolicy", "none or static"),
    field(kResources, "cpu-manager-policy-options", kMap, "cpuManagerPolicyOptions", "options of that policy"),
    field(kResources, "cpu-manager-reconcile-period", kDuration, "cpuManagerReconcilePeriod",
          "time between two checks of CPU assignments"),
    field(kResources, "memory-manager-policy", kString, "memoryManagerPolicy", "None or Static"),
    field(kResources, "reserved-memory", kReservedMemory, "reservedMemory", "memory kept per NUMA node"),
    field(kResources, "topology-manager-policy", kString, "topologyManagerPolicy",
          "none, best-effort, restricted or single-numa-node"),
    field(kResources, "topology-manager-scope", kString, "topologyManagerScope", "container or pod"),
    field(kResources, "topology-manager-policy-options", kMap, "topologyManagerPolicyOptions",
          "options of that policy"),
    field(kResources, "qos-reserved", kMap, "qosReserved", "shares kept for guaranteed pods, e.g. memory=50%"),
    field(kResources, "oom-score-adj", kInt, "oomScoreAdj", "OOM score adjustment of the agent, -1000 to 1000"),
    field(kResources, "max-open-files", kInt, "maxOpenFiles", "files the agent may open"),
    field(kResources, "local-storage-capacity-isolation", kBool, "localStorageCapacityIsolation",
          "account for local ephemeral storage"),
    field(kResources, "protect-kernel-defaults", kBool, "protectKernelDefaults", "refuse kernel settings that differ"),
    field(kResources, "make-iptables-util-chains", kBool, "makeIPTablesUtilChains",
          "keep the iptables chains others look for"),

    // ---- Eviction
    field(kEviction, "eviction-hard", kThresholds, "evictionHard", "thresholds at which pods are evicted at once"),
    field(kEviction, "eviction-soft", kThresholds, "evictionSoft",
          "thresholds at which pods are evicted after a while"),
    field(kEviction, "eviction-soft-grace-period", kMap, "evictionSoftGracePeriod", "that while, for each signal"),
    field(kEviction, "eviction-minimum-reclaim", kMap, "evictionMinimumReclaim", "how much to free at least"),
    field(kEviction, "eviction-max-pod-grace-period", kInt, "evictionMaxPodGracePeriod",
          "longest grace period of an evicted pod, in seconds"),
    field(kEviction, "eviction-pressure-transition-period", kDuration, "evictionPressureTransitionPeriod",
          "time without pressure before the node says so"),
    field(kEviction, "kernel-memcg-notification", kBool, "kernelMemcgNotification", "let the kernel report low memory"),

    // ---- Logging
    plainField(kLogging, "v", kInt, "logging.verbosity", "log level, 0 and up (also -v N)"),
    plainField(kLogging, "vmodule", kVModule, "logging.vmodule", "log level for single source files"),
    plainField(kLogging, "log-flush-frequency", kDuration, "logging.flushFrequency",
               "accepted, cubelet does not buffer"),
    field(kLogging, "logging-format", kString, "logging.format", "text or json"),
    field(kLogging, "log-text-split-stream", kBool, "logging.options.text.splitStream", "alpha, not supported"),
    field(kLogging, "log-text-info-buffer-size", kQuantity, "logging.options.text.infoBufferSize",
          "alpha, not supported"),
    field(kLogging, "log-json-split-stream", kBool, "logging.options.json.splitStream", "alpha, not supported"),
    field(kLogging, "log-json-info-buffer-size", kQuantity, "logging.options.json.infoBufferSize",
          "alpha, not supported"),

    // ---- Accepted without effect
    refused("pod-infra-container-image", kString,
            "has no effect: the sandbox image is set in the container runtime's own configuration"),
    refused("experimental-mounter-path", kString, "is deprecated and has no effect"),
    refused("experimental-allocatable-ignore-eviction", kBool, "is deprecated and has no effect"),
    // cAdvisor's, which upstream carries along.
    ignored("application-metrics-count-limit", kInt),
    ignored("boot-id-file", kString),
    ignored("container-hints", kString),
    ignored("containerd", kString),
    ignored("containerd-namespace", kString),
    ignored("enable-load-reader", kBool),
    ignored("event-storage-age-limit", kString),
    ignored("event-storage-event-limit", kString),
    ignored("global-housekeeping-interval", kDuration),
    ignored("housekeeping-interval", kDuration),
    ignored("log-cadvisor-usage", kBool),
    ignored("machine-id-file", kString),
    ignored("max-housekeeping-interval", kDuration),
    ignored("storage-driver-buffer-duration", kDuration),
    ignored("storage-driver-db", kString),
    ignored("storage-driver-host", kString),
    ignored("storage-driver-password", kString),
    ignored("storage-driver-secure", kBool),
    ignored("storage-driver-table", kString),
    ignored("storage-driver-user", kString),
};

constexpr std::string_view kDockershim = "it belonged to the Docker support that Kubernetes 1.24 removed";
constexpr std::string_view kKlog = "Kubernetes 1.26 removed it: the log goes to standard error only";

constexpr GoneFlag kGone[] = {
    {"container-runtime", "there is only one kind of runtime, a CRI socket: set containerRuntimeEndpoint"},
    {"network-plugin", kDockershim},
    {"network-plugin-mtu", kDockershim},
    {"non-masquerade-cidr", kDockershim},
    {"cni-*", kDockershim},
    {"docker*", kDockershim},
    {"experimental-dockershim*", kDockershim},
    {"image-pull-progress-deadline", kDockershim},
    {"redirect-container-streaming", kDockershim},
    {"cloud-config", "in-tree cloud providers are gone: use --cloud-provider=external"},
    {"azure-container-registry-config", "in-tree cloud providers are gone: use --image-credential-provider-config"},
    {"keep-terminated-pod-volumes", "volumes of terminated pods are always released"},
    {"register-schedulable", "use --register-with-taints"},
    {"iptables-masquerade-bit", "without effect since Kubernetes 1.28"},
    {"iptables-drop-bit", "without effect since Kubernetes 1.28"},
    {"master-service-namespace", "without effect for many versions"},
    {"dynamic-config-dir", "dynamic configuration is gone since Kubernetes 1.24: use --config"},
    {"experimental-bootstrap-kubeconfig", "use --bootstrap-kubeconfig"},
    {"seccomp-profile-root", "profiles are read from <root-dir>/seccomp"},
    {"experimental-kernel-memcg-notification", "use kernelMemcgNotification"},
    {"allow-privileged", "security policy is the API server's matter"},
    {"logtostderr", kKlog},
    {"alsologtostderr", kKlog},
    {"stderrthreshold", kKlog},
    {"log-dir", kKlog},
    {"log-file*", kKlog},
    {"log-backtrace-at", kKlog},
    {"add-dir-header", kKlog},
    {"one-output", kKlog},
    {"skip-headers", kKlog},
    {"skip-log-headers", kKlog},
};

}  // namespace

std::span<const Flag> flagTable() {
  return kFlags;
}
std::span<const GoneFlag> goneFlags() {
  return kGone;
}

std::string_view title(FlagGroup group) {
  switch (group) {
    case kStart:
      return "Start";
    case kNode:
      return "Node and API server";
    case kStaticPods:
      return "Static pods";
    case kServer:
      return "Server";
    case kRuntime:
      return "Container runtime and images";
    case kPods:
      return "Pods";
    case kResources:
      return "Resources";
    case kEviction:
      return "Eviction";
    case kLogging:
      return "Log";
    case kOther:
      return "Other";
  }
  return "";
}

}  // namespace cubelet::config
