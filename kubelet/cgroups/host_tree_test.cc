#include "kubelet/cgroups/host_tree.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "base/temp_dir.h"

namespace cubelet::cgroups {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

struct HostTreeTest : testing::Test {
  TempDir temp;
  HostTree tree{temp / "cgroup"};
  HostTreeTest() { fs::create_directories(temp / "cgroup/memory"); }
  void file(const std::string& path) { std::ofstream(temp / path) << "old\n"; }
};

TEST_F(HostTreeTest, MakesListsAndRemovesDirectories) {
  EXPECT_TRUE(tree.makeDirectory("/memory/kubepods"));
  EXPECT_TRUE(tree.makeDirectory("/memory/kubepods")) << "again";
  EXPECT_EQ(tree.directories("/"), Names{"memory"});
  EXPECT_EQ(tree.directories("/memory"), Names{"kubepods"});
  EXPECT_EQ(tree.isDirectory("/memory/kubepods"), true);
  EXPECT_EQ(tree.isDirectory("/memory/none"), false);
  EXPECT_TRUE(tree.removeDirectory("/memory/kubepods"));
  EXPECT_TRUE(tree.removeDirectory("/memory/kubepods")) << "again";
  EXPECT_EQ(tree.directories("/memory"), Names{});
  EXPECT_EQ(tree.directories("/none").error().code, Code::kNotFound);
}

TEST_F(HostTreeTest, ADirectoryInUseIsNotRemoved) {
  ASSERT_TRUE(tree.makeDirectory("/memory/a"));
  ASSERT_TRUE(tree.makeDirectory("/memory/a/b"));
  EXPECT_EQ(tree.removeDirectory("/memory/a").error().code, Code::kUnavailable);
}

TEST_F(HostTreeTest, WritesOnlyFilesThatTheKernelHasMade) {
  file("cgroup/memory/memory.limit_in_bytes");
  EXPECT_TRUE(tree.write("/memory/memory.limit_in_bytes", "new\n"));
  EXPECT_EQ(tree.read("/memory/memory.limit_in_bytes"), "new\n");
  const Result<void> missing = tree.write("/memory/other", "1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_FALSE(fs::exists(temp / "cgroup/memory/other"));
}

TEST_F(HostTreeTest, AnOpenFileIsReadAgainAndAgain) {
  file("cgroup/memory/memory.stat");
  const std::unique_ptr<OpenFile> opened = *tree.open("/memory/memory.stat");
  std::string buffer;
  EXPECT_EQ(opened->read(buffer), "old\n");
  const std::string large(50'000, 'x');
  std::ofstream(temp / "cgroup/memory/memory.stat") << large;
  EXPECT_EQ(opened->read(buffer), large);
  std::ofstream(temp / "cgroup/memory/memory.stat") << "";
  EXPECT_EQ(opened->read(buffer), "");
  EXPECT_EQ(tree.open("/memory/none").error().code, Code::kNotFound);
  EXPECT_FALSE(tree.open("/../outside"));
}

TEST_F(HostTreeTest, NoPathLeadsOutOfIt) {
  fs::create_directories(temp / "outside");
  file("outside/file");
  fs::create_symlink(temp / "outside", temp / "cgroup/link");
  EXPECT_FALSE(tree.read("/../outside/file"));
  EXPECT_FALSE(tree.read("/link/file"));
  EXPECT_FALSE(tree.write("/link/file", "x"));
  EXPECT_FALSE(tree.makeDirectory("/link/a"));
  EXPECT_FALSE(tree.removeDirectory("/../outside"));
  EXPECT_EQ(tree.directories("/"), Names{"memory"}) << "a link is no directory";
}

}  // namespace
}  // namespace cubelet::cgroups
