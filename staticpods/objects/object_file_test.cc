#include "staticpods/objects/object_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "proto/k8s/core.pb.h"
#include "proto/k8s/node.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::staticpods {
namespace {

namespace core = ::k8s::core::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> problems(const std::string& text) {
  std::vector<std::string> out;
  for (const api::Problem& problem : parseObjects(text).problems) out.push_back(problem.text("o.yaml"));
  return out;
}

template <class T>
const T& only(const ObjectFile& file) {
  return static_cast<const T&>(*file.objects.at(0).object);
}

TEST(ObjectFile, SeveralKindsInOneText) {
  const ObjectFile file = parseObjects(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: red}\n---\n"
      "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: prod}\ndata: {key: aHVzaA==}\n---\n"
      "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: gvisor}\nhandler: runsc\n");
  ASSERT_THAT(file.problems, IsEmpty());
  std::vector<std::string> keys;
  for (const ObjectFile::Entry& entry : file.objects) keys.push_back(entry.key.text());
  EXPECT_THAT(keys, ElementsAre("configmap \"default/settings\"", "secret \"prod/keys\"", "runtimeclass \"gvisor\""));
  EXPECT_EQ(file.objects[1].line, 6);
  EXPECT_EQ(static_cast<const core::Secret&>(*file.objects[1].object).data().at("key"), "hush");
}

TEST(ObjectFile, CSI_10_ACsiDriverSaysWhatItWants) {
  const std::string head = "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: d.csi}\n";
  const ObjectFile file = parseObjects(head + "spec: {podInfoOnMount: true, volumeLifecycleModes: [Ephemeral]}\n");
  ASSERT_THAT(file.problems, IsEmpty());
  EXPECT_EQ(file.objects[0].key.text(), "csidriver \"d.csi\"");
  EXPECT_TRUE(only<k8s::storage::v1::CSIDriver>(file).spec().podinfoonmount());
  EXPECT_THAT(problems(head + "spec: {volumeLifecycleModes: [Persistent, Other]}\n"),
              ElementsAre(HasSubstr("spec.volumeLifecycleModes[1]")));
  EXPECT_THAT(problems(head + "spec: {tokenRequests: [{audience: a}]}\n"),
              ElementsAre(HasSubstr("a standalone node has no service account tokens")));
}

TEST(ObjectFile, CSI_3_ACsiVolumeNamesDriverAndHandle) {
  const std::string head = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec: {csi: ";
  EXPECT_THAT(problems(head + "{driver: d, volumeHandle: h}}\n"), IsEmpty());
  EXPECT_THAT(problems(head + "{driver: d}}\n"), ElementsAre(HasSubstr("spec.csi.volumeHandle")));
  EXPECT_THAT(problems(head + "{volumeHandle: h}}\n"), ElementsAre(HasSubstr("spec.csi.driver")));
}

TEST(ObjectFile, StringDataBecomesData) {
  const ObjectFile file = parseObjects(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: MQ==, b: MQ==}\nstringData: {b: two}\n");
  const core::Secret& secret = only<core::Secret>(file);
  EXPECT_EQ(secret.data().at("a"), "1");
  EXPECT_EQ(secret.data().at("b"), "two");
  EXPECT_EQ(secret.stringdata_size(), 0);
}

TEST(ObjectFile, AnEmptyTextIsFine) {
  EXPECT_THAT(problems("# nothing yet\n"), IsEmpty());
}

struct BadCase {
  std::string name;
  std::string text;
  std::string want;
};

class BadObjectFile : public testing::TestWithParam<BadCase> {};

TEST_P(BadObjectFile, SaysFileLineAndPath) {
  const std::string good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\n";
  EXPECT_THAT(problems(good + GetParam().text), ElementsAre(HasSubstr(GetParam().want)));
  EXPECT_THAT(parseObjects(good + GetParam().text).objects, IsEmpty()) << "as a whole or not at all";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadObjectFile,
    testing::Values(
        BadCase{"UnknownField", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n",
                "o.yaml:8: date: unknown field, did you mean \"data\"?"},
        BadCase{"Pod", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
                "o.yaml:5: a Pod is no object for pods: it belongs into the directory of manifests"},
        BadCase{"OtherKind", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
                "o.yaml:5: v1 Service is of no use"},
        BadCase{"NoKind", "apiVersion: v1\nmetadata: {name: a}\n", "o.yaml:5: kind is missing"},
        BadCase{"NoName", "apiVersion: v1\nkind: Secret\ndata: {a: aA==}\n", "metadata.name: Required value"},
        BadCase{"BadName", "apiVersion: v1\nkind: Secret\nmetadata: {name: A_b}\n",
                "o.yaml:7: metadata.name: Invalid value: \"A_b\""},
        BadCase{"BadKey", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {'a b': x}\n",
                "o.yaml:8: data[a b]: Invalid value: \"a b\""},
        BadCase{"KeyInBoth",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: x}\nbinaryData: {k: aA==}\n",
                "o.yaml:9: binaryData[k]: Duplicate value: \"k\""},
        BadCase{"ClaimWithoutVolume", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {}\n",
                "spec.volumeName: Required value: on a standalone node a claim names its volume"},
        BadCase{"VolumeWithoutSource", "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec: {}\n",
                "o.yaml:8: spec: Required value: exactly one of hostPath, local, nfs and csi"},
        BadCase{"RelativePath",
                "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec: {local: {path: /a/../b}}\n",
                "o.yaml:8: spec.local.path: Invalid value: \"/a/../b\": must be an absolute path without '..'"},
        BadCase{
            "NamespaceOfAVolume",
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a, namespace: b}\nspec: {local: {path: /a}}\n",
            "o.yaml:7: metadata.namespace: Forbidden: this kind has no namespace"}),
    [](const auto& test) { return test.param.name; });

TEST(ObjectFile, ValuesOfSecretsAreNotShown) {
  const std::string head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
  for (const char* data :
       {"data: {k: 'hush hush'}\n", "data: {k: 123456}\n", "data: [hush]\n", "data: {k: {hush: hush}}\n",
        "data: {k: \"hush\n", "stringData: {k: [hush]}\n", "data: {k: aA==, k: hush}\n"}) {
    const std::vector<std::string> found = problems(head + data);
    EXPECT_THAT(found, Not(IsEmpty())) << data;
    for (const std::string& line : found) EXPECT_THAT(line, Not(testing::AnyOf(HasSubstr("hush"), HasSubstr("123"))));
  }
}

TEST(ObjectFile, WhatAServerKeepsIsDropped) {
  const ObjectFile file = parseObjects(
      "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a, deletionTimestamp: '2026-01-01T00:00:00Z'}\n"
      "spec: {volumeName: v}\nstatus: {phase: Lost}\n");
  const core::PersistentVolumeClaim& claim = only<core::PersistentVolumeClaim>(file);
  EXPECT_FALSE(claim.metadata().has_deletiontimestamp());
  EXPECT_FALSE(claim.has_status());
}

}  // namespace
}  // namespace cubelet::staticpods
