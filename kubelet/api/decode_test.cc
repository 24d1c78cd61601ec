#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"
#include "proto/kubelet/config.pb.h"
#include "proto/kubelet/kubeconfig.pb.h"

namespace cubelet::api {
namespace {

namespace core = ::k8s::core::v1;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> decodeInto(std::string_view text, google::protobuf::Message& message,
                                    UnknownFields unknown = UnknownFields::kReject, bool want = true) {
  std::vector<Problem> problems;
  auto documents = parseDocuments(text, {}, problems);
  EXPECT_EQ(documents.size(), 1u);
  if (!documents.empty()) EXPECT_EQ(decode(documents[0], unknown, message, problems), want);
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(problem.text("web.yaml") + (problem.fatal ? "" : " (warning)"));
  return out;
}

core::Pod decodePod(std::string_view text) {
  core::Pod pod;
  EXPECT_THAT(decodeInto(text, pod), IsEmpty());
  return pod;
}

TEST(Decode, FillsAPod) {
  core::Pod pod = decodePod(R"(apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, "on": "yes"}
  creationTimestamp: "2026-01-02T03:04:05.6Z"
spec:
  terminationGracePeriodSeconds: 30
  hostNetwork: yes
  nodeSelector:
    disk: ssd
  containers:
  - name: web
    image: nginx:1.27
    args: ["-c", "a b"]
    env:
    - name: A
      valueFrom:
        secretKeyRef: {name: s, key: k, optional: true}
    - name: B
      value: "1"
    ports:
    - containerPort: 80
      protocol: TCP
    resources:
      limits: {cpu: 0.5, memory: 64Mi}
      requests: {cpu: 250m, memory: 1e3}
    livenessProbe:
      httpGet: {path: /, port: http, httpHeaders: [{name: X, value: z}]}
      periodSeconds: 5
    readinessProbe:
      tcpSocket:
        port: 8080
  ephemeralContainers:
  - name: debug
    image: busybox
    targetContainerName: web
  volumes:
  - name: data
    emptyDir: {sizeLimit: 1Gi}
  - name: config
    configMap:
      name: cm
      defaultMode: 0644
)");
  const core::PodSpec& spec = pod.spec();
  EXPECT_EQ(pod.metadata().name(), "web");
  EXPECT_EQ(pod.metadata().labels().at("on"), "yes");
  EXPECT_EQ(pod.metadata().labels().at("app"), "web");
  EXPECT_EQ(pod.metadata().creationtimestamp().seconds(), 1767323045);
  EXPECT_EQ(pod.metadata().creationtimestamp().nanos(), 0);
  EXPECT_EQ(spec.terminationgraceperiodseconds(), 30);
  EXPECT_TRUE(spec.hostnetwork());
  EXPECT_EQ(spec.nodeselector().at("disk"), "ssd");
  const core::Container& container = spec.containers(0);
  EXPECT_THAT(container.args(), ElementsAre("-c", "a b"));
  EXPECT_EQ(container.env(0).valuefrom().secretkeyref().localobjectreference().name(), "s");
  EXPECT_EQ(container.env(0).valuefrom().secretkeyref().key(), "k");
  EXPECT_EQ(container.env(1).value(), "1");
  EXPECT_EQ(container.ports(0).containerport(), 80);
  EXPECT_EQ(container.resources().limits().at("cpu").string(), "500m");
  EXPECT_EQ(container.resources().limits().at("memory").string(), "64Mi");
  EXPECT_EQ(container.resources().requests().at("memory").string(), "1k");
  EXPECT_EQ(container.livenessprobe().handler().httpget().port().type(), 1);
  EXPECT_EQ(container.livenessprobe().handler().httpget().port().strval(), "http");
  EXPECT_EQ(container.livenessprobe().handler().httpget().httpheaders(0).value(), "z");
  EXPECT_EQ(container.livenessprobe().periodseconds(), 5);
  EXPECT_EQ(container.readinessprobe().handler().tcpsocket().port().type(), 0);
  EXPECT_EQ(container.readinessprobe().handler().tcpsocket().port().intval(), 8080);
  EXPECT_EQ(spec.ephemeralcontainers(0).ephemeralcontainercommon().image(), "busybox");
  EXPECT_EQ(spec.ephemeralcontainers(0).targetcontainername(), "web");
  EXPECT_EQ(spec.volumes(0).volumesource().emptydir().sizelimit().string(), "1Gi");
  EXPECT_EQ(spec.volumes(1).volumesource().configmap().localobjectreference().name(), "cm");
  EXPECT_EQ(spec.volumes(1).volumesource().configmap().defaultmode(), 420);
}

TEST(Decode, JsonSaysTheSame) {
  core::Pod fromYaml =
      decodePod("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: b, tty: on}\n");
  core::Pod fromJson = decodePod(
      "{\"apiVersion\":\t\"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"\\u0061\"},\n\t\"spec\": "
      "{\"containers\": "
      "[{\"name\": \"b\", \"tty\": true}]}}");
  EXPECT_EQ(fromYaml.SerializeAsString(), fromJson.SerializeAsString());
}

TEST(Decode, ClearsTheMessageFirst) {
  core::Pod pod = decodePod("metadata: {name: a}\nspec: {containers: [{name: x}]}\n");
  decodeInto("spec: {containers: [{name: z}]}\n", pod);
  EXPECT_FALSE(pod.has_metadata());
  ASSERT_EQ(pod.spec().containers_size(), 1);
  EXPECT_EQ(pod.spec().containers(0).name(), "z");
}

TEST(Decode, NullIsAbsentButKeepsItsPlaceInListsAndMaps) {
  core::Pod pod = decodePod(R"(
metadata:
  name: ~
  labels: {a: , b: x}
spec:
  hostNetwork: null
  volumes: null
  containers:
  - args: [a, ~, b]
    resources: {limits: {cpu: ~}}
  -
)");
  EXPECT_FALSE(pod.metadata().has_name());
  EXPECT_EQ(pod.metadata().labels().at("a"), "");
  EXPECT_FALSE(pod.spec().has_hostnetwork());
  EXPECT_EQ(pod.spec().volumes_size(), 0);
  ASSERT_EQ(pod.spec().containers_size(), 2);
  EXPECT_THAT(pod.spec().containers(0).args(), ElementsAre("a", "", "b"));
  EXPECT_EQ(pod.spec().containers(0).resources().limits().at("cpu").string(), "0");
}

TEST(Decode, EmptyObjectsArePresent) {
  core::Pod pod = decodePod("spec:\n  securityContext: {}\n  volumes:\n  - {name: a, emptyDir: {}}\n");
  EXPECT_TRUE(pod.spec().has_securitycontext());
  EXPECT_TRUE(pod.spec().volumes(0).volumesource().has_emptydir());
}

TEST(Decode, WholeNumbersInOtherNotations) {
  core::Pod pod = decodePod("spec: {priority: 1e3, terminationGracePeriodSeconds: 8.0, activeDeadlineSeconds: 0x10}\n");
  EXPECT_EQ(pod.spec().priority(), 1000);
  EXPECT_EQ(pod.spec().terminationgraceperiodseconds(), 8);
  EXPECT_EQ(pod.spec().activedeadlineseconds(), 16);
}

TEST(Decode, BytesAreBase64) {
  core::Secret secret;
  EXPECT_THAT(decodeInto("kind: Secret\ndata: {a: Zm9v, b: \"\"}\nstringData: {c: x}\n", secret), IsEmpty());
  EXPECT_EQ(secret.data().at("a"), "foo");
  EXPECT_EQ(secret.data().at("b"), "");
  EXPECT_EQ(secret.stringdata().at("c"), "x");
}

TEST(Decode, RawJsonIsKeptAsText) {
  k8s::meta::v1::ManagedFieldsEntry entry;
  EXPECT_THAT(decodeInto("manager: m\nfieldsV1:\n  f:metadata: {f:labels: {\".\": {}}}\n  x: [1, yes, ~]\n", entry),
              IsEmpty());
  EXPECT_EQ(entry.fieldsv1().raw(), R"({"f:metadata":{"f:labels":{".":{}}},"x":[1,true,null]})");
}

TEST(Decode, FillsAKubeletConfiguration) {
  kubelet::config::v1beta1::KubeletConfiguration config;
  EXPECT_THAT(decodeInto(R"(apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
syncFrequency: 1m30s
fileCheckFrequency: 0s
logging: {flushFrequency: 5000000000, options: {json: {infoBufferSize: "0"}}}
clusterDNS: [10.96.0.10]
featureGates: {A: true, B: no}
evictionHard: {memory.available: 100Mi, nodefs.available: "10%"}
staticPodURLHeader: {X-A: [b, c], X-D: []}
memoryThrottlingFactor: 0.9
tlsCurvePreferences: [29, 0x17]
registerWithTaints: [{key: a, effect: NoSchedule}]
)",
                         config),
              IsEmpty());
  EXPECT_EQ(config.syncfrequency().duration(), 90'000'000'000);
  EXPECT_TRUE(config.has_filecheckfrequency());
  EXPECT_EQ(config.logging().flushfrequency().duration(), 5'000'000'000);
  EXPECT_EQ(config.logging().options().json().infobuffersize().string(), "0");
  EXPECT_THAT(config.clusterdns(), ElementsAre("10.96.0.10"));
  EXPECT_TRUE(config.featuregates().at("A"));
  EXPECT_FALSE(config.featuregates().at("B"));
  EXPECT_EQ(config.evictionhard().at("nodefs.available"), "10%");
  EXPECT_THAT(config.staticpodurlheader().at("X-A").items(), ElementsAre("b", "c"));
  EXPECT_EQ(config.memorythrottlingfactor(), 0.9);
  EXPECT_THAT(config.tlscurvepreferences(), ElementsAre(29, 23));
  EXPECT_EQ(config.registerwithtaints(0).effect(), "NoSchedule");
}

TEST(Decode, NamesWithDashesComeFromTheSchema) {
  kubelet::clientconfig::v1::Config config;
  EXPECT_THAT(decodeInto("current-context: a\nusers: [{name: u, user: {client-key-data: Zm9v}}]\n", config), IsEmpty());
  EXPECT_EQ(config.users(0).user().client_key_data(), "foo");
  EXPECT_EQ(toJson(config), R"({"current-context":"a","users":[{"name":"u","user":{"client-key-data":"Zm9v"}}]})");
  EXPECT_THAT(decodeInto("current_context: a\n", config, UnknownFields::kReject, false),
              ElementsAre("web.yaml:1: current_context: unknown field, did you mean \"current-context\"?"));
}

TEST(Decode, RefusesABadKubeletConfiguration) {
  kubelet::config::v1beta1::KubeletConfiguration config;
  EXPECT_THAT(
      decodeInto(
          "syncFrequency: 90\nfileCheckFrequency: soon\nhttpCheckFrequency: [1s]\nlogging: {flushFrequency: 1.5}\n"
          "featureGates: {A: 1}\nstaticPodURLHeader: {X: a}\nmemoryThrottlingFactor: .inf\nauthentication: {kind: a}\n",
          config, UnknownFields::kReject, false),
      ElementsAre("web.yaml:2: fileCheckFrequency: \"soon\" is not a duration such as 1m30s",
                  "web.yaml:3: httpCheckFrequency: expected duration, got list",
                  "web.yaml:4: logging.flushFrequency: expected integer, got number",
                  "web.yaml:5: featureGates[A]: expected boolean, got integer",
                  "web.yaml:6: staticPodURLHeader[X]: expected list, got string",
                  "web.yaml:7: memoryThrottlingFactor: expected finite number, got number",
                  "web.yaml:8: authentication.kind: unknown field"));
  EXPECT_EQ(config.syncfrequency().duration(), 90);
}

TEST(Decode, MicroTimesKeepMicroseconds) {
  core::Event event;
  EXPECT_THAT(decodeInto("eventTime: 2026-01-02T03:04:05.123456789Z\n", event), IsEmpty());
  EXPECT_EQ(event.eventtime().seconds(), 1767323045);
  EXPECT_EQ(event.eventtime().nanos(), 123'456'000);
}

TEST(Decode, ItemsOfAListMayNameTheirKind) {
  core::PodList list;
  EXPECT_THAT(
      decodeInto(
          "kind: PodList\napiVersion: v1\nmetadata: {}\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n",
          list),
      IsEmpty());
  EXPECT_EQ(list.items(0).metadata().name(), "a");
}

struct BadCase {
  std::string name;
  std::string text;
  std::vector<std::string> problems;
};
void PrintTo(const BadCase& c, std::ostream* out) {
  *out << c.name;
}

class RefusesPod : public testing::TestWithParam<BadCase> {};

TEST_P(RefusesPod, WithLineAndPath) {
  core::Pod pod;
  EXPECT_EQ(decodeInto(GetParam().text, pod, UnknownFields::kReject, false), GetParam().problems);
}

INSTANTIATE_TEST_SUITE_P(
    Decode, RefusesPod,
    testing::Values(
        BadCase{"UnknownField",
                "kind: Pod\nspec:\n  containers:\n  - name: a\n    imagee: b\n",
                {"web.yaml:5: spec.containers[0].imagee: unknown field, did you mean \"image\"?"}},
        BadCase{
            "UnknownFieldWithoutNeighbour", "spec:\n  flavour: sweet\n", {"web.yaml:2: spec.flavour: unknown field"}},
        BadCase{"WrongLetterCase",
                "spec:\n  hostnetwork: true\n",
                {"web.yaml:2: spec.hostnetwork: unknown field, did you mean \"hostNetwork\"?"}},
        BadCase{"SuggestsInlinedNames",
                "spec:\n  volumes:\n  - name: a\n    emptydir: {}\n",
                {"web.yaml:4: spec.volumes[0].emptydir: unknown field, did you mean \"emptyDir\"?"}},
        BadCase{"InlinedMemberHasNoName",
                "spec:\n  volumes:\n  - volumeSource: {emptyDir: {}}\n",
                {"web.yaml:3: spec.volumes[0].volumeSource: unknown field"}},
        BadCase{"KindInsideSpec", "spec:\n  kind: Pod\n", {"web.yaml:2: spec.kind: unknown field"}},
        BadCase{"KindIsNoString",
                "apiVersion: 1\nkind: [a]\n",
                {"web.yaml:1: apiVersion: expected string, got integer (put it in quotes)",
                 "web.yaml:2: kind: expected string, got list"}},
        BadCase{"DuplicateKey",
                "spec:\n  nodeName: a\n  hostPID: true\n  nodeName: b\n",
                {"web.yaml:4: spec.nodeName: duplicate key, first on line 2"}},
        BadCase{"DuplicateLabel",
                "metadata:\n  labels:\n    x/y: a\n    x/y: b\n",
                {"web.yaml:4: metadata.labels[x/y]: duplicate key, first on line 3"}},
        BadCase{"DuplicateAtRoot", "kind: Pod\nkind: Pod\n", {"web.yaml:2: kind: duplicate key, first on line 1"}},
        BadCase{"DuplicateInJson",
                "{\"spec\": {\"nodeName\": \"a\",\n\"nodeName\": \"b\"}}",
                {"web.yaml:2: spec.nodeName: duplicate key, first on line 1"}},
        BadCase{"IntegerWantsNoString",
                "spec:\n  containers:\n  - ports:\n    - containerPort: \"80\"\n",
                {"web.yaml:4: spec.containers[0].ports[0].containerPort: expected integer, got string"}},
        BadCase{"IntegerWantsNoFraction",
                "spec: {priority: 1.5}",
                {"web.yaml:1: spec.priority: expected integer, got number"}},
        BadCase{"IntegerTooLarge",
                "spec:\n  priority: 2147483648\n",
                {"web.yaml:2: spec.priority: 2147483648 does not fit into a 32-bit integer"}},
        BadCase{"IntegerFarTooLarge",
                "spec:\n  activeDeadlineSeconds: 9223372036854775808\n",
                {"web.yaml:2: spec.activeDeadlineSeconds: 9223372036854775808 does not fit into a 64-bit integer"}},
        BadCase{"IntegerTooLargeAsFraction",
                "{\"spec\": {\"priority\": 1e10}}",
                {"web.yaml:1: spec.priority: 1e10 does not fit into a 32-bit integer"}},
        BadCase{"StringWantsQuotes",
                "spec:\n  containers:\n  - env:\n    - name: a\n      value: yes\n    - name: 7\n",
                {"web.yaml:5: spec.containers[0].env[0].value: expected string, got boolean (put it in quotes)",
                 "web.yaml:6: spec.containers[0].env[1].name: expected string, got integer (put it in quotes)"}},
        BadCase{"BooleanWantsNoString",
                "spec: {hostNetwork: \"true\"}",
                {"web.yaml:1: spec.hostNetwork: expected boolean, got string"}},
        BadCase{"ObjectWantsNoString", "spec: web\n", {"web.yaml:1: spec: expected object, got string"}},
        BadCase{"ObjectWantsNoList", "metadata:\n- name: a\n", {"web.yaml:2: metadata: expected object, got list"}},
        BadCase{"ListWantsNoObject",
                "spec:\n  containers:\n    name: a\n",
                {"web.yaml:3: spec.containers: expected list, got object"}},
        BadCase{"ListWantsNoString",
                "spec:\n  containers:\n  - command: sh\n",
                {"web.yaml:3: spec.containers[0].command: expected list, got string"}},
        BadCase{"ElementOfWrongKind",
                "spec:\n  containers:\n  - a\n  - args: [x, {y: 1}]\n",
                {"web.yaml:3: spec.containers[0]: expected object, got string",
                 "web.yaml:4: spec.containers[1].args[1]: expected string, got object"}},
        BadCase{"MapOfWrongKind",
                "metadata:\n  labels: [a]\n  annotations: {b: 1, c: {}}\n",
                {"web.yaml:2: metadata.labels: expected object, got list",
                 "web.yaml:3: metadata.annotations[b]: expected string, got integer (put it in quotes)",
                 "web.yaml:3: metadata.annotations[c]: expected string, got object"}},
        BadCase{
            "BadQuantities",
            "spec:\n  containers:\n  - resources:\n      limits:\n        cpu: 1 core\n        memory: [1]\n        x: "
            ".inf\n",
            {"web.yaml:5: spec.containers[0].resources.limits[cpu]: \"1 core\" is not a quantity such as 250m, 64Mi or "
             "1.5",
             "web.yaml:6: spec.containers[0].resources.limits[memory]: expected quantity (string or number), got list",
             "web.yaml:7: spec.containers[0].resources.limits[x]: \".inf\" is not a quantity such as 250m, 64Mi or "
             "1.5"}},
        BadCase{"BadPort",
                "spec:\n  containers:\n  - livenessProbe:\n      httpGet:\n        port: true\n",
                {"web.yaml:5: spec.containers[0].livenessProbe.httpGet.port: expected integer or string, got boolean"}},
        BadCase{"PortTooLarge",
                "spec: {containers: [{livenessProbe: {tcpSocket: {port: 3000000000}}}]}",
                {"web.yaml:1: spec.containers[0].livenessProbe.tcpSocket.port: 3000000000 does not fit into a 32-bit "
                 "integer"}},
        BadCase{"BadTime",
                "metadata:\n  creationTimestamp: 2026-01-02\n  deletionTimestamp: 7\n",
                {"web.yaml:2: metadata.creationTimestamp: \"2026-01-02\" is not a time such as 2006-01-02T15:04:05Z",
                 "web.yaml:3: metadata.deletionTimestamp: expected time, got integer"}},
        BadCase{"ProblemsComeInTheOrderOfTheText",
                "metadata:\n  name: 1\n  nme: x\n  name: 2\nspec:\n  priority: x\n",
                {"web.yaml:3: metadata.nme: unknown field, did you mean \"name\"?",
                 "web.yaml:4: metadata.name: duplicate key, first on line 2",
                 "web.yaml:4: metadata.name: expected string, got integer (put it in quotes)",
                 "web.yaml:6: spec.priority: expected integer, got string"}},
        BadCase{"AliasKeepsThePathOfItsUse",
                "metadata: &x\n  name: a\n  bad: 1\nspec:\n  affinity: *x\n",
                {"web.yaml:2: spec.affinity.name: unknown field", "web.yaml:3: metadata.bad: unknown field",
                 "web.yaml:3: spec.affinity.bad: unknown field"}}),
    [](const auto& test) { return test.param.name; });

TEST(Decode, BadBase64IsRefused) {
  core::Secret secret;
  EXPECT_THAT(decodeInto("data:\n  a: \"%\"\n  b: 7\n", secret, UnknownFields::kReject, false),
              ElementsAre("web.yaml:2: data[a]: not valid base64",
                          "web.yaml:3: data[b]: expected string, got integer (put it in quotes)"));
}

TEST(Decode, DuplicatesInRawJsonAreFound) {
  k8s::meta::v1::ManagedFieldsEntry entry;
  EXPECT_THAT(decodeInto("fieldsV1:\n  a: [{b: 1, b: 2}]\n", entry, UnknownFields::kReject, false),
              ElementsAre("web.yaml:2: fieldsV1.a[0].b: duplicate key, first on line 2"));
}

TEST(Decode, UnknownAndDuplicateKeysCanBeWarnings) {
  core::Pod pod;
  EXPECT_THAT(decodeInto("metadata: {name: a, name: b}\nspec:\n  hostNetwrk: true\n", pod, UnknownFields::kWarn, true),
              ElementsAre("web.yaml:1: metadata.name: duplicate key, first on line 1 (warning)",
                          "web.yaml:3: spec.hostNetwrk: unknown field, did you mean \"hostNetwork\"? (warning)"));
  EXPECT_EQ(pod.metadata().name(), "b");
}

TEST(Decode, WrongTypesAreFatalAlsoWithWarnings) {
  core::Pod pod;
  EXPECT_THAT(decodeInto("spec: {hostNetwork: 1}\n", pod, UnknownFields::kWarn, false),
              ElementsAre("web.yaml:1: spec.hostNetwork: expected boolean, got integer"));
}

TEST(Decode, TheNumberOfProblemsIsBounded) {
  std::string text = "spec:\n";
  for (int i = 0; i < 150; ++i) text += "  bad" + std::to_string(i) + ": 1\n";
  core::Pod pod;
  auto problems = decodeInto(text, pod, UnknownFields::kReject, false);
  ASSERT_EQ(problems.size(), 101u);
  EXPECT_EQ(problems[99], "web.yaml:101: spec.bad99: unknown field");
  EXPECT_EQ(problems[100], "web.yaml: 50 further problems are not shown");
}

TEST(Decode, NothingComesFromNoDocument) {
  core::Pod pod;
  std::vector<Problem> problems;
  EXPECT_FALSE(decode(Document{}, UnknownFields::kReject, pod, problems));
}

}  // namespace
}  // namespace cubelet::api
