// Removing a pod: grace, stubborn programs, and what is left behind.
#include <filesystem>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class Deletion : public NodeTest {
 protected:
  void startPod(json manifest) {
    node().write("p.json", std::move(manifest));
    node().startAgent();
    ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  }
};

TEST_F(Deletion, WillingProgramEndsAtOnce) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["terminationGracePeriodSeconds"] = 20;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  node().remove("p.json");
  EXPECT_TRUE(eventually("it is gone long before its grace is over", 8s, isGone(node(), "p")));
}

TEST_F(Deletion, TRM_2_StubbornProgramIsKilledAfterItsGrace) {
  json manifest = pod("p", {container("c", {"mark", "-i", "/out/c"})});
  manifest["spec"]["terminationGracePeriodSeconds"] = 3;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  auto removed = std::chrono::steady_clock::now();
  node().remove("p.json");
  ASSERT_TRUE(eventually("it is asked to end", 5s, hasMark(node(), "c", "term")));
  EXPECT_TRUE(stays("it may use its grace", 1500ms, runsOnce(node(), "p", {"c"})));
  ASSERT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  Duration took = std::chrono::steady_clock::now() - removed;
  EXPECT_GE(took, 2900ms);
  EXPECT_LT(took, 8s);
}

TEST_F(Deletion, TRM_2_ContainersEndSideBySide) {
  std::vector<json> stubborn;
  for (const char* name : {"a", "b", "c", "d"})
    stubborn.push_back(container(name, {"mark", "-i", std::string("/out/") + name}));
  json manifest = pod("p", stubborn);
  manifest["spec"]["terminationGracePeriodSeconds"] = 3;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  node().remove("p.json");
  EXPECT_TRUE(eventually("all are gone after one grace, not four", 9s, isGone(node(), "p")));
}

TEST_F(Deletion, TRM_8_NothingIsLeftBehind) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["volumes"] =
      json::parse(R"([{"name":"disk","emptyDir":{}},{"name":"ram","emptyDir":{"medium":"Memory"}}])");
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "disk"}, {"mountPath", "/disk"}});
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "ram"}, {"mountPath", "/ram"}});
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  fs::path podDir = node().root() / "pods" / std::string(node().podOf("p")["metadata"]["uid"]);
  EXPECT_TRUE(fs::exists(podDir / "volumes/kubernetes.io~empty-dir/disk"));
  node().remove("p.json");
  ASSERT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(eventually("its directory is gone", kSoon, [&] { return fs::exists(podDir) ? podDir.string() : ""; }));
  EXPECT_TRUE(eventually("the runtime has nothing of it", kSoon, [&] {
    if (!node().cri().containersOf("p-node1").empty()) return "a container is left";
    return node().cri().sandboxesOf("p-node1").empty() ? "" : "a sandbox is left";
  }));
}

TEST_F(Deletion, DuringBackoffIsImmediate) {
  node().write("p.json", pod("p", {shell("c", "c", "exit 1")}));
  node().startAgent();
  ASSERT_TRUE(eventually("it waits", kSoon, isWaiting(node(), "p", "c", "CrashLoopBackOff")));
  node().remove("p.json");
  EXPECT_TRUE(eventually("it is gone", 8s, isGone(node(), "p")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 2)));
}

TEST_F(Deletion, OfAPodWhoseImageIsMissingIsImmediate) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["containers"][0]["image"] = "127.0.0.1:1/none:1";
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("it waits", kSoon, isWaiting(node(), "p", "c", "ImagePullBackOff")));
  node().remove("p.json");
  EXPECT_TRUE(eventually("it is gone", 8s, isGone(node(), "p")));
}

TEST_F(Deletion, WhileTheSandboxIsBeingMade) {
  node().containerd().holdNetworkOf("p-node1");
  node().write("p.json", pod("p", {marker("c", "c")}));
  node().startAgent();
  ASSERT_TRUE(eventually("its network is being made", kSoon,
                         [&] { return node().containerd().networkWaits("p-node1") ? "" : "not yet"; }));
  node().remove("p.json");
  // Else the sandbox may be ready before the removal is seen, and the program rightly starts.
  ASSERT_TRUE(eventually("its removal is seen", kSoon,
                         [&] { return node().podOf("p")["metadata"].contains("deletionTimestamp") ? "" : "not yet"; }));
  node().containerd().releaseNetworkOf("p-node1");
  EXPECT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(stays("no sandbox appears late", 1s, isGone(node(), "p")));
  EXPECT_EQ(node().starts("c"), 0U);
}

}  // namespace
}  // namespace cubelet::integration
