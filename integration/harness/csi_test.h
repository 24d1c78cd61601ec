// The fixture of scenarios with a CSI driver on a standalone node.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "integration/harness/hostpath_driver.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {

// The driver is not started, nor is the agent. The claim `data` is there, and behind it the driver's volume "disk".
class CsiTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    driver_.emplace(node());
    std::filesystem::create_directory(objects());
    put("disk.yaml", std::string("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-disk}\n") +
                         "spec: {accessModes: [ReadWriteOnce], csi: {driver: " + HostpathDriver::kName +
                         ", volumeHandle: disk}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\n"
                         "metadata: {name: data}\nspec: {volumeName: pv-disk}\n");
  }
  void TearDown() override {
    driver_.reset();
    NodeTest::TearDown();
  }
  HostpathDriver& driver() { return *driver_; }
  std::filesystem::path objects() { return node().dir() / "objects"; }
  // Complete at once, as `mv` does it.
  void put(const std::string& file, const std::string& text) {
    const std::filesystem::path hidden = objects() / ("." + file + ".new");
    std::ofstream(hidden) << text;
    std::filesystem::rename(hidden, objects() / file);
  }
  static json podWithClaim(const std::string& script) {
    json manifest = pod("p", {shell("c", "c", script)});
    manifest["spec"]["volumes"] = json::parse(R"([{"name":"data","persistentVolumeClaim":{"claimName":"data"}}])");
    manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
    return manifest;
  }
  void startPod(const std::string& script = "echo from the pod > /data/file; exec sleep 1000") {
    node().write("p.json", podWithClaim(script));
    node().startAgent();
  }
  static std::string contentOf(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Look isWritten() {
    return [this] { return contentOf(driver().data("disk") / "file") == "from the pod\n" ? "" : "not yet"; };
  }
  void expectCleanEnd() {
    node().remove("p.json");
    EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
    EXPECT_TRUE(eventually("nothing is left", kSoon, hasNoCsiVolumes(node())));
  }

  std::optional<HostpathDriver> driver_;
};

}  // namespace cubelet::integration
