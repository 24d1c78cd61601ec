// CSI volumes from the pod to the driver, which is a fake one.
#include "kubelet/volumes/csi_volume.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"
#include "csi/volumes/test_world.h"
#include "kubelet/volumes/attachments.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet::volumes {
namespace {

namespace fs = std::filesystem;
namespace storage = ::k8s::storage::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr char kUnique[] = "kubernetes.io/csi/fake.csi^v1";

struct FakeAttachments final : Attachments {
  Task<Result<Attachment>> await(std::string driver, std::string handle) override {
    asked.push_back(driver + " " + handle);
    if (onQuestion) onQuestion();
    co_return answer;
  }
  std::vector<std::string> asked;
  std::function<void()> onQuestion;
  Result<Attachment> answer = Attachment{"csi-1", {{"lun", "7"}}};
};

struct CsiVolumes : testing::Test {
  CsiVolumes() {
    world.driver.addVolume("v1");
    world.start();
    dirs.root = world.dir.path();
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("default");
    volume.set_name("v");
    volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
    core::PersistentVolumeClaim& claim = objects.claims["default/data"];
    claim.mutable_metadata()->set_name("data");
    claim.mutable_metadata()->set_namespace_("default");
    claim.mutable_metadata()->set_uid("c1");
    claim.mutable_spec()->set_volumename("pv");
    claim.mutable_status()->set_phase("Bound");
    core::PersistentVolume& persistent = objects.persistentVolumes["/pv"];
    persistent.mutable_metadata()->set_name("pv");
    persistent.mutable_spec()->mutable_claimref()->set_uid("c1");
    persistent.mutable_spec()->add_accessmodes("ReadWriteOnce");
    source().set_driver("fake.csi");
    source().set_volumehandle("v1");
  }
  core::CSIPersistentVolumeSource& source() {
    return *objects.persistentVolumes["/pv"].mutable_spec()->mutable_persistentvolumesource()->mutable_csi();
  }
  PodVolumes& volumes() {
    if (!made) {
      Sources sources;
      sources.objects = &objects;
      sources.csi = world.volumes.get();
      sources.csiDrivers = world.drivers.get();
      sources.attachments = attachments;
      sources.selinux = selinux;
      made = std::make_unique<PodVolumes>(pool, world.clock, dirs, sources);
    }
    return *made;
  }
  Result<std::string> setUp() { return world.loop.runToEnd(volumes().setUp(pod, volume, walk)); }
  Result<void> tearDown() { return world.loop.runToEnd(volumes().tearDown("u1")); }

  csi::World world;
  BlockingPool pool{world.loop, world.clock, 2};
  layout::Directories dirs;
  objects::FakeObjects objects;
  FakeAttachments fakeAttachments;
  Attachments* attachments = nullptr;
  SelinuxHost selinux;
  std::shared_ptr<OwnershipWalk> walk = std::make_shared<OwnershipWalk>();
  std::unique_ptr<PodVolumes> made;
  core::Pod pod;
  core::Volume volume;
};

TEST_F(CsiVolumes, CSI_3_CSI_6_AClaimedVolumeIsStagedAndPublishedAndTakenBack) {
  const Result<std::string> path = setUp();
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, csi::publishPath(dirs.root, "u1", "pv"));
  ASSERT_TRUE(setUp()) << "a repeat does nothing";
  ASSERT_TRUE(tearDown());
  EXPECT_THAT(world.driver.actions(), ElementsAre("NodeStageVolume(v1)", "NodePublishVolume(v1)",
                                                  "NodeUnpublishVolume(v1)", "NodeUnstageVolume(v1)"));
  EXPECT_FALSE(fs::exists(dirs.root + "/pods/u1"));
  EXPECT_THAT(world.leftovers(), IsEmpty());
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(CsiVolumes, CSI_17_AMissingDriverIsTold) {
  world.drivers->missing = true;
  const Result<std::string> path = setUp();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().message,
            "MountVolume.SetUp failed for volume \"v\" : volume pv (fake.csi v1): driver name fake.csi not found");
}

TEST_F(CsiVolumes, CSI_4_TheAttachmentIsAwaitedAndItsContextGoesToTheDriver) {
  attachments = &fakeAttachments;
  std::vector<std::string> inUse;
  fakeAttachments.onQuestion = [&] { inUse = world.volumes->inUse(); };
  ASSERT_TRUE(setUp());
  EXPECT_THAT(fakeAttachments.asked, ElementsAre("fake.csi v1"));
  EXPECT_THAT(inUse, ElementsAre(kUnique)) << "told before anything is done";
  EXPECT_THAT(world.driver.lastStage().publish_context(), testing::UnorderedElementsAre(Pair("lun", "7")));
  EXPECT_THAT(world.driver.lastPublish().publish_context(), testing::UnorderedElementsAre(Pair("lun", "7")));
  EXPECT_EQ(world.volumes->all()[0].record.attachmentId, "csi-1");
  ASSERT_TRUE(setUp());
  EXPECT_EQ(fakeAttachments.asked.size(), 1u) << "what is mounted needs no second word";
}

