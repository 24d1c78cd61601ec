#include "csi/volumes/host.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/temp_dir.h"

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;

struct SystemHostTest : testing::Test {
  Loop loop;
  SystemClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  SystemHost host{pool};
  TempDir dir;
};

TEST_F(SystemHostTest, PreparesAndRemovesOnlyWhatIsEmpty) {
  const std::string made = dir / "a/b";
  const std::string file = dir / "a/c/data.json";
  ASSERT_TRUE(loop.runToEnd(host.prepare({made, dir / "a/c"}, file, "{}")));
  struct stat info = {};
  ASSERT_EQ(::stat(made.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  std::ofstream(made + "/of-the-driver") << "x";
  EXPECT_FALSE(loop.runToEnd(host.clear(made, {file, dir / "a/c", dir / "a"})).value());
  EXPECT_TRUE(fs::exists(made + "/of-the-driver")) << "not empty, so it stays";
  EXPECT_FALSE(fs::exists(dir / "a/c"));
  fs::remove(made + "/of-the-driver");
  EXPECT_FALSE(loop.runToEnd(host.clear(made, {file, dir / "a/c", dir / "a"})).value()) << "missing is no error";
  EXPECT_FALSE(fs::exists(dir / "a"));
}

TEST_F(SystemHostTest, RemovesNothingWhileItIsMounted) {
  const std::string target = dir / "mount";
  ASSERT_TRUE(loop.runToEnd(host.prepare({target}, dir / "data.json", "{}")));
  if (::mount("none", target.c_str(), "tmpfs", 0, "size=4k") != 0) GTEST_SKIP() << "this needs the right to mount";
  EXPECT_TRUE(loop.runToEnd(host.isMounted(target)).value());
  EXPECT_TRUE(loop.runToEnd(host.clear(target, {dir / "data.json"})).value());
  EXPECT_TRUE(fs::exists(dir / "data.json"));
  ASSERT_TRUE(loop.runToEnd(host.unmount(target)));
  EXPECT_FALSE(loop.runToEnd(host.isMounted(target)).value());
  EXPECT_FALSE(loop.runToEnd(host.clear(target, {dir / "data.json"})).value());
  EXPECT_FALSE(fs::exists(target));
  EXPECT_FALSE(fs::exists(dir / "data.json"));
}

TEST_F(SystemHostTest, AsksTheMountTable) {
  EXPECT_FALSE(loop.runToEnd(host.isMounted(dir.path())).value());
  EXPECT_FALSE(loop.runToEnd(host.isMounted(dir / "missing/mount")).value());
  EXPECT_TRUE(loop.runToEnd(host.isMounted("/proc")).value());
  EXPECT_TRUE(loop.runToEnd(host.otherMounts(dir.path())).value().empty());
}

TEST_F(SystemHostTest, CSI_20_AddsRecordsToAFileThatThereIsAndReplacesOlderOnes) {
  const auto content = [&](const char* name) {
    std::ifstream file(dir / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(loop.runToEnd(host.appendRecords(dir / "j.1", "a\n", Flush::kYes)).error().code, Code::kNotFound);
  ASSERT_TRUE(loop.runToEnd(host.replaceRecords(dir / "j.1", "a\n", {})));
  ASSERT_TRUE(loop.runToEnd(host.appendRecords(dir / "j.1", "b\n", Flush::kYes)));
  ASSERT_TRUE(loop.runToEnd(host.appendRecords(dir / "j.1", "c\n", Flush::kNo)));
  EXPECT_EQ(content("j.1"), "a\nb\nc\n");
  ASSERT_TRUE(loop.runToEnd(host.replaceRecords(dir / "j.2", "c\n", {dir / "j.1", dir / "never"})));
  EXPECT_EQ(content("j.2"), "c\n");
  EXPECT_FALSE(fs::exists(dir / "j.1"));
}

}  // namespace
}  // namespace cubelet::csi
