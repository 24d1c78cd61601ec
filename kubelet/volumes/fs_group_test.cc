#include "kubelet/volumes/fs_group.h"

#include <atomic>
#include <cstdio>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace cubelet::volumes {
namespace {

constexpr gid_t kGroup = 1234;

struct Case {
  std::string name;
  mode_t mode;
  gid_t group;
  bool readOnly;
  OwnershipChange want;
};

class VOL_11_Change : public testing::TestWithParam<Case> {};

TEST_P(VOL_11_Change, IsWhatIsNotRight) {
  const OwnershipRule rule{.group = kGroup, .readOnly = GetParam().readOnly};
  EXPECT_EQ(ownershipChange(GetParam().mode, GetParam().group, rule), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, VOL_11_Change,
    testing::Values(Case{"RightFile", S_IFREG | 0660, kGroup, false, {}},
                    Case{"MoreIsRight", S_IFREG | 0777, kGroup, false, {}},
                    Case{"RightDirectory", S_IFDIR | 02770, kGroup, false, {}},
                    Case{"RightReadOnlyFile", S_IFREG | 0440, kGroup, true, {}},
                    Case{"OtherGroup", S_IFREG | 0660, 0, false, {.group = true, .mode = {}}},
                    Case{"FileMode", S_IFREG | 0600, kGroup, false, {.group = false, .mode = 0660}},
                    Case{"FileKeepsWhatItHas", S_IFREG | 0755, kGroup, false, {.group = false, .mode = 0775}},
                    Case{"ReadOnlyFile", S_IFREG | 0400, kGroup, true, {.group = false, .mode = 0440}},
                    Case{"DirectoryWithoutSetgid", S_IFDIR | 0770, kGroup, false, {.group = false, .mode = 02770}},
                    Case{"DirectoryMode", S_IFDIR | 0700, 0, false, {.group = true, .mode = 02770}},
                    Case{"ReadOnlyDirectory", S_IFDIR | 0500, kGroup, true, {.group = false, .mode = 02550}},
                    Case{"SetuidIsKept", S_IFREG | 04770, 0, false, {.group = true, .mode = 04770}},
                    Case{"LinksHaveNoMode", S_IFLNK | 0777, 0, false, {.group = true, .mode = {}}}),
    [](const auto& test) { return test.param.name; });

struct VOL_11_FsGroup : testing::Test {
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "needs root to give files to another group";
    ASSERT_TRUE(makeDirectories(temp / "volume/sub", 0755));
    ASSERT_TRUE(writeFileAtomic(temp / "volume/sub/file", "x", 0600));
    ASSERT_TRUE(writeFileAtomic(temp / "outside", "x", 0600));
    ASSERT_EQ(::symlink((temp / "outside").c_str(), (temp / "volume/link").c_str()), 0);
  }
  Result<void> give(bool onlyOnRootMismatch = false) {
    walk.files = walk.changed = 0;
    return giveToFsGroup(temp / "volume", {.group = kGroup, .onlyOnRootMismatch = onlyOnRootMismatch}, walk);
  }
  struct stat at(const std::string& name) {
    struct stat status = {};
    EXPECT_EQ(::lstat((temp / name).c_str(), &status), 0) << name;
    return status;
  }
  std::string shown(const std::string& name) {
    char text[32];
    const struct stat status = at(name);
    std::snprintf(text, sizeof text, "%u %o", status.st_gid, status.st_mode & 07777);
    return text;
  }

  TempDir temp;
  OwnershipWalk walk;
};

TEST_F(VOL_11_FsGroup, FilesAndDirectoriesAreTheGroups) {
  ASSERT_TRUE(give());
  EXPECT_EQ(shown("volume"), "1234 2775");
  EXPECT_EQ(shown("volume/sub"), "1234 2775");
  EXPECT_EQ(shown("volume/sub/file"), "1234 660");
  EXPECT_EQ(at("volume/link").st_gid, kGroup);
  EXPECT_EQ(shown("outside"), "0 600") << "links are not followed";
  EXPECT_EQ(walk.files, 3u);
}

TEST_F(VOL_11_FsGroup, WhatIsRightIsNotTouched) {
  ASSERT_TRUE(give());
  const struct stat before = at("volume/sub/file");
  ASSERT_TRUE(give());
  EXPECT_EQ(walk.files, 3u);
  EXPECT_EQ(walk.changed, 0u);
  const struct stat after = at("volume/sub/file");
  EXPECT_EQ(before.st_ctim.tv_sec, after.st_ctim.tv_sec) << "not even a chown that changes nothing";
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

TEST_F(VOL_11_FsGroup, OnRootMismatchLooksAtTheRootOnly) {
  ASSERT_TRUE(give());
  ASSERT_EQ(::chmod((temp / "volume/sub/file").c_str(), 0600), 0);
  ASSERT_TRUE(give(true));
  EXPECT_EQ(shown("volume/sub/file"), "1234 600");
  ASSERT_EQ(::chmod((temp / "volume").c_str(), 0700), 0);
  ASSERT_TRUE(give(true));
  EXPECT_EQ(shown("volume/sub/file"), "1234 660");
}

TEST_F(VOL_11_FsGroup, AnInterruptedWalkLeavesTheRootAsItWas) {
  walk.stop = true;
  Result<void> given = give(true);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, Code::kCancelled);
  EXPECT_EQ(shown("volume"), "0 755");
  walk.stop = false;
  ASSERT_TRUE(give(true));
  EXPECT_EQ(shown("volume/sub/file"), "1234 660");
}

// A container that swaps a directory for a link that leads out, as fast as it can.
TEST_F(VOL_11_FsGroup, NoRaceLeadsOut) {
  ASSERT_TRUE(makeDirectories(temp / "elsewhere/sub", 0755));
  ASSERT_TRUE(writeFileAtomic(temp / "elsewhere/file", "x", 0600));
  ASSERT_EQ(::symlink((temp / "elsewhere").c_str(), (temp / "volume/swap").c_str()), 0);
  std::atomic<bool> stop = false;
  std::thread pod([&] {
    const std::string sub = temp / "volume/sub";
    const std::string swap = temp / "volume/swap";
    while (!stop) ::renameat2(AT_FDCWD, sub.c_str(), AT_FDCWD, swap.c_str(), RENAME_EXCHANGE);
  });
  int walks = 0;
  for (int i = 0; i < 500; ++i) {
    if (give()) ++walks;
    ::chmod((temp / "volume").c_str(), 0755);
  }
  stop = true;
  pod.join();
  EXPECT_GT(walks, 0);
  EXPECT_EQ(shown("elsewhere"), "0 755");
  EXPECT_EQ(shown("elsewhere/sub"), "0 755");
  EXPECT_EQ(shown("elsewhere/file"), "0 600");
}

}  // namespace
}  // namespace cubelet::volumes
