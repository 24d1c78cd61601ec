// CSI volumes that are to become larger, with a fake driver.
#include "kubelet/volumes/csi_growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/test_world.h"
#include "kubelet/events/recorder.h"
#include "kubelet/volumes/claim_statuses.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/pod_volumes.h"
#include "proto/k8s/claim_resize.pb.h"

namespace cubelet::volumes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kGi = std::int64_t{1} << 30;

// Notes patches, and does what those of a success do.
struct FakeClaimStatuses final : ClaimStatuses {
  explicit FakeClaimStatuses(objects::FakeObjects& o) : objects(o) {}
  Task<Result<objects::ClaimPtr>> patch(std::string ns, std::string name, std::string patch) override {
    if (failure) co_return fail(*failure);
    core::PersistentVolumeClaim& claim = objects.claims[ns + "/" + name];
    for (const char* capacity : {"2Gi", "3Gi"})
      if (patch.find("{\"storage\":\"" + std::string(capacity) + "\"}") != std::string::npos)
        (*claim.mutable_status()->mutable_capacity())["storage"].set_string(capacity);
    patches.push_back(std::move(patch));
    co_return std::make_shared<const core::PersistentVolumeClaim>(claim);
  }
  objects::FakeObjects& objects;
  std::vector<std::string> patches;
  std::optional<Error> failure;
};

struct CsiGrowth : testing::Test {
  CsiGrowth() {
    world.driver.addVolume("v1", kGi);
    world.start();
    dirs.root = world.dir.path();
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("default");
    core::Volume& volume = *pod.mutable_spec()->add_volumes();
    volume.set_name("v");
    volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
    core::PersistentVolumeClaim& claim = objects.claims["default/data"];
    claim.mutable_metadata()->set_name("data");
    claim.mutable_metadata()->set_namespace_("default");
    claim.mutable_metadata()->set_uid("c1");
    claim.mutable_spec()->set_volumename("pv");
    claim.mutable_status()->set_phase("Bound");
    core::PersistentVolumeSpec& spec = *objects.persistentVolumes["/pv"].mutable_spec();
    objects.persistentVolumes["/pv"].mutable_metadata()->set_name("pv");
    spec.mutable_claimref()->set_uid("c1");
    spec.mutable_persistentvolumesource()->mutable_csi()->set_driver("fake.csi");
    spec.mutable_persistentvolumesource()->mutable_csi()->set_volumehandle("v1");
    promise("1Gi");
    has("1Gi");
  }
  void promise(const std::string& capacity) {
    (*objects.persistentVolumes["/pv"].mutable_spec()->mutable_capacity())["storage"].set_string(capacity);
  }
  void has(const std::string& capacity) {
    (*objects.claims["default/data"].mutable_status()->mutable_capacity())["storage"].set_string(capacity);
  }
  void step(const std::string& step) {
    core::PersistentVolumeClaimResize resize;
    (*resize.mutable_allocatedresourcestatuses())["storage"] = step;
    ASSERT_TRUE(objects.claims["default/data"].mutable_status()->MergeFromString(resize.SerializeAsString()));
  }
  PodVolumes& volumes() {
    if (!made) {
      Sources sources;
      sources.objects = &objects;
      sources.csi = world.volumes.get();
      sources.csiDrivers = world.drivers.get();
      sources.claims = standalone ? nullptr : &claims;
      sources.events = &recorder;
      sources.nodeName = "n1";
      made = std::make_unique<PodVolumes>(pool, world.clock, dirs, sources);
    }
    return *made;
  }
  Result<std::string> setUp() {
    return world.loop.runToEnd(volumes().setUp(pod, pod.spec().volumes(0), std::make_shared<OwnershipWalk>()));
  }
  void grow() { world.loop.runToEnd(volumes().grow(pod)); }
  int expansions() {
    return static_cast<int>(std::ranges::count(world.driver.actions(), std::string("NodeExpandVolume(v1)")));
  }
  std::vector<std::string> events() {
    std::vector<std::string> all;
    for (const core::Event& event : recorder.list())
      all.push_back(event.involvedobject().kind() + " " + event.reason() + ": " + event.message());
    return all;
  }

