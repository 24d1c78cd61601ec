#include "kubelet/volumes/sub_path.h"

#include <atomic>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

struct VOL_8_SubPath : testing::Test {
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "needs root to mount";
    ASSERT_TRUE(makeDirectories(volume, 0755));
    ASSERT_TRUE(makeDirectories(temp / "outside", 0755));
    ASSERT_TRUE(writeFileAtomic(temp / "outside/secret", "secret", 0600));
    ASSERT_TRUE(makeDirectories(temp / "probe", 0755));
    if (!mountFileSystem("tmpfs", temp / "probe", "")) GTEST_SKIP() << "may not mount here";
  }
  ~VOL_8_SubPath() override { EXPECT_TRUE(unmountBelow(temp.path())); }

  Result<void> bind(const std::string& path) { return bindSubPath({volume, path, target}); }
  // What the mount shows at `below`.
  std::string shown(const std::string& below) {
    Result<std::string> text = readFile(below.empty() ? target : joinPath(target, below), 100);
    return text ? *text : "<" + text.error().message + ">";
  }
  void put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(makeDirectories(joinPath(volume, path.substr(0, path.rfind('/'))), 0755));
    ASSERT_TRUE(writeFileAtomic(joinPath(volume, path), text, 0644));
  }
  static mode_t modeOf(const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  bool isMounted() {
    Result<bool> mounted = isMountPoint(target);
    return mounted && *mounted;
  }

  TempDir temp;
  const std::string volume = temp / "volume";
  const std::string target = temp / "pods/u1/volume-subpaths/data/web/0";
};

TEST_F(VOL_8_SubPath, ADirectoryIsMounted) {
  put("logs/web/file", "text");
  Result<void> bound = bind("logs/web");
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(shown("file"), "text");
  EXPECT_EQ(modeOf(temp / "pods/u1/volume-subpaths/data/web"), 0750u);
}

TEST_F(VOL_8_SubPath, AFileIsMounted) {
  put("conf/app.ini", "text");
  ASSERT_TRUE(bind("conf/app.ini"));
  EXPECT_EQ(shown(""), "text");
}

TEST_F(VOL_8_SubPath, AMissingDirectoryGetsTheModeOfTheVolume) {
  ASSERT_EQ(::chmod(volume.c_str(), 02770), 0);
  const mode_t before = ::umask(077);
  Result<void> bound = bind("a/./b//c");
  ::umask(before);
  ASSERT_TRUE(bound) << bound.error().message;
  for (const char* path : {"a", "a/b", "a/b/c"}) EXPECT_EQ(modeOf(joinPath(volume, path)), 02770u) << path;
  EXPECT_TRUE(isMounted());
}

TEST_F(VOL_8_SubPath, LinksInsideTheVolumeAreFollowed) {
  put("v1/file", "one");
  ASSERT_EQ(::symlink("v1", joinPath(volume, "current").c_str()), 0);
  ASSERT_TRUE(bind("current"));
  EXPECT_EQ(shown("file"), "one");
  ASSERT_TRUE(bindSubPath({volume, "current/new/deep", temp / "pods/u1/volume-subpaths/data/web/1"}));
  EXPECT_EQ(modeOf(joinPath(volume, "v1/new/deep")), 0755u);
}

TEST_F(VOL_8_SubPath, LinksThatLeadOutFail) {
  ASSERT_EQ(::symlink((temp / "outside").c_str(), joinPath(volume, "absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../outside", joinPath(volume, "relative").c_str()), 0);
  for (const char* path : {"absolute", "relative", "absolute/secret", "relative/new", "absolute/new"}) {
    Result<void> bound = bind(path);
    ASSERT_FALSE(bound) << path;
    EXPECT_FALSE(isMounted());
  }
  EXPECT_FALSE(removeFile(temp / "outside/new") && ::access((temp / "outside/new").c_str(), F_OK) == 0);
  EXPECT_NE(::access((temp / "pods/u1/volume-subpaths/data/web/0").c_str(), F_OK), 0) << "nothing is left behind";
}

TEST_F(VOL_8_SubPath, ALinkThatLeadsNowhereFails) {
  ASSERT_EQ(::symlink("missing", joinPath(volume, "dangling").c_str()), 0);
  Result<void> bound = bind("dangling");
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().reason, kCannotCreateSubPath);
}

