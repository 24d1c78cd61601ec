#include "staticpods/manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kubelet/api/pod.h"

namespace cubelet::staticpods {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPath = "/etc/kubernetes/manifests/web.yaml";

ManifestOptions options() {
  return {
      .nodeName = "node-1", .source = Source::kFile, .seen = WallTime{std::chrono::milliseconds(1'800'000'000'250)}};
}

Manifest parse(const std::string& text, const ManifestOptions& with = options()) {
  return parseManifest(kPath, text, with);
}

std::string uidOf(const std::string& text, const ManifestOptions& with = options(), std::string_view path = kPath) {
  const Manifest manifest = parseManifest(path, text, with);
  return manifest.pods.size() == 1 ? manifest.pods[0].metadata().uid() : "not one pod";
}

std::vector<std::string> problems(const std::string& text) {
  return parse(text).problemTexts("web.yaml");
}

std::string podText(const std::string& name, const std::string& more = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name +
         "\nspec:\n  containers:\n  - name: c\n    image: busybox\n" + more;
}

// ---- what a pod becomes

TEST(ParseManifest, STA_4_STA_5_BindsThePodToThisNode) {
  const Manifest manifest = parse(podText("web"));
  ASSERT_TRUE(manifest.valid()) << manifest.problemTexts("web.yaml")[0];
  ASSERT_THAT(manifest.pods, SizeIs(1));
  const core::Pod& pod = manifest.pods[0];
  EXPECT_EQ(pod.metadata().name(), "web-node-1");
  EXPECT_EQ(pod.metadata().namespace_(), "default");
  EXPECT_EQ(pod.spec().nodename(), "node-1");
  EXPECT_EQ(pod.status().phase(), "Pending");
  EXPECT_THAT(pod.metadata().uid(), testing::MatchesRegex("[0-9a-f]{32}"));
}

TEST(ParseManifest, STA_7_AnnotatesWhereThePodComesFrom) {
  const core::Pod pod = parse(podText("web")).pods.at(0);
  const auto& annotations = pod.metadata().annotations();
  EXPECT_EQ(annotations.at("kubernetes.io/config.hash"), pod.metadata().uid());
  EXPECT_EQ(annotations.at("kubernetes.io/config.source"), "file");
  EXPECT_EQ(annotations.at("kubernetes.io/config.seen"), "2027-01-15T08:00:00.25Z");
  EXPECT_EQ(seenOf(pod), "2027-01-15T08:00:00.25Z");
}

TEST(ParseManifest, SRC_3_IgnoresWhatTheTextSaysAboutItsOwnSource) {
  const std::string text =
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    kubernetes.io/config.source: api\n"
      "    kubernetes.io/config.mirror: abc\n    mine: kept\n  deletionTimestamp: 2027-01-15T08:00:00Z\n"
      "spec:\n  containers:\n  - {name: c, image: busybox}\nstatus:\n  phase: Failed\n  podIP: 1.2.3.4\n";
  const Manifest manifest = parse(text);
  ASSERT_TRUE(manifest.valid()) << manifest.problemTexts("web.yaml")[0];
  const core::Pod& pod = manifest.pods[0];
  EXPECT_EQ(pod.metadata().annotations().at("kubernetes.io/config.source"), "file");
  EXPECT_FALSE(pod.metadata().annotations().contains("kubernetes.io/config.mirror"));
  EXPECT_EQ(pod.metadata().annotations().at("mine"), "kept");
  EXPECT_FALSE(pod.metadata().has_deletiontimestamp());
  EXPECT_EQ(pod.status().phase(), "Pending");
  EXPECT_FALSE(pod.status().has_podip());
}

TEST(ParseManifest, STA_4_AppliesTheDefaultsOfTheApi) {
  const core::Pod pod = parse(podText("web")).pods.at(0);
  EXPECT_EQ(pod.spec().restartpolicy(), "Always");
  EXPECT_EQ(pod.spec().terminationgraceperiodseconds(), 30);
  EXPECT_EQ(pod.spec().containers(0).imagepullpolicy(), "Always");
}

TEST(ParseManifest, STA_4_FilePodsTolerateNoExecuteOnceAndForEver) {
  const std::string already = "  tolerations:\n  - {operator: Exists, effect: NoExecute, tolerationSeconds: 5}\n";
  for (const std::string& more : {std::string(), already}) {
    const core::Pod pod = parse(podText("web", more)).pods.at(0);
    ASSERT_EQ(pod.spec().tolerations_size(), 1);
    EXPECT_EQ(pod.spec().tolerations(0).operator_(), "Exists");
    EXPECT_EQ(pod.spec().tolerations(0).effect(), "NoExecute");
    EXPECT_FALSE(pod.spec().tolerations(0).has_tolerationseconds());
  }
}

TEST(ParseManifest, STA_4_STA_7_UrlPodsSayHttpAndGetNoToleration) {
  ManifestOptions http = options();
  http.source = Source::kHttp;
  const core::Pod pod = parse(podText("web"), http).pods.at(0);
  EXPECT_EQ(pod.metadata().annotations().at("kubernetes.io/config.source"), "http");
  EXPECT_EQ(pod.spec().tolerations_size(), 0);
}

TEST(ParseManifest, STA_6_KeepsNamespaceAndUidOfTheText) {
  const std::string text =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: kube-system, uid: 0123-abc}\n"
      "spec: {containers: [{name: c, image: busybox}]}\n";
  const core::Pod pod = parse(text).pods.at(0);
  EXPECT_EQ(api::podRef(pod), "kube-system/web-node-1");
  EXPECT_EQ(pod.metadata().uid(), "0123-abc");
  EXPECT_EQ(pod.metadata().annotations().at("kubernetes.io/config.hash"), "0123-abc");
}

