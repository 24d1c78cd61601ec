// A CSI driver that crashes, hangs, moves and loses its device; targets that are taken; pods that go too early.
#include <filesystem>
#include <sys/mount.h>
#include <unistd.h>

#include "integration/harness/csi_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

constexpr auto* kDriver = HostpathDriver::kName;

class CsiFaults : public CsiTest {
 protected:
  // As its supervisor would: a driver that has ended is started again.
  Look supervised(Look look) {
    return [this, look = std::move(look)] {
      if (!driver().running()) driver().start();
      return look();
    };
  }
  Look journalIsThere() {
    return [this] { return csiJournal(node()).empty() ? "not yet" : ""; };
  }
};

TEST_F(CsiFaults, CSI_18_ADriverThatCrashesAtEachPointOfEachCallLosesNothing) {
  std::string orders;
  for (const char* method : {"NodeStageVolume", "NodePublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume"})
    for (const char* point : {"before", "made", "after"}) orders += std::string(method) + " " + point + " crash\n";
  driver().order(orders);
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", 120s, supervised(isWritten())));
  EXPECT_EQ(csiMounts(node()).size(), 2u) << "staged once, published once";
  node().remove("p.json");
  EXPECT_TRUE(eventually("the pod is gone", 120s, supervised(isGone(node(), "p"))));
  EXPECT_TRUE(eventually("nothing is left", 120s, supervised(hasNoCsiVolumes(node()))));
  EXPECT_EQ(driver().ordered(), "") << "it has crashed each time";
}

TEST_F(CsiFaults, CSI_1_ADriverThatComesBackOnOtherSocketsTakesItsVolumesBack) {
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  driver().kill();  // its sockets stay
  const fs::path moved = node().root() / "plugins/moved";
  fs::create_directories(moved);
  driver().start({"--endpoint=" + (moved / "csi.sock").string(),
                  "--registration=" + (node().root() / "plugins_registry/moved.sock").string()});
  expectCleanEnd();
}

TEST_F(CsiFaults, CSI_18_ADriverThatHangsCostsOnlyItsPods) {
  driver().order("NodeStageVolume before delay 600000\n");
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("it is noted before the call", kSoon, journalIsThere()));
  node().write("q.json", pod("q", {shell("q", "q", "exec sleep 1000")}));
  EXPECT_TRUE(eventually("a pod without its volumes runs", kSoon, isReady(node(), "q")));
  node().remove("q.json");
  EXPECT_TRUE(eventually("and ends", kSoon, isGone(node(), "q")));
  EXPECT_EQ(node().starts("c"), 0u);
  const std::string table = node().client({"volumes"}).output;
  EXPECT_NE(table.find("driver"), std::string::npos) << "the table says who is waited for: " << table;
  driver().kill();
  driver().start();
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  expectCleanEnd();
}

TEST_F(CsiFaults, CSI_18_APodThatIsDeletedWhileItsVolumeIsStagedLeavesNothing) {
  driver().order("NodeStageVolume after delay 3000\n");
  driver().start();
  startPod();
  ASSERT_TRUE(eventually("it is staged", kSoon, [&] { return csiMounts(node()).empty() ? "not yet" : ""; }));
  expectCleanEnd();
  EXPECT_EQ(node().starts("c"), 0u);
}

TEST_F(CsiFaults, SomebodyElsesMountIsNeitherCoveredNorRemoved) {
  // The directory is the SHA-256 of the volume's handle, "disk".
  const fs::path staging = node().root() / "plugins/kubernetes.io/csi" / kDriver /
                           "1044dec7206e8d7c9fbb4ae8f766668406d2567fc7fc1a160a9d4700fcf8f8e9/globalmount";
  fs::create_directories(staging);
  ASSERT_EQ(::mount("none", staging.c_str(), "tmpfs", 0, nullptr), 0);
  driver().start();
  startPod();
  EXPECT_TRUE(eventually("it is told", kSoon, logSays(node(), "something that cubelet did not mount is at")));
  EXPECT_EQ(csiMounts(node()).size(), 1u);
  node().remove("p.json");
  EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_EQ(csiMounts(node()).size(), 1u) << "it stays";
  ASSERT_EQ(::umount2(staging.c_str(), 0), 0);
  node().write("p.json", podWithClaim("echo from the pod > /data/file; exec sleep 1000"));
  EXPECT_TRUE(eventually("the pod has written", kSoon, isWritten()));
  expectCleanEnd();
}

TEST_F(CsiFaults, CSI_12_ADeviceThatFailsUnderItsPodIsLetGo) {
  put("raw.yaml", std::string("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-raw}\n") +
                      "spec: {volumeMode: Block, accessModes: [ReadWriteOnce], csi: {driver: " + kDriver +
                      ", volumeHandle: raw}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\n"
                      "metadata: {name: raw}\nspec: {volumeMode: Block, volumeName: pv-raw}\n");
  driver().start({"--block-volume=raw"});
  const std::string read = "dd if=/dev/xvda of=/dev/null bs=4096 count=1 iflag=direct";
  json manifest = pod("p", {shell("c", "c",
                                  read + " && echo good > /out/read; while " + read +
                                      "; do sleep 0.2; done; echo failed > /out/read; exec sleep 1000")});
  manifest["spec"]["volumes"] = json::parse(R"([{"name":"raw","persistentVolumeClaim":{"claimName":"raw"}}])");
  manifest["spec"]["containers"][0]["volumeDevices"] = json::parse(R"([{"name":"raw","devicePath":"/dev/xvda"}])");
  node().write("p.json", manifest);
  node().startAgent();
  const auto readSays = [&](const std::string& word) {
    return [this, word]() -> std::string {
      const std::string seen = node().record("read");
      return seen == word + "\n" ? "" : "it says '" + seen + "'";
    };
  };
  ASSERT_TRUE(eventually("the pod reads", kSoon, readSays("good")));
  // What a device without its medium looks like: every access is an error.
  ASSERT_EQ(::truncate((driver().state() / "raw/disk.img").c_str(), 0), 0);
  EXPECT_TRUE(eventually("the pod's reads fail", kSoon, readSays("failed")));
  expectCleanEnd();
}

}  // namespace
}  // namespace cubelet::integration
