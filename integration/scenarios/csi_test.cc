// CSI volumes of a standalone node, with a real driver.
#include "integration/harness/csi_test.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include "integration/harness/free_port.h"
#include "integration/harness/hostpath_driver.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

constexpr auto* kDriver = HostpathDriver::kName;

using Csi = CsiTest;

TEST_F(Csi, CSI_1_CSI_3_CSI_6_APodWritesToItsVolumeAndLeavesNothing) {
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  EXPECT_EQ(csiMounts(node()).size(), 2u) << "staged and published";
  const std::string table = node().client({"volumes"}).output;
  EXPECT_NE(table.find("pv-disk"), std::string::npos) << table;
  EXPECT_NE(table.find("published"), std::string::npos) << table;
  const std::string uid = node().podOf("p")["metadata"]["uid"];
  const fs::path published = node().root() / "pods" / uid / "volumes/kubernetes.io~csi/pv-disk";
  EXPECT_EQ(contentOf(published / "mount/file"), "from the pod\n");
  EXPECT_EQ(json::parse(contentOf(published / "vol_data.json"))["volumeHandle"], "disk");
  expectCleanEnd();
  EXPECT_EQ(contentOf(driver().data("disk") / "file"), "from the pod\n") << "the volume's content is not the pod's";
}

TEST_F(Csi, CSI_3_APodThatHasEndedGivesItsVolumeBack) {
  driver().start();
  json manifest = podWithClaim("echo from the pod > /data/file");
  manifest["spec"]["restartPolicy"] = "Never";
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("the pod has ended", kSoon, phaseIs(node(), "p", "Succeeded")));
  EXPECT_TRUE(isWritten()().empty());
  EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
  EXPECT_TRUE(phaseIs(node(), "p", "Succeeded")().empty()) << "the pod itself stays";
  expectCleanEnd();
}

TEST_F(Csi, CSI_17_APodWaitsForADriverThatRegistersLater) {
  startPod();
  ASSERT_TRUE(eventually(
      "the missing driver is told", kSoon,
      logSays(node(), std::string("driver name ") + kDriver + " not found in the list of registered CSI drivers")));
  EXPECT_EQ(node().starts("c"), 0u);
  driver().start();
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  expectCleanEnd();
}

TEST_F(Csi, CSI_20_AKilledAgentGoesOnWithTheVolume) {
  driver().start();
  startPod("echo from the pod > /data/file; test -e /data/go && exit 1; exec sleep 1000");
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  const std::vector<std::string> before = csiMounts(node());
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  EXPECT_EQ(csiMounts(node()), before) << "what a running pod uses stays";
  node().cri().stopContainer(node().cri().containersOf("p-node1").at(0).id());
  ASSERT_TRUE(eventually("it starts again", kSoon, hasStarts(node(), "c", 2)));
  EXPECT_EQ(csiMounts(node()), before);
  expectCleanEnd();
}

TEST_F(Csi, CSI_20_APodThatVanishesWhileTheAgentIsAwayLeavesNothing) {
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  node().killAgent();
  node().remove("p.json");
  node().startAgent();
  EXPECT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
}

TEST_F(Csi, CSI_18_CSI_20_AnAgentKilledWhileTheDriverWorksRepeatsTheCall) {
  driver().order("NodeStageVolume after delay 3000\n");
  driver().start();
  startPod();
  ASSERT_TRUE(
      eventually("it is noted before the call", kSoon, [&] { return csiJournal(node()).empty() ? "not yet" : ""; }));
  node().killAgent();
  node().startAgent();
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  EXPECT_EQ(csiMounts(node()).size(), 2u);
  expectCleanEnd();
}

TEST_F(Csi, CSI_18_ADriverThatCrashesWhileItPublishesIsAskedAgain) {
  driver().order("NodePublishVolume made crash\n");
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the failure is told", kSoon, logSays(node(), "MountVolume.SetUp failed for volume")));
  driver().kill();
  driver().start();
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  expectCleanEnd();
}

