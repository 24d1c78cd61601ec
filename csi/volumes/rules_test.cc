#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"
#include "csi/volumes/plan.h"
#include "csi/volumes/record.h"
#include "csi/volumes/requests.h"

namespace cubelet::csi {
namespace {

using Mode = v1::VolumeCapability::AccessMode;
using testing::ElementsAre;

constexpr char kHash[] = "d2e8363faaac7ae76def3b14091d8eb5755f6b92e9531627aeec833a8731cc49";

TEST(Paths, CSI_6_AreUpstreams) {
  EXPECT_EQ(stagingPath("/k", "a.csi", "vol-1"),
            std::string("/k/plugins/kubernetes.io/csi/a.csi/") + kHash + "/globalmount");
  EXPECT_EQ(publishPath("/k", "uid", "pv-1"), "/k/pods/uid/volumes/kubernetes.io~csi/pv-1/mount");
  EXPECT_EQ(publishPath("/k", "uid", "a/b"), "/k/pods/uid/volumes/kubernetes.io~csi/a~b/mount");
  EXPECT_EQ(ephemeralHandle("uid-1", "data"), "csi-d6e418cffb6079f9b02d83af7dffbf3511ed5a26b3f106f1f3ca764ed6505c9c");
  EXPECT_EQ(attachmentName("vol-1", "a.csi", "n1"),
            "csi-fa976797b277161be7e46a920b68017cd6a2d3bd209f41872b3bf89a2832d988");
  EXPECT_EQ(uniqueName("a.csi", "vol-1"), "kubernetes.io/csi/a.csi^vol-1");
}

TEST(Paths, VOL_4_OfBlockVolumesAreUpstreams) {
  const std::string devices = "/k/plugins/kubernetes.io/csi/volumeDevices/";
  EXPECT_EQ(blockStagingPath("/k", "pv-1"), devices + "staging/pv-1");
  EXPECT_EQ(blockPublishPath("/k", "pv-1", "uid"), devices + "publish/pv-1/uid");
  EXPECT_EQ(blockDataDirectory("/k", "pv-1"), devices + "pv-1/data");
  EXPECT_EQ(deviceMapPath("/k", "pv-1", "uid"), devices + "pv-1/dev/uid");
  EXPECT_EQ(deviceLinkPath("/k", "uid", "pv-1"), "/k/pods/uid/volumeDevices/kubernetes.io~csi/pv-1");
}

VolumeSpec spec(const std::string& mode = "ReadWriteOnce") {
  VolumeSpec spec;
  spec.driver = "a.csi";
  spec.handle = "vol-1";
  spec.name = "pv-1";
  spec.fsType = "ext4";
  spec.mountOptions = {"noatime"};
  spec.accessMode = mode;
  spec.attributes = {{"share", "s"}};
  spec.publishContext = {{"device", "d"}};
  spec.stageSecrets = {{"key", "k"}};
  return spec;
}

PodUse use() {
  PodUse use;
  use.uid = "uid";
  use.name = "web";
  use.ns = "default";
  use.serviceAccount = "sa";
  return use;
}

TEST(Requests, CSI_7_AccessModesDependOnTheDriver) {
  NodeCapabilities plain;
  NodeCapabilities several;
  several.singleNodeMultiWriter = true;
  VolumeSpec inline_ = spec("ReadOnlyMany");
  inline_.ephemeral = true;
  EXPECT_EQ(accessModeOf(spec("ReadWriteOnce"), plain), Mode::SINGLE_NODE_WRITER);
  EXPECT_EQ(accessModeOf(spec("ReadWriteOnce"), several), Mode::SINGLE_NODE_MULTI_WRITER);
  EXPECT_EQ(accessModeOf(spec("ReadWriteOncePod"), plain), Mode::SINGLE_NODE_WRITER);
  EXPECT_EQ(accessModeOf(spec("ReadWriteOncePod"), several), Mode::SINGLE_NODE_SINGLE_WRITER);
  for (const NodeCapabilities& can : {plain, several}) {
    EXPECT_EQ(accessModeOf(spec("ReadOnlyMany"), can), Mode::MULTI_NODE_READER_ONLY);
    EXPECT_EQ(accessModeOf(spec("ReadWriteMany"), can), Mode::MULTI_NODE_MULTI_WRITER);
  }
  EXPECT_EQ(accessModeOf(inline_, plain), Mode::SINGLE_NODE_WRITER);
  EXPECT_EQ(accessModeOf(inline_, several), Mode::SINGLE_NODE_MULTI_WRITER);
}

TEST(Requests, CSI_7_ToStageHaveAllThatTheVolumeSays) {
  const auto request = stageRequest(spec(), use(), {}, "/stage");
  EXPECT_EQ(request.volume_id(), "vol-1");
  EXPECT_EQ(request.staging_target_path(), "/stage");
  EXPECT_EQ(request.volume_capability().mount().fs_type(), "ext4");
  EXPECT_THAT(request.volume_capability().mount().mount_flags(), ElementsAre("noatime"));
  EXPECT_EQ(request.secrets().at("key"), "k");
  EXPECT_EQ(request.publish_context().at("device"), "d");
  EXPECT_EQ(request.volume_context().at("share"), "s");
}

TEST(Requests, CSI_7_ToPublishNameTheStagingOnlyToDriversThatStage) {
  NodeCapabilities stages;
  stages.stageUnstage = true;
  PodUse readOnly = use();
  readOnly.readOnly = true;
  readOnly.publishSecrets = {{"pod-key", "p"}};
  const auto request = publishRequest(spec(), readOnly, stages, "/stage", "/target");
  EXPECT_EQ(request.staging_target_path(), "/stage");
  EXPECT_EQ(request.target_path(), "/target");
  EXPECT_TRUE(request.readonly());
  EXPECT_EQ(request.secrets().at("pod-key"), "p");
  EXPECT_FALSE(request.secrets().contains("key")) << "the stage's secrets are not the pod's";
  EXPECT_EQ(publishRequest(spec(), use(), {}, "/stage", "/target").staging_target_path(), "");
  VolumeSpec block = spec();
  block.block = true;
  EXPECT_EQ(publishRequest(block, use(), {}, "/stage", "/target").staging_target_path(), "/stage");
  EXPECT_TRUE(publishRequest(block, use(), {}, "/stage", "/target").volume_capability().has_block());
  VolumeSpec inline_ = spec();
  inline_.ephemeral = true;
  EXPECT_EQ(publishRequest(inline_, use(), stages, "/stage", "/target").staging_target_path(), "");
}

TEST(Requests, CSI_8_PodInfoIsGivenToDriversThatWantIt) {
  EXPECT_EQ(publishRequest(spec(), use(), {}, "", "/t").volume_context().size(), 1u);
  PodUse info = use();
  info.podInfoOnMount = true;
  const auto context = publishRequest(spec(), info, {}, "", "/t").volume_context();
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.name"), "web");
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.namespace"), "default");
  EXPECT_EQ(context.at("csi.storage.k8s.io/pod.uid"), "uid");
  EXPECT_EQ(context.at("csi.storage.k8s.io/serviceAccount.name"), "sa");
  EXPECT_EQ(context.at("csi.storage.k8s.io/ephemeral"), "false");
  VolumeSpec inline_ = spec();
  inline_.ephemeral = true;
  EXPECT_EQ(publishRequest(inline_, info, {}, "", "/t").volume_context().at("csi.storage.k8s.io/ephemeral"), "true");
}

TEST(Requests, CSI_9_TokensGoIntoTheContextOrTheSecrets) {
  constexpr char kKey[] = "csi.storage.k8s.io/serviceAccount.tokens";
  PodUse tokens = use();
  tokens.tokens = R"({"aud":{}})";
  EXPECT_EQ(publishRequest(spec(), tokens, {}, "", "/t").volume_context().at(kKey), R"({"aud":{}})");
  tokens.tokensInSecrets = true;
  const auto request = publishRequest(spec(), tokens, {}, "", "/t");
  EXPECT_FALSE(request.volume_context().contains(kKey));
  EXPECT_EQ(request.secrets().at(kKey), R"({"aud":{}})");
}

TEST(Requests, CSI_13_AGroupIsDelegatedToDriversThatTakeIt) {
  PodUse group = use();
  group.fsGroup = "2000";
  NodeCapabilities takes;
  takes.volumeMountGroup = true;
  EXPECT_EQ(capabilityOf(spec(), group, {}).mount().volume_mount_group(), "");
  EXPECT_EQ(capabilityOf(spec(), group, takes).mount().volume_mount_group(), "2000");
}

TEST(Requests, CSI_15_ToExpandNameBothPaths) {
  NodeCapabilities can;
  can.stageUnstage = true;
  const auto request = expandRequest(spec(), use(), can, "/stage", "/target", 5);
  EXPECT_EQ(request.volume_path(), "/target");
  EXPECT_EQ(request.staging_target_path(), "/stage");
  EXPECT_EQ(request.capacity_range().required_bytes(), 5);
}

VolumeRecord record(StageState stage, std::map<std::string, PublishState> pods) {
  VolumeRecord record;
  record.bootId = "b";
  record.driver = "a.csi";
  record.handle = "vol-1";
  record.name = "pv-1";
  record.attachmentId = "csi-1";
  record.stage = stage;
  record.pods = std::move(pods);
  return record;
}

TEST(Records, CSI_20_ComeBackAsTheyWere) {
  VolumeRecord block = record(StageState::kUnstaging, {});
  block.block = true;
  VolumeRecord inline_ = record(StageState::kNone, {{"u", PublishState::kUnpublishing}});
  inline_.ephemeral = true;
  VolumeRecord labelled = record(StageState::kStaged, {});
  labelled.selinuxLabel = "u:r:t:s0:c1,c2";
  for (const VolumeRecord& one :
       {record(StageState::kStaged, {{"u1", PublishState::kPublished}, {"u2", PublishState::kPublishing}}),
        record(StageState::kStaging, {{"u1", PublishState::kClaimed}}), block, inline_, labelled})
    EXPECT_EQ(readRecord(toJson(one)).value(), one) << toJson(one);
  for (const char* text : {"", "{}", "[]", R"({"version":"2"})", R"({"version":"1","driver":"d","handle":"h"})",
                           R"({"version":"1","driver":"d","handle":"h","stage":"none","pods":{"u":"lost"}})"})
    EXPECT_FALSE(readRecord(text)) << text;
}

TEST(Records, CSI_20_AfterABootNothingIsSureToBeThere) {
  const VolumeRecord after = madeUncertain(
      record(StageState::kStaged, {{"u1", PublishState::kPublished}, {"u2", PublishState::kUnpublishing}}));
  EXPECT_EQ(after.stage, StageState::kStaging);
  EXPECT_EQ(after.pods.at("u1"), PublishState::kPublishing);
  EXPECT_EQ(after.pods.at("u2"), PublishState::kUnpublishing);
}

TEST(VolumeDataFiles, CSI_6_AreUpstreams) {
  const VolumeRecord one = record(StageState::kStaged, {});
  EXPECT_EQ(stagingData(one), R"({"driverName":"a.csi","volumeHandle":"vol-1"})");
  EXPECT_EQ(publishData(one, "n1"),
            R"({"attachmentID":"csi-1","driverName":"a.csi","nodeName":"n1","specVolID":"pv-1",)"
            R"("volumeHandle":"vol-1","volumeLifecycleMode":"Persistent"})");
  const VolumeData data = readVolumeData(publishData(one, "n1")).value();
  EXPECT_EQ(data.handle, "vol-1");
  EXPECT_EQ(data.name, "pv-1");
  EXPECT_FALSE(data.ephemeral);
  EXPECT_FALSE(readVolumeData("{}"));
  EXPECT_FALSE(readVolumeData("garbage"));
}

TEST(VolumeDataFiles, CSI_14_TellTheLabelOfTheMount) {
  VolumeRecord one = record(StageState::kStaged, {});
  one.selinuxLabel = "u:r:t:s0:c1,c2";
  EXPECT_EQ(stagingData(one),
            R"({"driverName":"a.csi","seLinuxMountContext":"u:r:t:s0:c1,c2","volumeHandle":"vol-1"})");
  EXPECT_EQ(publishData(one, "n1"),
            R"({"attachmentID":"csi-1","driverName":"a.csi","nodeName":"n1","seLinuxMountContext":"u:r:t:s0:c1,c2",)"
            R"("specVolID":"pv-1","volumeHandle":"vol-1","volumeLifecycleMode":"Persistent"})");
  EXPECT_EQ(readVolumeData(publishData(one, "n1"))->selinuxLabel, "u:r:t:s0:c1,c2");
  EXPECT_EQ(readVolumeData(stagingData(one))->selinuxLabel, "u:r:t:s0:c1,c2");
}

TEST(Labels, CSI_14_WhatWasMountedWithAnotherIsUndoneFirst) {
  struct Case {
    std::string has, wants;
    StageState stage;
    std::map<std::string, PublishState> pods;
    Step step;
  };
  for (const Case& one : {
           Case{"a", "a", StageState::kStaged, {{"u", PublishState::kPublishing}}, Step::kNone},
           Case{"", "a", StageState::kNone, {}, Step::kNone},
           Case{"", "a", StageState::kNone, {{"u", PublishState::kClaimed}}, Step::kNone},
           Case{"a", "b", StageState::kStaged, {{"u", PublishState::kPublished}}, Step::kNone},
           Case{"a", "b", StageState::kStaged, {{"u", PublishState::kPublishing}}, Step::kUnpublish},
           Case{"a", "b", StageState::kStaged, {{"u", PublishState::kUnpublishing}}, Step::kUnpublish},
           Case{"a", "b", StageState::kStaged, {{"u", PublishState::kClaimed}}, Step::kUnstage},
           Case{"a", "", StageState::kStaging, {}, Step::kUnstage},
       }) {
    VolumeRecord have = record(one.stage, one.pods);
    have.selinuxLabel = one.has;
    EXPECT_EQ(stepToLabel(have, "u", one.wants), one.step) << one.has << " " << one.wants << " " << toJson(have);
  }
}

struct PlanCase {
  std::string name;
  StageState stage;
  std::map<std::string, PublishState> pods;
  Step toPublish;    // pod "p" of a driver that stages
  Step toUnpublish;  // nobody else wants it
};

class Plan : public testing::TestWithParam<PlanCase> {};

TEST_P(Plan, CSI_3_CSI_18_SaysTheNextStep) {
  const VolumeRecord have = record(GetParam().stage, GetParam().pods);
  EXPECT_EQ(toString(stepToPublish(have, "p", true)), toString(GetParam().toPublish));
  EXPECT_EQ(toString(stepToUnpublish(have, "p", false)), toString(GetParam().toUnpublish));
}

using P = PublishState;
using S = StageState;
INSTANTIATE_TEST_SUITE_P(
    Cases, Plan,
    testing::Values(
        PlanCase{"Nothing", S::kNone, {}, Step::kClaim, Step::kForget},
        PlanCase{"Claimed", S::kNone, {{"p", P::kClaimed}}, Step::kStage, Step::kDropClaim},
        PlanCase{"StagingUnderWay", S::kStaging, {{"p", P::kClaimed}}, Step::kStage, Step::kDropClaim},
        PlanCase{"Staged", S::kStaged, {{"p", P::kClaimed}}, Step::kPublish, Step::kDropClaim},
        PlanCase{"PublishingUnderWay", S::kStaged, {{"p", P::kPublishing}}, Step::kPublish, Step::kUnpublish},
        PlanCase{"AfterABoot", S::kStaging, {{"p", P::kPublishing}}, Step::kStage, Step::kUnpublish},
        PlanCase{"Published", S::kStaged, {{"p", P::kPublished}}, Step::kNone, Step::kUnpublish},
        PlanCase{"HalfUnpublished", S::kStaged, {{"p", P::kUnpublishing}}, Step::kUnpublish, Step::kUnpublish},
        PlanCase{"OnlyStaged", S::kStaged, {}, Step::kClaim, Step::kUnstage},
        PlanCase{"MaybeStaged", S::kStaging, {}, Step::kClaim, Step::kUnstage},
        PlanCase{"HalfUnstaged", S::kUnstaging, {}, Step::kUnstage, Step::kUnstage},
        PlanCase{"OthersHaveIt", S::kStaged, {{"q", P::kPublished}}, Step::kClaim, Step::kNone}),
    [](const auto& test) { return test.param.name; });

TEST(Steps, KeepsTheStagingForAPodThatComes) {
  EXPECT_EQ(stepToUnpublish(record(S::kStaged, {}), "p", true), Step::kNone);
}

TEST(Steps, ADriverThatDoesNotStagePublishesAtOnce) {
  EXPECT_EQ(stepToPublish(record(S::kNone, {{"p", P::kClaimed}}), "p", false), Step::kPublish);
}

}  // namespace
}  // namespace cubelet::csi