TEST_F(CsiVolumes, CSI_4_AVolumeThatIsNotAttachedIsNotTouched) {
  attachments = &fakeAttachments;
  fakeAttachments.answer = fail(Code::kTimedOut, "", "not attached yet");
  EXPECT_EQ(setUp().error().message, "MountVolume.SetUp failed for volume \"v\" : not attached yet");
  EXPECT_THAT(world.driver.actions(), IsEmpty());
  EXPECT_THAT(world.volumes->inUse(), ElementsAre(kUnique));
  ASSERT_TRUE(tearDown());
  EXPECT_THAT(world.volumes->inUse(), IsEmpty());
}

TEST_F(CsiVolumes, CSI_4_ADriverThatNeedsNoAttachmentIsNotHeldUp) {
  attachments = &fakeAttachments;
  objects.csiDrivers["fake.csi"].mutable_spec()->set_attachrequired(false);
  ASSERT_TRUE(setUp());
  EXPECT_THAT(fakeAttachments.asked, IsEmpty());
  EXPECT_THAT(world.volumes->inUse(), IsEmpty()) << "nobody attaches it";
}

TEST_F(CsiVolumes, CSI_19_AFullNodeIsSaidWhereLimitsMayChange) {
  attachments = &fakeAttachments;
  fakeAttachments.answer = fail(Code::kUnavailable, kAttachLimitExceeded, "full");
  EXPECT_EQ(setUp().error().reason, "FailedMount");
  objects.csiDrivers["fake.csi"].mutable_spec()->set_nodeallocatableupdateperiodseconds(60);
  EXPECT_EQ(setUp().error().reason, kAttachLimitExceeded);
  EXPECT_THAT(world.drivers->askedAgain, ElementsAre("fake.csi"));
}

TEST_F(CsiVolumes, CSI_7_SecretsAreFetchedWhereTheVolumeSays) {
  source().mutable_nodestagesecretref()->set_namespace_("vault");
  source().mutable_nodestagesecretref()->set_name("key");
  EXPECT_THAT(setUp().error().message, HasSubstr("secrets \"key\" not found"));
  (*objects.secrets["vault/key"].mutable_data())["password"] = "hush";
  ASSERT_TRUE(setUp());
  EXPECT_THAT(world.driver.lastStage().secrets(), testing::UnorderedElementsAre(Pair("password", "hush")));
  EXPECT_TRUE(world.driver.lastPublish().secrets().empty());
}

TEST_F(CsiVolumes, CSI_14_AVolumeIsMountedWithTheLabelOfItsPod) {
  selinux.fileLabel = "system_u:object_r:container_file_t:s0";
  objects.csiDrivers["fake.csi"].mutable_spec()->set_selinuxmount(true);
  objects.persistentVolumes["/pv"].mutable_spec()->set_accessmodes(0, "ReadWriteOncePod");
  pod.mutable_spec()->mutable_securitycontext()->mutable_selinuxoptions()->set_level("s0:c1,c2");
  pod.mutable_spec()->add_containers()->add_volumemounts()->set_name("v");
  ASSERT_TRUE(setUp());
  const std::string option = "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
  EXPECT_THAT(world.driver.lastStage().volume_capability().mount().mount_flags(), ElementsAre(option));
  EXPECT_THAT(world.driver.lastPublish().volume_capability().mount().mount_flags(), ElementsAre(option));
  EXPECT_EQ(world.volumes->all().at(0).record.selinuxLabel, "system_u:object_r:container_file_t:s0:c1,c2");
}

TEST_F(CsiVolumes, CSI_14_WhatIsNotMountedWithALabelIsRelabelled) {
  std::vector<std::string> asked;
  bool keeps = true;
  selinux.fileLabel = "system_u:object_r:container_file_t:s0";
  selinux.keepsLabels = [&](const std::string& path) {
    asked.push_back(path);
    return Result<bool>(keeps);
  };
  ASSERT_TRUE(setUp());
  EXPECT_THAT(asked, ElementsAre(csi::publishPath(dirs.root, "u1", "pv")));
  EXPECT_THAT(volumes().traits("u1").relabelled, ElementsAre("v"));
  EXPECT_THAT(volumes().traits("u2").relabelled, IsEmpty());
  keeps = false;
  ASSERT_TRUE(setUp());
  EXPECT_THAT(volumes().traits("u1").relabelled, IsEmpty()) << "its file system knows no labels";
  keeps = true;
  ASSERT_TRUE(setUp());
  ASSERT_TRUE(tearDown());
  EXPECT_THAT(volumes().traits("u1").relabelled, IsEmpty());
}