// ---- UID

TEST(Uid, STA_6_IsTheSameForTheSameManifestWhateverItsLayout) {
  const std::string yaml =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {a: '1', b: '2'}}\n"
      "spec: {containers: [{name: c, image: busybox}]}\n";
  const std::string json =
      R"({"spec":{"containers":[{"image":"busybox","name":"c"}]},"metadata":{"labels":{"b":"2","a":"1"},"name":"web"},)"
      R"("kind":"Pod","apiVersion":"v1"})";
  EXPECT_EQ(uidOf(yaml), uidOf("# a comment\n" + yaml));
  EXPECT_EQ(uidOf(yaml), uidOf(json));
}

TEST(Uid, STA_6_DoesNotDependOnWhenTheTextWasSeen) {
  ManifestOptions later = options();
  later.seen += std::chrono::hours(1);
  EXPECT_EQ(uidOf(podText("web")), uidOf(podText("web"), later));
}

TEST(Uid, STA_6_ChangesWithContentPathAndNode) {
  const std::string base = uidOf(podText("web"));
  ManifestOptions other = options();
  other.nodeName = "node-2";
  EXPECT_NE(base, uidOf(podText("web2")));
  EXPECT_NE(base, uidOf(podText("web", "    tty: true\n")));
  EXPECT_NE(base, uidOf(podText("web", "    tty: false\n")));
  EXPECT_NE(base, uidOf(podText("web"), options(), "/etc/kubernetes/manifests/other.yaml"));
  EXPECT_NE(base, uidOf(podText("web"), other));
}

// A changed value here restarts every static pod of every node on the next update of the agent.
TEST(Uid, STA_6_StaysTheSameAcrossVersionsOfTheAgent) {
  EXPECT_EQ(uidOf(podText("web")), "2b3bc91dc398fb28660d58e4a182e235");
}

// ---- several documents

TEST(ParseManifest, ReadsSeveralDocumentsAndLists) {
  const std::string list =
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n"
      "  spec: {containers: [{name: c, image: i}]}\n- apiVersion: v1\n  kind: Pod\n"
      "  metadata: {name: b}\n  spec: {containers: [{name: c, image: i}]}\n";
  const Manifest manifest = parse(podText("web") + "---\n" + list + "---\n# nothing\n");
  ASSERT_TRUE(manifest.valid()) << manifest.problemTexts("web.yaml")[0];
  std::vector<std::string> names;
  for (const core::Pod& pod : manifest.pods) names.push_back(pod.metadata().name());
  EXPECT_THAT(names, ElementsAre("web-node-1", "a-node-1", "b-node-1"));
}

TEST(ParseManifest, ReadsAPodListInJson) {
  const Manifest manifest = parse(R"({"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"a"},)"
                                  R"("spec":{"containers":[{"name":"c","image":"i"}]}}]})");
  ASSERT_TRUE(manifest.valid()) << manifest.problemTexts("web.yaml")[0];
  EXPECT_THAT(manifest.pods, SizeIs(1));
}

TEST(ParseManifest, OneBadDocumentKeepsAllOthersOutToo) {
  const Manifest manifest = parse(podText("good") + "---\n" + podText("bad", "    imagee: x\n"));
  EXPECT_FALSE(manifest.valid());
  EXPECT_THAT(manifest.pods, IsEmpty());
}