  csi::World world;
  BlockingPool pool{world.loop, world.clock, 2};
  layout::Directories dirs;
  objects::FakeObjects objects;
  FakeClaimStatuses claims{objects};
  events::EventRecorder recorder{world.clock, "n1"};
  bool standalone = false;
  std::unique_ptr<PodVolumes> made;
  core::Pod pod;
};

TEST_F(CsiGrowth, CSI_15_AVolumeThatIsAsPromisedIsLeftAlone) {
  ASSERT_TRUE(setUp());
  grow();
  EXPECT_EQ(expansions(), 0);
  EXPECT_THAT(claims.patches, IsEmpty());
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(CsiGrowth, CSI_15_AVolumeIsGrownBeforeItsPodStarts) {
  promise("2Gi");
  step("NodeResizePending");
  ASSERT_TRUE(setUp());
  EXPECT_EQ(world.driver.lastExpand().capacity_range().required_bytes(), 2 * kGi);
  EXPECT_FALSE(world.driver.lastExpand().staging_target_path().empty());
  ASSERT_EQ(claims.patches.size(), 2u);
  EXPECT_THAT(claims.patches[0], HasSubstr("NodeResizeInProgress"));
  EXPECT_THAT(claims.patches[1], HasSubstr(R"("capacity":{"storage":"2Gi"})"));
  EXPECT_THAT(
      events(),
      ElementsAre("Pod FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume \"pv\" n1",
                  "PersistentVolumeClaim FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for "
                  "volume \"pv\" n1"));
}

TEST_F(CsiGrowth, CSI_15_AVolumeGrowsWhileItsPodRuns) {
  ASSERT_TRUE(setUp());
  const std::optional<WallTime> due = volumes().growthDue("u1");
  ASSERT_TRUE(due) << "a node may not watch claims";
  EXPECT_LE(*due - world.clock.wallNow(), std::chrono::seconds(90));
  promise("3Gi");
  grow();
  EXPECT_EQ(world.driver.capacity("v1"), 3 * kGi);
  EXPECT_EQ(claims.patches.size(), 1u) << "this resizer does not tell its steps";
  world.clock.advance(std::chrono::minutes(2));
  grow();
  EXPECT_EQ(expansions(), 1);
  EXPECT_GT(*volumes().growthDue("u1"), world.clock.wallNow());
  ASSERT_TRUE(world.loop.runToEnd(volumes().tearDown("u1")));
  EXPECT_EQ(volumes().growthDue("u1"), std::nullopt);
}

TEST_F(CsiGrowth, CSI_15_AnOpenOutcomeIsRepeated) {
  promise("2Gi");
  step("NodeResizePending");
  world.driver.faults().failNextAfterEffect("NodeExpandVolume", Error(Code::kTimedOut, "DeadlineExceeded", "late"));
  const Result<std::string> path = setUp();
  ASSERT_FALSE(path) << "the pod does not start with less than it has been promised";
  EXPECT_EQ(path.error().message,
            "MountVolume.SetUp failed for volume \"v\" : NodeExpandVolume failed for volume \"pv\" : expand volume pv "
            "(fake.csi v1): late");
  EXPECT_THAT(claims.patches.back(), HasSubstr("NodeResizeInProgress")) << "nothing is known, nothing is told";
  ASSERT_TRUE(setUp());
  EXPECT_EQ(expansions(), 2);
  EXPECT_THAT(events()[0], HasSubstr("Pod VolumeResizeFailed: NodeExpandVolume failed for volume \"pv\""));
}

TEST_F(CsiGrowth, CSI_15_ARefusalForGoodIsToldToTheClaim) {
  promise("2Gi");
  step("NodeResizePending");
  world.driver.faults().failNext("NodeExpandVolume", Error(Code::kInvalid, "OutOfRange", "the disk is full"));
  EXPECT_FALSE(setUp());
  EXPECT_THAT(claims.patches.back(), HasSubstr("NodeResizeInfeasible"));
  EXPECT_THAT(claims.patches.back(), HasSubstr("NodeResizeError"));
  step("NodeResizeInfeasible");
  EXPECT_TRUE(setUp()) << "it is as it is";
  EXPECT_EQ(expansions(), 1);
}

TEST_F(CsiGrowth, CSI_15_OtherFailuresAreToldAndRepeated) {
  promise("2Gi");
  step("NodeResizeInProgress");
  world.driver.faults().failNext("NodeExpandVolume", Error(Code::kInternal, "Internal", "no"));
  EXPECT_FALSE(setUp());
  EXPECT_THAT(claims.patches, ElementsAre(testing::AllOf(HasSubstr("NodeResizeError"),
                                                         testing::Not(HasSubstr("NodeResizeInfeasible")))));
  EXPECT_TRUE(setUp());
}

TEST_F(CsiGrowth, CSI_15_AVolumeInUseStaysAsItIs) {
  promise("2Gi");
  world.driver.faults().failNext("NodeExpandVolume", Error(Code::kInvalid, "FailedPrecondition", "in use"));
  EXPECT_TRUE(setUp());
  grow();
  EXPECT_EQ(expansions(), 1) << "not again with that size";
  EXPECT_THAT(claims.patches, IsEmpty());
}

TEST_F(CsiGrowth, CSI_15_ADriverWithoutExpansionIsNotAsked) {
  world.driver.can.expand = false;
  promise("2Gi");
  EXPECT_TRUE(setUp());
  EXPECT_EQ(expansions(), 0);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(CsiGrowth, CSI_15_WhatIsReadOnlyIsNotGrown) {
  pod.mutable_spec()->mutable_volumes(0)->mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
  promise("2Gi");
  EXPECT_TRUE(setUp());
  grow();
  EXPECT_EQ(expansions(), 0);
  EXPECT_THAT(events(), ElementsAre(HasSubstr("FileSystemResizeFailed")));
  EXPECT_EQ(volumes().growthDue("u1"), std::nullopt);
}

TEST_F(CsiGrowth, CSI_15_AClaimThatCouldNotBeToldIsToldLater) {
  ASSERT_TRUE(setUp());
  promise("2Gi");
  claims.failure = Error(Code::kUnavailable, "", "the server is away");
  grow();
  EXPECT_THAT(claims.patches, IsEmpty());
  claims.failure.reset();
  grow();
  EXPECT_EQ(claims.patches.size(), 1u);
  EXPECT_EQ(expansions(), 1) << "the driver has done it";
}

TEST_F(CsiGrowth, CSI_15_StandaloneTheVolumesObjectCounts) {
  standalone = true;
  objects.claims["default/data"].mutable_status()->clear_capacity();
  promise("2Gi");
  ASSERT_TRUE(setUp());
  EXPECT_EQ(world.driver.capacity("v1"), 2 * kGi);
  EXPECT_THAT(events(), IsEmpty()) << "it may have had that size";
  EXPECT_EQ(volumes().growthDue("u1"), std::nullopt) << "files are watched";
  promise("3Gi");
  grow();
  EXPECT_EQ(world.driver.capacity("v1"), 3 * kGi);
  EXPECT_THAT(events(), testing::SizeIs(2));
  made.reset();
  world.start();
  ASSERT_TRUE(setUp());
  EXPECT_EQ(expansions(), 2) << "the journal remembers it";
}

TEST_F(CsiGrowth, CSI_15_StandaloneAFailureDoesNotHoldThePodUp) {
  standalone = true;
  objects.claims["default/data"].mutable_status()->clear_capacity();
  promise("2Gi");
  world.driver.faults().failNext("NodeExpandVolume", Error(Code::kInternal, "Internal", "no"));
  ASSERT_TRUE(setUp());
  EXPECT_TRUE(volumes().growthDue("u1")) << "it is tried again";
  grow();
  EXPECT_EQ(world.driver.capacity("v1"), 2 * kGi);
  EXPECT_EQ(volumes().growthDue("u1"), std::nullopt);
}

}  // namespace
}  // namespace cubelet::volumes
