#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"
#include "csi/volumes/test_world.h"

namespace cubelet::csi {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Check : public testing::Test {
 protected:
  Check() {
    world.driver.addVolume("v1");
    world.start();
    EXPECT_TRUE(*world.run(world.volumes->publish(world.spec("v1"), world.pod("p1"))));
  }
  std::vector<Finding> check() { return world.run(world.volumes->check(pods))->value(); }
  // What remains.
  std::vector<Finding> repair() {
    std::vector<Finding> found = check();
    world.loop.runToEnd(world.volumes->repair(pods, found));
    return check();
  }
  World world;
  std::set<std::string> pods = {"p1"};
};

TEST_F(Check, CSI_20_FindsNothingWhereNothingIsWrong) {
  EXPECT_THAT(check(), IsEmpty());
  EXPECT_THAT(repair(), IsEmpty());
  EXPECT_THAT(world.mounts, SizeIs(2)) << "what is in use stays";
}

TEST_F(Check, CSI_20_WhatALostJournalHasLeftIsTakenDownByItsDriver) {
  world.stop();
  world.volumes = std::make_unique<Volumes>(
      *world.host, *world.drivers, Volumes::Options{.root = world.dir.path(), .nodeName = "n1", .bootId = "boot-1"});
  world.tasks = std::make_unique<TaskGroup>(world.loop);
  pods.clear();
  EXPECT_THAT(check(), SizeIs(2));
  EXPECT_THAT(repair(), IsEmpty());
  EXPECT_THAT(world.mounts, IsEmpty());
  EXPECT_THAT(world.driver.actions(), testing::Contains("NodeUnstageVolume(v1)"));
}

TEST_F(Check, CSI_20_WhatNobodyKnowsIsUnmounted) {
  const std::string path = stagingPath(world.dir.path(), "fake.csi", "lost");
  world.mounts[path] = "something";
  EXPECT_THAT(check(), SizeIs(1));
  EXPECT_THAT(repair(), IsEmpty());
  EXPECT_FALSE(world.mounts.contains(path));
}

TEST_F(Check, CSI_20_AMountThatIsGoneIsNamedAndLeftToThePod) {
  world.mounts.erase(publishPath(world.dir.path(), "p1", "pv-v1"));
  EXPECT_THAT(repair(), SizeIs(1));
}

TEST_F(Check, CSI_20_WhatTheDriverDoesNotTakeBackRemains) {
  pods.clear();
  EXPECT_THAT(check(), IsEmpty()) << "the pod still wants it";
  world.start();
  world.driver.faults().failNext("NodeUnpublishVolume", Error(Code::kInternal, "Internal", "device busy"));
  EXPECT_THAT(check(), SizeIs(1));
  EXPECT_THAT(repair(), SizeIs(1));
  EXPECT_THAT(repair(), IsEmpty());
}

}  // namespace
}  // namespace cubelet::csi
