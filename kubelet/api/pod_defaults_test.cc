#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>

#include "kubelet/api/pod.h"

namespace cubelet::api {
namespace {

core::Pod podFrom(const std::string& text) {
  core::Pod pod;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &pod)) << text;
  return pod;
}

std::string textOf(const google::protobuf::Message& message) {
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.PrintToString(message, &text);
  return text;
}

struct Case {
  std::string name;
  std::string pod;
  std::string want;  // a pod; what it sets must be in the result with this value, lists position by position
};

// What a failed test and its CTest name show.
void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}

// True when everything set in `want` is in `have`.
bool contains(const google::protobuf::Message& have, const google::protobuf::Message& want, std::string& difference) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
  differencer.ReportDifferencesToString(&difference);
  return differencer.Compare(want, have);
}

class Defaults : public testing::TestWithParam<Case> {};

TEST_P(Defaults, AreSet) {
  core::Pod pod = podFrom(GetParam().pod);
  setDefaults(pod);
  std::string difference;
  EXPECT_TRUE(contains(pod, podFrom(GetParam().want), difference)) << difference << "\nin " << textOf(pod);

  core::Pod again = pod;
  setDefaults(again);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(pod, again)) << "not idempotent: " << textOf(again);
}

std::string container(const std::string& fields) {
  return "spec { containers { " + fields + " } }";
}
std::string volume(const std::string& source) {
  return "spec { volumes { volumeSource { " + source + " } } }";
}

Case ofContainer(std::string name, const std::string& in, const std::string& out) {
  return {std::move(name), container(in), container(out)};
}
Case ofVolume(std::string name, const std::string& in, const std::string& out) {
  return {std::move(name), volume(in), volume(out)};
}

