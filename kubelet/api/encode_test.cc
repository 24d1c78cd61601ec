#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"
#include "proto/kubelet/config.pb.h"

namespace cubelet::api {
namespace {

namespace core = ::k8s::core::v1;
using google::protobuf::util::MessageDifferencer;

// Reads `text` into a message of the same type as `message`.
template <class T>
T readBack(const std::string& text) {
  T message;
  std::vector<Problem> problems;
  auto documents = parseDocuments(text, {}, problems);
  EXPECT_EQ(documents.size(), 1u) << text;
  if (documents.size() == 1) EXPECT_TRUE(decode(documents[0], UnknownFields::kReject, message, problems)) << text;
  for (const Problem& problem : problems) ADD_FAILURE() << problem.text("") << "\n" << text;
  return message;
}

template <class T>
void expectRoundTrip(const T& message) {
  EncodeOptions plain{.apiVersion = "v1", .kind = "X", .pretty = false};
  EncodeOptions pretty{.apiVersion = "v1", .kind = "X", .pretty = true};
  for (const std::string& text : {toJson(message, plain), toJson(message, pretty), toYaml(message, plain)})
    EXPECT_TRUE(MessageDifferencer::Equals(readBack<T>(text), message)) << text;
}

core::Pod examplePod() {
  return readBack<core::Pod>(R"(
metadata:
  name: web
  namespace: default
  labels: {b: "2", a: "1", "app.kubernetes.io/name": web}
  annotations: {text: "line\n  two\n", odd: "\t\u0001\u007f\u0085\u2028\ufeff'\"\\ #: -", empty: ""}
  creationTimestamp: "2026-01-02T03:04:05Z"
  managedFields:
  - {manager: m, fieldsV1: {"f:spec": {".": {}, n: [1, 2.5, null, true]}}}
spec:
  hostNetwork: true
  shareProcessNamespace: false
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: nginx
    command: [sh, -c, "set -e\necho \"$X\" | cat\n\nexit 0"]
    args: ["yes", "0644", "1e3", "-1", "~", "null", "a: b", "a #b", "- x", " x ", "", "12:30:45", "2026-01-02", "{}", "@", "ä€😀", "x:", "---", "..."]
    resources: {limits: {memory: 64Mi, cpu: 500m}}
    livenessProbe: {httpGet: {port: http, path: /}, periodSeconds: 5}
    readinessProbe: {tcpSocket: {port: 8080}}
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}
    envFrom:
    - {secretRef: {name: s}}
  ephemeralContainers:
  - {name: d, image: i, targetContainerName: web}
  volumes:
  - {name: e, emptyDir: {}}
  - {name: c, configMap: {name: c, items: [{key: k, path: p, mode: 256}]}}
  - name: p
    projected:
      sources:
      - {configMap: {name: c}}
      - {secret: {name: s}}
)");
}

TEST(Encode, APodSurvivesJsonAndYaml) {
  expectRoundTrip(examplePod());
}

TEST(Encode, OtherKindsSurviveJsonAndYaml) {
  expectRoundTrip(readBack<core::Secret>("data: {a: AAECAw==, b: \"\"}\n"));
  expectRoundTrip(readBack<core::Event>("eventTime: 2026-01-02T03:04:05.000006Z\ncount: 3\n"));
  expectRoundTrip(readBack<kubelet::config::v1beta1::KubeletConfiguration>(
      "syncFrequency: 1m30s\nfileCheckFrequency: 0s\nstaticPodURLHeader: {a: [b, c], d: []}\nfeatureGates: {A: true}\n"
      "memoryThrottlingFactor: 0.9\n"));
}

TEST(Encode, JsonIsCompactAndInFieldOrder) {
  core::Pod pod = readBack<core::Pod>(
      "spec: {containers: [{image: b, name: a, ports: [{containerPort: 80}]}], nodeSelector: {z: x, a: b}}\n"
      "metadata: {name: x}\n");
  EXPECT_EQ(toJson(pod, {.apiVersion = "v1", .kind = "Pod"}),
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"a","image":"b",)"
            R"("ports":[{"containerPort":80}]}],"nodeSelector":{"a":"b","z":"x"}}})");
  EXPECT_EQ(toJson(core::Pod()), "{}");
}

TEST(Encode, PrettyJsonIsIndentedByFour) {
  core::Pod pod = readBack<core::Pod>("metadata: {name: x, finalizers: [a, b]}\nspec: {}\n");
  EXPECT_EQ(toJson(pod, {.apiVersion = "", .kind = "", .pretty = true}), R"({
    "metadata": {
        "name": "x",
        "finalizers": [
            "a",
            "b"
        ]
    },
    "spec": {}
})");
}

TEST(Encode, YamlLooksAsKubectlPrintsIt) {
  core::Pod pod = readBack<core::Pod>(R"(
metadata: {name: x, annotations: {script: "a\n  b\n", number: "5", when: "2026-01-02T03:04:05Z"}}
spec:
  containers:
  - {name: a, args: [--flag=1, -c, "true", "a: b", "x\ny"], resources: {}}
  volumes:
  - {name: e, emptyDir: {}}
)");
  EXPECT_EQ(toYaml(pod, {.apiVersion = "v1", .kind = "Pod"}), R"(apiVersion: v1
kind: Pod
metadata:
  name: x
  annotations:
    number: "5"
    script: |
      a
        b
    when: "2026-01-02T03:04:05Z"
spec:
  volumes:
  - name: e
    emptyDir: {}
  containers:
  - name: a
    args:
    - --flag=1
    - -c
    - "true"
    - "a: b"
    - |-
      x
      y
    resources: {}
)");
  EXPECT_EQ(toYaml(core::Pod()), "{}\n");
}

