// containerd is absent, dies, hangs. The agent goes on, and pods that need not suffer do not.
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class RuntimeFaults : public NodeTest {
 protected:
  void startPod(const std::string& name) {
    node().write(name + ".json", pod(name, {marker("c", name)}));
    ASSERT_TRUE(eventually("pod " + name + " is ready", kSoon, isReady(node(), name)));
  }
};

TEST_F(RuntimeFaults, AbsentAtStartIsWaitedFor) {
  node().containerd().kill();
  node().write("a.json", pod("a", {marker("c", "a")}));
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers all the same", kSoon, agentAnswers(node())));
  ASSERT_TRUE(eventually("it says what it waits for", kSoon, logSays(node(), "container runtime does not answer")));
  node().containerd().start();
  EXPECT_TRUE(eventually("the pod runs", 10s, isReady(node(), "a")));
}

TEST_F(RuntimeFaults, SocketThatDoesNotExistYetIsWaitedFor) {
  std::filesystem::path late = node().dir() / "late.sock";
  node().config["containerRuntimeEndpoint"] = "unix://" + late.string();
  node().write("a.json", pod("a", {marker("c", "a")}));
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers all the same", kSoon, agentAnswers(node())));
  std::filesystem::create_symlink(node().containerd().socket(), late);
  EXPECT_TRUE(eventually("the pod runs", 10s, isReady(node(), "a")));
}

TEST_F(RuntimeFaults, REC_9_RestartDisturbsNoRunningPod) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a"));
  node().containerd().kill();
  EXPECT_TRUE(stays("the status stays", 1s, isReady(node(), "a")));
  node().containerd().start();
  ASSERT_NO_FATAL_FAILURE(startPod("b"));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "a", 1)));
  EXPECT_EQ(runsOnce(node(), "a", {"c"})(), "");
}

TEST_F(RuntimeFaults, LOG_7_LogsAreReadWhileItIsAway) {
  node().config["authentication"] = {{"anonymous", {{"enabled", true}}}, {"webhook", {{"enabled", false}}}};
  node().config["authorization"] = {{"mode", "AlwaysAllow"}};
  json manifest = pod("a", {shell("c", "c",
                                  "echo one; while [ ! -e /out/go ]; do usleep 20000; done; echo two; "
                                  "exec sleep 1000")});
  json sidecar = shell("proxy", "proxy", "echo listens; exec sleep 1000");
  sidecar["restartPolicy"] = "Always";
  manifest["spec"]["initContainers"] = {shell("setup", "setup", "echo prepared"), sidecar};
  node().startAgent();
  node().write("a.json", manifest);
  ASSERT_TRUE(eventually("pod a is ready", kSoon, isReady(node(), "a")));
  const std::string base = "https://127.0.0.1:" + std::to_string(node().config["port"].get<int>()) +
                           "/containerLogs/default/" + node().fullName("a") + "/";
  const auto logOf = [&](const std::string& container, const std::string& want) -> Look {
    return [=] {
      const std::string seen = run({"curl", "-sk", base + container}).output;
      return seen == want ? "" : "it says " + seen;
    };
  };
  EXPECT_TRUE(eventually("the log is there", kSoon, logOf("c", "one\n")));
  const std::string followed = (node().dir() / "followed").string();
  Process follower({"curl", "-skN", base + "c?follow=true"}, followed);
  node().containerd().kill();
  EXPECT_TRUE(eventually("init container", kSoon, logOf("setup", "prepared\n")));
  EXPECT_TRUE(eventually("sidecar", kSoon, logOf("proxy", "listens\n")));
  EXPECT_TRUE(eventually("container", kSoon, logOf("c", "one\n")));
  EXPECT_EQ(node().client({"logs", node().fullName("a"), "-c", "c"}).output, "one\n");
  // The runtime writes down what is said as soon as it is there again, and whoever follows hears of it.
  std::ofstream(node().records() / "go") << "now";
  node().containerd().start();
  EXPECT_TRUE(eventually("what was said meanwhile", kSoon, [&] {
    std::ifstream in(followed);
    const std::string seen{std::istreambuf_iterator<char>(in), {}};
    return seen == "one\ntwo\n" ? "" : "it says " + seen;
  }));
}

