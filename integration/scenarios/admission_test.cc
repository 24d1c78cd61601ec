// Pods that the node does not take, alone and in a cluster, and critical pods that others make room for.
#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

json onPort(json pod, int port) {
  pod["spec"]["containers"][0]["ports"] = json::array({{{"containerPort", port}, {"hostPort", port}}});
  return pod;
}

json asking(json pod, const std::string& cpu) {
  pod["spec"]["containers"][0]["resources"] = {{"requests", {{"cpu", cpu}}}};
  return pod;
}

class StandaloneAdmission : public NodeTest {
 protected:
  Look isRejected(const std::string& name, const std::string& reason) {
    return [this, name, reason]() -> std::string {
      const json pod = node().podOf(name);
      if (pod.is_null()) return "not there";
      const json& status = pod["status"];
      return status.value("phase", "") == "Failed" && status.value("reason", "") == reason ? "" : status.dump();
    };
  }
};

TEST_F(StandaloneAdmission, ADM_3_WhoHasThePortKeepsItAcrossARestart) {
  node().write("b.json", onPort(pod("b", {marker("c", "b")}), 18080));
  node().startAgent();
  ASSERT_TRUE(eventually("b runs", kSoon, isReady(node(), "b")));
  node().stopAgent();
  node().write("a.json", onPort(pod("a", {marker("c", "a")}), 18080));
  node().startAgent();
  ASSERT_TRUE(eventually("a is rejected", kSoon, isRejected("a", "NodePorts")));
  EXPECT_TRUE(stays("b runs on", 2s, isReady(node(), "b")));
  EXPECT_EQ(node().starts("a"), 0U);
  EXPECT_EQ(node().starts("b"), 1U);
  EXPECT_NE(node().client({"explain", "a-node1"}).output.find("NodePorts"), std::string::npos);
}

TEST_F(StandaloneAdmission, ADM_3_AnotherNodesSelectorRejects) {
  json elsewhere = pod("a", {marker("c", "a")});
  elsewhere["spec"]["nodeSelector"] = {{"disk", "tape"}};
  json here = pod("b", {marker("c", "b")});
  here["spec"]["nodeSelector"] = {{"kubernetes.io/os", "linux"}};
  node().write("a.json", elsewhere);
  node().write("b.json", here);
  node().startAgent();
  ASSERT_TRUE(eventually("b runs", kSoon, isReady(node(), "b")));
  EXPECT_TRUE(eventually("a is rejected", kSoon, isRejected("a", "NodeAffinity")));
  EXPECT_EQ(node().starts("a"), 0U);
}

class ClusterAdmission : public ClusterTest {
 protected:
  static std::function<std::string()> hasFailedThere(const std::string& name, const std::string& reason) {
    return [name, reason]() -> std::string {
      const json status = cluster().get({"pod", name})["status"];
      return status.value("phase", "") == "Failed" && status.value("reason", "") == reason ? "" : status.dump();
    };
  }
};

TEST_F(ClusterAdmission, ADM_1_ARejectedPodSaysWhyAndNeverStarts) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json large = asking(boundPod("large", {marker("c", "large")}), "1000");
  cluster().apply(large);
  ASSERT_TRUE(eventually("large is rejected", kSoon, hasFailedThere("large", "OutOfcpu")));
  const json status = cluster().get({"pod", "large"})["status"];
  EXPECT_TRUE(status.value("message", "").starts_with("Pod was rejected: Node didn't have enough resource: cpu"));
  EXPECT_FALSE(status.contains("containerStatuses"));
  EXPECT_TRUE(eventually("an event says so", kSoon, [] {
    const json events = cluster().get({"events", "--field-selector=involvedObject.name=large,reason=OutOfcpu"});
    return events["items"].empty() ? events.dump() : "";
  }));
  node().killAgent();
  node().startAgent();
  EXPECT_TRUE(stays("it stays as it is", 3s, hasFailedThere("large", "OutOfcpu")));
  EXPECT_EQ(node().starts("large"), 0U);
  EXPECT_TRUE(node().cri().sandboxesOf("large").empty());
  cluster().remove({"pod", "large"});
  EXPECT_TRUE(eventually("large is gone", kSoon, isGoneThere("large")));
}

TEST_F(ClusterAdmission, ADM_10_ACriticalStaticPodTakesAPlace) {
  node().config["maxPods"] = 1;
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("guest", {marker("c", "guest")}));
  ASSERT_TRUE(eventually("guest is ready", kSoon, isReadyThere("pod", "guest")));
  node().write("critical.json", pod("critical", {marker("c", "critical")}));
  ASSERT_TRUE(eventually("guest makes room", kSoon, hasFailedThere("guest", "Preempting")));
  ASSERT_TRUE(eventually("the critical pod runs", kSoon, isReady(node(), "critical")));
  const auto ended = node().marks("guest", "term");
  const auto began = node().marks("critical");
  ASSERT_FALSE(ended.empty());
  ASSERT_FALSE(began.empty());
  EXPECT_LT(ended.front().monotonic, began.front().monotonic);
  const json status = cluster().get({"pod", "guest"})["status"];
  bool told = false;
  for (const json& condition : status["conditions"])
    told |= condition["type"] == "DisruptionTarget" && condition["reason"] == "TerminationByKubelet";
  EXPECT_TRUE(told) << status.dump();
}

}  // namespace
}  // namespace cubelet::integration