TEST(Encode, SpecialMessagesHaveTheirOwnForms) {
  core::Pod pod;
  pod.mutable_metadata()->mutable_creationtimestamp();  // no time
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1767323045);
  auto* container = pod.mutable_spec()->add_containers();
  (*container->mutable_resources()->mutable_limits())["cpu"].set_string("1");
  (*container->mutable_resources()->mutable_limits())["memory"];
  auto* port = container->mutable_livenessprobe()->mutable_handler()->mutable_tcpsocket()->mutable_port();
  port->set_type(1);
  port->set_strval("http");
  container->mutable_readinessprobe()->mutable_handler()->mutable_tcpsocket()->mutable_port();
  EXPECT_EQ(toJson(pod),
            R"({"metadata":{"deletionTimestamp":"2026-01-02T03:04:05Z"},"spec":{"containers":[{"resources":{"limits":)"
            R"({"cpu":"1","memory":"0"}},"livenessProbe":{"tcpSocket":{"port":"http"}},)"
            R"("readinessProbe":{"tcpSocket":{"port":0}}}]}})");
}

TEST(Encode, RawExtensionsThatHoldNoJsonAreLeftOut) {
  core::List list;
  list.add_items()->set_raw(R"({"kind":"Pod", "x": [1, 2]} )");
  list.add_items()->set_raw("k8s\0\1\2");
  k8s::meta::v1::WatchEvent event;
  event.set_type("ADDED");
  event.mutable_object()->set_raw("{\"a\":");
  EXPECT_EQ(toJson(list), R"({"items":[{"kind":"Pod","x":[1,2]},null]})");
  EXPECT_EQ(toJson(event), R"({"type":"ADDED"})");
}

TEST(Encode, TheOptionsWinOverFields) {
  k8s::meta::v1::OwnerReference owner;
  owner.set_kind("Node");
  owner.set_name("n");
  EXPECT_EQ(toJson(owner, {.apiVersion = "v1", .kind = "X"}), R"({"apiVersion":"v1","kind":"X","name":"n"})");
  EXPECT_EQ(toJson(owner), R"({"kind":"Node","name":"n"})");
}

TEST(Encode, InvalidUtf8IsReplaced) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("a\xff\xe2\x82z");
  EXPECT_EQ(toJson(pod), "{\"metadata\":{\"name\":\"a\ufffd\ufffd\ufffdz\"}}");
  EXPECT_EQ(readBack<core::Pod>(toYaml(pod)).metadata().name(), "a\ufffd\ufffd\ufffdz");
}

// Every string must come back from both notations, whatever it looks like: as a value, as a key and as a list element.
TEST(Encode, AnyStringSurvives) {
  std::vector<std::string> strings = {"",
                                      " ",
                                      "\n",
                                      "\n\n",
                                      "a\n",
                                      "a\n\n",
                                      "a\n\nb",
                                      " a\nb",
                                      "a\n b",
                                      "a \nb",
                                      "a\n\tb",
                                      "\ta\nb",
                                      "a\r\nb",
                                      "a\rb",
                                      "# a",
                                      "a # b",
                                      "a: b",
                                      "a:",
                                      ": a",
                                      "- a",
                                      "-",
                                      "--",
                                      "---",
                                      "--- a",
                                      "...",
                                      "? a",
                                      "?",
                                      "!a",
                                      "&a",
                                      "*a",
                                      "|",
                                      ">",
                                      "%a",
                                      "@a",
                                      "`a",
                                      "\"a",
                                      "'a",
                                      "[a",
                                      "{a",
                                      "]",
                                      "}",
                                      ",",
                                      "<<",
                                      "=",
                                      "~",
                                      "null",
                                      "true",
                                      "y",
                                      "1",
                                      "0x1",
                                      "1.",
                                      ".5",
                                      "1e3",
                                      "1_0",
                                      ".inf",
                                      "+1",
                                      "-1",
                                      "0b1",
                                      "08",
                                      "190:20:30",
                                      "2001-12-14",
                                      "a\u0085b",
                                      "a\u2028b",
                                      "\ufeff",
                                      "\u0080",
                                      "\x7f",
                                      "a\\b",
                                      "a\"b",
                                      "\\",
                                      "\x01",
                                      "ä",
                                      "😀",
                                      "a\n---\nb",
                                      "a\n...\n",
                                      "#\nb",
                                      "- a\n- b\n",
                                      std::string("a\0b", 3),
                                      std::string(1500, 'k'),
                                      std::string(1500, '\n')};
  for (const std::string& text : strings) {
    core::Pod pod;
    (*pod.mutable_metadata()->mutable_labels())["k"] = text;
    (*pod.mutable_metadata()->mutable_annotations())[text] = text;
    pod.mutable_metadata()->add_finalizers(text);
    pod.mutable_spec()->add_containers()->add_args(text);
    expectRoundTrip(pod);
  }
}

}  // namespace
}  // namespace cubelet::api
