// Claims of a cluster, bound to volumes of this node.
#include <filesystem>
#include <fstream>
#include <thread>

#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class Claims : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    startJoined();
    fs::create_directory(disk());
  }
  void TearDown() override {
    if (!IsSkipped()) {
      cluster().remove({"pod", "p", "--grace-period=0", "--force"});
      cluster().remove({"pvc", "data", "--wait=false"});
      cluster().remove({"pv", "disk", "--wait=false"});
    }
    ClusterTest::TearDown();
  }
  fs::path disk() { return node().dir() / "disk"; }
  // A local volume for the claim alone, on this node.
  void makeVolume() {
    json volume = json::parse(R"({"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"disk"},
      "spec":{"capacity":{"storage":"1Mi"},"accessModes":["ReadWriteOnce"],"storageClassName":"",
              "persistentVolumeReclaimPolicy":"Retain","claimRef":{"namespace":"default","name":"data"},
              "nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[
                {"key":"kubernetes.io/hostname","operator":"In","values":["node1"]}]}]}}}})");
    volume["spec"]["local"] = {{"path", disk().string()}};
    cluster().apply(volume);
  }
  static void makeClaim() {
    cluster().apply(json::parse(R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},
      "spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"","volumeName":"disk",
              "resources":{"requests":{"storage":"1Mi"}}}})"));
  }
  // The binder may see the claim before its volume, and looks again every 15 s only.
  static std::string claimIsBound() {
    const json claim = cluster().get({"pvc", "data"});
    return claim["status"].value("phase", "") == "Bound" ? "" : claim["status"].dump();
  }
  // Without the scheduler, which waits for claims itself.
  json podWithClaim(const std::string& script) {
    json object = boundPod("p", {shell("c", "c", script)});
    object["spec"]["volumes"].push_back({{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}});
    object["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
    return object;
  }
  static std::string eventsOf(const std::string& name) {
    std::string text;
    for (const json& event : cluster().get({"events", "--field-selector=involvedObject.name=" + name})["items"])
      text += event["reason"].get<std::string>() + ": " + event.value("message", "") + "\n";
    return text;
  }
  static std::function<std::string()> hasEvent(const std::string& text) {
    return [text] {
      const std::string all = eventsOf("p");
      return all.find(text) != std::string::npos ? std::string() : all;
    };
  }
};

TEST_F(Claims, CSI_3_APodReadsAndWritesItsLocalVolume) {
  std::ofstream(disk() / "before") << "from the host";
  makeVolume();
  makeClaim();
  cluster().apply(podWithClaim("cat /data/before > /out/seen; echo from the pod > /data/after; exec sleep 1000"));
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, [&] {
    return fs::exists(disk() / "after") && node().record("seen") == "from the host" ? "" : "not yet";
  }));
  const std::string uid = cluster().get({"pod", "p"})["metadata"]["uid"];
  EXPECT_TRUE(fs::exists(node().root() / "pods" / uid / "volumes/kubernetes.io~local-volume/disk/after"));

  cluster().remove({"pod", "p"});
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGoneThere("p")));
  EXPECT_TRUE(eventually("its directory, too", kSoon,
                         [&] { return fs::exists(node().root() / "pods" / uid) ? "it is still there" : ""; }));
  EXPECT_TRUE(fs::exists(disk() / "before") && fs::exists(disk() / "after")) << "the volume's content is not the pod's";
}

TEST_F(Claims, VOL_1_VOL_2_AClaimThatIsMissingIsToldAndStartsThePodWhenItComes) {
  cluster().apply(podWithClaim("exec sleep 1000"));
  ASSERT_TRUE(
      eventually("an event", kSoon,
                 hasEvent("FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached "
                          "volumes=[], failed to process volumes=[data]: error processing PVC default/data: failed "
                          "to fetch PVC from API server: persistentvolumeclaims \"data\" not found")));
  EXPECT_TRUE(eventually("the pod waits", kSoon, []() -> std::string {
    const json status = cluster().get({"pod", "p"})["status"];
    const bool waits = status["phase"] == "Pending" && status.contains("containerStatuses") &&
                       status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ContainerCreating";
    return waits ? "" : status.dump();
  }));
  std::this_thread::sleep_for(8s);  // long enough for a back-off to grow
  makeVolume();
  makeClaim();
  ASSERT_TRUE(eventually("the claim is bound", 60s, claimIsBound));
  EXPECT_TRUE(eventually("pod p is ready", 12s, isReadyThere("pod", "p")));
}

TEST_F(Claims, CSI_3_AnUnboundClaimIsTold) {
  makeClaim();
  cluster().apply(podWithClaim("exec sleep 1000"));
  ASSERT_TRUE(eventually("an event", kSoon, hasEvent("error processing PVC default/data: PVC is not bound")));
  makeVolume();
  // The controller that binds looks at claims that wait every 15 s.
  EXPECT_TRUE(eventually("pod p is ready", 60s, isReadyThere("pod", "p"))) << eventsOf("p");
}

}  // namespace
}  // namespace cubelet::integration
