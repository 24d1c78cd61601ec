#include "kubelet/api/pod_validation_test.h"

namespace cubelet::api::validation_test {
namespace {

class SpecValidation : public testing::TestWithParam<Case> {};

TEST_P(SpecValidation, FindsExactlyThese) {
  expectProblems(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Metadata, SpecValidation,
    testing::Values(
        Case{"MinimalPodIsRight", withSpec(kContainer), {}},
        Case{"EmptyPod",
             "",
             {"metadata.name: Required value: name or generateName is required", "metadata.namespace: Required value",
              "spec.containers: Required value"}},
        inMetadata("Names", "name: 'Web_1' namespace: 'a.b'",
                   {"metadata.name: Invalid value: \"Web_1\": must be a DNS name",
                    "metadata.namespace: Invalid value: \"a.b\": must not contain dots"}),
        inMetadata("NameWithDots", "name: 'a.b-1' namespace: 'x'", {}),
        inMetadata("GenerateNameMayEndInDash", "name: 'a' namespace: 'x' generateName: 'a-'", {}),
        inMetadata("Labels",
                   "name: 'a' namespace: 'x' labels { key: 'a b' value: 'v' } labels { key: 'b' value: '-' } "
                   "labels { key: 'example.com/ok' value: '' }",
                   {"metadata.labels[a b]: Invalid value: \"a b\": name part must be",
                    "metadata.labels[b]: Invalid value: \"-\": must be letters"}),
        inMetadata(
            "AnnotationKeys",
            "name: 'a' namespace: 'x' annotations { key: 'UPPER/Ok' value: '' } annotations { key: 'a b' value: '' }",
            {"metadata.annotations[a b]: Invalid value: \"a b\""}),
        inMetadata("AnnotationsTooLarge",
                   "name: 'a' namespace: 'x' annotations { key: 'a' value: '" + std::string(256 * 1024, 'x') + "' }",
                   {"metadata.annotations: Too long: may not be more than 262144 bytes"}),
        inMetadata("Owners",
                   "name: 'a' namespace: 'x' ownerReferences { apiVersion: 'v1' kind: 'Node' name: 'n' uid: 'u' "
                   "controller: true }"
                   " ownerReferences { apiVersion: 'v1' kind: 'K' name: 'm' controller: true }",
                   {"metadata.ownerReferences[1].uid: Invalid value: \"\": must not be empty",
                    "metadata.ownerReferences[1].controller: Invalid value: true: only one owner may be the "
                    "controller, Node/n"}),
        inMetadata("Finalizers",
                   "name: 'a' namespace: 'x' finalizers: 'orphan' finalizers: 'e.com/f' finalizers: 'mine'",
                   {"metadata.finalizers[2]: Invalid value: \"mine\": name is neither a standard finalizer name"}),
        inMetadata(
            "PodAnnotations",
            "name: 'a' namespace: 'x' annotations { key: 'kubernetes.io/config.mirror' value: 'h' } "
            "annotations { key: 'controller.kubernetes.io/pod-deletion-cost' value: '1x' } "
            "annotations { key: 'container.apparmor.security.beta.kubernetes.io/no' value: 'odd' } "
            "annotations { key: 'seccomp.security.alpha.kubernetes.io/pod' value: 'localhost/../x' }",
            {"metadata.annotations[container.apparmor.security.beta.kubernetes.io/no]: Invalid value: \"no\": "
             "container not found",
             "metadata.annotations[container.apparmor.security.beta.kubernetes.io/no]: Invalid value: \"odd\": invalid "
             "AppArmor",
             "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"1x\": must be a 32bit",
             "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"h\": must set spec.nodeName",
             "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: Invalid value: \"../x\": must not "
             "contain"})),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Spec, SpecValidation,
    testing::Values(
        inSpec("GraceNegative", "terminationGracePeriodSeconds: -1",
               {"spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0"}),
        inSpec("DeadlineZero", "activeDeadlineSeconds: 0",
               {"spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"}),
        inSpec("DeadlineOne", "activeDeadlineSeconds: 1", {}),
        inSpec("RestartPolicy", "restartPolicy: 'Sometimes'",
               {"spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", "
                "\"Never\""}),
        inSpec("ReferencedNames", "serviceAccountName: 'A' nodeName: 'b_' priorityClassName: '-' runtimeClassName: ''",
               {"spec.serviceAccountName: Invalid", "spec.nodeName: Invalid", "spec.priorityClassName: Invalid",
                "spec.runtimeClassName: Invalid"}),
        inSpec("ResourceClaims",
               "resourceClaims { name: 'a' resourceClaimName: 'x' } resourceClaims { name: 'a' } "
               "resourceClaims { resourceClaimName: 'x' resourceClaimTemplateName: 'y' }",
               {"spec.resourceClaims[1].name: Duplicate value: \"a\"",
                "spec.resourceClaims[1]: Invalid value: \"a\": must specify one of",
                "spec.resourceClaims[2].name: Required value",
                "spec.resourceClaims[2]: Invalid value: \"\": at most one of"}),
        inSpec("Os", "os { name: 'plan9' }",
               {"spec.os.name: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\""}),
        inSpec("WindowsOptionsOnLinux", "os { name: 'linux' } securityContext { windowsOptions {} }",
               {"spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"}),
        inSpec("Hostname", "hostname: 'a.b' subdomain: 'A'",
               {"spec.hostname: Invalid value: \"a.b\": must not contain dots",
                "spec.subdomain: Invalid value: \"A\""}),
        inSpec("HostnameOverride", "hostnameOverride: 'a.b' hostNetwork: true setHostnameAsFQDN: true",
               {"spec.hostnameOverride: Forbidden: may not be set when `hostNetwork` is true",
                "spec.hostnameOverride: Forbidden: may not be set when `setHostnameAsFQDN` is true"}),
        inSpec("DnsPolicy", "dnsPolicy: 'Cluster'",
               {"spec.dnsPolicy: Unsupported value: \"Cluster\": supported values: "}),
        inSpec("DnsNoneWithoutConfig", "dnsPolicy: 'None'",
               {"spec.dnsConfig: Required value: must provide `dnsConfig`"}),
        inSpec("DnsNoneWithoutServer", "dnsPolicy: 'None' dnsConfig { searches: 'a' }",
               {"spec.dnsConfig.nameservers: Required value: must provide at least one"}),
        inSpec("DnsConfig",
               "dnsConfig { nameservers: '1.1.1.1' nameservers: '1.1.1.2' nameservers: '::1' nameservers: '1.1' "
               "searches: '.' searches: 'a_b.c.' searches: 'A' options { name: '' value: '1' } }",
               {"spec.dnsConfig.nameservers: Invalid value: 4: must not have more than 3 nameservers",
                "spec.dnsConfig.nameservers[3]: Invalid value: \"1.1\": must be a valid IP address",
                "spec.dnsConfig.searches[2]: Invalid value: \"A\"",
                "spec.dnsConfig.options[0].name: Required value: must not be empty"}),
        inSpec("HostAliases", "hostAliases { ip: '127.0.0.1' hostnames: 'a.b' } hostAliases { ip: 'x' hostnames: 'A' }",
               {"spec.hostAliases[1].ip: Invalid value: \"x\"",
                "spec.hostAliases[1].hostnames[0]: Invalid value: \"A\""}),
        Case{"HostNetworkPortsMustMatch",
             withSpec(
                 "hostNetwork: true containers { name: 'c' image: 'i:1' ports { containerPort: 80 hostPort: 81 } }"),
             {"spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort`"}},
        Case{"HostNetworkPortsAreDefaulted",
             withSpec("hostNetwork: true containers { name: 'c' image: 'i:1' ports { containerPort: 80 } }"),
             {}}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Security, SpecValidation,
    testing::Values(
        inSpec("Ids",
               "securityContext { runAsUser: -1 runAsGroup: 2147483648 fsGroup: -2 supplementalGroups: 1 "
               "supplementalGroups: -3 }",
               {"spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.runAsGroup: Invalid value: 2147483648",
                "spec.securityContext.fsGroup: Invalid value: -2",
                "spec.securityContext.supplementalGroups[1]: Invalid value: -3"}),
        inSpec("PodEnums",
               "securityContext { fsGroupChangePolicy: 'No' supplementalGroupsPolicy: 'No' seLinuxChangePolicy: 'No' }",
               {"spec.securityContext.fsGroupChangePolicy: Unsupported value: \"No\": supported values: \"Always\", "
                "\"OnRootMismatch\"",
                "spec.securityContext.supplementalGroupsPolicy: Unsupported",
                "spec.securityContext.seLinuxChangePolicy: Unsupported"}),
        inSpec("Seccomp", "securityContext { seccompProfile { type: 'Localhost' } }",
               {"spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type "
                "is Localhost"}),
        inContainer("ContainerSeccomp", "securityContext { seccompProfile { type: 'Strict' localhostProfile: 'x' } }",
                    {kC + "securityContext.seccompProfile.type: Unsupported value: \"Strict\"",
                     kC + "securityContext.seccompProfile.localhostProfile: Invalid value: \"x\": can only be set when "
                          "seccomp type is Localhost"}),
        inContainer(
            "SeccompPath", "securityContext { seccompProfile { type: 'Localhost' localhostProfile: '/etc/x' } }",
            {kC +
             "securityContext.seccompProfile.localhostProfile: Invalid value: \"/etc/x\": must be a relative path"}),
        inContainer("AppArmor", "securityContext { appArmorProfile { type: 'Localhost' localhostProfile: ' x' } }",
                    {kC +
                     "securityContext.appArmorProfile.localhostProfile: Invalid value: \" x\": must not be padded"}),
        inContainer(
            "AppArmorType", "securityContext { appArmorProfile {} }",
            {kC +
             "securityContext.appArmorProfile.type: Required value: type is required when appArmorProfile is set"}),
        inContainer("Escalation",
                    "securityContext { privileged: true allowPrivilegeEscalation: false capabilities { add: "
                    "'CAP_SYS_ADMIN' } }",
                    {kC + "securityContext.allowPrivilegeEscalation: Invalid value: false: cannot set "
                          "`allowPrivilegeEscalation` to false and `privileged`",
                     kC + "securityContext.allowPrivilegeEscalation: Invalid value: false: cannot set "
                          "`allowPrivilegeEscalation` to false and `capabilities.Add`"}),
        inContainer("ProcMount", "securityContext { procMount: 'Unmasked' }",
                    {kC + "securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false"}),
        Case{"ProcMountInUserNamespace",
             withSpec(
                 "hostUsers: false containers { name: 'c' image: 'i:1' securityContext { procMount: 'Unmasked' } }"),
             {}},
        inSpec("UserNamespaceAndHostNamespaces", "hostUsers: false hostNetwork: true hostPID: true hostIPC: true",
               {"spec.hostNetwork: Forbidden: when `hostUsers` is false", "spec.hostPID: Forbidden",
                "spec.hostIPC: Forbidden"}),
        inSpec("SharedAndHostPid", "shareProcessNamespace: true hostPID: true",
               {"spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be "
                "enabled"}),
        inSpec("Sysctls",
               "hostNetwork: true hostIPC: true securityContext { sysctls { name: 'net.core.somaxconn' value: '1' } "
               "sysctls { name: 'kernel/shm_rmid_forced' value: '1' } sysctls { name: 'A' } sysctls { name: 'vm.x' } "
               "sysctls { name: 'vm.x' } sysctls {} }",
               {"spec.securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified "
                "when 'hostNetwork' is true",
                "spec.securityContext.sysctls[1].name: Invalid value: \"kernel/shm_rmid_forced\": may not be specified "
                "when 'hostIPC' is true",
                "spec.securityContext.sysctls[2].name: Invalid value: \"A\": must be the name of a sysctl",
                "spec.securityContext.sysctls[4].name: Duplicate value: \"vm.x\"",
                "spec.securityContext.sysctls[5].name: Required value"})),
    nameOf);

const std::string kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
const std::string kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

INSTANTIATE_TEST_SUITE_P(
    Scheduling, SpecValidation,
    testing::Values(
        inSpec("Tolerations",
               "tolerations { operator: 'Exists' effect: 'NoExecute' } tolerations { key: 'a' value: 'b' "
               "tolerationSeconds: 1 } "
               "tolerations { operator: 'Equal' } tolerations { key: 'a' operator: 'Exists' value: 'b' } "
               "tolerations { key: 'a' operator: 'Like' effect: 'Never' } tolerations { key: 'a' operator: 'Gt' value: "
               "'x' }",
               {"spec.tolerations[1].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` "
                "is set",
                "spec.tolerations[2].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty",
                "spec.tolerations[3].value: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
                "spec.tolerations[4].operator: Unsupported value: \"Like\"",
                "spec.tolerations[4].effect: Unsupported value: \"Never\"",
                "spec.tolerations[5].value: Invalid value: \"x\": value must be an integer"}),
        inSpec("NodeSelector", "nodeSelector { key: 'a b' value: '-' }",
               {"spec.nodeSelector[a b]: Invalid value: \"a b\"", "spec.nodeSelector[a b]: Invalid value: \"-\""}),
        inSpec("NodeAffinity",
               "affinity { nodeAffinity { " + kRequired +
                   " { nodeSelectorTerms { matchExpressions { key: 'a' operator: 'In' } "
                   "matchExpressions { key: 'a' operator: 'Exists' values: 'x' } matchExpressions { key: 'a' operator: "
                   "'Gt' values: '1' } "
                   "matchExpressions { key: 'a' operator: 'Like' } matchFields { key: 'metadata.uid' operator: 'In' "
                   "values: 'x' } } } " +
                   kPreferred + " { weight: 101 } } }",
               {"spec.affinity.nodeAffinity." + kRequired +
                    ".nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified",
                "spec.affinity.nodeAffinity." + kRequired +
                    ".nodeSelectorTerms[0].matchExpressions[1].values: Forbidden",
                "spec.affinity.nodeAffinity." + kRequired +
                    ".nodeSelectorTerms[0].matchExpressions[3].operator: Invalid value: \"Like\"",
                "spec.affinity.nodeAffinity." + kRequired +
                    ".nodeSelectorTerms[0].matchFields[0].key: Invalid value: \"metadata.uid\"",
                "spec.affinity.nodeAffinity." + kPreferred +
                    "[0].weight: Invalid value: 101: must be in the range 1-100"}),
        inSpec("NodeAffinityWithoutTerms", "affinity { nodeAffinity { " + kRequired + " {} } }",
               {"spec.affinity.nodeAffinity." + kRequired +
                ".nodeSelectorTerms: Required value: must have at least one"}),
        inSpec("PodAffinity",
               "affinity { podAffinity { " + kRequired +
                   " { namespaces: 'A' labelSelector { matchExpressions { key: 'a' operator: 'Gt' } } } } "
                   "podAntiAffinity { " +
                   kPreferred + " { weight: 1 podAffinityTerm { topologyKey: 'zone' matchLabelKeys: 'x' } } } }",
               {"spec.affinity.podAffinity." + kRequired +
                    "[0].labelSelector.matchExpressions[0].operator: Invalid value: \"Gt\"",
                "spec.affinity.podAffinity." + kRequired + "[0].namespaces[0]: Invalid value: \"A\"",
                "spec.affinity.podAffinity." + kRequired + "[0].topologyKey: Required value",
                "spec.affinity.podAntiAffinity." + kPreferred +
                    "[0].podAffinityTerm.matchLabelKeys: Forbidden: must not be specified when"}),
        inSpec("Spread",
               "topologySpreadConstraints { topologyKey: 'z' whenUnsatisfiable: 'DoNotSchedule' maxSkew: 1 } "
               "topologySpreadConstraints { topologyKey: 'z' whenUnsatisfiable: 'DoNotSchedule' minDomains: 0 "
               "nodeTaintsPolicy: 'No' } "
               "topologySpreadConstraints { maxSkew: 1 whenUnsatisfiable: 'ScheduleAnyway' minDomains: 1 labelSelector "
               "{ matchLabels { key: 'a' value: 'b' } } matchLabelKeys: 'a' }",
               {"spec.topologySpreadConstraints[1].maxSkew: Invalid value: 0: must be greater than zero",
                "spec.topologySpreadConstraints[1].minDomains: Invalid value: 0: must be greater than zero",
                "spec.topologySpreadConstraints[1].nodeTaintsPolicy: Unsupported value: \"No\"",
                "spec.topologySpreadConstraints[1]: Duplicate value: \"{z, DoNotSchedule}\"",
                "spec.topologySpreadConstraints[2].topologyKey: Required value",
                "spec.topologySpreadConstraints[2].minDomains: Invalid value: 1: can only use minDomains",
                "spec.topologySpreadConstraints[2].matchLabelKeys[0]: Invalid value: \"a\": exists in both"}),
        inSpec("Gates",
               "nodeName: 'n' readinessGates { conditionType: 'e.com/ok' } readinessGates {} schedulingGates { name: "
               "'a' } schedulingGates { name: 'a' }",
               {"spec.readinessGates[1].conditionType: Invalid value: \"\": name part must be non-empty",
                "spec.schedulingGates[1].name: Duplicate value: \"a\"",
                "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"}),
        inSpec("PreemptionPolicy", "preemptionPolicy: 'Maybe'",
               {"spec.preemptionPolicy: Unsupported value: \"Maybe\""})),
    nameOf);

TEST(PodValidation, ShowsControlCharactersEscaped) {
  EXPECT_TRUE(problemsOf(withSpec("containers { name: 'c' image: 'i:1' } restartPolicy: 'a\\n\\x01\"'"))[0].starts_with(
      R"(spec.restartPolicy: Unsupported value: "a\n\x01\"")"));
}

TEST(PodValidation, AFullPodIsRight) {
  EXPECT_EQ(problemsOf(R"(
    metadata { name: 'web-node1' namespace: 'kube-system' uid: 'u' labels { key: 'app.kubernetes.io/name' value: 'web' } }
    spec {
      nodeName: 'node1' hostNetwork: true restartPolicy: 'OnFailure' activeDeadlineSeconds: 60
      tolerations { operator: 'Exists' effect: 'NoExecute' }
      priorityClassName: 'system-node-critical' priority: 2000001000
      securityContext { runAsUser: 1000 fsGroup: 2000 seccompProfile { type: 'RuntimeDefault' } }
      volumes { name: 'certs' volumeSource { hostPath { path: '/etc/ssl' type: 'DirectoryOrCreate' } } }
      volumes { name: 'tmp' volumeSource { emptyDir { medium: 'Memory' sizeLimit { string: '64Mi' } } } }
      initContainers { name: 'proxy' image: 'proxy:1' restartPolicy: 'Always'
        startupProbe { handler { tcpSocket { port { intVal: 8080 } } } } }
      initContainers { name: 'setup' image: 'setup:1' command: 'sh' args: '-c' }
      containers { name: 'web' image: 'registry.example:5000/web@sha256:0123'
        ports { name: 'http' containerPort: 80 } env { name: 'POD_IP' valueFrom { fieldRef { fieldPath: 'status.podIP' } } }
        resources { limits { key: 'cpu' value { string: '1' } } requests { key: 'memory' value { string: '1Gi' } } }
        volumeMounts { name: 'certs' mountPath: '/etc/ssl' readOnly: true recursiveReadOnly: 'IfPossible' }
        livenessProbe { handler { httpGet { port { type: 1 strVal: 'http' } path: '/healthz' } } }
        lifecycle { preStop { exec { command: 'sync' } } }
        securityContext { allowPrivilegeEscalation: false capabilities { drop: 'ALL' } } }
    })"),
            Texts{});
}

}  // namespace
}  // namespace cubelet::api::validation_test