TEST(ParseManifest, AnEmptyListIsValidAndAnEmptyTextIsNot) {
  EXPECT_TRUE(parse("apiVersion: v1\nkind: PodList\nitems: []\n").valid());
  for (const char* text : {"", "\n", "# only a comment\n", "---\n---\n"})
    EXPECT_THAT(problems(text), ElementsAre(HasSubstr("no pod in it"))) << '"' << text << '"';
}

// ---- problems

TEST(Problems, NameLineAndField) {
  EXPECT_THAT(problems(podText("web", "    imagee: x\n")),
              ElementsAre("web.yaml:9: spec.containers[0].imagee: unknown field, did you mean \"image\"?"));
}

TEST(Problems, OfValidationHaveTheirLineToo) {
  const std::string text = podText("web", "  restartPolicy: Sometimes\n");
  const auto found = problems(text);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0], testing::StartsWith("web.yaml:9: spec.restartPolicy: "));
}

TEST(Problems, ComeAllAtOnceInOrderOfLines) {
  const Manifest manifest = parse(podText("a", "  restartPolicy: Sometimes\n") + "---\n" + podText("b", "    x: y\n"));
  ASSERT_THAT(manifest.problems, SizeIs(2));
  EXPECT_LT(manifest.problems[0].line, manifest.problems[1].line);
}

TEST(Problems, OtherKindsAreNamed) {
  EXPECT_THAT(problems("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"),
              ElementsAre("web.yaml:1: apps/v1 Deployment cannot run here: only v1 Pod can"));
  EXPECT_THAT(problems("apiVersion: v2\nkind: Pod\nmetadata: {name: x}\n"),
              ElementsAre(HasSubstr("v2 Pod cannot run here")));
  EXPECT_THAT(problems("metadata: {name: x}\n"), ElementsAre(HasSubstr("kind is missing")));
  EXPECT_THAT(problems("kind: Pod\nmetadata: {name: x}\n"), ElementsAre(HasSubstr("apiVersion is missing")));
}

TEST(Problems, ANameIsNeeded) {
  EXPECT_THAT(problems("apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x-\nspec:\n  containers: []\n"),
              ElementsAre(HasSubstr("metadata.name: required value")));
}

TEST(Problems, TheWholeNameMustBeValid) {
  EXPECT_THAT(problems(podText("Web_1")), testing::Contains(HasSubstr("metadata.name")));
}

TEST(Problems, HalfATextIsNoManifest) {
  const std::string whole = podText("web");
  // Cut inside the last line the text still parses as YAML; what matters is that nothing crashes and no cut before the
  // container's end yields a pod.
  for (std::size_t size = 0; size + 30 < whole.size(); ++size)
    EXPECT_FALSE(parse(whole.substr(0, size)).valid()) << whole.substr(0, size);
}

// ---- references to API objects (STA-8)

struct Reference {
  std::string name;
  std::string more;  // behind the container
  std::string want;
};

class STA_8_References : public testing::TestWithParam<Reference> {};

