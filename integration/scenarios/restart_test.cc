// What happens when a program ends: restart policies, back-off, counts.
#include <filesystem>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class Restart : public NodeTest {
 protected:
  void startPod(json manifest, const std::string& policy = "Always") {
    manifest["spec"]["restartPolicy"] = policy;
    node().write("p.json", std::move(manifest));
    node().startAgent();
  }
};

TEST_F(Restart, RST_1_AlwaysRestartsACleanExitAtOnce) {
  startPod(pod("p", {shell("c", "c", "[ $(grep -c start /out/c) -ge 2 ] && exec sleep 1000; exit 0")}));
  ASSERT_TRUE(eventually("it started again", kSoon, hasStarts(node(), "c", 2)));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  json status = statusOf(node().podOf("p"), "c");
  EXPECT_EQ(status["restartCount"], 1);
  EXPECT_EQ(status["lastState"]["terminated"]["exitCode"], 0);
  EXPECT_EQ(status["lastState"]["terminated"]["reason"], "Completed");
}

TEST_F(Restart, RST_1_OnFailureRestartsAFailureAndAcceptsSuccess) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {shell("c", "c", "[ $(grep -c start /out/c) -ge 2 ]")}), "OnFailure"));
  ASSERT_TRUE(eventually("it succeeds", kSoon, phaseIs(node(), "p", "Succeeded")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 2)));
  json status = statusOf(node().podOf("p"), "c");
  EXPECT_EQ(status["state"]["terminated"]["reason"], "Completed");
  EXPECT_EQ(status["lastState"]["terminated"]["exitCode"], 1);
  EXPECT_TRUE(stays("it is not started again", 2s, hasStarts(node(), "c", 2)));
}

TEST_F(Restart, RST_1_RST_11_NeverLeavesAFailureAlone) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {shell("c", "c", "exit 3")}), "Never"));
  ASSERT_TRUE(eventually("it fails", kSoon, phaseIs(node(), "p", "Failed")));
  json state = statusOf(node().podOf("p"), "c")["state"]["terminated"];
  EXPECT_EQ(state["exitCode"], 3);
  EXPECT_EQ(state["reason"], "Error");
  EXPECT_TRUE(stays("it is not started again", 2s, hasStarts(node(), "c", 1)));
  ASSERT_TRUE(eventually("its network is released", kSoon, [&] {
    for (const auto& sandbox : node().cri().sandboxesOf(node().fullName("p")))
      if (sandbox.state() == runtime::v1::SANDBOX_READY) return "its sandbox is still ready";
    return "";
  }));
}

TEST_F(Restart, RST_6_RST_8_SecondRestartWaitsTenSecondsAndSaysSo) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {shell("c", "c", "exit 1")})));
  ASSERT_TRUE(eventually("it waits", kSoon, isWaiting(node(), "p", "c", "CrashLoopBackOff")));
  json seen = node().podOf("p");
  std::string uid = seen["metadata"]["uid"];
  EXPECT_EQ(statusOf(seen, "c")["state"]["waiting"]["message"],
            "back-off 10s restarting failed container=c pod=p-node1_default(" + uid + ")");
  EXPECT_EQ(statusOf(seen, "c")["lastState"]["terminated"]["exitCode"], 1);
  EXPECT_EQ(seen["status"]["phase"], "Running");
  ASSERT_TRUE(eventually("it starts a third time", kSoon, hasStarts(node(), "c", 3)));
  std::vector<Mark> starts = node().marks("c");
  EXPECT_LT(starts[1].monotonic - starts[0].monotonic, 3s) << "the first restart is immediate";
  EXPECT_GE(starts[2].monotonic - starts[1].monotonic, 9500ms);
  EXPECT_LT(starts[2].monotonic - starts[1].monotonic, 14s);
}

