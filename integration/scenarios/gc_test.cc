// What is removed when nobody needs it any more: sandboxes, directories, images.
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <unistd.h>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class Gc : public NodeTest {
 protected:
  void touch(const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "x";
  }
  bool hasImage(const std::string& name) {
    const Finished list = node().containerd().ctr({"images", "ls", "-q"});
    return list.output.find(name + "\n") != std::string::npos;
  }
  // Whatever the disk of this machine is like, it is too full.
  void wantSpace() {
    node().config["imageGCHighThresholdPercent"] = 1;
    node().config["imageGCLowThresholdPercent"] = 0;
    node().config["imageMinimumGCAge"] = "1s";
  }
};

TEST_F(Gc, GC_2_ReplacedSandboxGoesWithItsLastContainer) {
  node().write("p.json",
               pod("p", {shell("c", "p", "while [ ! -e /out/go ]; do usleep 20000; done; rm /out/go; exit 1")}));
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, runsOnce(node(), "p", {"c"})));
  node().cri().stopSandbox(node().cri().sandboxesOf("p-node1").front().id());
  // It may have come up in the old one once more, before the runtime told of its end.
  ASSERT_TRUE(eventually("it runs in a new sandbox", 60s, [&] {
    return node().cri().sandboxesOf("p-node1").size() == 2 ? runsOnce(node(), "p", {"c"})() : "no new sandbox";
  }));
  const std::size_t starts = node().starts("p");
  touch(node().records() / "go");
  ASSERT_TRUE(eventually("it is restarted there", 90s, hasStarts(node(), "p", starts + 1)));
  EXPECT_TRUE(eventually("one sandbox and one dead container are left", kSoon, [&] {
    const std::size_t sandboxes = node().cri().sandboxesOf("p-node1").size();
    const std::size_t containers = node().cri().containersOf("p-node1").size();
    return sandboxes == 1 && containers == 2
               ? ""
               : std::to_string(sandboxes) + " sandboxes, " + std::to_string(containers) + " containers";
  }));
}

TEST_F(Gc, GC_2_DirectoriesOfVanishedPodsGo) {
  const fs::path gone = node().root() / "pods/0123-gone";
  touch(gone / "etc-hosts");
  fs::create_directories(gone / "volumes/kubernetes.io~empty-dir/mem");
  ASSERT_EQ(::mount("tmpfs", (gone / "volumes/kubernetes.io~empty-dir/mem").c_str(), "tmpfs", 0, "size=1m"), 0);
  touch(gone / "volumes/kubernetes.io~empty-dir/mem/file");
  touch(node().podLogs() / "default_old_0123-gone/c/0.log");
  touch(node().podLogs() / "something-else/file");
  node().startAgent();
  EXPECT_TRUE(eventually("both are gone", kSoon, [&] {
    if (fs::exists(gone)) return gone.string();
    return fs::exists(node().podLogs() / "default_old_0123-gone") ? std::string("logs") : std::string();
  }));
  EXPECT_TRUE(fs::exists(node().podLogs() / "something-else/file"));
}

TEST_F(Gc, GC_2_NothingBehindABusyMountIsRemoved) {
  const fs::path gone = node().root() / "pods/0123-busy";
  const fs::path point = gone / "volumes/kubernetes.io~nfs/data";
  fs::create_directories(point);
  ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, "size=1m"), 0);
  // Not a stream: the agent would inherit it and hold the mount itself.
  const int held = ::open((point / "file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(held, 0);
  node().startAgent();
  ASSERT_TRUE(eventually("it was tried", kSoon, logSays(node(), "cannot remove the pod's directory")));
  EXPECT_TRUE(fs::exists(point / "file"));
  ::close(held);
  EXPECT_TRUE(eventually("it goes when nobody holds it", 60s, [&] { return fs::exists(gone) ? gone.string() : ""; }));
}

TEST_F(Gc, GC_4_ImagesThatNobodyNeedsGo) {
  wantSpace();
  node().containerd().importImages();
  node().containerd().tagImage("cubelet.local/tag-of-used:1");
  node().write("p.json", pod("p", {marker("c", "p")}));
  ASSERT_TRUE(hasImage(kUserImage));
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(eventually("the unused image is gone", 60s, [&] { return hasImage(kUserImage) ? "still there" : ""; }));
  EXPECT_TRUE(hasImage(kImage));
  EXPECT_TRUE(hasImage("cubelet.local/tag-of-used:1")) << "the same image";
  EXPECT_TRUE(hasImage("cubelet.local/pause:1"));
  node().containerd().removeImage("cubelet.local/tag-of-used:1");
}

// No container is made from it yet: what counts is that a manifest names it.
TEST_F(Gc, GC_4_AnImageThatAManifestNamesStays) {
  wantSpace();
  node().containerd().importImages();
  json manifest = pod("p", {marker("c", "p")});
  manifest["spec"]["containers"][0]["image"] = kUserImage;
  manifest["spec"]["containers"][0]["imagePullPolicy"] = "Never";
  node().containerd().holdNetworkOf("p-node1");
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("its network is awaited", kSoon,
                         [&] { return node().containerd().networkWaits("p-node1") ? "" : "not yet"; }));
  ASSERT_TRUE(eventually("other images were removed for want of space", 60s,
                         [&] { return hasImage(kImage) ? "still there" : ""; }));
  EXPECT_TRUE(hasImage(kUserImage));
  node().containerd().releaseNetworkOf("p-node1");
  EXPECT_TRUE(eventually("it runs", kSoon, isReady(node(), "p")));
  node().containerd().importImages();
}

}  // namespace
}  // namespace cubelet::integration