TEST_F(Csi, CSI_17_ARestartedDriverIsFoundAgain) {
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  driver().kill();
  EXPECT_TRUE(runsOnce(node(), "p", {"c"})().empty()) << "the pod does not notice";
  node().remove("p.json");
  ASSERT_TRUE(eventually("the pod cannot end", kSoon, logSays(node(), "cannot remove the pod's directory")));
  EXPECT_FALSE(csiMounts(node()).empty());
  driver().start();
  EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
}

TEST_F(Csi, CSI_8_CSI_10_AnInlineVolumeLivesAsLongAsItsPod) {
  put("driver.yaml", std::string("apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: ") + kDriver +
                         "}\nspec: {podInfoOnMount: true, volumeLifecycleModes: [Persistent, Ephemeral]}\n");
  driver().start();
  json manifest = pod("p", {shell("c", "c", "echo x > /data/file; exec sleep 1000")});
  manifest["spec"]["volumes"].push_back({{"name", "data"}, {"csi", {{"driver", kDriver}}}});
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  EXPECT_EQ(csiMounts(node()).size(), 1u) << "it is not staged";
  expectCleanEnd();
  for (const auto& volume : fs::directory_iterator(driver().state())) EXPECT_EQ(volume.path().filename(), "disk");
}

TEST_F(Csi, CSI_7_AVolumeForOnePodWaitsForTheOtherToGo) {
  put("disk.yaml", std::string("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-disk}\n") +
                       "spec: {accessModes: [ReadWriteOncePod], csi: {driver: " + kDriver +
                       ", volumeHandle: disk}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\n"
                       "metadata: {name: data}\nspec: {volumeName: pv-disk}\n");
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  json second = podWithClaim("exec sleep 1000");
  second["metadata"]["name"] = "q";
  node().write("q.json", second);
  EXPECT_TRUE(eventually("the second one waits", kSoon, logSays(node(), "already in use by another pod")));
  node().remove("p.json");
  EXPECT_TRUE(eventually("pod q is ready", kSoon, isReady(node(), "q")));
  node().remove("q.json");
  EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
}

TEST_F(Csi, CSI_15_AVolumeGrowsWithItsObject) {
  const auto disk = [](const std::string& size) {
    return std::string("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-disk}\n") +
           "spec: {capacity: {storage: " + size + "}, accessModes: [ReadWriteOnce], csi: {driver: " + kDriver +
           ", volumeHandle: disk}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\n" +
           "metadata: {name: data}\nspec: {volumeName: pv-disk}\n";
  };
  put("disk.yaml", disk("64Mi"));
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  driver().kill();
  driver().start({"--volume-size=134217728"});
  put("disk.yaml", disk("128Mi"));
  EXPECT_TRUE(eventually("it has grown", kSoon, logSays(node(), "MountVolume.NodeExpandVolume succeeded for volume")));
  const json noted = json::parse(csiJournal(node()).at(0));
  EXPECT_EQ(noted["size"], "134217728");
  EXPECT_TRUE(runsOnce(node(), "p", {"c"})().empty()) << "the pod does not notice";
  put("disk.yaml", disk("256Mi"));
  EXPECT_TRUE(eventually("the refusal is told", kSoon, logSays(node(), "NodeExpandVolume failed for volume")));
  expectCleanEnd();
}

