// A node in a cluster when something goes wrong: first certificates, outages, kills.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class ClusterFaults : public ClusterTest {
 protected:
  std::function<std::string()> startedOnce(const std::string& record) {
    return
        [this, record] { return node().starts(record) == 1 ? "" : std::to_string(node().starts(record)) + " starts"; };
  }
};

TEST_F(ClusterFaults, ANodeJoinsWithNothingButABootstrapToken) {
  useBootstrapKubeconfig();
  node().write("s.json", pod("s", {marker("c", "s")}));
  node().startAgent();
  ASSERT_TRUE(eventually("node1 is Ready", kSoon, isReadyThere("node", "node1")));
  EXPECT_TRUE(eventually("the static pod runs", kSoon, startedOnce("s")));
  ASSERT_TRUE(fs::exists(kubeconfig()));
  EXPECT_EQ(fs::status(kubeconfig()).permissions() & fs::perms::others_all, fs::perms::none);
  // The second start needs no token.
  node().killAgent();
  cluster().remove({"lease", "node1", "-n", "kube-node-lease"});
  node().startAgent();
  EXPECT_TRUE(eventually("it renews its lease", kSoon, [] {
    return cluster().get({"lease", "node1", "-n", "kube-node-lease"}).is_null() ? "no lease" : "";
  }));
  EXPECT_EQ(cluster().get({"csr"})["items"].size(), 1U) << "one request was enough";
}

TEST_F(ClusterFaults, STA_10_AnExpiredCertificateHoldsNoStaticPodBack) {
  cluster().writeNodeKubeconfig(kubeconfig(), "node1", -1);
  node().extraFlags = {"--kubeconfig=" + kubeconfig().string()};
  node().write("s.json", pod("s", {marker("c", "s")}));
  node().startAgent();
  EXPECT_TRUE(eventually("the static pod runs", kSoon, startedOnce("s")));
  EXPECT_TRUE(cluster().get({"node", "node1"}).is_null());
  EXPECT_TRUE(eventually("the log says why the node does not join", kSoon, [&] {
    return node().log().find("the client certificate has expired") != std::string::npos ? "" : "nothing of it";
  }));
}

