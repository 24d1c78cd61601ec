#include "kubelet/api/pod_validation_test.h"

namespace cubelet::api::validation_test {
namespace {

class ContainerValidation : public testing::TestWithParam<Case> {};

TEST_P(ContainerValidation, FindsExactlyThese) {
  expectProblems(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Containers, ContainerValidation,
    testing::Values(
        Case{"NameAndImage",
             withSpec("containers { name: 'A b' } containers { image: ' i' }"),
             {"spec.containers[0].name: Invalid value: \"A b\": must be a DNS label",
              "spec.containers[0].image: Required value", "spec.containers[1].name: Required value",
              "spec.containers[1].image: Invalid value: \" i\": must not have leading or trailing whitespace"}},
        Case{
            "DuplicateNames",
            withSpec(kContainer + kContainer + "initContainers { name: 'c' image: 'i:1' }"),
            {"spec.containers[1].name: Duplicate value: \"c\"", "spec.initContainers[0].name: Duplicate value: \"c\""}},
        inContainer("Enums", "imagePullPolicy: 'Maybe' terminationMessagePolicy: 'None'",
                    {kC + "terminationMessagePolicy: Unsupported value: \"None\": supported values: \"File\", "
                          "\"FallbackToLogsOnError\"",
                     kC + "imagePullPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", "
                          "\"IfNotPresent\", \"Never\""}),
        inContainer("Ports",
                    "ports { name: 'a' containerPort: 80 } ports { name: 'a' containerPort: 70000 protocol: 'ICMP' } "
                    "ports { name: 'Big' hostPort: -1 }",
                    {kC + "ports[1].name: Duplicate value: \"a\"",
                     kC + "ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                     kC +
                         "ports[1].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                     kC + "ports[2].name: Invalid value: \"Big\"", kC + "ports[2].containerPort: Required value",
                     kC + "ports[2].hostPort: Invalid value: -1"}),
        Case{"HostPortsConflictAcrossContainers",
             withSpec("containers { name: 'a' image: 'i:1' ports { containerPort: 1 hostPort: 80 } "
                      "  ports { containerPort: 2 hostPort: 80 protocol: 'UDP' } }"
                      "containers { name: 'b' image: 'i:1' ports { containerPort: 3 hostPort: 80 } "
                      "  ports { containerPort: 3 hostPort: 80 hostIP: '127.0.0.1' } }"
                      "initContainers { name: 'i' image: 'i:1' ports { containerPort: 1 hostPort: 80 } }"),
             {"spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//80\""}},
        inContainer("ResizePolicy",
                    "resizePolicy { resourceName: 'cpu' restartPolicy: 'NotRequired' } "
                    "resizePolicy { resourceName: 'cpu' restartPolicy: 'Now' } resizePolicy { resourceName: 'disk' }",
                    {kC + "resizePolicy[1]: Duplicate value: \"cpu\"",
                     kC + "resizePolicy[1].restartPolicy: Unsupported",
                     kC + "resizePolicy[2].resourceName: Unsupported", kC + "resizePolicy[2].restartPolicy: Required"}),
        Case{"ResizeRestartWithNever",
             withSpec("restartPolicy: 'Never' containers { name: 'c' image: 'i:1' "
                      "resizePolicy { resourceName: 'cpu' restartPolicy: 'RestartContainer' } }"),
             {kC + "resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must be 'NotRequired'"}},
        inContainer("RestartRulesNeedAPolicy",
                    "restartPolicyRules { action: 'Restart' exitCodes { operator: 'In' values: 1 } }",
                    {kC + "restartPolicy: Required value"}),
        inContainer(
            "RestartRules",
            "restartPolicy: 'Never' restartPolicyRules { action: 'Restart' exitCodes { operator: 'In' values: 1 } } "
            "restartPolicyRules { action: 'Stop' } restartPolicyRules { action: 'RestartAllContainers' exitCodes {} }",
            {kC + "restartPolicyRules[1].action: Unsupported value: \"Stop\"",
             kC + "restartPolicyRules[1].exitCodes: Required value: must be specified",
             kC + "restartPolicyRules[2].exitCodes.operator: Required value"}),
        inContainer("ContainerRestartPolicy", "restartPolicy: 'Whenever'",
                    {kC + "restartPolicy: Unsupported value: \"Whenever\""}),
        inInit("PlainInitHasNoHooksAndProbes", "lifecycle {} livenessProbe {} readinessProbe {} startupProbe {}",
               {kI + "lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always",
                kI + "livenessProbe: Forbidden", kI + "readinessProbe: Forbidden", kI + "startupProbe: Forbidden"}),
        inInit("SidecarMayHaveThem",
               "restartPolicy: 'Always' lifecycle { preStop { sleep { seconds: 1 } } } "
               "livenessProbe { handler { exec { command: 'x' } } } readinessProbe { handler { tcpSocket { port { "
               "intVal: 1 } } } }",
               {}),
        inInit("SidecarProbesAreChecked", "restartPolicy: 'Always' startupProbe {}",
               {kI + "startupProbe: Required value: must specify a handler type"}),
        inInit("SidecarHasNoRules",
               "restartPolicy: 'Always' restartPolicyRules { action: 'Restart' exitCodes { operator: 'In' } }",
               {kI + "restartPolicyRules: Forbidden"}),
        inSpec("EphemeralContainers",
               "ephemeralContainers { targetContainerName: 'no' ephemeralContainerCommon { name: 'c' image: 'i' "
               "ports { containerPort: 1 } lifecycle {} volumeMounts { name: 'v' mountPath: '/x' subPath: 'a' } } } "
               "ephemeralContainers { targetContainerName: 'c' ephemeralContainerCommon { name: 'e' image: 'i' } } "
               "volumes { name: 'v' }",
               {"spec.ephemeralContainers: Forbidden: cannot be set on create",
                "spec.ephemeralContainers[0].name: Duplicate value: \"c\"",
                "spec.ephemeralContainers[0].targetContainerName: Not found: \"no\"",
                "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
                "spec.ephemeralContainers[0].lifecycle: Forbidden",
                "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden"})),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Handlers, ContainerValidation,
    testing::Values(
        inContainer("ProbeNeedsHandler", "livenessProbe { periodSeconds: 5 }",
                    {kC + "livenessProbe: Required value: must specify a handler type"}),
        inContainer(
            "ProbeTakesOneHandler",
            "livenessProbe { handler { exec { command: 'x' } httpGet { port { intVal: 80 } } grpc { port: 1 } } }",
            {kC + "livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
             kC + "livenessProbe.grpc: Forbidden"}),
        inContainer("ProbeNumbers",
                    "livenessProbe { handler { exec { command: 'x' } } initialDelaySeconds: -1 timeoutSeconds: -2 "
                    "periodSeconds: -3 failureThreshold: -4 successThreshold: 2 terminationGracePeriodSeconds: 0 }",
                    {kC + "livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0",
                     kC + "livenessProbe.timeoutSeconds: Invalid value: -2",
                     kC + "livenessProbe.periodSeconds: Invalid value: -3",
                     kC + "livenessProbe.failureThreshold: Invalid value: -4",
                     kC + "livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
                     kC + "livenessProbe.successThreshold: Invalid value: 2: must be 1"}),
        inContainer(
            "ReadinessProbe",
            "readinessProbe { handler { exec { command: 'x' } } successThreshold: 3 terminationGracePeriodSeconds: 5 }",
            {kC +
             "readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes"}),
        inContainer("StartupProbe", "startupProbe { handler { exec {} } successThreshold: 2 }",
                    {kC + "startupProbe.exec.command: Required value",
                     kC + "startupProbe.successThreshold: Invalid value: 2"}),
        inContainer(
            "HttpGet",
            "livenessProbe { handler { httpGet { scheme: 'FTP' port { type: 1 strVal: '' } httpHeaders { name: 'a b' } "
            "} } }",
            {kC + "livenessProbe.httpGet.port: Invalid value: \"\": must contain only",
             kC + "livenessProbe.httpGet.port: Invalid value: \"\": must contain at least one letter",
             kC + "livenessProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"",
             kC + "livenessProbe.httpGet.httpHeaders[0].name: Invalid value: \"a b\""}),
        inContainer("NamedPort", "livenessProbe { handler { tcpSocket { port { type: 1 strVal: 'http' } } } }", {}),
        inContainer("PortZero", "livenessProbe { handler { tcpSocket {} } }",
                    {kC + "livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535"}),
        inContainer("GrpcPort", "livenessProbe { handler { grpc { port: 65536 } } }",
                    {kC + "livenessProbe.grpc.port: Invalid value: 65536"}),
        inContainer("Hooks", "lifecycle { postStart {} preStop { sleep { seconds: 31 } } }",
                    {kC + "lifecycle.postStart: Required value: must specify a handler type",
                     kC + "lifecycle.preStop.sleep.seconds: Invalid value: 31: must be non-negative and less than "
                          "terminationGracePeriodSeconds (30)"}),
        inContainer("StopSignalNeedsOs", "lifecycle { stopSignal: 'SIGTERM' }",
                    {kC + "lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"}),
        Case{"StopSignals",
             withSpec(
                 "os { name: 'linux' } containers { name: 'a' image: 'i:1' lifecycle { stopSignal: 'SIGRTMIN+15' } } "
                 "containers { name: 'b' image: 'i:1' lifecycle { stopSignal: 'SIGRTMAX-15' } } "
                 "containers { name: 'c' image: 'i:1' lifecycle { stopSignal: 'TERM' } }"),
             {"spec.containers[1].lifecycle.stopSignal: Invalid value: \"SIGRTMAX-15\"",
              "spec.containers[2].lifecycle.stopSignal: Invalid value: \"TERM\""}}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Env, ContainerValidation,
    testing::Values(
        inContainer("Names", "env { name: 'A.b-1 c' value: 'x' } env { value: 'x' } env { name: 'a=b' }",
                    {kC + "env[1].name: Required value", kC + "env[2].name: Invalid value: \"a=b\""}),
        inContainer("SourceCount",
                    "env { name: 'A' valueFrom {} } env { name: 'B' value: 'x' valueFrom { fieldRef { fieldPath: "
                    "'metadata.name' } } } "
                    "env { name: 'C' valueFrom { fieldRef { fieldPath: 'metadata.name' } resourceFieldRef { resource: "
                    "'limits.cpu' } } }",
                    {kC + "env[0].valueFrom: Invalid value: \"\": must specify one of",
                     kC + "env[1].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
                     kC + "env[2].valueFrom: Invalid value: \"\": may not have more than one field"}),
        inContainer(
            "FieldRef",
            "env { name: 'A' valueFrom { fieldRef { fieldPath: 'spec.containers' } } } "
            "env { name: 'B' valueFrom { fieldRef { fieldPath: \"metadata.labels['app']\" } } } "
            "env { name: 'C' valueFrom { fieldRef { fieldPath: \"metadata.name['x']\" } } } "
            "env { name: 'D' valueFrom { fieldRef { fieldPath: 'metadata.labels' } } } "
            "env { name: 'E' valueFrom { fieldRef { apiVersion: 'v2' fieldPath: 'metadata.name' } } } "
            "env { name: 'F' valueFrom { fieldRef {} } } "
            "env { name: 'G' valueFrom { fieldRef { fieldPath: \"metadata.annotations['UP']\" } } } "
            "env { name: 'H' valueFrom { fieldRef { fieldPath: \"metadata.labels['a b']\" } } }",
            {kC + "env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"spec.containers\": supported values: "
                  "\"metadata.name\"",
             kC + "env[2].valueFrom.fieldRef.fieldPath: Invalid value: \"metadata.name\": does not support subscript",
             kC + "env[3].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\"",
             kC + "env[4].valueFrom.fieldRef.apiVersion: Invalid value: \"v2\"",
             kC + "env[5].valueFrom.fieldRef.fieldPath: Required value",
             kC + "env[7].valueFrom.fieldRef.fieldPath: Invalid value: \"a b\""}),
        inContainer(
            "ResourceFieldRef",
            "env { name: 'A' valueFrom { resourceFieldRef { resource: 'limits.disk' } } } "
            "env { name: 'B' valueFrom { resourceFieldRef { resource: 'limits.cpu' divisor { string: '2' } } } } "
            "env { name: 'C' valueFrom { resourceFieldRef { resource: 'limits.cpu' divisor { string: '0.001' } } } } "
            "env { name: 'D' valueFrom { resourceFieldRef { resource: 'requests.memory' divisor { string: '1m' } } } } "
            "env { name: 'E' valueFrom { resourceFieldRef { resource: 'requests.hugepages-2Mi' divisor { string: '1Mi' "
            "} } } } "
            "env { name: 'F' valueFrom { resourceFieldRef {} } }",
            {kC + "env[0].valueFrom.resourceFieldRef.resource: Unsupported value: \"limits.disk\"",
             kC + "env[1].valueFrom.resourceFieldRef.divisor: Invalid value: \"2\": only divisor's values 1m and 1",
             kC + "env[3].valueFrom.resourceFieldRef.divisor: Invalid value: \"1m\": only divisor's values 1, 1k",
             kC + "env[5].valueFrom.resourceFieldRef.resource: Required value"}),
        inContainer("KeyRefs",
                    "env { name: 'A' valueFrom { configMapKeyRef { localObjectReference { name: 'm' } key: 'a/b' } } } "
                    "env { name: 'B' valueFrom { secretKeyRef { key: '' } } } "
                    "env { name: 'C' valueFrom { fileKeyRef { volumeName: 'v' path: '../x' key: 'a=' } } }",
                    {kC + "env[0].valueFrom.configMapKeyRef.key: Invalid value: \"a/b\"",
                     kC + "env[1].valueFrom.secretKeyRef.name: Invalid value: \"\"",
                     kC + "env[1].valueFrom.secretKeyRef.key: Required value",
                     kC + "env[2].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
                     kC + "env[2].valueFrom.fileKeyRef.key: Invalid value: \"a=\""}),
        inContainer("EnvFrom",
                    "envFrom { prefix: '=' configMapRef { localObjectReference { name: 'A' } } } envFrom {} "
                    "envFrom { configMapRef {} secretRef { localObjectReference { name: 's' } } }",
                    {kC + "envFrom[0].prefix: Invalid value: \"=\"",
                     kC + "envFrom[0].configMapRef.name: Invalid value: \"A\"",
                     kC + "envFrom[1]: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
                     kC + "envFrom[2].configMapRef.name: Required value",
                     kC + "envFrom[2]: Invalid value: \"\": may not have more than one field"})),
    nameOf);

const std::string kTwoVolumes =
    "volumes { name: 'v' } volumes { name: 'p' volumeSource { persistentVolumeClaim { claimName: 'x' } } } ";

Case withMounts(std::string name, const std::string& fields, Texts want) {
  return {std::move(name), withSpec(kTwoVolumes + "containers { name: 'c' image: 'i:1' " + fields + " }"),
          std::move(want)};
}

INSTANTIATE_TEST_SUITE_P(
    Mounts, ContainerValidation,
    testing::Values(
        withMounts(
            "Right",
            "volumeMounts { name: 'v' mountPath: '/a' subPath: 'x/y' } volumeMounts { name: 'v' mountPath: '/b' }", {}),
        withMounts("NoSuchVolume", "volumeMounts { name: 'w' mountPath: '/a' } volumeMounts {}",
                   {kC + "volumeMounts[0].name: Not found: \"w\"", kC + "volumeMounts[1].name: Required value",
                    kC + "volumeMounts[1].mountPath: Required value"}),
        withMounts("SamePath", "volumeMounts { name: 'v' mountPath: '/a' } volumeMounts { name: 'p' mountPath: '/a' }",
                   {kC + "volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"}),
        withMounts("SubPaths",
                   "volumeMounts { name: 'v' mountPath: '/a' subPath: '/x' subPathExpr: 'a/../b' } "
                   "volumeMounts { name: 'v' mountPath: '/b' subPath: '..' } volumeMounts { name: 'v' mountPath: '/c' "
                   "subPath: '..x' }",
                   {kC + "volumeMounts[0].subPath: Invalid value: \"/x\": must be a relative path",
                    kC + "volumeMounts[0].subPathExpr: Invalid value: \"a/../b\": subPathExpr and subPath are mutually "
                         "exclusive",
                    kC + "volumeMounts[0].subPathExpr: Invalid value: \"a/../b\": must not contain '..'",
                    kC + "volumeMounts[1].subPath: Invalid value: \"..\": must not contain '..'"}),
        withMounts(
            "Propagation",
            "volumeMounts { name: 'v' mountPath: '/a' mountPropagation: 'Both' } "
            "volumeMounts { name: 'v' mountPath: '/b' mountPropagation: 'Bidirectional' }",
            {kC + "volumeMounts[0].mountPropagation: Unsupported value: \"Both\"",
             kC + "volumeMounts[1].mountPropagation: Forbidden: Bidirectional mount propagation is available only"}),
        withMounts("PrivilegedMayPropagate",
                   "securityContext { privileged: true } volumeMounts { name: 'v' mountPath: '/b' mountPropagation: "
                   "'Bidirectional' }",
                   {}),
        withMounts(
            "RecursiveReadOnly",
            "volumeMounts { name: 'v' mountPath: '/a' recursiveReadOnly: 'Enabled' mountPropagation: 'HostToContainer' "
            "} "
            "volumeMounts { name: 'v' mountPath: '/b' recursiveReadOnly: 'Yes' } "
            "volumeMounts { name: 'v' mountPath: '/c' recursiveReadOnly: 'Disabled' }",
            {kC + "volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
             kC + "volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None",
             kC + "volumeMounts[1].recursiveReadOnly: Unsupported value: \"Yes\""}),
        withMounts(
            "Devices",
            "volumeDevices { name: 'v' devicePath: '/dev/a' } volumeDevices { name: 'p' devicePath: '/dev/../b' } "
            "volumeDevices { name: 'p' devicePath: '/m' } volumeDevices { name: 'x' } volumeMounts { name: 'v' "
            "mountPath: '/m' }",
            {kC + "volumeMounts[0].name: Invalid value: \"v\": must not already exist in volumeDevices",
             kC + "volumeMounts[0].mountPath: Invalid value: \"/m\": must not already exist as a path in volumeDevices",
             kC + "volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of",
             kC + "volumeDevices[0].name: Invalid value: \"v\": must not already exist in volumeMounts",
             kC + "volumeDevices[1].devicePath: Invalid value: \"/dev/../b\": must not contain '..'",
             kC + "volumeDevices[2].name: Invalid value: \"p\": must be unique",
             kC +
                 "volumeDevices[2].devicePath: Invalid value: \"/m\": must not already exist as a path in volumeMounts",
             kC + "volumeDevices[3].name: Not found: \"x\"", kC + "volumeDevices[3].devicePath: Required value"})),
    nameOf);

std::string list(const std::string& field, const std::string& name, const std::string& amount) {
  return field + " { key: '" + name + "' value { string: '" + amount + "' } } ";
}
std::string limit(const std::string& name, const std::string& amount) {
  return list("limits", name, amount);
}
std::string request(const std::string& name, const std::string& amount) {
  return list("requests", name, amount);
}
Case inResources(std::string name, const std::string& fields, Texts want) {
  return inContainer(std::move(name), "resources { " + fields + " }", std::move(want));
}

INSTANTIATE_TEST_SUITE_P(
    Resources, ContainerValidation,
    testing::Values(
        inResources(
            "RequestAboveLimit",
            request("cpu", "2") + limit("cpu", "1500m") + request("memory", "1Gi") + limit("memory", "1024Mi"),
            {kC + "resources.requests[cpu]: Invalid value: \"2\": must be less than or equal to cpu limit of 1500m"}),
        inResources("Amounts", request("cpu", "-1") + request("memory", "lots"),
                    {kC + "resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
                     kC + "resources.requests[memory]: Invalid value: \"lots\": \"lots\" is not a quantity"}),
        inResources(
            "Names", request("disk", "1") + request("ephemeral-storage", "1Gi") + request("a b", "1"),
            {kC + "resources.requests[a b]: Invalid value: \"a b\"",
             kC + "resources.requests[disk]: Invalid value: \"disk\": must be a standard resource for containers"}),
        inResources(
            "Devices", limit("e.com/gpu", "1500m") + request("e.com/gpu", "1") + request("e.com/x", "1"),
            {kC + "resources.limits[e.com/gpu]: Invalid value: \"1500m\": must be an integer",
             kC + "resources.requests[e.com/gpu]: Invalid value: \"1\": must be equal to e.com/gpu limit of 1500m",
             kC + "resources.limits[e.com/x]: Required value: limit must be set"}),
        inResources(
            "HugePages", limit("hugepages-2Mi", "3Mi"),
            {kC + "resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple",
             kC + "resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\"",
             kC + "resources: Forbidden: HugePages require cpu or memory"}),
        inResources("HugePagesRight", limit("hugepages-2Mi", "4Mi") + limit("cpu", "1"), {}),
        Case{"Claims",
             withSpec(
                 "resourceClaims { name: 'a' resourceClaimName: 'x' } containers { name: 'c' image: 'i:1' resources { "
                 "claims { name: 'a' request: 'r' } claims { name: 'a' } claims { name: 'b' } claims {} } }"),
             {kC + "resources.claims[1]: Duplicate value: \"a\"",
              kC + "resources.claims[2].name: Not found: \"b\": must be one of the names in pod.spec.resourceClaims",
              kC + "resources.claims[3].name: Required value"}},
        Case{
            "PodLevel",
            withSpec("resources { " + request("cpu", "1") + limit("memory", "1Gi") + limit("ephemeral-storage", "1Gi") +
                     " claims { name: 'x' } } containers { name: 'c' image: 'i:1' resources { " + request("cpu", "2") +
                     limit("memory", "2Gi") + request("memory", "512Mi") + " } }"),
            {"spec.resources.claims: Forbidden: claims cannot be set for Resources at pod-level",
             "spec.resources.limits[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": supported values: "
             "\"cpu\"",
             "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container "
             "requests of 2",
             kC + "resources.limits[memory]: Invalid value: \"2Gi\": must be less than or equal to pod limits of 1Gi"}},
        inSpec("Overhead", "overhead { key: 'cpu' value { string: '-1' } } overhead { key: 'x' value { string: '1' } }",
               {"spec.overhead[cpu]: Invalid value: \"-1\"", "spec.overhead[x]: Invalid value: \"x\""})),
    nameOf);

}  // namespace
}  // namespace cubelet::api::validation_test