std::string nameOf(const testing::TestParamInfo<Case>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Spec, Defaults,
    testing::Values(
        Case{"EmptySpec", "",
             R"(spec { restartPolicy: "Always" dnsPolicy: "ClusterFirst" terminationGracePeriodSeconds: 30
                       schedulerName: "default-scheduler" enableServiceLinks: true securityContext {} })"},
        Case{"KeepsWhatIsSet",
             R"(spec { restartPolicy: "Never" dnsPolicy: "None" terminationGracePeriodSeconds: 0 schedulerName: "x"
                       enableServiceLinks: false securityContext { runAsUser: 5 } })",
             R"(spec { restartPolicy: "Never" dnsPolicy: "None" terminationGracePeriodSeconds: 0 schedulerName: "x"
                       enableServiceLinks: false securityContext { runAsUser: 5 } })"},
        Case{"OldServiceAccount", R"(spec { serviceAccount: "a" })",
             R"(spec { serviceAccount: "a" serviceAccountName: "a" })"},
        Case{"NewServiceAccountWins", R"(spec { serviceAccount: "a" serviceAccountName: "b" })",
             R"(spec { serviceAccount: "b" serviceAccountName: "b" })"},
        Case{"HostNetworkPorts",
             "spec { hostNetwork: true containers { ports { containerPort: 80 } ports { containerPort: 81 hostPort: 9 "
             "} }"
             " initContainers { ports { containerPort: 82 } } }",
             R"(spec { containers { ports { containerPort: 80 hostPort: 80 protocol: "TCP" }
                                    ports { containerPort: 81 hostPort: 9 } }
                       initContainers { ports { containerPort: 82 hostPort: 82 } } })"},
        Case{"OverheadIsCanonical", R"(spec { overhead { key: "cpu" value { string: "0.25" } } })",
             R"(spec { overhead { key: "cpu" value { string: "250m" } } })"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Containers, Defaults,
    testing::Values(
        ofContainer("CFG_14_Messages", "",
                    R"(terminationMessagePath: "/dev/termination-log" terminationMessagePolicy: "File")"),
        ofContainer("CFG_17_PullNoTag", R"(image: "nginx")", R"(imagePullPolicy: "Always")"),
        ofContainer("CFG_17_PullLatest", R"(image: "nginx:latest")", R"(imagePullPolicy: "Always")"),
        ofContainer("CFG_17_PullTag", R"(image: "nginx:1.27")", R"(imagePullPolicy: "IfNotPresent")"),
        ofContainer("CFG_17_PullRegistryPort", R"(image: "localhost:5000/a/nginx")", R"(imagePullPolicy: "Always")"),
        ofContainer("PullRegistryPortAndTag", R"(image: "reg.io:5000/nginx:1")", R"(imagePullPolicy: "IfNotPresent")"),
        ofContainer("CFG_17_PullDigest", R"(image: "nginx@sha256:abc")", R"(imagePullPolicy: "IfNotPresent")"),
        ofContainer("CFG_17_PullLatestAndDigest", R"(image: "nginx:latest@sha256:abc")",
                    R"(imagePullPolicy: "Always")"),
        ofContainer("PullUnparsable", R"(image: "NGINX")", R"(imagePullPolicy: "IfNotPresent")"),
        ofContainer("PullUpperCaseRegistry", R"(image: "REG/nginx")", R"(imagePullPolicy: "Always")"),
        ofContainer("PullKept", R"(image: "nginx" imagePullPolicy: "Never")", R"(imagePullPolicy: "Never")"),
        ofContainer("PortProtocol", "ports { containerPort: 1 }", R"(ports { protocol: "TCP" })"),
        ofContainer("FieldRefVersion", R"(env { valueFrom { fieldRef { fieldPath: "metadata.name" } } })",
                    R"(env { valueFrom { fieldRef { apiVersion: "v1" } } })"),
        ofContainer("FileKeyRefOptional", "env { valueFrom { fileKeyRef {} } }",
                    "env { valueFrom { fileKeyRef { optional: false } } }"),
        ofContainer("RES_2_RequestsFromLimits",
                    R"(resources { limits { key: "cpu" value { string: "1.5" } }
                                   limits { key: "memory" value { string: "2048Ki" } }
                                   requests { key: "cpu" value { string: "0.1" } } })",
                    R"(resources { limits { key: "cpu" value { string: "1500m" } }
                                   limits { key: "memory" value { string: "2Mi" } }
                                   requests { key: "cpu" value { string: "100m" } }
                                   requests { key: "memory" value { string: "2Mi" } } })"),
        ofContainer("PRB_1_ProbeNumbers",
                    "livenessProbe { handler { exec {} } } readinessProbe {} startupProbe { periodSeconds: 2 }",
                    R"(livenessProbe { timeoutSeconds: 1 periodSeconds: 10 successThreshold: 1 failureThreshold: 3 }
                       readinessProbe { timeoutSeconds: 1 periodSeconds: 10 successThreshold: 1 failureThreshold: 3 }
                       startupProbe { periodSeconds: 2 failureThreshold: 3 })"),
        ofContainer("PRB_1_ProbeHttp", "livenessProbe { handler { httpGet { } } }",
                    R"(livenessProbe { handler { httpGet { path: "/" scheme: "HTTP" } } })"),
        ofContainer("ProbeGrpc", "livenessProbe { handler { grpc { port: 1 } } }",
                    R"(livenessProbe { handler { grpc { port: 1 service: "" } } })"),
        ofContainer("HookHttp",
                    R"(lifecycle { postStart { httpGet {} } preStop { httpGet { path: "/x" scheme: "HTTPS" } } })",
                    R"(lifecycle { postStart { httpGet { path: "/" scheme: "HTTP" } }
                                   preStop { httpGet { path: "/x" scheme: "HTTPS" } } })"),
        Case{"InitContainerToo", R"(spec { initContainers { image: "a:1"
               resources { limits { key: "cpu" value { string: "1" } } } } })",
             R"(spec { initContainers { imagePullPolicy: "IfNotPresent" terminationMessagePolicy: "File"
               resources { requests { key: "cpu" value { string: "1" } } } } })"},
        Case{"EphemeralContainerToo", R"(spec { ephemeralContainers { ephemeralContainerCommon { image: "a" } } })",
             R"(spec { ephemeralContainers { ephemeralContainerCommon { imagePullPolicy: "Always"
               terminationMessagePath: "/dev/termination-log" } } })"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Volumes, Defaults,
    testing::Values(
        Case{"NoSourceIsEmptyDir", R"(spec { volumes { name: "v" } })",
             "spec { volumes { volumeSource { emptyDir {} } } }"},
        ofVolume("HostPathType", R"(hostPath { path: "/x" })", R"(hostPath { path: "/x" type: "" })"),
        ofVolume("HostPathTypeKept", R"(hostPath { type: "File" })", R"(hostPath { type: "File" })"),
        ofVolume("CMS_3_SecretMode", "secret {}", "secret { defaultMode: 420 }"),
        ofVolume("ConfigMapModeZeroKept", "configMap { defaultMode: 0 }", "configMap { defaultMode: 0 }"),
        ofVolume("CMS_3_DownwardApi", "downwardAPI { items { fieldRef {} } }",
                 R"(downwardAPI { defaultMode: 420 items { fieldRef { apiVersion: "v1" } } })"),
        ofVolume("CMS_3_Projected",
                 "projected { sources { downwardAPI { items { fieldRef {} } } } sources { serviceAccountToken {} }"
                 " sources { podCertificate {} } }",
                 R"(projected { defaultMode: 420 sources { downwardAPI { items { fieldRef { apiVersion: "v1" } } } }
                                sources { serviceAccountToken { expirationSeconds: 3600 } }
                                sources { podCertificate { maxExpirationSeconds: 86400 } } })"),
        ofVolume("Image", R"(image { reference: "a:1" })", R"(image { pullPolicy: "IfNotPresent" })"),
        ofVolume(
            "Ephemeral",
            R"(ephemeral { volumeClaimTemplate { spec { resources { requests { key: "storage"
                                                             value { string: "1024Mi" } } } } } })",
            R"(ephemeral { volumeClaimTemplate { spec { volumeMode: "Filesystem" resources { requests { key: "storage"
                                                             value { string: "1Gi" } } } } } })"),
        ofVolume("Iscsi", "iscsi {}", R"(iscsi { iscsiInterface: "default" })"),
        ofVolume("Rbd", "rbd {}", R"(rbd { pool: "rbd" user: "admin" keyring: "/etc/ceph/keyring" })"),
        ofVolume("AzureDisk", "azureDisk {}",
                 R"(azureDisk { cachingMode: "ReadWrite" kind: "Shared" fsType: "ext4" readOnly: false })"),
        ofVolume("ScaleIo", "scaleIO {}", R"(scaleIO { storageMode: "ThinProvisioned" fsType: "xfs" })")),
    nameOf);

