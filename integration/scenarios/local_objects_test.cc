// A standalone node: static pods use ConfigMaps, Secrets and claims that are files of the node.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::duration<double, std::milli>;

class LocalObjects : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (!IsSkipped()) fs::create_directory(objects());
  }
  fs::path objects() { return node().dir() / "objects"; }
  // Complete at once, as `mv` does it.
  void put(const std::string& file, const std::string& text) {
    const fs::path hidden = objects() / ("." + file + ".new");
    std::ofstream(hidden) << text;
    fs::rename(hidden, objects() / file);
  }
  void putColor(const std::string& color) {
    put("settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: " + color + "}\n");
  }
  void putSecret() {
    put("keys.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {key: hush-hush}\n");
  }
  static void useObjects(json& spec) {
    spec["volumes"] = json::parse(R"([{"name":"settings","configMap":{"name":"settings"}},
                                      {"name":"keys","secret":{"secretName":"keys","defaultMode":256}}])");
    json& container = spec["containers"][0];
    container["envFrom"] = json::parse(R"([{"configMapRef":{"name":"settings"}}])");
    container["env"] = json::parse(R"([{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"keys","key":"key"}}}])");
    for (const char* name : {"settings", "keys"})
      container["volumeMounts"].push_back({{"name", name}, {"mountPath", std::string("/") + name}});
  }
  fs::path volumeFile(const std::string& plugin, const std::string& path) {
    const std::string uid = node().podOf("p")["metadata"]["uid"];
    return node().root() / "pods" / uid / "volumes" / plugin / path;
  }
  static std::string contentOf(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(LocalObjects, EnvironmentAndVolumesComeFromFiles) {
  putColor("red");
  putSecret();
  const std::string out = outputOf(
      "echo $color $KEY; cat /settings/color; echo; cat /keys/key; echo; stat -L -c %a /keys/key; "
      "awk '$2 == \"/keys\" { print $3 }' /proc/mounts",
      useObjects);
  EXPECT_EQ(out, "red hush-hush\nred\nhush-hush\n400\ntmpfs\n");
  EXPECT_EQ(node().log().find("hush-hush"), std::string::npos) << "a secret is never logged";
}

TEST_F(LocalObjects, AnEditReachesTheFileAtOnce) {
  putColor("red");
  putSecret();
  ASSERT_EQ(outputOf("cat /settings/color", useObjects), "red");
  const fs::path file = volumeFile("kubernetes.io~configmap", "settings/color");
  std::vector<double> times;
  for (int edit = 0; edit < 10; ++edit) {
    const std::string color = "c" + std::to_string(edit);
    const auto before = std::chrono::steady_clock::now();
    putColor(color);
    ASSERT_TRUE(eventually("the new color is there", 10s, [&] {
      while (contentOf(file) != color && std::chrono::steady_clock::now() < before + 5s)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      return contentOf(file) == color ? "" : "it says " + contentOf(file);
    }));
    times.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());
  }
  std::ranges::sort(times);
  std::printf("edit of an object file to the content of a volume: best %.1f ms, median %.1f ms, worst %.1f ms\n",
              times.front(), times[times.size() / 2], times.back());
  RecordProperty("median_ms", std::to_string(times[times.size() / 2]));
  EXPECT_LE(times.front(), 50) << "ms";
  EXPECT_TRUE(runsOnce(node(), "p", {"c"})().empty()) << "the pod was not disturbed";
}

TEST_F(LocalObjects, AnObjectThatComesLaterStartsThePodAtOnce) {
  putSecret();
  json manifest = pod("p", {marker("c", "c")});
  useObjects(manifest["spec"]);
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("what is missing is told", kSoon,
                         logSays(node(), "no file in " + objects().string() + " defines it")));
  EXPECT_EQ(node().starts("c"), 0U);
  putColor("red");
  EXPECT_TRUE(eventually("it runs", 8s, hasStarts(node(), "c", 1))) << "it waits for news, not for time to pass";
}

