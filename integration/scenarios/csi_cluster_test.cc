// CSI volumes of a cluster, with a real driver. The test does what the driver's attacher would do.
#include <filesystem>
#include <fstream>
#include <optional>

#include "integration/harness/cluster_test.h"
#include "integration/harness/hostpath_driver.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

constexpr auto* kDriver = HostpathDriver::kName;
constexpr char kUnique[] = "kubernetes.io/csi/hostpath.csi.cubelet.test^disk";

class CsiCluster : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    driver_.emplace(node());
  }
  void TearDown() override {
    if (!IsSkipped()) {
      cluster().remove({"pod", "p", "--grace-period=0", "--force"});
      cluster().remove({"pvc", "csi-data", "--wait=false"});
      cluster().remove({"pv", "csi-disk", "--wait=false"});
      cluster().remove({"csidrivers", "--all"});
      cluster().remove({"volumeattachments", "--all", "--wait=false"});
    }
    driver_.reset();
    ClusterTest::TearDown();
  }
  HostpathDriver& driver() { return *driver_; }

  static void makeVolume(const std::string& claim = "csi-data") {
    json volume = json::parse(R"({"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"csi-disk"},
      "spec":{"capacity":{"storage":"1Mi"},"accessModes":["ReadWriteOnce"],"storageClassName":"",
              "persistentVolumeReclaimPolicy":"Retain","claimRef":{"namespace":"default","name":"csi-data"}}})");
    volume["spec"]["csi"] = {{"driver", kDriver}, {"volumeHandle", "disk"}};
    volume["spec"]["claimRef"]["name"] = claim;
    cluster().apply(volume);
    if (claim != "csi-data") return;
    cluster().apply(json::parse(R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"csi-data"},
      "spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"","volumeName":"csi-disk",
              "resources":{"requests":{"storage":"1Mi"}}}})"));
  }
  static void makeDriverObject(bool attach) {
    cluster().apply({{"apiVersion", "storage.k8s.io/v1"},
                     {"kind", "CSIDriver"},
                     {"metadata", {{"name", kDriver}}},
                     {"spec", {{"attachRequired", attach}}}});
  }
  void startPod() {
    json object = boundPod("p", {shell("c", "c", "echo from the pod > /data/file; exec sleep 1000")});
    object["spec"]["volumes"].push_back({{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "csi-data"}}}});
    object["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
    cluster().apply(object);
  }
  static json attachment() {
    for (const json& one : cluster().get({"volumeattachments"})["items"])
      if (one["spec"]["attacher"] == kDriver) return one;
    return nullptr;
  }
  // As the attacher: the controllers have asked for the attachment, and it is done now.
  static void attach() {
    json object = attachment();
    const std::string name = object["metadata"]["name"];
    object["status"] = {{"attached", true}, {"attachmentMetadata", {{"lun", "7"}}}};
    cluster().replaceRaw("/apis/storage.k8s.io/v1/volumeattachments/" + name + "/status", object);
  }
  static std::string nodeStatus(const char* list) {
    const json node = cluster().get({"node", "node1"});
    return node.is_null() ? "" : node["status"].value(list, json::array()).dump();
  }
  static Look nodeLists(const char* list, bool wanted) {
    return [list, wanted] {
      const std::string all = nodeStatus(list);
      return (all.find(kUnique) != std::string::npos) == wanted ? std::string() : all;
    };
  }
  static Look csiNodeHas(const std::string& driver) {
    return [driver] {
      const json found = cluster().get({"csinode", "node1"});
      if (found.is_null()) return std::string("no CSINode");
      for (const json& one : found["spec"]["drivers"])
        if (one["name"] == driver && one["nodeID"] == "node1") return std::string();
      return found.dump();
    };
  }
  Look isWritten() {
    return [this] { return fs::exists(driver().data("disk") / "file") ? "" : "not yet"; };
  }
  void expectCleanEnd() {
    cluster().remove({"pod", "p"});
    EXPECT_TRUE(eventually("the pod is gone", kSoon, isGoneThere("p")));
    EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
    EXPECT_TRUE(eventually("the node uses it no more", kSoon, nodeLists("volumesInUse", false)));
  }

  std::optional<HostpathDriver> driver_;
};

