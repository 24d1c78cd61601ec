// Images of containers: present, pulled, or not to be had.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

struct ImagesOfPods : NodeTest {};

TEST_F(ImagesOfPods, CFG_19_MissingImageIsPulled) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  node.setPods({pod});
  EXPECT_TRUE(node.hasEvent("Pulling", "Pulling image \"other:2\""));
  EXPECT_TRUE(node.hasEvent("Pulled", "Successfully pulled image \"other:2\" in "));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

// The runtime needs a tenth of a second and more for a sandbox, and a pull takes longer: neither waits for the other.
TEST_F(ImagesOfPods, ImagesArePulledWhileTheSandboxIsBeingMade) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(1));
  runtime.delayNext("PullImage", seconds(2));
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:1");
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  node.advance(seconds(1));
  EXPECT_TRUE(runtime.running().empty());
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
}

TEST_F(ImagesOfPods, CFG_20_FailedPullBacksOffAndRecovers) {
  node.startAgent();
  runtime.makeUnpullable("other:2", Error(Code::kNotFound, "", "manifest unknown"));
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  node.setPods({pod});
  EXPECT_EQ(node.waitingReason("a"), "ErrImagePull");
  node.advance(seconds(5));
  EXPECT_EQ(node.waitingReason("a"), "ImagePullBackOff");
  EXPECT_TRUE(node.hasEvent("BackOff", "Back-off pulling image \"other:2\""));
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  node.advance(seconds(6));
  EXPECT_EQ(node.countCalls("PullImage"), 2u) << "ten seconds after the first";
  node.advance(seconds(15));
  EXPECT_EQ(node.countCalls("PullImage"), 2u) << "then twenty";
  runtime.addImage("other:2");
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(30)));
}

TEST_F(ImagesOfPods, CFG_18_NeverPullsNothing) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  pod.mutable_spec()->mutable_containers(0)->set_imagepullpolicy("Never");
  node.setPods({pod});
  EXPECT_EQ(node.waitingReason("a"), "ErrImageNeverPull");
  EXPECT_EQ(node.countCalls("PullImage"), 0u);
}

TEST_F(ImagesOfPods, CFG_18_AlwaysAsksForEveryStart) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_imagepullpolicy("Always");
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
  EXPECT_EQ(runtime.running(), Names{"web#1"});
}

TEST_F(ImagesOfPods, ASlowPullHoldsUpOneContainerOnly) {
  node.startAgent();
  runtime.hangNext("PullImage");
  core::Pod pod = makePod("a", "u1");
  core::Container* slow = pod.mutable_spec()->add_containers();
  slow->set_name("slow");
  slow->set_image("slow:1");
  pod.mutable_spec()->mutable_containers()->SwapElements(0, 1);
  api::setDefaults(pod);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

}  // namespace
}  // namespace cubelet::sync