TEST_F(LocalObjects, ABadFileIsToldAndItsLastGoodVersionStays) {
  putColor("red");
  putSecret();
  ASSERT_EQ(outputOf("cat /settings/color", useObjects), "red");
  put("settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndate: {color: blue}\n");
  ASSERT_TRUE(eventually("the status names file, line and field", kSoon, [&] {
    const std::string status = node().client({"status"}).output;
    const std::string want = (objects() / "settings.yaml").string() + ":4: date: unknown field";
    return status.find(want) != std::string::npos ? "" : status;
  }));
  EXPECT_EQ(contentOf(volumeFile("kubernetes.io~configmap", "settings/color")), "red");
  putColor("blue");
  EXPECT_TRUE(eventually("the repaired file counts", kSoon, [&] {
    const std::string color = contentOf(volumeFile("kubernetes.io~configmap", "settings/color"));
    return color == "blue" ? "" : color;
  }));
}

TEST_F(LocalObjects, CSI_3_AClaimNamesAVolumeOfTheNode) {
  fs::create_directory(node().dir() / "disk");
  std::ofstream(node().dir() / "disk/before") << "from the host";
  put("disk.yaml",
      "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {local: {path: " +
          (node().dir() / "disk").string() + "}}\n---\n" +
          "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {volumeName: disk}\n");
  const std::string out = outputOf("cat /data/before; echo from the pod > /data/after", [](json& spec) {
    spec["volumes"] = json::parse(R"([{"name":"data","persistentVolumeClaim":{"claimName":"data"}}])");
    spec["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
  });
  EXPECT_EQ(out, "from the host");
  EXPECT_EQ(contentOf(node().dir() / "disk/after"), "from the pod\n");
}

TEST_F(LocalObjects, CSI_3_ABlockDeviceOfTheNodeIsFormattedOnceAndMounted) {
  const fs::path image = node().dir() / "disk.img";
  std::ofstream(image) << "";
  fs::resize_file(image, 16 << 20);
  Finished attached = run({"losetup", "--find", "--show", image.string()});
  if (!attached.ok()) GTEST_SKIP() << "no loop device here: " << attached.errors;
  const std::string device = attached.output.substr(0, attached.output.find('\n'));
  put("disk.yaml",
      "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {local: {path: " + device + "}}\n---\n" +
          "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {volumeName: disk}\n");
  const auto useDisk = [](json& spec) {
    spec["volumes"] = json::parse(R"([{"name":"data","persistentVolumeClaim":{"claimName":"data"}}])");
    spec["containers"][0]["volumeMounts"].push_back({{"name", "data"}, {"mountPath", "/data"}});
    spec["securityContext"] = {{"fsGroup", 1234}};
  };
  EXPECT_EQ(
      outputOf("echo kept > /data/file; stat -c %g /data; awk '$2 == \"/data\" { print $3 }' /proc/mounts", useDisk),
      "1234\next4\n");
  node().remove("p.json");
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_FALSE(run({"findmnt", "--source", device}).ok()) << "it is unmounted";
  json again = pod("q", {shell("q", "q", "cat /data/file > /out/again; exec sleep 1000")});
  useDisk(again["spec"]);
  node().write("q.json", again);
  EXPECT_TRUE(eventually("the next pod finds the content", kSoon, [&] {
    return node().record("again") == "kept\n" ? "" : "it says " + node().record("again");
  }));
  node().remove("q.json");
  EXPECT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "q")));
  run({"losetup", "--detach", device});
}

TEST_F(LocalObjects, ARestartFindsWhatHasChangedMeanwhile) {
  putColor("red");
  putSecret();
  ASSERT_EQ(outputOf("cat /settings/color", useObjects), "red");
  const fs::path file = volumeFile("kubernetes.io~configmap", "settings/color");
  node().killAgent();
  putColor("blue");
  EXPECT_EQ(contentOf(file), "red");
  node().startAgent();
  EXPECT_TRUE(eventually("the file is up to date", kSoon,
                         [&] { return contentOf(file) == "blue" ? "" : "it says " + contentOf(file); }));
  EXPECT_TRUE(runsOnce(node(), "p", {"c"})().empty());
}

}  // namespace
}  // namespace cubelet::integration