TEST_P(STA_8_References, AreRefused) {
  EXPECT_THAT(problems(podText("web", GetParam().more)), testing::Contains(HasSubstr(GetParam().want)));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, STA_8_References,
    testing::Values(
        Reference{"ServiceAccount", "  serviceAccountName: sa\n",
                  "web.yaml:9: spec.serviceAccountName: static pods may not reference serviceaccounts"},
        Reference{"OldServiceAccount", "  serviceAccount: sa\n",
                  "spec.serviceAccount: static pods may not reference serviceaccounts"},
        Reference{"PullSecret", "  imagePullSecrets: [{name: s}]\n",
                  "spec.imagePullSecrets[0]: static pods may not reference secrets"},
        Reference{"SecretVolume", "  volumes:\n  - {name: v, secret: {secretName: s}}\n",
                  "spec.volumes[0].secret: static pods may not reference secrets"},
        Reference{"ConfigMapVolume", "  volumes:\n  - {name: v, configMap: {name: s}}\n",
                  "spec.volumes[0].configMap: static pods may not reference configmaps"},
        Reference{"EnvFromSecret", "    envFrom: [{secretRef: {name: s}}]\n",
                  "spec.containers[0].envFrom[0].secretRef: static pods may not reference secrets"},
        Reference{"EnvFromConfigMap", "    envFrom: [{configMapRef: {name: s}}]\n",
                  "spec.containers[0].envFrom[0].configMapRef: static pods may not reference configmaps"},
        Reference{"EnvSecret", "    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n",
                  "spec.containers[0].env[0].valueFrom.secretKeyRef: static pods may not reference secrets"},
        Reference{
            "EnvConfigMapOfAnInitContainer",
            "  initContainers:\n  - name: i\n    image: b\n    env: [{name: A, valueFrom: {configMapKeyRef: {name: s, "
            "key: k}}}]\n",
            "spec.initContainers[0].env[0].valueFrom.configMapKeyRef: static pods may not reference configmaps"},
        Reference{"Claim", "  volumes:\n  - {name: v, persistentVolumeClaim: {claimName: c}}\n",
                  "static pods may not reference persistentvolumeclaims"},
        Reference{"Ephemeral",
                  "  volumes:\n  - name: v\n    ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], "
                  "resources: {requests: {storage: 1Gi}}}}}\n",
                  "static pods may not reference persistentvolumeclaims (via ephemeral volumes)"},
        Reference{"Csi", "  volumes:\n  - {name: v, csi: {driver: d.example.com}}\n",
                  "static pods may not reference csidrivers (via CSI volumes)"},
        Reference{"Token", "  volumes:\n  - {name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}\n",
                  "spec.volumes[0].projected.sources[0].serviceAccountToken: static pods may not reference "
                  "serviceaccounts (via projected volumes)"},
        Reference{"ProjectedSecret", "  volumes:\n  - {name: v, projected: {sources: [{secret: {name: s}}]}}\n",
                  "static pods may not reference secrets"},
        Reference{"ProjectedConfigMap", "  volumes:\n  - {name: v, projected: {sources: [{configMap: {name: s}}]}}\n",
                  "static pods may not reference configmaps"},
        Reference{"TrustBundle",
                  "  volumes:\n  - {name: v, projected: {sources: [{clusterTrustBundle: {name: s, path: p}}]}}\n",
                  "static pods may not reference clustertrustbundles"},
        Reference{"ResourceClaim", "  resourceClaims: [{name: r, resourceClaimName: c}]\n",
                  "spec.resourceClaims[0]: static pods may not reference resourceclaims"},
        Reference{"SecretOfIscsi",
                  "  volumes:\n  - {name: v, iscsi: {targetPortal: '1.2.3.4:3260', iqn: 'iqn.2001-04.com.example:x', "
                  "lun: 0, secretRef: {name: s}}}\n",
                  "spec.volumes[0].iscsi.secretRef: static pods may not reference secrets"}),
    [](const auto& test) { return test.param.name; });

// A standalone node may have ConfigMaps, Secrets and claims as files.
TEST(LocalReferences, WhatAFileOfTheNodeCanBeIsTaken) {
  ManifestOptions local = options();
  local.references = References::kLocal;
  const std::string taken =
      "    envFrom: [{secretRef: {name: s}}, {configMapRef: {name: s}}]\n"
      "    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n"
      "  imagePullSecrets: [{name: s}]\n"
      "  volumes:\n  - {name: a, secret: {secretName: s}}\n  - {name: b, configMap: {name: s}}\n"
      "  - {name: c, persistentVolumeClaim: {claimName: s}}\n"
      "  - {name: d, projected: {sources: [{secret: {name: s}}, {configMap: {name: s}}]}}\n"
      "  - {name: e, csi: {driver: d, nodePublishSecretRef: {name: s}}}\n";
  EXPECT_THAT(parse(podText("web", taken), local).problemTexts("web.yaml"), IsEmpty());
  for (const char* refused :
       {"  serviceAccountName: sa\n",
        "  volumes:\n  - {name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}\n",
        "  volumes:\n  - {name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], "
        "resources: {requests: {storage: 1Gi}}}}}}\n"})
    EXPECT_THAT(parse(podText("web", refused), local).problemTexts("web.yaml"),
                testing::Contains(HasSubstr("static pods may not reference")))
        << refused;
}

TEST(STA_8_References, VolumesThatNeedNoApiServerAreFine) {
  const Manifest manifest =
      parse(podText("web",
                    "  volumes:\n  - {name: a, hostPath: {path: /var}}\n  - {name: b, emptyDir: {}}\n"
                    "  - {name: c, projected: {sources: [{downwardAPI: {items: [{path: l, fieldRef: {fieldPath: "
                    "metadata.labels}}]}}]}}\n"
                    "  - {name: d, nfs: {server: s, path: /p}}\n"));
  EXPECT_TRUE(manifest.valid()) << manifest.problemTexts("web.yaml")[0];
}

}  // namespace
}  // namespace cubelet::staticpods
