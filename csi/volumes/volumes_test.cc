#include "csi/volumes/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"
#include "csi/volumes/test_world.h"

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Csi : public testing::Test {
 protected:
  Csi() {
    world.driver.addVolume("v1");
    world.start();
  }
  Result<std::string> publish(const std::string& pod, const std::string& handle = "v1") {
    return *world.run(world.volumes->publish(world.spec(handle), world.pod(pod)));
  }
  Result<void> unpublish(const std::string& pod) { return *world.run(world.volumes->unpublishPod(pod)); }
  std::vector<std::string> calls() { return world.driver.actions(); }
  std::string states() {
    std::string text;
    for (const Volumes::View& view : world.volumes->all()) {
      text += view.record.handle + " " + std::string(toString(view.record.stage));
      for (const auto& [uid, state] : view.record.pods) text += " " + uid + " " + std::string(toString(state));
    }
    return text;
  }

  World world;
};

TEST_F(Csi, CSI_3_AVolumeIsStagedOncePublishedPerPodAndUnstagedAfterTheLast) {
  EXPECT_EQ(publish("p1").value(), publishPath(world.dir.path(), "p1", "pv-v1"));
  ASSERT_TRUE(publish("p2"));
  ASSERT_TRUE(publish("p1")) << "a repeat does nothing";
  EXPECT_THAT(world.volumes->inUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_EQ(states(), "v1 staged p2 published");
  ASSERT_TRUE(unpublish("p2"));
  ASSERT_TRUE(unpublish("p2"));
  EXPECT_THAT(calls(), ElementsAre("NodeStageVolume(v1)", "NodePublishVolume(v1)", "NodePublishVolume(v1)",
                                   "NodeUnpublishVolume(v1)", "NodeUnpublishVolume(v1)", "NodeUnstageVolume(v1)"));
  EXPECT_THAT(world.driver.violations(), IsEmpty());
  EXPECT_THAT(world.leftovers(), IsEmpty());
  EXPECT_THAT(world.volumes->inUse(), IsEmpty());
}

TEST_F(Csi, CSI_6_BothDirectoriesHaveTheirDataFile) {
  ASSERT_TRUE(publish("p1"));
  EXPECT_EQ(readFile(stagingDirectory(world.dir.path(), "fake.csi", "v1") + "/vol_data.json", 1000).value(),
            R"({"driverName":"fake.csi","volumeHandle":"v1"})");
  const std::string data = readFile(publishDirectory(world.dir.path(), "p1", "pv-v1") + "/vol_data.json", 1000).value();
  EXPECT_THAT(data, HasSubstr(R"("specVolID":"pv-v1")"));
  EXPECT_THAT(data, HasSubstr(R"("nodeName":"n1")"));
}

TEST_F(Csi, CSI_14_AnotherLabelWaitsUntilTheVolumeIsUnmounted) {
  VolumeSpec first = world.spec("v1");
  first.selinuxLabel = "a";
  VolumeSpec second = world.spec("v1");
  second.selinuxLabel = "b";
  ASSERT_TRUE(*world.run(world.volumes->publish(first, world.pod("p1"))));
  const Result<std::string> refused = *world.run(world.volumes->publish(second, world.pod("p2")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(
      refused.error().message,
      HasSubstr("waiting for unmount of volume \"pv-v1\", because it is already mounted to a different pod with "
                "a different SELinux label"));
  ASSERT_TRUE(*world.run(world.volumes->publish(first, world.pod("p3")))) << "the same label is welcome";
  ASSERT_TRUE(unpublish("p1"));
  ASSERT_TRUE(unpublish("p3"));
  EXPECT_EQ(states(), "v1 staged") << "the second pod still wants it";
  ASSERT_TRUE(*world.run(world.volumes->publish(second, world.pod("p2"))));
  EXPECT_THAT(calls(), ElementsAre("NodeStageVolume(v1)", "NodePublishVolume(v1)", "NodePublishVolume(v1)",
                                   "NodeUnpublishVolume(v1)", "NodeUnpublishVolume(v1)", "NodeUnstageVolume(v1)",
                                   "NodeStageVolume(v1)", "NodePublishVolume(v1)"));
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Csi, CSI_14_CSI_20_TheLabelOfAMountIsKnownToTheNextAgent) {
  VolumeSpec labelled = world.spec("v1");
  labelled.selinuxLabel = "a";
  ASSERT_TRUE(*world.run(world.volumes->publish(labelled, world.pod("p1"))));
  for (const bool journal : {true, false}) {
    world.stop();
    if (!journal) fs::remove_all(world.dir / "cubelet");  // as if upstream's kubelet had mounted it
    world.start();
    const Result<std::string> refused = *world.run(world.volumes->publish(world.spec("v1"), world.pod("p2")));
    ASSERT_FALSE(refused) << journal;
    EXPECT_THAT(refused.error().message, HasSubstr("with a different SELinux label")) << journal;
    EXPECT_TRUE(*world.run(world.volumes->publish(labelled, world.pod("p1")))) << journal;
  }
  world.stop();
  fs::remove_all(world.dir / "cubelet");
  world.start();
  ASSERT_TRUE(publish("p1")) << "the pod wants another label by now, and nobody knows whether it is mounted";
  EXPECT_THAT(calls(), testing::Contains("NodeUnstageVolume(v1)"));
  EXPECT_EQ(readFile(stagingDirectory(world.dir.path(), "fake.csi", "v1") + "/vol_data.json", 1000).value(),
            R"({"driverName":"fake.csi","volumeHandle":"v1"})");
}

TEST_F(Csi, CSI_5_ADriverWithoutStagingIsNotAskedToStage) {
  world.driver.can.stageUnstage = false;
  ASSERT_TRUE(publish("p1"));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_THAT(calls(), ElementsAre("NodePublishVolume(v1)", "NodeUnpublishVolume(v1)"));
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_7_AVolumeForOnePodIsNotGivenToTwo) {
  VolumeSpec spec = world.spec("v1");
  spec.accessMode = "ReadWriteOncePod";
  spec.exclusive = true;
  ASSERT_TRUE(*world.run(world.volumes->publish(spec, world.pod("p1"))));
  Result<std::string> second = *world.run(world.volumes->publish(spec, world.pod("p2")));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("already in use by another pod"));
  EXPECT_TRUE(*world.run(world.volumes->publish(spec, world.pod("p1")))) << "its own pod keeps it";
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_TRUE(*world.run(world.volumes->publish(spec, world.pod("p2"))));
}

TEST_F(Csi, CSI_10_AnInlineVolumeIsOnlyPublished) {
  VolumeSpec spec = world.spec(ephemeralHandle("p1", "data"));
  spec.name = "data";
  spec.ephemeral = true;
  spec.attachable = false;
  PodUse use = world.pod("p1");
  use.podInfoOnMount = true;
  ASSERT_TRUE(*world.run(world.volumes->publish(spec, use)));
  EXPECT_THAT(world.volumes->inUse(), IsEmpty());
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_THAT(calls(),
              ElementsAre("NodePublishVolume(" + spec.handle + ")", "NodeUnpublishVolume(" + spec.handle + ")"));
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_17_ADriverThatIsMissingIsWaitedForAndMountsStay) {
  world.drivers->missing = true;
  EXPECT_EQ(publish("p1").error().code, Code::kUnavailable);
  world.drivers->missing = false;
  ASSERT_TRUE(publish("p1"));
  world.drivers->missing = true;
  EXPECT_TRUE(publish("p1")) << "what is mounted stays usable";
  EXPECT_FALSE(unpublish("p1"));
  world.drivers->missing = false;
  EXPECT_TRUE(unpublish("p1"));
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_18_AFinalErrorLeavesNothing) {
  world.driver.faults().failNext("NodeStageVolume", Error(Code::kInternal, "Internal", "no such disk"));
  EXPECT_THAT(publish("p1").error().message, HasSubstr("volume pv-v1 (fake.csi v1): no such disk"));
  EXPECT_EQ(states(), "v1 none p1 claimed");
  EXPECT_FALSE(fs::exists(stagingDirectory(world.dir.path(), "fake.csi", "v1")));
  world.driver.faults().failNext("NodePublishVolume", Error(Code::kInternal, "Internal", "no"));
  EXPECT_FALSE(publish("p1"));
  EXPECT_EQ(states(), "v1 staged p1 claimed");
  EXPECT_FALSE(fs::exists(publishDirectory(world.dir.path(), "p1", "pv-v1")));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_EQ(calls().back(), "NodeUnstageVolume(v1)");
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_18_AnOpenOutcomeIsRepeatedOrUndone) {
  for (const char* method : {"NodeStageVolume", "NodePublishVolume"}) {
    world.driver.faults().failNextAfterEffect(method, Error(Code::kTimedOut, "DeadlineExceeded", "late"));
    EXPECT_FALSE(publish("p1"));
    ASSERT_TRUE(unpublish("p1")) << "undone, although it was never reported";
    EXPECT_TRUE(world.mounts.empty());
    EXPECT_THAT(world.leftovers(), IsEmpty());

    world.driver.faults().failNextAfterEffect(method, Error(Code::kUnavailable, "Unavailable", "gone"));
    EXPECT_FALSE(publish("p1"));
    ASSERT_TRUE(publish("p1")) << "or repeated";
    ASSERT_TRUE(unpublish("p1"));
  }
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Csi, CSI_18_ARefusalAfterAnOpenOutcomeDoesNotForgetTheVolume) {
  world.driver.faults().failNextAfterEffect("NodeStageVolume", Error(Code::kTimedOut, "", "late"));
  world.driver.faults().failNext("NodeStageVolume", Error(Code::kInternal, "Internal", "busy"));
  EXPECT_FALSE(publish("p1"));
  EXPECT_FALSE(publish("p1"));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_TRUE(world.mounts.empty());
  EXPECT_EQ(calls().back(), "NodeUnstageVolume(v1)");
}

TEST_F(Csi, AFailedUnpublishKeepsThePodAndIsRepeated) {
  ASSERT_TRUE(publish("p1"));
  world.driver.faults().failNext("NodeUnpublishVolume", Error(Code::kInternal, "Internal", "device busy"));
  EXPECT_FALSE(unpublish("p1"));
  EXPECT_EQ(states(), "v1 staged p1 unpublishing");
  EXPECT_EQ(world.volumes->all()[0].problem, "device busy");
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, ADriverThatLiesAboutUnmountingIsFoundOut) {
  const std::string path = publish("p1").value();
  ASSERT_TRUE(unpublish("p1"));
  ASSERT_TRUE(publish("p1"));
  world.driver.removeVolume("v1");  // answers NotFound from now on, and leaves the mount
  world.driver.faults().failNext("NodeUnpublishVolume", Error(Code::kNotFound, "NotFound", "no volume v1"));
  EXPECT_FALSE(unpublish("p1"));
  EXPECT_EQ(states(), "v1 staged p1 unpublishing") << "it is still mounted, so it is not forgotten";
  world.mounts.clear();
  ASSERT_TRUE(unpublish("p1")) << "nothing is mounted and the driver knows it no more: done";
  EXPECT_THAT(world.volumes->all(), SizeIs(0));
}

TEST_F(Csi, APathThatIsInUseIsNotMountedOver) {
  world.mounts[stagingPath(world.dir.path(), "fake.csi", "v1")] = "foreign";
  EXPECT_THAT(publish("p1").error().message, HasSubstr("something that cubelet did not mount is at"));
  EXPECT_THAT(calls(), IsEmpty());
  world.mounts.clear();
  world.mounts[publishPath(world.dir.path(), "p1", "pv-v1")] = "foreign";
  EXPECT_THAT(publish("p1").error().message, HasSubstr("something that cubelet did not mount is at"));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_EQ(world.mounts.size(), 1u) << "and not unmounted";
}

TEST_F(Csi, AVolumeThatIsStillMountedElsewhereStaysStaged) {
  ASSERT_TRUE(publish("p1"));
  world.host->others = {"/somewhere"};
  ASSERT_TRUE(unpublish("p1")) << "the pod has nothing left";
  EXPECT_THAT(world.volumes->all()[0].problem, HasSubstr("still mounted at /somewhere"));
  EXPECT_TRUE(world.volumes->hasAbandoned());
  EXPECT_FALSE(*world.run(world.volumes->settle({})));
  world.host->others.clear();
  ASSERT_TRUE(*world.run(world.volumes->settle({})));
  EXPECT_FALSE(world.volumes->hasAbandoned());
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, WhoIsWaitedForIsKnown) {
  world.volumes->claim(world.spec("v1"), "p1");
  EXPECT_EQ(world.volumes->all()[0].waitsFor, "attacher");
  std::vector<std::string> seen;
  world.volumes->onChange([&] { seen.push_back(world.volumes->all()[0].waitsFor); });
  ASSERT_TRUE(publish("p1"));
  EXPECT_THAT(seen, ElementsAre("driver", ""));
}

TEST_F(Csi, CSI_3_AClaimedVolumeIsInUseBeforeAnythingIsDone) {
  int changes = 0;
  world.volumes->onChange([&] { ++changes; });
  world.volumes->claim(world.spec("v1"), "p1");
  EXPECT_EQ(changes, 1);
  EXPECT_THAT(world.volumes->inUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  EXPECT_TRUE(world.volumes->has("p1"));
  EXPECT_FALSE(world.volumes->isPublished("fake.csi", "v1", "p1"));
  ASSERT_TRUE(publish("p1"));
  EXPECT_TRUE(world.volumes->isPublished("fake.csi", "v1", "p1"));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_FALSE(world.volumes->has("p1"));
  world.volumes->claim(world.spec("v1"), "p2");
  ASSERT_TRUE(unpublish("p2"));
  EXPECT_THAT(world.volumes->all(), IsEmpty());
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_20_ANewAgentGoesOnWithWhatIsMounted) {
  ASSERT_TRUE(publish("p1"));
  const std::size_t before = calls().size();
  world.start();
  EXPECT_EQ(states(), "v1 staged p1 published");
  ASSERT_TRUE(publish("p1"));
  EXPECT_THAT(calls(), SizeIs(before)) << "nothing is called for what is there";
  ASSERT_TRUE(*world.run(world.volumes->settle({})));
  EXPECT_FALSE(world.mounts.empty()) << "the pod uses it";
  world.start();
  ASSERT_TRUE(*world.run(world.volumes->settle({"p1"})));
  EXPECT_FALSE(world.mounts.empty()) << "the pod is known";
  ASSERT_TRUE(*world.run(world.volumes->settle({"other"})));
  EXPECT_TRUE(world.mounts.empty()) << "nobody knows it";
}

TEST_F(Csi, CSI_20_AfterABootAllIsStagedAndPublishedAgain) {
  ASSERT_TRUE(publish("p1"));
  world.reboot();
  world.start();
  EXPECT_EQ(states(), "v1 staging p1 publishing");
  ASSERT_TRUE(publish("p1"));
  EXPECT_EQ(world.mounts.size(), 2u);
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Csi, CSI_20_AMountThatHasVanishedIsMadeAgain) {
  ASSERT_TRUE(publish("p1"));
  world.start();
  world.driver.reboot();
  ASSERT_TRUE(world.mounts.empty());
  ASSERT_TRUE(publish("p1"));
  EXPECT_EQ(world.mounts.size(), 2u) << "staged again, too";
}

TEST_F(Csi, ADriverThatHasLostItsStagingIsAskedToStageAgain) {
  ASSERT_TRUE(publish("p1"));
  world.driver.reboot();
  EXPECT_FALSE(publish("p2"));
  ASSERT_TRUE(publish("p2"));
  EXPECT_TRUE(world.driver.isStaged("v1"));
}

TEST_F(Csi, CSI_20_VolumesOfUpstreamAreTakenOver) {
  ASSERT_TRUE(publish("p1"));
  world.stop();
  fs::remove_all(world.dir / "cubelet");  // as if another kubelet had mounted it
  world.start();
  EXPECT_THAT(world.problems, IsEmpty());
  EXPECT_EQ(states(), "v1 staging p1 publishing");
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_TRUE(world.mounts.empty());
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CSI_20_ARecordThatCannotBeReadIsSaidAndLeftAlone) {
  ASSERT_TRUE(publish("p1"));
  world.stop();
  for (const auto& file : fs::directory_iterator(world.dir / "cubelet/volumes")) std::ofstream(file.path()) << "{\n{";
  world.start();
  ASSERT_EQ(world.problems.size(), 1u);
  EXPECT_THAT(world.problems[0].message, HasSubstr("read line 1 of the journal"));
  EXPECT_EQ(states(), "v1 staging p1 publishing") << "vol_data.json tells enough";
}

TEST_F(Csi, CSI_15_CSI_16_APublishedVolumeGrowsAndTellsItsFigures) {
  EXPECT_EQ(world.run(world.volumes->expand(world.spec("v1"), world.pod("p1"), 5))->error().code, Code::kNotFound);
  ASSERT_TRUE(publish("p1"));
  EXPECT_EQ(world.run(world.volumes->expand(world.spec("v1"), world.pod("p1"), std::int64_t{3} << 30))->value(),
            std::int64_t{3} << 30);
  EXPECT_EQ(world.driver.lastExpand().volume_path(), publishPath(world.dir.path(), "p1", "pv-v1"));
  EXPECT_EQ(world.run(world.volumes->stats("fake.csi", "v1", "p1"))->value().usage(0).total(), std::int64_t{3} << 30);
  EXPECT_FALSE(*world.run(world.volumes->stats("fake.csi", "v1", "p2")));
}

TEST_F(Csi, CSI_9_AFailedRepublishLeavesTheMount) {
  ASSERT_TRUE(publish("p1"));
  PodUse use = world.pod("p1");
  use.tokens = "{}";
  ASSERT_TRUE(*world.run(world.volumes->republish(world.spec("v1"), use)));
  EXPECT_EQ(world.driver.lastPublish().volume_context().at("csi.storage.k8s.io/serviceAccount.tokens"), "{}");
  world.driver.faults().failNext("NodePublishVolume", Error(Code::kInternal, "Internal", "no"));
  EXPECT_FALSE(*world.run(world.volumes->republish(world.spec("v1"), use)));
  EXPECT_EQ(states(), "v1 staged p1 published");
  EXPECT_EQ(world.mounts.size(), 2u);
}

TEST_F(Csi, CSI_12_VOL_4_ABlockVolumeHasUpstreamsPaths) {
  VolumeSpec spec = world.spec("v1");
  spec.block = true;
  EXPECT_EQ(world.run(world.volumes->publish(spec, world.pod("p1")))->value(),
            blockPublishPath(world.dir.path(), "pv-v1", "p1"));
  EXPECT_EQ(world.driver.lastStage().staging_target_path(), blockStagingPath(world.dir.path(), "pv-v1"));
  EXPECT_TRUE(fs::exists(blockDataDirectory(world.dir.path(), "pv-v1") + "/vol_data.json"));
  const std::string link = deviceLinkPath(world.dir.path(), "p1", "pv-v1");
  EXPECT_EQ(fs::read_symlink(link), blockPublishPath(world.dir.path(), "pv-v1", "p1"));
  EXPECT_TRUE(world.mounts.contains(deviceMapPath(world.dir.path(), "pv-v1", "p1")));
  ASSERT_TRUE(unpublish("p1"));
  EXPECT_FALSE(fs::is_symlink(link));
  EXPECT_THAT(world.mounts, IsEmpty());
  EXPECT_THAT(world.leftovers(), IsEmpty());
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Csi, CSI_12_CSI_20_ABlockVolumeIsKnownWithoutTheJournal) {
  VolumeSpec spec = world.spec("v1");
  spec.block = true;
  ASSERT_TRUE(*world.run(world.volumes->publish(spec, world.pod("p1"))));
  // What a device looks like to whoever lists the directory.
  std::ofstream(blockPublishPath(world.dir.path(), "pv-v1", "p1")) << "";
  fs::remove_all(world.dir.path() + "/cubelet/volumes");
  world.start();
  EXPECT_EQ(states(), "v1 staging p1 publishing");
  fs::remove(blockPublishPath(world.dir.path(), "pv-v1", "p1"));
  ASSERT_TRUE(*world.run(world.volumes->settle({})));
  EXPECT_THAT(world.mounts, IsEmpty());
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

TEST_F(Csi, CallsForOneVolumeComeOneAfterTheOtherAndThoseOfSeveralSideBySide) {
  for (int i = 2; i <= 5; ++i) world.driver.addVolume("v" + std::to_string(i));
  using Answer = std::shared_ptr<std::optional<Result<std::string>>>;
  std::vector<Answer> answers;
  auto begin = [&](const std::string& pod, const std::string& handle) {
    answers.push_back(std::make_shared<std::optional<Result<std::string>>>());
    world.tasks->spawn("publish",
                       World::into(world.volumes->publish(world.spec(handle), world.pod(pod)), answers.back()));
  };
  for (int i = 1; i <= 5; ++i) world.driver.faults().hangNext("NodeStageVolume");
  for (int i = 1; i <= 5; ++i) begin("p1", "v" + std::to_string(i));
  begin("p2", "v1");
  world.loop.poll();
  EXPECT_EQ(world.driver.faults().inFlight("NodeStageVolume"), 5);
  world.driver.faults().letGo();
  world.loop.poll();
  for (const Answer& answer : answers) EXPECT_TRUE(*answer && **answer);
  EXPECT_EQ(world.driver.faults().count("NodeStageVolume"), 5);
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Csi, ADriverThatHangsCostsOnlyItsVolume) {
  world.driver.addVolume("v2");
  world.driver.faults().hangNext("NodeStageVolume", Duration(0));
  auto answer = std::make_shared<std::optional<Result<std::string>>>();
  world.tasks->spawn("hung", World::into(world.volumes->publish(world.spec("v1"), world.pod("p1")), answer));
  world.loop.poll();
  EXPECT_TRUE(publish("p2", "v2"));
  EXPECT_FALSE(*answer);
}

}  // namespace
}  // namespace cubelet::csi
