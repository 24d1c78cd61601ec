// Pods that end because the node runs short, or because they have written more than they may.
#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

// No machine has as much.
constexpr char kMoreThanThereIs[] = "100000Gi";

class Eviction : public ClusterTest {
 protected:
  static json bound(json object) {
    object["spec"]["nodeName"] = "node1";  // the scheduler keeps away from a node under pressure
    return object;
  }
  json writer(const std::string& name, const std::string& script) {
    return bound(clusterPod(name, {shell("c", name, script)}));
  }
  static Look isEvicted(const std::string& name) {
    return [name] {
      const json found = cluster().get({"pod", name});
      if (found.is_null()) return "no pod " + name;
      const json& status = found["status"];
      return status.value("phase", "") == "Failed" && status.value("reason", "") == "Evicted" ? "" : status.dump();
    };
  }
  static std::string messageOf(const std::string& name) {
    return cluster().get({"pod", name})["status"].value("message", "");
  }
  static std::string conditionThere(const std::string& kind, const std::string& name, const std::string& type) {
    for (const json& condition : cluster().get({kind, name})["status"].value("conditions", json::array()))
      if (condition["type"] == type) return condition["status"];
    return "";
  }
  static Look hasEvent(const std::string& object, const std::string& reason, const std::string& text) {
    return [=] {
      const json events = cluster().get({"events", "--field-selector=involvedObject.name=" + object});
      for (const json& event : events["items"])
        if (event["reason"] == reason && event.value("message", "").find(text) != std::string::npos)
          return std::string();
      return "no event " + reason + " in " + events.dump();
    };
  }
  bool anythingRuns(const std::string& pod) {
    for (const auto& container : node().cri().containersOf(pod))
      if (container.state() == cri::v1::CONTAINER_RUNNING) return true;
    return false;
  }
};

TEST_F(Eviction, EVI_8_EVI_10_ShortOfMemory) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(bound(clusterPod("web", {marker("c", "web")})));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  node().stopAgent();
  // A soft one: hard ones are taken off what pods may ask for.
  node().config["evictionSoft"] = {{"memory.available", kMoreThanThereIs}};
  node().config["evictionSoftGracePeriod"] = {{"memory.available", "1s"}};
  node().startAgent();
  ASSERT_TRUE(eventually("pod web is evicted", 60s, isEvicted("web")));
  const std::string begin = "The node was low on resource: memory. Threshold quantity: 100000Gi, available: ";
  EXPECT_EQ(messageOf("web").substr(0, begin.size()), begin);
  EXPECT_EQ(conditionThere("pod", "web", "DisruptionTarget"), "True");
  EXPECT_FALSE(anythingRuns("web"));
  EXPECT_EQ(node().starts("web"), 1U);
  EXPECT_TRUE(eventually("its event", kSoon, hasEvent("web", "Evicted", begin)));
  EXPECT_TRUE(
      eventually("the node's event", kSoon, hasEvent("node1", "EvictionThresholdMet", "Attempting to reclaim memory")));
  EXPECT_EQ(conditionThere("node", "node1", "MemoryPressure"), "True");

  cluster().apply(bound(clusterPod("late", {marker("c", "late")})));
  EXPECT_TRUE(eventually("a new pod is refused", kSoon, isEvicted("late")));
  EXPECT_EQ(messageOf("late"), "Pod was rejected: The node had condition: [MemoryPressure]. ");
  EXPECT_EQ(node().starts("late"), 0U);
}

TEST_F(Eviction, STA_9_EVI_7_AStaticPodStays) {
  node().config["evictionSoft"] = {{"memory.available", kMoreThanThereIs}};
  node().config["evictionSoftGracePeriod"] = {{"memory.available", "1s"}};
  node().write("web.json", pod("web", {marker("c", "web")}));
  ASSERT_NO_FATAL_FAILURE(startJoined());
  ASSERT_TRUE(eventually("the node is under pressure", kSoon, [] {
    const std::string memory = conditionThere("node", "node1", "MemoryPressure");
    return memory == "True" ? std::string() : "MemoryPressure: " + memory;
  }));
  EXPECT_TRUE(eventually("the pod runs", kSoon, isReady(node(), "web")));
  EXPECT_TRUE(stays("it goes on", 15s, isReady(node(), "web")));
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(Eviction, EMP_4_EVI_9_AnEmptyDirThatIsTooFull) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json object = writer("full", "dd if=/dev/zero of=/data/file bs=1M count=4; sleep 1000");
  object["spec"]["volumes"].push_back({{"name", "data"}, {"emptyDir", {{"sizeLimit", "2Mi"}}}});
  object["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
  cluster().apply(object);
  ASSERT_TRUE(eventually("pod full is evicted", 60s, isEvicted("full")));
  EXPECT_EQ(messageOf("full"), "Usage of EmptyDir volume \"data\" exceeds the limit \"2Mi\". ");
  EXPECT_EQ(conditionThere("pod", "full", "DisruptionTarget"), "");
  EXPECT_FALSE(anythingRuns("full"));
  node().killAgent();
  node().startAgent();
  EXPECT_TRUE(eventually("the agent is back", kSoon, agentAnswers(node())));
  EXPECT_TRUE(stays("it stays evicted", 5s, isEvicted("full")));
  EXPECT_EQ(node().starts("full"), 1U);
}

TEST_F(Eviction, EVI_9_LogsAreCounted) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json object = writer("chatty", "dd if=/dev/zero bs=1M count=4 | tr '\\0' 'x' | fold -w 1000; sleep 1000");
  object["spec"]["containers"][0]["resources"] = {{"limits", {{"ephemeral-storage", "2Mi"}}}};
  cluster().apply(object);
  ASSERT_TRUE(eventually("pod chatty is evicted", 60s, isEvicted("chatty")));
  EXPECT_EQ(messageOf("chatty"), "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ");
}

}  // namespace
}  // namespace cubelet::integration