const std::string kTwoContainers = R"(
  containers { resources { requests { key: "cpu" value { string: "1" } } limits { key: "hugepages-2Mi" value { string: "4Mi" } } } }
  containers { resources { requests { key: "cpu" value { string: "500m" } } } }
  initContainers { resources { requests { key: "memory" value { string: "1Gi" } } } })";

INSTANTIATE_TEST_SUITE_P(
    PodLevelResources, Defaults,
    testing::Values(Case{"RequestsFromContainersThenLimits",
                         "spec { resources { limits { key: 'cpu' value { string: '4' } } limits { key: 'memory' value "
                         "{ string: '2Gi' } } }" +
                             kTwoContainers + "}",
                         R"(spec { resources { requests { key: "cpu" value { string: "1500m" } }
                                   requests { key: "memory" value { string: "1Gi" } }
                                   requests { key: "hugepages-2Mi" value { string: "4Mi" } }
                                   limits { key: "cpu" value { string: "4" } }
                                   limits { key: "memory" value { string: "2Gi" } }
                                   limits { key: "hugepages-2Mi" value { string: "4Mi" } } } })"},
                    Case{"LimitServesAsRequest",
                         R"(spec { resources { limits { key: "cpu" value { string: "2" } } } containers {} })",
                         R"(spec { resources { requests { key: "cpu" value { string: "2" } } } })"}),
    nameOf);

TEST(Defaults, PodLevelResourcesStayAbsentWithoutAny) {
  core::Pod pod = podFrom("spec {" + kTwoContainers + "}");
  setDefaults(pod);
  EXPECT_FALSE(pod.spec().has_resources());
}

TEST(Defaults, RequestsOnlyDoNotCreateLimits) {
  core::Pod pod = podFrom(container(R"(resources { requests { key: "cpu" value { string: "1" } } })"));
  setDefaults(pod);
  EXPECT_EQ(pod.spec().containers(0).resources().limits_size(), 0);
}

TEST(Defaults, HostPortsAreLeftAloneOnThePodNetwork) {
  core::Pod pod = podFrom(container("ports { containerPort: 80 }"));
  setDefaults(pod);
  EXPECT_FALSE(pod.spec().containers(0).ports(0).has_hostport());
}

TEST(Defaults, NonsenseQuantitiesAreKeptForValidation) {
  core::Pod pod = podFrom(container(R"(resources { requests { key: "cpu" value { string: "lots" } } })"));
  setDefaults(pod);
  EXPECT_EQ(pod.spec().containers(0).resources().requests().at("cpu").string(), "lots");
}

}  // namespace
}  // namespace cubelet::api
