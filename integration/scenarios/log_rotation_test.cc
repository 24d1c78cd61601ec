// Logs of containers: rotated within their limits, followed across rotations, on a full disk, through a crash.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>

#include "integration/harness/built.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

class LogRotation : public NodeTest {
 protected:
  // The directory of the only container's log.
  fs::path logsOf(const std::string& podName) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(node().podLogs(), none))
      if (entry.path().filename().string().starts_with("default_" + node().fullName(podName) + "_"))
        return entry.path() / "c";
    return node().podLogs() / "none";
  }
  std::vector<std::string> files(const std::string& podName) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(logsOf(podName), none)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::size_t compressed(const std::string& podName) {
    const std::vector<std::string> names = files(podName);
    return static_cast<std::size_t>(
        std::count_if(names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".gz"); }));
  }
  Look rotated(const std::string& podName, std::size_t count) {
    return [this, podName, count] {
      return compressed(podName) >= count ? "" : std::to_string(files(podName).size()) + " files";
    };
  }
};

// The size that a log had before it was compressed: the last four bytes of a gzip file.
std::uint64_t plainSize(const fs::path& file) {
  if (file.extension() != ".gz") return fs::file_size(file);
  std::ifstream in(file, std::ios::binary);
  in.seekg(-4, std::ios::end);
  unsigned char bytes[4] = {};
  in.read(reinterpret_cast<char*>(bytes), 4);
  return bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (std::uint64_t{bytes[3]} << 24);
}

// Lines of a thousand bytes, half a megabyte of them ten times a second, at most.
constexpr const char* kFiveMegabytesPerSecond =
    "while :; do head -c 500000 /dev/zero | tr '\\0' x | fold -w 1000; usleep 100000; done";

TEST_F(LogRotation, LOG_3_FastWritersStayWithinTheirLimits) {
  constexpr int kPods = 4;
  node().config["containerLogMaxSize"] = "5Mi";
  node().config["containerLogMaxFiles"] = 3;
  for (int i = 0; i < kPods; ++i) {
    const std::string name = "fast" + std::to_string(i);
    node().write(name + ".json", pod(name, {shell("c", name, kFiveMegabytesPerSecond)}));
  }
  node().startAgent();
  for (int i = 0; i < kPods; ++i) ASSERT_TRUE(eventually("rotated", 120s, rotated("fast" + std::to_string(i), 1)));
  ASSERT_TRUE(stays("never more files than allowed, but for the one being compressed", 10s, [&] {
    for (int i = 0; i < kPods; ++i)
      if (files("fast" + std::to_string(i)).size() > 5) return std::to_string(files("fast" + std::to_string(i)).size());
    return std::string();
  }));
  node().killAgent();
  for (int i = 0; i < kPods; ++i) {
    const std::string name = "fast" + std::to_string(i);
    for (const std::string& file : files(name)) {
      if (file.ends_with(".tmp") || file == "0.log") continue;
      const std::uint64_t size = plainSize(logsOf(name) / file);
      EXPECT_GT(size, 5 * kMiB) << file;
      // On a busy machine a look may come late; how late is a figure for the bench and not for a test.
      EXPECT_LE(size, 10 * kMiB) << file;
    }
  }
}

TEST_F(LogRotation, LOG_5_FollowingMissesNoLine) {
  node().config["containerLogMaxSize"] = "256Ki";
  node().write("web.json", pod("web", {shell("c", "web",
                                             "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); "
                                             "[ $((i % 500)) != 0 ] || usleep 50000; done; "
                                             "while [ ! -e /out/go ]; do usleep 20000; done")}));
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "web")));
  const std::string file = (node().dir() / "follow").string();
  Process follow({built::agent(), "logs", "web-node1", "-f", "--socket", (node().dir() / "cubelet.sock").string()},
                 file);
  const auto followed = [&] {
    std::ifstream in(file);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  ASSERT_TRUE(
      eventually("the last line is shown", 60s, [&] { return followed().ends_with("line 29999\n") ? "" : "not yet"; }));
  EXPECT_GE(files("web").size(), 3U) << "it was rotated meanwhile";
  std::ifstream in(file);
  int next = 0;
  for (std::string line; std::getline(in, line); ++next) ASSERT_EQ(line, "line " + std::to_string(next));
  EXPECT_EQ(next, 30000);
  std::ofstream(node().records() / "go") << "";
  std::optional<int> code = follow.waitExit(kSoon);
  EXPECT_EQ(code, 0) << "following ends with the container";
}

TEST_F(LogRotation, LOG_3_ACrashInTheMiddleIsRepaired) {
  node().config["containerLogMaxSize"] = "1Mi";
  node().write("web.json", pod("web", {shell("c", "web", "while :; do echo some words; usleep 10000; done")}));
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "web")));
  node().killAgent();
  // As if it had been killed after the rename and before the runtime was told.
  fs::rename(logsOf("web") / "0.log", logsOf("web") / "0.log.20270115-080000");
  node().startAgent();
  EXPECT_TRUE(eventually("the log is written again", kSoon, [&] {
    std::error_code none;
    const auto size = fs::file_size(logsOf("web") / "0.log", none);
    return !none && size > 0 ? "" : "no log";
  }));
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(LogRotation, LOG_3_AFullDiskIsSurvived) {
  fs::create_directories(node().podLogs());
  ASSERT_EQ(::mount("tmpfs", node().podLogs().c_str(), "tmpfs", 0, "size=6m"), 0);
  node().config["containerLogMaxSize"] = "1Mi";
  node().config["containerLogMaxFiles"] = 3;
  // Random, so that compressing needs as much room again.
  node().write("web.json",
               pod("web", {shell("c", "web", "while :; do head -c 30000 /dev/urandom | base64; usleep 50000; done")}));
  const fs::path filler = node().podLogs() / "filler";
  std::ofstream(filler) << std::string(3 * kMiB + kMiB / 2, 'x');
  node().startAgent();
  ASSERT_TRUE(eventually("it runs", kSoon, isReady(node(), "web")));
  ASSERT_TRUE(eventually("the disk is full", 60s,
                         [&] { return fs::space(node().podLogs()).available < 64 * 1024 ? "" : "not yet"; }));
  ASSERT_TRUE(eventually("and the pod still runs", kSoon, isReady(node(), "web")));
  fs::remove(filler);
  EXPECT_TRUE(eventually("old logs are compressed again", 60s, rotated("web", 1)));
  EXPECT_EQ(node().starts("web"), 1U);
}

}  // namespace
}  // namespace cubelet::integration