TEST_F(Restart, RST_7_BackoffIsPerContainer) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {shell("bad", "bad", "exit 1"), marker("good", "good")})));
  ASSERT_TRUE(eventually("bad waits", kSoon, isWaiting(node(), "p", "bad", "CrashLoopBackOff")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "good", 1)));
  EXPECT_EQ(statusOf(node().podOf("p"), "good")["ready"], true);
  EXPECT_EQ(conditionOf(node().podOf("p"), "Ready"), "False");
}

TEST_F(Restart, RST_7_BackoffOfARepairedPodStartsAfresh) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {shell("c", "c", "exit 1")})));
  ASSERT_TRUE(eventually("it waits", kSoon, isWaiting(node(), "p", "c", "CrashLoopBackOff")));
  node().write("p.json", pod("p", {marker("c", "repaired")}));
  ASSERT_TRUE(eventually("the repaired one runs at once", 8s, hasStarts(node(), "repaired", 1)));
}

TEST_F(Restart, RST_4_KeepsSandboxAddressAndVolume) {
  json manifest =
      pod("p", {shell("c", "c", "echo x >> /keep/file; [ $(wc -l < /keep/file) -ge 2 ] && exec sleep 1000; exit 1")});
  manifest["spec"]["volumes"] = json::array({{{"name", "keep"}, {"emptyDir", json::object()}}});
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "keep"}, {"mountPath", "/keep"}});
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  ASSERT_TRUE(eventually("it runs its second time", kSoon, all({hasStarts(node(), "c", 2), isReady(node(), "p")})));
  EXPECT_EQ(node().cri().sandboxesOf(node().fullName("p")).size(), 1U);
  std::vector<runtime::v1::Container> instances = node().cri().containersOf(node().fullName("p"));
  ASSERT_GE(instances.size(), 1U);
  EXPECT_EQ(instances[0].metadata().attempt(), 1U);
}

TEST_F(Restart, CST_5_KilledFromOutsideComesBackAtOnce) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("c", "c")})));
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "p")));
  std::string id = node().cri().containersOf(node().fullName("p"))[0].id();
  ASSERT_TRUE(node().containerd().ctr({"tasks", "kill", "-s", "SIGKILL", id}).ok());
  ASSERT_TRUE(eventually("it runs again", 10s, all({hasStarts(node(), "c", 2), isReady(node(), "p")})));
  EXPECT_EQ(statusOf(node().podOf("p"), "c")["lastState"]["terminated"]["exitCode"], 137);
  EXPECT_TRUE(stays("once", 1s, runsOnce(node(), "p", {"c"})));
}

TEST_F(Restart, RST_4_RemovedFromTheRuntimeComesBackWithAHigherCount) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("c", "c")})));
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "p")));
  std::string id = node().cri().containersOf(node().fullName("p"))[0].id();
  node().cri().removeContainer(id);
  ASSERT_TRUE(eventually("it runs again", kSoon, all({hasStarts(node(), "c", 2), isReady(node(), "p")})));
  EXPECT_EQ(statusOf(node().podOf("p"), "c")["restartCount"], 1);
}

TEST_F(Restart, RST_2_ContainerRulesOverrideThePodsPolicy) {
  json manifest = pod("p", {shell("again", "again", "[ $(grep -c start /out/again) -ge 2 ] && exit 7; exit 42"),
                            shell("once", "once", "exit 1")});
  json& again = manifest["spec"]["containers"][0];
  again["restartPolicy"] = "Never";
  again["restartPolicyRules"] = json::parse(R"([{"action":"Restart","exitCodes":{"operator":"In","values":[42]}}])");
  ASSERT_NO_FATAL_FAILURE(startPod(manifest, "Never"));
  ASSERT_TRUE(
      eventually("it fails in the end", kSoon, all({phaseIs(node(), "p", "Failed"), hasStarts(node(), "again", 2)})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "once", 1)));
  EXPECT_EQ(statusOf(node().podOf("p"), "again")["state"]["terminated"]["exitCode"], 7);
}

}  // namespace
}  // namespace cubelet::integration
