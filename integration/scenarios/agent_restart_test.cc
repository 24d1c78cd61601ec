// The agent goes and comes: stopped, killed at any moment, absent while things change. Pods must not notice.
#include <random>
#include <set>
#include <thread>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class AgentRestart : public NodeTest {
 protected:
  void startPods(std::vector<std::string> names) {
    for (const std::string& name : names) node().write(name + ".json", pod(name, {marker("c", name)}));
    node().startAgent();
    for (const std::string& name : names)
      ASSERT_TRUE(eventually("pod " + name + " is ready", kSoon, isReady(node(), name)));
  }
  // With their states, sorted: the runtime lists in any order.
  std::set<std::string> containerIds() {
    std::set<std::string> ids;
    for (const auto& each : node().cri().containers()) ids.insert(each.id() + " " + std::to_string(each.state()));
    return ids;
  }
  std::string changedFrom(const std::set<std::string>& before) {
    std::set<std::string> now = containerIds();
    std::string text;
    if (now != before)
      for (const std::string& id : now) text += id + "\n";
    return text.empty() && now != before ? "none left" : text;
  }
};

TEST_F(AgentRestart, REC_1_StopLeavesPodsRunningAndStartDisturbsNothing) {
  ASSERT_NO_FATAL_FAILURE(startPods({"a", "b", "c"}));
  std::set<std::string> before = containerIds();
  EXPECT_EQ(node().stopAgent(), 0);
  EXPECT_EQ(containerIds(), before);
  node().startAgent();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(eventually("known again", kSoon, isReady(node(), name)));
  EXPECT_TRUE(stays("nothing changes", 2s, [&] { return changedFrom(before); }));
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), name, 1)));
}

TEST_F(AgentRestart, REC_1_KilledAndStartedAgainSeesTheSame) {
  ASSERT_NO_FATAL_FAILURE(startPods({"a", "b"}));
  json before = node().podOf("a");
  std::set<std::string> ids = containerIds();
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("known again", kSoon, isReady(node(), "a")));
  json after = node().podOf("a");
  EXPECT_EQ(after["status"]["podIP"], before["status"]["podIP"]);
  EXPECT_EQ(after["status"]["containerStatuses"], before["status"]["containerStatuses"]);
  EXPECT_TRUE(stays("nothing changes", 1s, [&] { return changedFrom(ids); }));
}

TEST_F(AgentRestart, REC_4_ManifestRemovedMeanwhileIsHonoured) {
  ASSERT_NO_FATAL_FAILURE(startPods({"a", "b"}));
  node().killAgent();
  node().remove("a.json");
  node().startAgent();
  EXPECT_TRUE(eventually("pod a is gone", kSoon, isGone(node(), "a")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "b", 1)));
  EXPECT_EQ(runsOnce(node(), "b", {"c"})(), "");
}

TEST_F(AgentRestart, REC_5_ManifestChangedMeanwhileIsHonoured) {
  ASSERT_NO_FATAL_FAILURE(startPods({"a", "b"}));
  node().killAgent();
  node().write("a.json", pod("a", {marker("c", "a-new")}));
  node().startAgent();
  ASSERT_TRUE(eventually("the new one runs", kSoon, hasStarts(node(), "a-new", 1)));
  ASSERT_TRUE(eventually("only the new one", kSoon, runsOnce(node(), "a", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "b", 1)));
}

TEST_F(AgentRestart, REC_7_ProgramThatEndedMeanwhileIsRestartedOnce) {
  ASSERT_NO_FATAL_FAILURE(startPods({"a", "b"}));
  std::string id = node().cri().containersOf("a-node1").at(0).id();
  node().killAgent();
  ASSERT_TRUE(node().containerd().ctr({"tasks", "kill", "-s", "SIGKILL", id}).ok());
  node().startAgent();
  ASSERT_TRUE(eventually("it runs again", kSoon, all({hasStarts(node(), "a", 2), isReady(node(), "a")})));
  EXPECT_EQ(statusOf(node().podOf("a"), "c")["restartCount"], 1);
  EXPECT_TRUE(stays("once", 1s, runsOnce(node(), "a", {"c"})));
}

