#include "kubelet/cluster/mirror_rules.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

namespace cubelet::cluster {
namespace {

using google::protobuf::util::MessageDifferencer;
using Kind = MirrorStep::Kind;

const NodeIdentity kNode{.name = "n1", .uid = "node-uid"};
const NodeIdentity kNoNode{.name = "n1", .uid = ""};

core::Pod staticPod(const std::string& hash) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("web-n1");
  pod.mutable_metadata()->set_namespace_("kube-system");
  pod.mutable_metadata()->set_uid(hash);
  (*pod.mutable_metadata()->mutable_annotations())[kHashAnnotation] = hash;
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  pod.mutable_spec()->set_nodename("n1");
  pod.mutable_spec()->add_containers()->set_name("c");
  return pod;
}

PodPtr wanted(const std::string& hash) {
  return std::make_shared<const core::Pod>(staticPod(hash));
}

core::Pod mirrorOf(const std::string& hash, const std::string& uid = "m1") {
  core::Pod mirror = makeMirror(staticPod(hash), kNode);
  mirror.mutable_metadata()->set_uid(uid);
  return mirror;
}

core::Pod deleting(core::Pod mirror) {
  mirror.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  return mirror;
}

core::Pod withoutOwner(core::Pod mirror) {
  mirror.mutable_metadata()->clear_ownerreferences();
  return mirror;
}

core::Pod ownedBy(core::Pod mirror, const std::string& kind, const std::string& uid) {
  mirror.mutable_metadata()->mutable_ownerreferences(0)->set_kind(kind);
  mirror.mutable_metadata()->mutable_ownerreferences(0)->set_uid(uid);
  return mirror;
}

core::Pod withoutAnnotation(core::Pod mirror) {
  mirror.mutable_metadata()->mutable_annotations()->erase(kMirrorAnnotation);
  return mirror;
}

struct Case {
  std::string name;
  std::vector<PodPtr> wanted;
  std::optional<core::Pod> mirror;
  NodeIdentity node;
  Kind kind;
  std::string which = {};  // kDelete: the UID; kCreate: the hash
};

class Step : public testing::TestWithParam<Case> {};

TEST_P(Step, Answers) {
  const Case& c = GetParam();
  const MirrorStep step = nextMirrorStep(c.wanted, c.mirror ? &*c.mirror : nullptr, c.node);
  EXPECT_EQ(step.kind, c.kind);
  EXPECT_EQ(step.uid, c.kind == Kind::kDelete ? c.which : "");
  EXPECT_EQ(step.pod ? staticPodHash(*step.pod) : "", c.kind == Kind::kCreate ? c.which : "");
}

INSTANTIATE_TEST_SUITE_P(
    STA15To18, Step,
    testing::Values(
        Case{"NothingNowhere", {}, {}, kNode, Kind::kNothing},
        Case{"Missing", {wanted("h1")}, {}, kNode, Kind::kCreate, "h1"},
        Case{"MissingWithoutNode", {wanted("h1")}, {}, kNoNode, Kind::kNothing},
        Case{"Right", {wanted("h1")}, mirrorOf("h1"), kNode, Kind::kNothing},
        Case{"RightWithoutNode", {wanted("h1")}, mirrorOf("h1"), kNoNode, Kind::kNothing},
        Case{"OfAnEditedPod", {wanted("h2")}, mirrorOf("h1"), kNode, Kind::kDelete, "m1"},
        Case{"OfAnEditedPodWithoutNode", {wanted("h2")}, mirrorOf("h1"), kNoNode, Kind::kDelete, "m1"},
        Case{"OfThePredecessorThatStillStops", {wanted("h1"), wanted("h2")}, mirrorOf("h1"), kNode, Kind::kNothing},
        Case{"OfTheSuccessorAlready", {wanted("h1"), wanted("h2")}, mirrorOf("h2"), kNode, Kind::kNothing},
        Case{"MissingForTwo", {wanted("h1"), wanted("h2")}, {}, kNode, Kind::kCreate, "h2"},
        Case{"BeingDeleted", {wanted("h1")}, deleting(mirrorOf("h1")), kNode, Kind::kDelete, "m1"},
        Case{"WithoutAnnotation", {wanted("h1")}, withoutAnnotation(mirrorOf("h1")), kNode, Kind::kDelete, "m1"},
        Case{"OfAnOldAgentWithoutOwner", {wanted("h1")}, withoutOwner(mirrorOf("h1")), kNode, Kind::kNothing},
        Case{
            "OfTheNodesPredecessor", {wanted("h1")}, ownedBy(mirrorOf("h1"), "Node", "u0"), kNode, Kind::kDelete, "m1"},
        Case{"OfAController", {wanted("h1")}, ownedBy(mirrorOf("h1"), "Job", "node-uid"), kNode, Kind::kDelete, "m1"},
        Case{"OwnerCannotBeJudgedWithoutNode",
             {wanted("h1")},
             ownedBy(mirrorOf("h1"), "Node", "u0"),
             kNoNode,
             Kind::kNothing},
        Case{"Orphan", {}, mirrorOf("h1"), kNode, Kind::kDelete, "m1"},
        Case{"OrphanWithoutNode", {}, mirrorOf("h1"), kNoNode, Kind::kDelete, "m1"},
        Case{"OrphanBeingDeleted", {}, deleting(mirrorOf("h1")), kNode, Kind::kDelete, "m1"}),
    [](const auto& test) { return test.param.name; });

TEST(MakeMirror, STA15_HasTheSpecTheAnnotationsAndTheNodeAsOnlyOwner) {
  core::Pod pod = staticPod("h1");
  (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
  pod.mutable_metadata()->add_ownerreferences()->set_kind("ReplicaSet");
  const core::Pod mirror = makeMirror(pod, kNode);

  EXPECT_TRUE(MessageDifferencer::Equals(mirror.spec(), pod.spec()));
  EXPECT_EQ(mirror.metadata().name(), "web-n1");
  EXPECT_EQ(mirror.metadata().namespace_(), "kube-system");
  EXPECT_EQ(mirror.metadata().labels().at("app"), "web");
  const auto& annotations = mirror.metadata().annotations();
  EXPECT_EQ(annotations.at("kubernetes.io/config.mirror"), "h1");
  EXPECT_EQ(annotations.at("kubernetes.io/config.hash"), "h1");
  EXPECT_EQ(annotations.at("kubernetes.io/config.source"), "file");
  ASSERT_EQ(mirror.metadata().ownerreferences_size(), 1);
  k8s::meta::v1::OwnerReference owner;
  owner.set_apiversion("v1");
  owner.set_kind("Node");
  owner.set_name("n1");
  owner.set_uid("node-uid");
  owner.set_controller(true);
  EXPECT_TRUE(MessageDifferencer::Equals(mirror.metadata().ownerreferences(0), owner));
}

TEST(MakeMirror, HasNothingThatTheServerGives) {
  core::Pod pod = staticPod("h1");
  pod.mutable_metadata()->set_resourceversion("5");
  pod.mutable_metadata()->set_generatename("web-");
  pod.mutable_metadata()->set_generation(3);
  pod.mutable_metadata()->mutable_creationtimestamp()->set_seconds(7);
  pod.mutable_metadata()->add_finalizers("example.com/never");
  pod.mutable_status()->set_phase("Running");
  const core::Pod mirror = makeMirror(pod, kNode);

  EXPECT_FALSE(mirror.has_status());
  EXPECT_FALSE(mirror.metadata().has_uid());
  EXPECT_FALSE(mirror.metadata().has_resourceversion());
  EXPECT_FALSE(mirror.metadata().has_generatename());
  EXPECT_FALSE(mirror.metadata().has_generation());
  EXPECT_FALSE(mirror.metadata().has_creationtimestamp());
  EXPECT_EQ(mirror.metadata().finalizers_size(), 0);
}

TEST(MirrorRules, STA20_TheAnnotationMakesAMirror) {
  EXPECT_TRUE(isMirrorPod(mirrorOf("h1")));
  EXPECT_FALSE(isMirrorPod(staticPod("h1")));
  EXPECT_EQ(mirroredHash(mirrorOf("h1")), "h1");
  EXPECT_EQ(mirroredHash(staticPod("h1")), "");
}

TEST(MirrorRules, VersionsAreComparedAsNumbers) {
  const auto at = [](const std::string& version) {
    core::Pod pod;
    pod.mutable_metadata()->set_resourceversion(version);
    return pod;
  };
  EXPECT_TRUE(isOlder(at("9"), at("10")));
  EXPECT_FALSE(isOlder(at("10"), at("9")));
  EXPECT_FALSE(isOlder(at("9"), at("9")));
  EXPECT_FALSE(isOlder(at("a"), at("b")));
  EXPECT_FALSE(isOlder(at(""), at("9")));
}

}  // namespace
}  // namespace cubelet::cluster
