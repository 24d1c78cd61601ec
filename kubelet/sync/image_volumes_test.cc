// CFG-24: images as volumes.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

struct CFG_24_ImageVolumes : testing::Test {
  static core::Pod podWithImage(const std::string& policy) {
    core::Pod pod = makePod("a", "u1");
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name("tools");
    volume->mutable_volumesource()->mutable_image()->set_reference("reg.test/tools:1");
    volume->mutable_volumesource()->mutable_image()->set_pullpolicy(policy);
    core::VolumeMount* mount = pod.mutable_spec()->mutable_containers(0)->add_volumemounts();
    mount->set_name("tools");
    mount->set_mountpath("/tools");
    return pod;
  }
  const cri::v1::Mount* mountAt(const std::string& path) {
    const cri::FakeContainer* container = node.runtime.container("web");
    if (container == nullptr) return nullptr;
    for (const cri::v1::Mount& mount : container->config.mounts())
      if (mount.container_path() == path) return &mount;
    return nullptr;
  }

  TestNode node;
};

TEST_F(CFG_24_ImageVolumes, IsPulledAndHandedToTheRuntime) {
  node.startAgent();
  node.setPods({podWithImage("IfNotPresent")});
  ASSERT_EQ(node.runtime.running().size(), 1U);
  EXPECT_EQ(node.countCalls("PullImage"), 1U) << "the container's own image is there";
  const cri::v1::Mount* mount = mountAt("/tools");
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(mount->host_path(), "");
  EXPECT_NE(mount->image().image(), "");
  EXPECT_EQ(mount->image().user_specified_image(), "reg.test/tools:1");
  EXPECT_TRUE(mount->readonly());
}

TEST_F(CFG_24_ImageVolumes, ASubPathIsLookedForByTheRuntime) {
  node.startAgent();
  core::Pod pod = podWithImage("IfNotPresent");
  pod.mutable_spec()->mutable_containers(0)->mutable_volumemounts(0)->set_subpath("bin");
  node.setPods({pod});
  const cri::v1::Mount* mount = mountAt("/tools");
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(mount->image_sub_path(), "bin");
}

TEST_F(CFG_24_ImageVolumes, AFailedPullIsTheContainersReason) {
  node.runtime.makeUnpullable("reg.test/tools:1", Error(Code::kInternal, "", "no such image"));
  node.startAgent();
  node.setPods({podWithImage("IfNotPresent")});
  EXPECT_TRUE(node.runtime.running().empty());
  EXPECT_EQ(node.waitingReason("a"), "ErrImagePull");
  EXPECT_TRUE(node.hasEvent("Failed", "Failed to pull image \"reg.test/tools:1\""));
}

TEST_F(CFG_24_ImageVolumes, NeverMeansThatItMustBeThere) {
  node.startAgent();
  node.setPods({podWithImage("Never")});
  EXPECT_EQ(node.waitingReason("a"), "ErrImageNeverPull");
  EXPECT_EQ(node.countCalls("PullImage"), 0U);
}

TEST_F(CFG_24_ImageVolumes, AlwaysPullsForEachInstance) {
  node.startAgent();
  node.setPods({podWithImage("Always")});
  ASSERT_EQ(node.countCalls("PullImage"), 1U);
  node.runtime.exitContainer("web", 1);
  ASSERT_TRUE(node.advanceUntil([&] { return node.countCalls("CreateContainer") == 2; }, seconds(30)));
  EXPECT_EQ(node.countCalls("PullImage"), 2U);
}

TEST_F(CFG_24_ImageVolumes, ARuntimeThatCannotIsNotAsked) {
  node.whyNoImageVolumes = "the container runtime of this node, containerd 1.6.20, cannot mount images";
  node.startAgent();
  node.setPods({podWithImage("IfNotPresent")});
  EXPECT_EQ(node.countCalls("CreateContainer"), 0U);
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_EQ(node.status("a").containerstatuses(0).state().waiting().message(),
            "volume \"tools\" is an image: the container runtime of this node, containerd 1.6.20, cannot mount images");
}

}  // namespace
}  // namespace cubelet::sync
