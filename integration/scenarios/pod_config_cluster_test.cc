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
    json object = boundPod(name, {marker("c", "c")});
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

TEST_F(PodConfigInCluster, EPH_1_EPH_2_EPH_3_ADebugContainerSeesItsTargetAndRunsOnce) {
  cluster().apply(clusterPod("p", {marker("c", "c")}));
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  json debugger =
      container("debug", {"mark", "/out/debug", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline > /out/seen; exit 3"});
  debugger["targetContainerName"] = "c";
  const json wanted = {{"apiVersion", "v1"},
                       {"kind", "EphemeralContainers"},
                       {"metadata", {{"name", "p"}, {"namespace", "default"}}},
                       {"ephemeralContainers", {debugger}}};
  const fs::path object = node().dir() / "debugger.json";
  std::ofstream(object) << wanted.dump();
  const Finished replaced = cluster().kubectl(
      {"replace", "--raw", "/api/v1/namespaces/default/pods/p/ephemeralcontainers", "-f", object.string()});
  ASSERT_TRUE(replaced.ok()) << replaced.errors;
  EXPECT_TRUE(eventually("it has ended", kSoon, [&]() -> std::string {
    const json status = cluster().get({"pod", "p"})["status"];
    const json all = status.value("ephemeralContainerStatuses", json::array());
    const bool ended = all.size() == 1 && all[0]["state"].contains("terminated");
    return ended && all[0]["state"]["terminated"]["exitCode"] == 3 ? "" : status.dump();
  }));
  EXPECT_EQ(node().record("seen"), "mark /out/c ");
  EXPECT_TRUE(stays("pod p is ready", 3s, isReadyThere("pod", "p")));
  EXPECT_EQ(node().starts("debug"), 1U);
  EXPECT_EQ(node().starts("c"), 1U);
}

}  // namespace
}  // namespace cubelet::integration
