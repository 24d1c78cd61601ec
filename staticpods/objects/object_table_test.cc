#include "staticpods/objects/object_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "proto/k8s/core.pb.h"

namespace cubelet::staticpods {
namespace {

namespace core = ::k8s::core::v1;
using testing::ElementsAre;
using testing::IsEmpty;

ObjectFile configMap(const std::string& name, const std::string& color) {
  return parseObjects("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {color: " + color +
                      "}\n");
}

ObjectFile claim(const std::string& name, const std::string& volume) {
  return parseObjects("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name +
                      "}\nspec: {volumeName: " + volume + "}\n");
}

ObjectFile volume(const std::string& name, const std::string& more = "") {
  return parseObjects("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: " + name +
                      "}\nspec: {local: {path: /data}" + more + "}\n");
}

template <class T>
const T& at(const MergedObjects& merged, ObjectKind kind, const std::string& name) {
  const std::string ns = kind == ObjectKind::kPersistentVolume ? "" : "default";
  return static_cast<const T&>(*merged.objects.at({kind, ns, name}));
}

std::string phase(const MergedObjects& merged, const std::string& name) {
  return at<core::PersistentVolumeClaim>(merged, ObjectKind::kClaim, name).status().phase();
}

TEST(ObjectTable, TheFirstFileByNameHasAnObject) {
  const MergedObjects merged =
      mergeObjects({{"/o/b.yaml", configMap("settings", "blue")}, {"/o/a.yaml", configMap("settings", "red")}});
  EXPECT_EQ(at<core::ConfigMap>(merged, ObjectKind::kConfigMap, "settings").data().at("color"), "red");
  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts.at("/o/b.yaml").at(0).text("/o/b.yaml"),
            "/o/b.yaml:1: configmap \"default/settings\" is defined at /o/a.yaml:1 already");
}

TEST(ObjectTable, AClaimIsBoundToTheVolumeThatItNames) {
  const MergedObjects merged = mergeObjects({{"/o/a", claim("data", "disk")}, {"/o/b", volume("disk")}});
  EXPECT_EQ(phase(merged, "data"), "Bound");
  const auto& owner = at<core::PersistentVolume>(merged, ObjectKind::kPersistentVolume, "disk").spec().claimref();
  EXPECT_EQ(owner.uid(), at<core::PersistentVolumeClaim>(merged, ObjectKind::kClaim, "data").metadata().uid());
  EXPECT_NE(owner.uid(), "");
}

TEST(ObjectTable, AClaimWithoutItsVolumeWaits) {
  EXPECT_EQ(phase(mergeObjects({{"/o/a", claim("data", "disk")}}), "data"), "Pending");
}

TEST(ObjectTable, AVolumeGoesToOneClaimOnly) {
  const MergedObjects merged =
      mergeObjects({{"/o/a", claim("b", "disk")}, {"/o/b", claim("a", "disk")}, {"/o/c", volume("disk")}});
  EXPECT_EQ(phase(merged, "a"), "Bound");
  EXPECT_EQ(phase(merged, "b"), "Pending");
}

TEST(ObjectTable, AVolumeMayNameItsClaim) {
  const MergedObjects merged = mergeObjects({{"/o/a", claim("a", "disk")},
                                             {"/o/b", claim("b", "disk")},
                                             {"/o/c", volume("disk", ", claimRef: {namespace: default, name: b}")}});
  EXPECT_EQ(phase(merged, "a"), "Pending");
  EXPECT_EQ(phase(merged, "b"), "Bound");
}

TEST(ObjectTable, TellsWhatHasChanged) {
  const ObjectTable before = mergeObjects({{"/o/a", configMap("a", "red")}, {"/o/b", configMap("b", "red")}}).objects;
  const ObjectTable after = mergeObjects({{"/o/a", configMap("a", "red")}, {"/o/b", configMap("b", "blue")}}).objects;
  EXPECT_THAT(changedObjects(before, after), ElementsAre(ObjectKey{ObjectKind::kConfigMap, "default", "b"}));
  EXPECT_THAT(changedObjects(after, after), IsEmpty());
  EXPECT_EQ(changedObjects(before, {}).size(), 2U);
  EXPECT_EQ(changedObjects({}, before).size(), 2U);
}

}  // namespace
}  // namespace cubelet::staticpods