TEST_F(AgentRestart, REC_2_REC_7_CountsAndEndedPodsAreRemembered) {
  json done = pod("done", {shell("c", "done", "exit 0")});
  done["spec"]["restartPolicy"] = "Never";
  node().write("done.json", done);
  node().write("again.json",
               pod("again", {shell("c", "again", "[ $(grep -c start /out/again) -ge 2 ] && exec sleep 1000; exit 1")}));
  node().startAgent();
  ASSERT_TRUE(eventually("one has ended", kSoon, phaseIs(node(), "done", "Succeeded")));
  ASSERT_TRUE(
      eventually("one runs its second time", kSoon, all({hasStarts(node(), "again", 2), isReady(node(), "again")})));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(
      eventually("both are known", kSoon, all({phaseIs(node(), "done", "Succeeded"), isReady(node(), "again")})));
  EXPECT_EQ(statusOf(node().podOf("again"), "c")["restartCount"], 1);
  EXPECT_TRUE(stays("nothing starts", 2s, all({hasStarts(node(), "done", 1), hasStarts(node(), "again", 2)})));
}

TEST_F(AgentRestart, REC_2_TerminationInProgressIsFinished) {
  json stubborn = pod("a", {container("c", {"mark", "-i", "/out/a"})});
  stubborn["spec"]["terminationGracePeriodSeconds"] = 4;
  node().write("a.json", stubborn);
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "a")));
  node().remove("a.json");
  ASSERT_TRUE(eventually("it is asked to end", kSoon, hasMark(node(), "a", "term")));
  node().killAgent();
  node().startAgent();
  EXPECT_TRUE(eventually("it is gone", kSoon, isGone(node(), "a")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "a", 1)));
}

TEST_F(AgentRestart, KilledWhileASandboxIsMadeNothingIsLeftOver) {
  node().containerd().holdNetworkOf("a-node1");
  node().write("a.json", pod("a", {marker("c", "a")}));
  node().startAgent();
  ASSERT_TRUE(eventually("its network is being made", kSoon,
                         [&] { return node().containerd().networkWaits("a-node1") ? "" : "not yet"; }));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  node().containerd().releaseNetworkOf("a-node1");
  ASSERT_TRUE(eventually("the pod runs", 90s, isReady(node(), "a")));
  ASSERT_TRUE(eventually("once", kSoon, runsOnce(node(), "a", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "a", 1)));
}

// The heart of "crash only": kill -9 at moments nobody chose, while pods start, crash, are edited and removed.
TEST_F(AgentRestart, KilledAtRandomMomentsManyTimes) {
  unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr int kRounds = 25;
  node().write("steady.json", pod("steady", {marker("c", "steady")}));
  node().startAgent();
  ASSERT_TRUE(eventually("pod steady is ready", kSoon, isReady(node(), "steady")));
  for (int round = 0; round < kRounds; ++round) {
    std::string name = "r" + std::to_string(round);
    node().write(name + ".json", pod(name, {marker("c", name)}));
    if (round >= 2) node().remove("r" + std::to_string(round - 2) + ".json");
    // From "has not even seen the file" to "runs".
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 450)(random)));
    node().killAgent();
    node().startAgent();
  }
  std::string last = "r" + std::to_string(kRounds - 1);
  std::string beforeLast = "r" + std::to_string(kRounds - 2);
  ASSERT_TRUE(eventually("the last pods are ready", 60s, all({isReady(node(), last), isReady(node(), beforeLast)})));
  ASSERT_TRUE(eventually(
      "every pod runs exactly once", kSoon,
      all({runsOnce(node(), "steady", {"c"}), runsOnce(node(), last, {"c"}), runsOnce(node(), beforeLast, {"c"})})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "steady", 1)))
      << "the pod that nobody touched was not restarted";
  EXPECT_EQ(statusOf(node().podOf("steady"), "c")["restartCount"], 0);
  // No program started twice: a container may be made anew when the kill fell between create and start. When it fell
  // into the start itself, containerd has killed the program with its caller, and the pod starts it once more.
  for (int round = 0; round < kRounds; ++round) {
    const std::string name = "r" + std::to_string(round);
    EXPECT_LE(node().starts(name), 1U + node().containerd().cancelledStarts(node().fullName(name))) << "pod " << name;
  }
  EXPECT_TRUE(eventually("nothing of the removed pods is left", kSoon, [&]() -> std::string {
    for (const auto& sandbox : node().cri().sandboxes()) {
      std::string name = sandbox.metadata().name();
      if (name != "steady-node1" && name != node().fullName(last) && name != node().fullName(beforeLast))
        return "sandbox of " + name;
    }
    return "";
  }));
}

}  // namespace
}  // namespace cubelet::integration
