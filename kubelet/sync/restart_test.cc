// Containers that end while their pod goes on, in their order.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Restarting : NodeTest {};

TEST_F(Restarting, RST_6_FirstRestartIsImmediateTheSecondWaitsTenSeconds) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#1"}) << "no time has passed";
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_EQ(node.waitingReason("a"), "CrashLoopBackOff");
  EXPECT_TRUE(node.hasEvent("BackOff", "Back-off restarting failed container web in pod a_default(u1)"));
  node.advance(seconds(9));
  EXPECT_TRUE(runtime.running().empty());
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#2"});
}

TEST_F(Restarting, GC_1_OneDeadInstanceIsKept) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (int round = 0; round < 4; ++round) {
    runtime.exitContainer("web", 1);
    ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(100)));
  }
  EXPECT_EQ(runtime.running(), Names{"web#4"});
  EXPECT_EQ(runtime.containers().size(), 2u);
}

TEST_F(Restarting, StatusThatLagsBehindAnExitStartsNoSecondCopy) {
  runtime.staleAfterExit(milliseconds(160));
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 3);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.status("a").containerstatuses(0).laststate().terminated().exitcode(), 3);
}

TEST_F(Restarting, PLC_5_RST_11_NeverEndsInSuccessAndReleasesTheNetwork) {
  node.startAgent();
  node.setPods({withPolicy(makePod("a", "u1"), "Never")});
  runtime.exitContainer("web", 0);
  node.settle();
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
  EXPECT_FALSE(runtime.sandboxes().front()->ready);
  EXPECT_EQ(runtime.containers().size(), 1u) << "its log stays readable";
  node.advance(std::chrono::hours(1));
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
}

TEST_F(Restarting, INI_1_InitContainersRunOneAfterTheOther) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "first", false);
  addInit(pod, "second", false);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{"first#0"});
  runtime.exitContainer("first", 0);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"second#0"});
  runtime.exitContainer("second", 1);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"second#1"}) << "a failed one is run again";
  runtime.exitContainer("second", 0);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

TEST_F(Restarting, SID_5_SidecarsStartFirstAndStopLast) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "side", true);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), (Names{"side#0", "web#0"}));
  runtime.program("web").termTakes = seconds(5);
  runtime.clearCalls();
  node.setPods({});
  node.advance(seconds(1));
  EXPECT_EQ(node.countCalls("StopContainer"), 1u) << "the sidecar waits for its turn";
  node.advance(seconds(5));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Restarting, ExitCodesAreShownWhileThePodIsStopped) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "side", true);
  runtime.program("side").termTakes = seconds(5);
  node.setPods({pod});
  node.setPods({});
  node.advance(seconds(1));
  ASSERT_EQ(runtime.running(), Names{"side#0"});
  EXPECT_EQ(node.status("a").containerstatuses(0).state().terminated().exitcode(), 143);
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(10)));
}

}  // namespace
}  // namespace cubelet::sync