TEST_F(CsiVolumes, CSI_14_WhatIsMountedWithALabelOrReadOnlyIsNotRelabelled) {
  selinux.fileLabel = "system_u:object_r:container_file_t:s0";
  selinux.keepsLabels = [](const std::string&) { return Result<bool>(true); };
  volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
  ASSERT_TRUE(setUp());
  EXPECT_THAT(volumes().traits("u1").relabelled, IsEmpty());
  ASSERT_TRUE(tearDown());
  volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(false);
  objects.csiDrivers["fake.csi"].mutable_spec()->set_selinuxmount(true);
  objects.persistentVolumes["/pv"].mutable_spec()->set_accessmodes(0, "ReadWriteOncePod");
  pod.mutable_spec()->mutable_securitycontext()->mutable_selinuxoptions()->set_level("s0:c1,c2");
  pod.mutable_spec()->add_containers()->add_volumemounts()->set_name("v");
  ASSERT_TRUE(setUp());
  EXPECT_THAT(volumes().traits("u1").relabelled, IsEmpty());
}

TEST_F(CsiVolumes, SEC_4_TheGroupOfAPersistentVolumeIsKnown) {
  auto& annotations = *objects.persistentVolumes["/pv"].mutable_metadata()->mutable_annotations();
  for (const char* group : {"", "abc", "12x", "-5"}) {
    annotations["pv.beta.kubernetes.io/gid"] = group;
    ASSERT_TRUE(setUp());
    EXPECT_THAT(volumes().traits("u1").groups, IsEmpty()) << group;
  }
  annotations["pv.beta.kubernetes.io/gid"] = "1234";
  ASSERT_TRUE(setUp());
  EXPECT_THAT(volumes().traits("u1").groups, ElementsAre(1234));
  ASSERT_TRUE(tearDown());
  EXPECT_THAT(volumes().traits("u1").groups, IsEmpty());
}

TEST_F(CsiVolumes, CSI_7_AVolumeForOnePodIsPublishedAsSuch) {
  using Mode = csi::v1::VolumeCapability::AccessMode;
  objects.persistentVolumes["/pv"].mutable_spec()->set_accessmodes(0, "ReadWriteOncePod");
  ASSERT_TRUE(setUp());
  EXPECT_EQ(world.driver.lastPublish().volume_capability().access_mode().mode(), Mode::SINGLE_NODE_SINGLE_WRITER);
}

TEST_F(CsiVolumes, CSI_13_TheDriverGivesTheFilesToTheGroupIfItCan) {
  pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(42);
  source().set_fstype("ext4");
  world.driver.can.volumeMountGroup = true;
  ASSERT_TRUE(setUp());
  EXPECT_EQ(world.driver.lastPublish().volume_capability().mount().volume_mount_group(), "42");
  EXPECT_TRUE(walk->path.empty()) << "the agent has not walked";
}

TEST_F(CsiVolumes, CSI_13_ElseTheAgentDoes) {
  pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(static_cast<std::int64_t>(::getgid()));
  source().set_fstype("ext4");
  const Result<std::string> path = setUp();
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(walk->path, *path);
}

TEST_F(CsiVolumes, CSI_9_ADriverGetsTokensAndIsAskedAgain) {
  storage::CSIDriver& driver = objects.csiDrivers["fake.csi"];
  driver.mutable_spec()->add_tokenrequests()->set_audience("vault");
  driver.mutable_spec()->set_requiresrepublish(true);
  *pod.mutable_spec()->add_volumes() = volume;
  const auto token = [&] {
    return world.driver.lastPublish().volume_context().at("csi.storage.k8s.io/serviceAccount.tokens");
  };
  const auto refresh = [&] { return world.loop.runToEnd(volumes().refresh(pod)); };
  ASSERT_TRUE(setUp());
  EXPECT_THAT(token(), HasSubstr("\"token\":\"token-1\""));
  EXPECT_THAT(objects.tokenRequests, ElementsAre("web vault 3600"));
  ASSERT_TRUE(refresh());
  const std::size_t before = world.driver.actions().size();
  EXPECT_EQ(before, 2u) << "not yet due";
  objects.tokenText = "token-2";
  const std::optional<WallTime> due = volumes().refreshDue("u1");
  ASSERT_TRUE(due);
  EXPECT_GE(*due - world.clock.wallNow(), std::chrono::minutes(1));
  EXPECT_LE(*due - world.clock.wallNow(), std::chrono::seconds(90));
  world.clock.advance(std::chrono::seconds(90));
  ASSERT_TRUE(refresh());
  EXPECT_THAT(token(), HasSubstr("\"token\":\"token-2\""));
  EXPECT_EQ(world.driver.actions().size(), before + 1);

  world.clock.advance(std::chrono::seconds(90));
  world.driver.faults().failNext("NodePublishVolume", Error(Code::kInternal, "Internal", "no"));
  EXPECT_FALSE(refresh());
  EXPECT_TRUE(world.volumes->isPublished("fake.csi", "v1", "u1")) << "it stays as it is";
  EXPECT_GT(*volumes().refreshDue("u1"), world.clock.wallNow());
}

