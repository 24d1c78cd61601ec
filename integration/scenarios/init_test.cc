// Init containers and sidecars.
#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class Init : public NodeTest {
 protected:
  void startPod(json manifest, std::vector<json> init, const std::string& policy = "Always") {
    manifest["spec"]["initContainers"] = std::move(init);
    manifest["spec"]["restartPolicy"] = policy;
    node().write("p.json", std::move(manifest));
    node().startAgent();
  }
  static json sidecar(json container) {
    container["restartPolicy"] = "Always";
    return container;
  }
  // When the first line of this kind was written.
  std::chrono::nanoseconds at(const std::string& record, const std::string& what = "start") {
    std::vector<Mark> marks = node().marks(record, what);
    EXPECT_FALSE(marks.empty()) << record << " has no " << what;
    return marks.empty() ? std::chrono::nanoseconds(0) : marks[0].monotonic;
  }
};

TEST_F(Init, INI_1_RunOneAfterAnotherBeforeTheRest) {
  startPod(pod("p", {marker("main", "main")}), {shell("one", "one", "usleep 300000; touch /out/one.done"),
                                                shell("two", "two", "[ -e /out/one.done ] && touch /out/two.done")});
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  EXPECT_LT(at("one") + 300ms, at("two"));
  EXPECT_LT(at("two"), at("main"));
  EXPECT_TRUE(
      eventually("each started once", 10s,
                 all({hasStarts(node(), "one", 1), hasStarts(node(), "two", 1), hasStarts(node(), "main", 1)})));
  json seen = node().podOf("p");
  EXPECT_EQ(conditionOf(seen, "Initialized"), "True");
  EXPECT_EQ(statusOf(seen, "one")["state"]["terminated"]["reason"], "Completed");
  EXPECT_EQ(statusOf(seen, "one")["ready"], true);
}

TEST_F(Init, PLC_3_CST_1_PodIsPendingWhileTheyRun) {
  startPod(pod("p", {marker("main", "main")}),
           {shell("slow", "slow", "while [ ! -e /out/go ]; do usleep 20000; done")});
  ASSERT_TRUE(eventually("the init container runs", kSoon, hasStarts(node(), "slow", 1)));
  ASSERT_TRUE(eventually("main waits", kSoon, isWaiting(node(), "p", "main", "PodInitializing")));
  json seen = node().podOf("p");
  EXPECT_EQ(seen["status"]["phase"], "Pending");
  EXPECT_EQ(conditionOf(seen, "Initialized"), "False");
  EXPECT_EQ(node().starts("main"), 0U);
  ASSERT_EQ(run({"touch", (node().records() / "go").string()}).exitCode, 0);
  EXPECT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
}

TEST_F(Init, PLC_2_INI_2_FailureWithNeverFailsThePod) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("main", "main")}),
                                   {shell("bad", "bad", "exit 4"), shell("next", "next", "true")}, "Never"));
  ASSERT_TRUE(eventually("the pod fails", kSoon, phaseIs(node(), "p", "Failed")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "bad", 1)));
  EXPECT_EQ(node().starts("next") + node().starts("main"), 0U);
}

TEST_F(Init, INI_2_FailureIsTriedAgain) {
  ASSERT_NO_FATAL_FAILURE(
      startPod(pod("p", {marker("main", "main")}), {shell("flaky", "flaky", "[ $(grep -c start /out/flaky) -ge 2 ]")}));
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "flaky", 2)));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "main", 1)));
}

TEST_F(Init, INI_3_LaterRestartsDoNotRunThemAgain) {
  startPod(pod("p", {shell("main", "main", "[ $(grep -c start /out/main) -ge 2 ] && exec sleep 1000; exit 1")}),
           {shell("once", "once", "true")});
  ASSERT_TRUE(
      eventually("main runs its second time", kSoon, all({hasStarts(node(), "main", 2), isReady(node(), "p")})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "once", 1)));
}

TEST_F(Init, SID_1_SidecarStartsBeforeTheNextInitContainerAndStays) {
  ASSERT_NO_FATAL_FAILURE(
      startPod(pod("p", {marker("main", "main")}), {sidecar(marker("side", "side")), shell("after", "after", "true")}));
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  EXPECT_LT(at("side"), at("after"));
  EXPECT_LT(at("after"), at("main"));
  // The runtime's own list learns of an end later than those who hear its events.
  EXPECT_TRUE(eventually("the other one is over", 10s, runsOnce(node(), "p", {"side", "main"})));
}

TEST_F(Init, SID_2_SidecarIsRestartedEvenWithNever) {
  startPod(pod("p", {marker("main", "main")}),
           {sidecar(shell("side", "side", "[ $(grep -c start /out/side) -ge 2 ] && exec sleep 1000; exit 1"))},
           "Never");
  ASSERT_TRUE(eventually("the sidecar runs its second time", kSoon, hasStarts(node(), "side", 2)));
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "main", 1)));
}

TEST_F(Init, SID_4_SidecarEndsWithTheLastRegularContainer) {
  ASSERT_NO_FATAL_FAILURE(
      startPod(pod("p", {shell("main", "main", "usleep 500000")}), {sidecar(marker("side", "side"))}, "Never"));
  ASSERT_TRUE(eventually("the pod succeeds", kSoon, phaseIs(node(), "p", "Succeeded")));
  ASSERT_TRUE(eventually("the sidecar was asked to end", kSoon, hasMark(node(), "side", "term")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "side", 1)));
}

TEST_F(Init, SID_5_SidecarsEndLastAndInReverseOrder) {
  json manifest = pod("p", {marker("main", "main")});
  manifest["spec"]["terminationGracePeriodSeconds"] = 10;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest, {sidecar(marker("first", "first")), sidecar(marker("second", "second"))}));
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  node().remove("p.json");
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_LT(at("main", "term"), at("second", "term"));
  EXPECT_LT(at("second", "term"), at("first", "term"));
}

TEST_F(Init, INI_3_NewSandboxRunsThemAgain) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("main", "main")}), {shell("init", "init", "true")}));
  ASSERT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
  node().cri().stopSandbox(node().cri().sandboxesOf(node().fullName("p"))[0].id());
  ASSERT_TRUE(eventually("all ran again", kSoon, all({hasStarts(node(), "init", 2), hasStarts(node(), "main", 2)})));
  EXPECT_TRUE(eventually("the pod is ready", kSoon, isReady(node(), "p")));
}

}  // namespace
}  // namespace cubelet::integration