TEST_F(Csi, CSI_16_TheDriversFiguresAreTold) {
  const int port = freePort();
  const auto get = [&](const std::string& path) {
    return run({"busybox", "wget", "-qO-", "http://127.0.0.1:" + std::to_string(port) + path}).output;
  };
  const auto volume = [&]() -> json {
    const json all = json::parse(get("/stats/summary"), nullptr, false);
    if (!all.is_object()) return nullptr;  // nobody answers yet
    for (const json& pod : all.value("pods", json::array()))
      for (const json& one : pod.value("volume", json::array()))
        if (one["name"] == "data") return one;
    return nullptr;
  };
  node().config["readOnlyPort"] = port;
  node().config["featureGates"]["CSIVolumeHealth"] = true;
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  driver().order("NodeGetVolumeStats before delay 20000\n");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(volume().is_null()) << "a driver that hangs has no figures";
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));

  // A new agent asks anew, and knows the volumes of pods that run.
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the figures are told", kSoon, [&] { return volume().is_null() ? "not yet" : ""; }));
  const json told = volume();
  EXPECT_EQ(told["capacityBytes"], 64 << 20) << told.dump();
  EXPECT_GT(told["usedBytes"].get<int>(), 0);
  EXPECT_EQ(told["pvcRef"]["name"], "data");
  EXPECT_EQ(told["volumeHealthStats"]["abnormal"], false);
  const std::string metrics = get("/metrics");
  EXPECT_NE(metrics.find("kubelet_volume_stats_capacity_bytes{namespace=\"default\",persistentvolumeclaim=\"data\"} "),
            std::string::npos);
  EXPECT_NE(metrics.find("kubelet_volume_stats_health_status_abnormal{"), std::string::npos);
  expectCleanEnd();
}

TEST_F(Csi, CSI_20_WhatNobodyKnowsIsNamedAndRepaired) {
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  Finished checked = node().client({"volumes", "--check"});
  EXPECT_TRUE(checked.ok()) << checked.output;
  // As if somebody had lost it.
  const fs::path lost = node().root() / "plugins/kubernetes.io/csi" / kDriver / "0123/globalmount";
  fs::create_directories(lost);
  ASSERT_TRUE(run({"mount", "-t", "tmpfs", "lost", lost.string()}).ok());
  checked = node().client({"volumes", "--check"});
  EXPECT_FALSE(checked.ok());
  EXPECT_NE(checked.output.find(lost.string()), std::string::npos) << checked.output;
  EXPECT_TRUE(node().client({"volumes", "--repair"}).ok());
  EXPECT_EQ(csiMounts(node()).size(), 2u) << "what the pod uses stays";
  EXPECT_TRUE(runsOnce(node(), "p", {"c"})().empty());
  fs::remove(lost.parent_path());
  expectCleanEnd();
}

TEST_F(Csi, CSI_12_ARawBlockDeviceReachesTheContainer) {
  put("raw.yaml", std::string("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-raw}\n") +
                      "spec: {volumeMode: Block, accessModes: [ReadWriteOnce], csi: {driver: " + kDriver +
                      ", volumeHandle: raw}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\n"
                      "metadata: {name: raw}\nspec: {volumeMode: Block, volumeName: pv-raw}\n");
  driver().start({"--block-volume=raw"});
  json manifest =
      pod("p", {shell("c", "c", "echo from the pod | dd of=/dev/xvda conv=fsync 2>/dev/null; exec sleep 1000")});
  manifest["spec"]["volumes"] = json::parse(R"([{"name":"raw","persistentVolumeClaim":{"claimName":"raw"}}])");
  manifest["spec"]["containers"][0]["volumeDevices"] = json::parse(R"([{"name":"raw","devicePath":"/dev/xvda"}])");
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(eventually("the pod has written", kSoon, [&] {
    std::string start(13, '\0');
    std::ifstream(driver().state() / "raw/disk.img").read(start.data(), 13);
    return start == "from the pod\n" ? "" : "not yet";
  }));
  const std::string uid = node().podOf("p")["metadata"]["uid"];
  const fs::path devices = node().root() / "plugins/kubernetes.io/csi/volumeDevices";
  EXPECT_EQ(fs::read_symlink(node().root() / "pods" / uid / "volumeDevices/kubernetes.io~csi/pv-raw"),
            devices / "publish/pv-raw" / uid);
  EXPECT_TRUE(fs::is_block_file(devices / "pv-raw/dev" / uid)) << "bound once more";
  EXPECT_TRUE(node().client({"volumes", "--check"}).ok());
  expectCleanEnd();
  EXPECT_FALSE(fs::exists(devices / "pv-raw"));
}

}  // namespace
}  // namespace cubelet::integration