TEST_F(VOL_8_SubPath, AFileOnTheWayFails) {
  put("x/file", "text");
  Result<void> bound = bind("x/file/y");
  ASSERT_FALSE(bound);
}

TEST_F(VOL_8_SubPath, WhatIsMountedAlreadyStays) {
  put("a/file", "one");
  ASSERT_TRUE(bind("a"));
  ASSERT_TRUE(bind("a"));
  ASSERT_TRUE(unmountBelow(target));
  EXPECT_FALSE(isMounted()) << "it was mounted once";
}

TEST_F(VOL_8_SubPath, WhatHasBecomeAnotherIsReplaced) {
  put("a/file", "one");
  ASSERT_TRUE(bind("a"));
  ASSERT_TRUE(removeTree(joinPath(volume, "a")));
  ASSERT_TRUE(writeFileAtomic(joinPath(volume, "a"), "a file now", 0644));
  Result<void> bound = bind("a");
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(shown(""), "a file now");
}

// An update swaps a link; what is mounted stays what it was (upstream documents it so).
TEST_F(VOL_8_SubPath, ItNeverSeesLaterUpdates) {
  put("..1/key", "one");
  put("..2/key", "two");
  ASSERT_EQ(::symlink("..1", joinPath(volume, "..data").c_str()), 0);
  ASSERT_EQ(::symlink("..data/key", joinPath(volume, "key").c_str()), 0);
  ASSERT_TRUE(bind("key"));
  ASSERT_EQ(::symlink("..2", joinPath(volume, "..data_tmp").c_str()), 0);
  ASSERT_EQ(::rename(joinPath(volume, "..data_tmp").c_str(), joinPath(volume, "..data").c_str()), 0);
  EXPECT_EQ(shown(""), "one");
}

TEST_F(VOL_8_SubPath, ALeftoverOfAnotherKindGivesWay) {
  put("a/file", "one");
  ASSERT_TRUE(makeDirectories(target.substr(0, target.rfind('/')), 0750));
  ASSERT_TRUE(writeFileAtomic(target, "", 0640));
  ASSERT_TRUE(bind("a"));
  EXPECT_EQ(shown("file"), "one");
}

// A container that swaps a directory for a link that leads out, as fast as it can.
TEST_F(VOL_8_SubPath, NoRaceLeadsOut) {
  put("dir/marker", "inside");
  ASSERT_EQ(::symlink((temp / "outside").c_str(), joinPath(volume, "link").c_str()), 0);
  std::atomic<bool> stop = false;
  std::thread pod([&] {
    const std::string dir = joinPath(volume, "dir");
    const std::string link = joinPath(volume, "link");
    const std::string spare = joinPath(volume, "spare");
    while (!stop) {
      ::rename(dir.c_str(), spare.c_str());
      ::rename(link.c_str(), dir.c_str());
      ::rename(dir.c_str(), link.c_str());
      ::rename(spare.c_str(), dir.c_str());
    }
  });
  int inside = 0;
  for (int i = 0; i < 2000; ++i) {
    if (!bind(i % 2 == 0 ? "dir" : "dir/made")) continue;
    EXPECT_NE(::access(joinPath(target, "secret").c_str(), F_OK), 0);
    ++inside;
    EXPECT_TRUE(unmountBelow(target));
  }
  stop = true;
  pod.join();
  EXPECT_GT(inside, 0);
  EXPECT_NE(::access((temp / "outside/made").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace cubelet::volumes
