#include "staticpods/source/trail.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/temp_dir.h"

namespace cubelet::staticpods {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class TrailTest : public testing::Test {
 protected:
  // The steps below the temporary directory: "dir" or "dir -> entry".
  std::vector<std::string> steps(const std::string& path) {
    trail = followPath(path);
    std::vector<std::string> lines;
    for (const TrailStep& step : trail.steps) {
      if (!step.directory.starts_with(root)) continue;
      const std::string shown = "~" + step.directory.substr(root.size());
      lines.push_back(step.entry.empty() ? shown : shown + " -> " + step.entry);
    }
    return lines;
  }
  TempDir dir;
  std::string root = fs::canonical(dir.path());
  Trail trail;
};

TEST_F(TrailTest, OfADirectory) {
  fs::create_directories(dir / "a/b");
  EXPECT_THAT(steps(dir / "a/b"), ElementsAre("~", "~/a", "~/a/b"));
  EXPECT_EQ(trail.target, root + "/a/b");
  EXPECT_TRUE(trail.isDirectory);
}

TEST_F(TrailTest, OfAFile) {
  std::ofstream(dir / "f") << "";
  EXPECT_THAT(steps(dir / "f"), ElementsAre("~", "~ -> f"));
  EXPECT_EQ(trail.target, root + "/f");
  EXPECT_FALSE(trail.isDirectory);
  EXPECT_EQ(followPath(dir / "f/x").error, ENOTDIR);
}

TEST_F(TrailTest, OfLinksAsAConfigMapVolumeHasThem) {
  fs::create_directories(dir / "v1");
  std::ofstream(dir / "v1/pod.yaml") << "";
  fs::create_symlink("v1", dir / "..data");
  fs::create_symlink("..data/pod.yaml", dir / "pod.yaml");
  EXPECT_THAT(steps(dir / "pod.yaml"), ElementsAre("~", "~ -> pod.yaml", "~ -> ..data", "~/v1", "~/v1 -> pod.yaml"));
  EXPECT_EQ(trail.target, root + "/v1/pod.yaml");
}

TEST_F(TrailTest, OfAbsoluteLinksAndDots) {
  fs::create_directories(dir / "a/b");
  std::ofstream(dir / "f") << "";
  fs::create_symlink(root + "/a/./b/../../f", dir / "a/link");
  EXPECT_EQ((steps(dir / "a/link"), trail.target), root + "/f");
}

TEST_F(TrailTest, OfWhatIsMissingEndsWhereItWouldAppear) {
  EXPECT_THAT(steps(dir / "x/y/z"), ElementsAre("~", "~ -> x"));
  EXPECT_EQ(trail.error, ENOENT);
  EXPECT_EQ(trail.target, "");
  fs::create_symlink("nowhere", dir / "dangling");
  EXPECT_THAT(steps(dir / "dangling"), ElementsAre("~", "~ -> dangling", "~ -> nowhere"));
  EXPECT_EQ(trail.error, ENOENT);
}

TEST_F(TrailTest, OfALoopEnds) {
  fs::create_symlink("b", dir / "a");
  fs::create_symlink("a", dir / "b");
  EXPECT_EQ(followPath(dir / "a").error, ELOOP);
}

TEST_F(TrailTest, OfTheRoot) {
  EXPECT_EQ(followPath("/").target, "/");
  EXPECT_EQ(followPath("/..").target, "/");
}

}  // namespace
}  // namespace cubelet::staticpods