TEST_F(CsiCluster, CSI_2_ADriverIsToldToTheCluster) {
  startJoined();
  const json empty = cluster().get({"csinode", "node1"});
  ASSERT_FALSE(empty.is_null()) << "it is there before the node is Ready";
  EXPECT_EQ(empty["metadata"]["ownerReferences"][0]["uid"], cluster().get({"node", "node1"})["metadata"]["uid"]);
  driver().start({"--max-volumes=5"});
  ASSERT_TRUE(eventually("the driver is in the CSINode", kSoon, csiNodeHas(kDriver)));
  EXPECT_EQ(cluster().get({"csinode", "node1"})["spec"]["drivers"][0]["allocatable"]["count"], 5);
  const json meta = cluster().get({"node", "node1"})["metadata"];
  EXPECT_NE(meta["annotations"]["csi.volume.kubernetes.io/nodeid"].dump().find("node1"), std::string::npos);
  EXPECT_NE(meta["labels"].dump().find(kDriver), std::string::npos) << "its topology: " << meta["labels"].dump();
}

TEST_F(CsiCluster, CSI_3_CSI_4_AnAttachedVolumeIsMountedAndComesBack) {
  driver().start();
  startJoined();
  makeVolume();
  startPod();
  ASSERT_TRUE(eventually("the node says that it uses the volume", kSoon, nodeLists("volumesInUse", true)));
  ASSERT_TRUE(
      eventually("somebody is asked to attach it", kSoon, [] { return attachment().is_null() ? "not yet" : ""; }));
  EXPECT_TRUE(csiMounts(node()).empty()) << "it is not attached yet";
  attach();
  ASSERT_TRUE(eventually("the controllers tell the node", kSoon, nodeLists("volumesAttached", true)));
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));

  const std::vector<std::string> before = csiMounts(node());
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  EXPECT_TRUE(nodeLists("volumesInUse", true)().empty()) << "also through a restart of the agent";
  EXPECT_EQ(csiMounts(node()), before);
  expectCleanEnd();
}

TEST_F(CsiCluster, CSI_4_ADriverWithoutAttachmentsIsNotHeldUp) {
  makeDriverObject(false);
  driver().start();
  startJoined();
  makeVolume();
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  EXPECT_TRUE(attachment().is_null());
  expectCleanEnd();
}

TEST_F(CsiCluster, CSI_11_AGenericEphemeralVolumeLivesWithItsPod) {
  makeDriverObject(false);
  driver().start();
  startJoined();
  makeVolume("p-data");
  json object = boundPod("p", {shell("c", "c", "echo from the pod > /data/file; exec sleep 1000")});
  object["spec"]["volumes"].push_back(json::parse(R"({"name":"data","ephemeral":{"volumeClaimTemplate":{"spec":{
    "accessModes":["ReadWriteOnce"],"storageClassName":"","volumeName":"csi-disk",
    "resources":{"requests":{"storage":"1Mi"}}}}}})"));
  object["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
  cluster().apply(object);
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  EXPECT_EQ(cluster().get({"pvc", "p-data"})["metadata"]["ownerReferences"][0]["name"], "p");
  expectCleanEnd();
  EXPECT_TRUE(eventually("its claim goes with it", kSoon,
                         [] { return cluster().get({"pvc", "p-data"}).is_null() ? "" : "still there"; }));
}

TEST_F(CsiCluster, CSI_15_AVolumeGrowsWithItsClaim) {
  const auto resize = [](const std::string& size) {
    json volume = cluster().get({"pv", "csi-disk"});
    volume["spec"]["capacity"]["storage"] = size;
    cluster().replaceRaw("/api/v1/persistentvolumes/csi-disk", volume);
    json claim = cluster().get({"pvc", "csi-data"});
    claim["status"]["allocatedResources"] = {{"storage", size}};
    claim["status"]["allocatedResourceStatuses"] = {{"storage", "NodeResizePending"}};
    claim["status"]["conditions"] = json::array({{{"type", "FileSystemResizePending"}, {"status", "True"}}});
    cluster().replaceRaw("/api/v1/namespaces/default/persistentvolumeclaims/csi-data/status", claim);
  };
  const auto claimHas = [](const std::string& size) {
    return Look([size] {
      const json status = cluster().get({"pvc", "csi-data"})["status"];
      const bool done = status["capacity"].value("storage", "") == size &&
                        status.value("conditions", json::array()).empty() &&
                        status.value("allocatedResourceStatuses", json::object()).empty();
      return done ? std::string() : status.dump();
    });
  };
  makeDriverObject(false);
  driver().start();
  startJoined();
  makeVolume();
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  // A new agent looks at once what a running one looks at about each minute.
  resize("2Mi");
  node().killAgent();
  node().startAgent();
  EXPECT_TRUE(eventually("it grows while the pod runs", kSoon, claimHas("2Mi")));
  cluster().remove({"pod", "p"});
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGoneThere("p")));
  resize("3Mi");
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  EXPECT_TRUE(claimHas("3Mi")().empty()) << "before the pod has started";
  expectCleanEnd();
}

}  // namespace
}  // namespace cubelet::integration