TEST_F(ClusterFaults, STA_10_REC_12_AnApiServerThatHangsHoldsNothingUp) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  node().write("s.json", pod("s", {marker("c", "one")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  ASSERT_TRUE(eventually("the static pod runs", kSoon, startedOnce("one")));
  cluster().freezeApiServer();
  node().write("s.json", pod("s", {marker("c", "two")}));
  EXPECT_TRUE(eventually("the edited static pod runs", 15s, startedOnce("two")));
  EXPECT_TRUE(node().marks("web", "term").empty());
  cluster().thawApiServer();
  EXPECT_TRUE(eventually("the mirror shows the new one", 60s, [&] {
    const json mirror = cluster().get({"pod", "s-node1"});
    const bool shown =
        !mirror.is_null() && mirror["spec"]["containers"][0]["command"].dump().find("two") != std::string::npos;
    return shown ? isReadyThere("pod", "s-node1")() : mirror.dump();
  }));
  cluster().apply(boundPod("later", {marker("c", "later")}));
  EXPECT_TRUE(eventually("pods come again", kSoon, isReadyThere("pod", "later")));
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(ClusterFaults, AStaticPodEditedWhileTheAgentWasAwayNeedsNoApiServer) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  node().write("s.json", pod("s", {marker("c", "one")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  ASSERT_TRUE(eventually("the static pod runs", kSoon, startedOnce("one")));
  node().killAgent();
  cluster().killApiServer();
  node().write("s.json", pod("s", {marker("c", "two")}));
  node().startAgent();
  EXPECT_TRUE(eventually("the edited static pod runs", 15s, startedOnce("two")));
  EXPECT_TRUE(stays("the API server's pod is left as it is", 2s, startedOnce("web")));
  EXPECT_TRUE(node().marks("web", "term").empty());
  cluster().startApiServer();
  EXPECT_TRUE(eventually("the mirror is ready", kSoon, isReadyThere("pod", "s-node1")));
}

TEST_F(ClusterFaults, WhatHappenedDuringAnOutageIsTold) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json job = clusterPod("job", {shell("c", "job", "while [ ! -e /out/go ]; do sleep 0.1; done; exit 4")});
  job["spec"]["restartPolicy"] = "Never";
  cluster().apply(job);
  ASSERT_TRUE(eventually("the job is ready", kSoon, isReadyThere("pod", "job")));
  cluster().killApiServer();
  std::ofstream(node().records() / "go") << "go";
  ASSERT_TRUE(eventually("the agent knows of the end", kSoon, [&] {
    const json all = node().pods();
    return all.dump().find("\"Failed\"") != std::string::npos ? std::string() : all.dump();
  }));
  cluster().startApiServer();
  EXPECT_TRUE(eventually("the end is told", kSoon, [] {
    const json found = cluster().get({"pod", "job"});
    if (found["status"]["phase"] != "Failed") return found["status"].dump();
    return found["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 4 ? std::string()
                                                                                           : found["status"].dump();
  }));
  EXPECT_TRUE(eventually("node1 is Ready", kSoon, isReadyThere("node", "node1")));
}

// Long enough for every back-off to have grown; what waits is woken by the first request that gets through.
TEST_F(ClusterFaults, StatusAndLeaseAreRightWithinTwoSecondsOfTheServersReturn) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json job = clusterPod("job", {shell("c", "job", "while [ ! -e /out/go ]; do sleep 0.1; done; exit 4")});
  job["spec"]["restartPolicy"] = "Never";
  cluster().apply(job);
  ASSERT_TRUE(eventually("the job is ready", kSoon, isReadyThere("pod", "job")));
  cluster().killApiServer();
  std::ofstream(node().records() / "go") << "go";
  std::this_thread::sleep_for(20s);
  cluster().startApiServer();
  EXPECT_TRUE(eventually("the end is told", 2s, [] {
    const json found = cluster().get({"pod", "job"});
    return found["status"]["phase"] == "Failed" ? std::string() : found["status"].dump();
  }));
  const json lease = cluster().get({"lease", "node1", "-n", "kube-node-lease"});
  const std::string now = run({"date", "-u", "-d", "-10 seconds", "+%Y-%m-%dT%H:%M:%S"}).output;
  EXPECT_GT(lease["spec"]["renewTime"].get<std::string>(), now.substr(0, 19)) << "renewed since";
  cluster().apply(boundPod("later", {marker("c", "later")}));
  EXPECT_TRUE(eventually("pods come again", kSoon, isReadyThere("pod", "later")));
}

// Whatever call of a pod's life the kill comes between: afterwards the cluster's view is right, and nothing is left.
TEST_F(ClusterFaults, KilledAtRandomMomentsOfAPodsLife) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  std::minstd_rand random(static_cast<unsigned>(std::random_device{}()));
  auto later = [&](int upTo) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(0, upTo)(random)));
  };
  for (int round = 0; round < 6; ++round) {
    const std::string name = "p" + std::to_string(round);
    cluster().apply(clusterPod(name, {marker("c", name)}));
    later(700);
    node().killAgent();
    node().startAgent();
    ASSERT_TRUE(eventually(name + " is ready", kSoon, isReadyThere("pod", name)));
    ASSERT_TRUE(cluster().kubectl({"delete", "pod", name, "--wait=false"}).ok());
    later(400);
    node().killAgent();
    node().startAgent();
    ASSERT_TRUE(eventually(name + " is gone", kSoon, isGoneThere(name)));
    EXPECT_TRUE(node().cri().sandboxesOf(name).empty()) << "the object went before its sandbox";
  }
}

TEST_F(ClusterFaults, ADaemonSetRunsOnTheNodeAndSurvivesTheAgent) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json one = clusterPod("x", {marker("c", "daemon")});
  one["spec"].erase("restartPolicy");
  cluster().apply({{"apiVersion", "apps/v1"},
                   {"kind", "DaemonSet"},
                   {"metadata", {{"name", "d"}, {"namespace", "default"}}},
                   {"spec",
                    {{"selector", {{"matchLabels", {{"app", "d"}}}}},
                     {"template", {{"metadata", {{"labels", {{"app", "d"}}}}}, {"spec", one["spec"]}}}}}});
  EXPECT_TRUE(cluster().kubectl({"rollout", "status", "daemonset/d", "--timeout=60s"}).ok());
  ASSERT_TRUE(eventually("its pod runs", kSoon, startedOnce("daemon")));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("node1 is Ready", kSoon, isReadyThere("node", "node1")));
  EXPECT_TRUE(stays("its pod runs on", 2s, startedOnce("daemon")));
  cluster().remove({"daemonset", "d"});
}

}  // namespace
}  // namespace cubelet::integration
