// What an agent finds that starts among pods of an earlier run.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

struct AgentRestart : NodeTest {};

TEST_F(AgentRestart, REC_1_RestartOfTheAgentTouchesNothing) {
  node.startAgent();
  node.setPods({makePod("a", "u1"), withPolicy(makePod("b", "u2"), "Never")});
  runtime.exitContainer("web", 0);
  node.settle();
  const auto before = runtime.running();
  node.stopAgent();
  runtime.clearCalls();
  node.startAgent();
  node.setPods({makePod("a", "u1"), withPolicy(makePod("b", "u2"), "Never")});
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running(), before);
  EXPECT_EQ(runtime.actions(), Names{}) << "nothing but reads";
}

TEST_F(AgentRestart, REC_7_ExitWhileTheAgentWasAwayCountsOnce) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.exitContainer("web", 1);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(15)));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.status("a").containerstatuses(0).restartcount(), 1);
}

TEST_F(AgentRestart, SRC_5_TRM_12_REC_3_NothingIsStoppedBeforeEverySourceHasReported) {
  node.startAgent({"file", "http"});
  core::Pod fromUrl = makePod("b", "u2");
  (*fromUrl.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "http";
  node.setPods({makePod("a", "u1")}, "file");
  node.setPods({fromUrl}, "http");
  node.stopAgent();
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")}, "file");
  node.advance(seconds(10));
  EXPECT_EQ(runtime.running().size(), 2u);
  node.setPods({}, "http");
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(40)));
  EXPECT_EQ(runtime.sandboxes().front()->config.metadata().uid(), "u1");
}

TEST_F(AgentRestart, REC_5_ManifestChangedWhileAwayStopsTheOldThenStartsTheNew) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.clearCalls();
  node.startAgent();
  node.setPods({makePod("a", "u2")});
  ASSERT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u2"; },
      seconds(40)));
  const Names actions = runtime.actions();
  auto at = [&](const std::string& method) {
    return std::find_if(actions.begin(), actions.end(), [&](const auto& call) { return call.starts_with(method); });
  };
  EXPECT_LT(at("StopPodSandbox"), at("RunPodSandbox"));
}

// The predecessor came from a source that has reported: the API server, which has not, will not ask for it.
TEST_F(AgentRestart, REC_5_ManifestChangedWhileAwayDoesNotWaitForTheApiServer) {
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u2")}, "file");
  EXPECT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u2"; },
      seconds(5)));
}

TEST_F(AgentRestart, SRC_5_AStrayOfASourceThatHasNotReportedIsLeftAlone) {
  node.startAgent({"file", "api"});
  core::Pod ofServer = makePod("a", "u1");
  (*ofServer.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  core::Pod ofNobody = makePod("b", "u2");
  ofNobody.mutable_metadata()->clear_annotations();
  node.setPods({}, "file");
  node.setPods({ofServer, ofNobody}, "api");
  ASSERT_EQ(runtime.running().size(), 2u);
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u3")}, "file");
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running().size(), 2u) << "and nothing of that name starts beside it";
  node.setPods({}, "api");
  EXPECT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u3"; },
      seconds(40)));
}

TEST_F(AgentRestart, REC_2_AStraysTerminationRecordIsKeptUntilEverySourceHasReported) {
  node.startAgent({"file", "api"});
  runtime.program("web").ignoresTerm = true;
  node.setPods({}, "api");
  core::Pod pod = makePod("a", "u1");
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_spec()->set_terminationgraceperiodseconds(60);
  node.setPods({}, "file");
  node.setPods({pod}, "api");
  node.setPods({}, "api");
  node.advance(seconds(40));
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({}, "file");
  node.settle();
  node.setPods({}, "api");
  node.settle();
  ASSERT_TRUE(runtime.container("web")->stopGrace);
  EXPECT_LE(*runtime.container("web")->stopGrace, Duration(seconds(20)));
}

TEST_F(AgentRestart, REC_2_TerminationGoesOnWithWhatIsLeftOfItsGrace) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_terminationgraceperiodseconds(60);
  runtime.program("web").ignoresTerm = true;
  node.setPods({pod});
  node.setPods({});
  node.advance(seconds(40));
  ASSERT_EQ(runtime.running().size(), 1u);
  node.stopAgent();
  node.startAgent();
  node.setPods({});
  node.settle();
  ASSERT_TRUE(runtime.container("web")->stopGrace);
  EXPECT_LE(*runtime.container("web")->stopGrace, Duration(seconds(20)));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(25)));
}

TEST_F(AgentRestart, RST_4_CountGoesOnFromTheLogsWhenTheRuntimeHasForgotten) {
  ASSERT_TRUE(makeDirectories(node.temp / "logs/default_a_u1/web", 0755));
  ASSERT_TRUE(writeFileAtomic(node.temp / "logs/default_a_u1/web/4.log", "", 0644));
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.running(), Names{"web#5"});
}

// ---- A reboot ----

TEST_F(AgentRestart, REC_8_AfterARebootPodsStartAgainAndCountsGrowOn) {
  core::Pod always = makePod("a", "u1");
  addInit(always, "init", false);
  core::Pod never = withPolicy(makePod("n", "u2"), "Never");
  never.mutable_spec()->mutable_containers(0)->set_name("once");
  node.startAgent();
  node.setPods({always, never});
  runtime.exitContainer("init", 0);
  node.settle();
  ASSERT_EQ(runtime.running(), (Names{"once#0", "web#0"}));
  node.stopAgent();
  // The runtime has kept its records, but not one process.
  runtime.killSandbox("a", true);
  runtime.killSandbox("n", true);
  node.startAgent();
  node.setPods({always, never});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"init#1"}; }, seconds(40)));
  runtime.exitContainer("init", 0);
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(40)));
  EXPECT_EQ(node.status("a").containerstatuses(0).restartcount(), 1);
  EXPECT_EQ(runtime.sandbox("a")->config.metadata().attempt(), 1u);
  EXPECT_EQ(node.status("n").phase(), "Failed");
}

}  // namespace
}  // namespace cubelet::sync
