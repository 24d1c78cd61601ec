// Pod configuration that comes from the API server: runtime classes, and containers that are added to a pod that runs.
#include <fstream>

#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class PodConfigInCluster : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) startJoined();
  }
  static json runtimeClass(const std::string& name, const std::string& handler) {
    return {{"apiVersion", "node.k8s.io/v1"},
            {"kind", "RuntimeClass"},
            {"metadata", {{"name", name}}},
            {"handler", handler}};
  }
  // Without the scheduler, which waits for what is not there.
  json podOfClass(const std::string& name, const std::string& className) {
    json object = clusterPod(name, {marker("c", "c")});
    object["spec"]["nodeName"] = "node1";
    object["spec"]["runtimeClassName"] = className;
    return object;
  }
  static std::string eventsOf(const std::string& name) {
    std::string text;
    for (const json& event : cluster().get({"events", "--field-selector=involvedObject.name=" + name})["items"])
      text += event["reason"].get<std::string>() + ": " + event.value("message", "") + "\n";
    return text;
  }
  static std::function<std::string()> hasEvent(const std::string& name, const std::string& text) {
    return [name, text] {
      const std::string all = eventsOf(name);
      return all.find(text) != std::string::npos ? std::string() : all;
    };
  }
};

TEST_F(PodConfigInCluster, RTC_1_TheClassNamesTheRuntimesHandler) {
  cluster().apply(runtimeClass("plain", "runc"));
  cluster().apply(podOfClass("p", "plain"));
  EXPECT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  cluster().remove({"runtimeclass", "plain"});
}

TEST_F(PodConfigInCluster, RTC_2_AHandlerThatTheRuntimeDoesNotHaveIsTold) {
  cluster().apply(runtimeClass("strange", "none"));
  cluster().apply(podOfClass("p", "strange"));
  EXPECT_TRUE(eventually("an event", kSoon, hasEvent("p", "no runtime for \"none\" is configured")));
  EXPECT_EQ(node().starts("c"), 0U);
  cluster().remove({"runtimeclass", "strange"});
}

TEST_F(PodConfigInCluster, RTC_2_AClassThatAppearsStartsThePodAtOnce) {
  cluster().apply(runtimeClass("later", "runc"));  // or the API server would refuse the pod
  node().killAgent();
  cluster().apply(podOfClass("p", "later"));
  cluster().remove({"runtimeclass", "later"});
  node().startAgent();
  ASSERT_TRUE(eventually("an event", kSoon, hasEvent("p", "runtimeclass.node.k8s.io \"later\" not found")));
  EXPECT_EQ(node().starts("c"), 0U);
  cluster().apply(runtimeClass("later", "runc"));
  EXPECT_TRUE(eventually("pod p is ready", 5s, isReadyThere("pod", "p")));
  cluster().remove({"runtimeclass", "later"});
}

}  // namespace
}  // namespace cubelet::integration
