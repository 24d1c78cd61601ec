// What the runtime tells, or fails to tell.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct RuntimeEvents : NodeTest {};

TEST_F(RuntimeEvents, REC_10_ExitDuringAnOutageOfTheStreamIsFoundAfterIt) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.setDown(true);
  node.settle();
  runtime.exitContainer("web", 1);
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(15)));
}

// Its event was sent before anybody listened, and the list still shows it running.
TEST_F(RuntimeEvents, ExitJustBeforeTheAgentStartsIsFound) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.staleAfterExit(milliseconds(160));
  runtime.exitContainer("web", 1);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.status("a").containerstatuses(0).state().has_running(), true) << "as the runtime says";
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
}

TEST_F(RuntimeEvents, RemovalByAStrangerIsNoticed) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.loop.runToEnd(runtime.removeContainer(runtime.container("web")->id));
  node.settle();
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(15)));
}

TEST_F(RuntimeEvents, LostEventIsFoundByTheAudit) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.advance(seconds(1));
  runtime.dropEvents(true);
  runtime.exitContainer("web", 1);
  runtime.dropEvents(false);
  node.settle();
  EXPECT_TRUE(runtime.running().empty());
  node.advance(std::chrono::minutes(6));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.observer().auditDifferences(), 1u);
}

TEST_F(RuntimeEvents, RuntimeWithoutEventsIsListed) {
  runtime.setEventStyle(cri::FakeRuntime::EventStyle::kNone);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 1);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(5)));
}

TEST_F(RuntimeEvents, IdleNodeWithoutPodsKeepsNoTimer) {
  node.startAgent();
  node.setPods({});
  EXPECT_EQ(node.clock.pendingTimers(), 0u);
}

}  // namespace
}  // namespace cubelet::sync