TEST_F(CsiVolumes, CSI_9_AfterARestartOfTheAgentADriverIsAskedAgainAtOnce) {
  objects.csiDrivers["fake.csi"].mutable_spec()->set_requiresrepublish(true);
  *pod.mutable_spec()->add_volumes() = volume;
  ASSERT_TRUE(setUp());
  made.reset();
  world.start();
  ASSERT_TRUE(world.loop.runToEnd(volumes().refresh(pod)));
  EXPECT_EQ(world.driver.actions().size(), 3u);
  ASSERT_TRUE(tearDown());
}

TEST_F(CsiVolumes, CSI_9_OtherDriversAreNotAskedAgain) {
  *pod.mutable_spec()->add_volumes() = volume;
  ASSERT_TRUE(setUp());
  EXPECT_EQ(volumes().refreshDue("u1"), std::nullopt);
  world.clock.advance(std::chrono::minutes(10));
  ASSERT_TRUE(world.loop.runToEnd(volumes().refresh(pod)));
  EXPECT_EQ(world.driver.actions().size(), 2u);
}

TEST_F(CsiVolumes, CSI_10_AnInlineVolumeIsOnlyPublished) {
  volume.clear_volumesource();
  volume.mutable_volumesource()->mutable_csi()->set_driver("fake.csi");
  EXPECT_THAT(setUp().error().message, HasSubstr("volume mode \"Ephemeral\" not supported by driver fake.csi"));
  storage::CSIDriver& driver = objects.csiDrivers["fake.csi"];
  driver.mutable_spec()->add_volumelifecyclemodes("Ephemeral");
  driver.mutable_spec()->set_podinfoonmount(true);
  const Result<std::string> path = setUp();
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, csi::publishPath(dirs.root, "u1", "v"));
  ASSERT_TRUE(tearDown());
  const std::string handle = csi::ephemeralHandle("u1", "v");
  EXPECT_THAT(world.driver.actions(),
              ElementsAre("NodePublishVolume(" + handle + ")", "NodeUnpublishVolume(" + handle + ")"));
}

TEST_F(CsiVolumes, CSI_3_APodStaysUntilItsDriverHasTakenTheVolumeBack) {
  ASSERT_TRUE(setUp());
  world.drivers->missing = true;
  EXPECT_THAT(tearDown().error().message, HasSubstr("driver name fake.csi not found"));
  EXPECT_TRUE(fs::exists(csi::publishPath(dirs.root, "u1", "pv")));
  world.drivers->missing = false;
  ASSERT_TRUE(tearDown());
  EXPECT_FALSE(fs::exists(dirs.root + "/pods/u1"));
}

TEST_F(CsiVolumes, CSI_3_APodThatHasEndedGivesItsVolumesBack) {
  ASSERT_TRUE(world.loop.runToEnd(volumes().release("u1"))) << "it has none";
  ASSERT_TRUE(setUp());
  ASSERT_TRUE(makeDirectories(dirs.root + "/pods/u1/containers", 0750));
  ASSERT_TRUE(world.loop.runToEnd(volumes().release("u1")));
  EXPECT_THAT(world.volumes->all(), IsEmpty());
  EXPECT_TRUE(fs::exists(dirs.root + "/pods/u1/containers")) << "the rest is there until the pod is removed";
}

TEST_F(CsiVolumes, WithoutDriversThatIsSaid) {
  Sources sources;
  sources.objects = &objects;
  made = std::make_unique<PodVolumes>(pool, world.clock, dirs, sources);
  EXPECT_EQ(setUp().error().message, "MountVolume.SetUp failed for volume \"v\" : this agent has no CSI drivers");
}

}  // namespace
}  // namespace cubelet::volumes