TEST_F(RuntimeFaults, REC_10_ExitWhileItIsAwayIsFoundAfterwards) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a"));
  auto sandbox = node().cri().sandboxesOf("a-node1").at(0);
  std::string id = node().cri().containersOf("a-node1").at(0).id();
  // The program's pid on the host, while containerd can still tell.
  Finished tasks = node().containerd().ctr({"tasks", "ls"});
  std::istringstream lines(tasks.output);
  std::string pid;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(id)) std::istringstream(line.substr(id.size())) >> pid;
  ASSERT_FALSE(pid.empty()) << tasks.output;
  node().containerd().kill();
  ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
  node().containerd().start();
  EXPECT_TRUE(eventually("it runs again", kSoon, all({hasStarts(node(), "a", 2), isReady(node(), "a")})));
  EXPECT_TRUE(eventually("once", kSoon, runsOnce(node(), "a", {"c"})));
}

TEST_F(RuntimeFaults, KilledMidStartThePodStartsAfterwardsOnce) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("other"));
  node().containerd().holdNetworkOf("a-node1");
  node().write("a.json", pod("a", {marker("c", "a")}));
  ASSERT_TRUE(eventually("its network is being made", kSoon,
                         [&] { return node().containerd().networkWaits("a-node1") ? "" : "not yet"; }));
  node().containerd().kill();
  node().containerd().releaseNetworkOf("a-node1");
  node().containerd().start();
  ASSERT_TRUE(eventually("the pod runs", 60s, isReady(node(), "a")));
  EXPECT_TRUE(eventually("once", kSoon, runsOnce(node(), "a", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "a", 1)));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "other", 1)));
}

TEST_F(RuntimeFaults, KilledAgainAndAgainWhileManyPodsStart) {
  node().startAgent();
  constexpr int kPods = 8;
  for (int i = 0; i < kPods; ++i)
    node().write("m" + std::to_string(i) + ".json",
                 pod("m" + std::to_string(i), {marker("c", "m" + std::to_string(i))}));
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    node().containerd().kill();
    node().containerd().start();
  }
  for (int i = 0; i < kPods; ++i) {
    std::string name = "m" + std::to_string(i);
    ASSERT_TRUE(eventually("pod " + name + " is ready", 90s, isReady(node(), name)));
    EXPECT_TRUE(eventually("once", kSoon, runsOnce(node(), name, {"c"})));
  }
}

TEST_F(RuntimeFaults, REC_11_HungRuntimeDoesNotHangTheAgent) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a"));
  node().containerd().freeze();
  node().write("b.json", pod("b", {marker("c", "b")}));
  ASSERT_TRUE(eventually("the new pod is known", kSoon, [&] { return node().podOf("b").is_null() ? "not yet" : ""; }));
  EXPECT_TRUE(stays("the agent answers, the status stays", 3s, isReady(node(), "a")));
  node().containerd().thaw();
  EXPECT_TRUE(eventually("the new pod runs", kSoon, isReady(node(), "b")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "a", 1)));
}

TEST_F(RuntimeFaults, AgentCanBeStoppedWhileTheRuntimeHangs) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a"));
  node().containerd().freeze();
  node().remove("a.json");
  EXPECT_EQ(node().stopAgent(), 0);
  node().containerd().thaw();
  node().startAgent();
  EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "a")));
}

TEST_F(RuntimeFaults, REC_11_PodWhoseCallsHangDelaysNoOther) {
  node().containerd().holdNetworkOf("stuck-node1");
  node().write("stuck.json", pod("stuck", {marker("c", "stuck")}));
  node().startAgent();
  ASSERT_TRUE(eventually("its network is being made", kSoon,
                         [&] { return node().containerd().networkWaits("stuck-node1") ? "" : "not yet"; }));
  for (int i = 0; i < 5; ++i) {
    std::string name = "free" + std::to_string(i);
    node().write(name + ".json", pod(name, {marker("c", name)}));
    ASSERT_TRUE(eventually("pod " + name + " runs", 10s, isReady(node(), name)));
    node().remove(name + ".json");
    ASSERT_TRUE(eventually("pod " + name + " is gone", 10s, isGone(node(), name)));
  }
  EXPECT_EQ(node().starts("stuck"), 0U);
  node().containerd().releaseNetworkOf("stuck-node1");
  EXPECT_TRUE(eventually("then the held one runs", kSoon, isReady(node(), "stuck")));
}

}  // namespace
}  // namespace cubelet::integration
