#include "base/tree_walk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <string>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace cubelet {
namespace {

void touch(const std::string& path) {
  const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_TRUE(file) << path;
}

struct TreeWalk : testing::Test {
  Result<void> walk(int threads) {
    seen.clear();
    Result<Fd> root = openDirectory(temp.path());
    if (!root) return fail(root.error());
    return walkTree(*root, threads, stop, [this](const TreeEntry& entry) -> Result<void> {
      const std::scoped_lock lock(mutex);
      seen.insert(entry.name);
      ++visits;
      if (seen.contains(stopAt)) stop = true;
      if (entry.name == failAt) return fail(Code::kInternal, "", "no");
      return {};
    });
  }

  TempDir temp;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::set<std::string> seen;
  int visits = 0;
  std::string stopAt;
  std::string failAt;
};

TEST_F(TreeWalk, SeesEverythingOnceAndFollowsNoLink) {
  TempDir elsewhere;
  touch(elsewhere / "outside");
  ASSERT_TRUE(makeDirectories(temp / "a/b/c", 0755));
  touch(temp / "a/file");
  touch(temp / "a/b/c/deep");
  ASSERT_EQ(::symlink(elsewhere.path().c_str(), (temp / "a/link").c_str()), 0);
  for (int threads : {1, 2, 4}) {
    visits = 0;
    ASSERT_TRUE(walk(threads));
    EXPECT_EQ(seen, (std::set<std::string>{"a", "b", "c", "file", "deep", "link"}));
    EXPECT_EQ(visits, 6);
  }
}

TEST_F(TreeWalk, SharesALargeDirectory) {
  constexpr int kFiles = 5000;
  for (int i = 0; i < kFiles; ++i) touch(temp / ("file-with-a-long-name-" + std::to_string(i)));
  ASSERT_TRUE(walk(2));
  EXPECT_EQ(visits, kFiles);
}

TEST_F(TreeWalk, GoesDeeperThanAPathIsLong) {
  const std::string name(200, 'd');
  constexpr int kDepth = 60;
  Fd at(::open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  ASSERT_TRUE(walk(2));
  EXPECT_EQ(visits, kDepth);
  ASSERT_TRUE(removeTree(temp / name));
}

TEST_F(TreeWalk, EndsSoonWhenItIsToldTo) {
  for (int i = 0; i < 1000; ++i) touch(temp / std::to_string(i));
  stopAt = "7";
  Result<void> walked = walk(1);
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, Code::kCancelled);
  EXPECT_TRUE(seen.contains("7"));
}

TEST_F(TreeWalk, EndsWithTheFirstError) {
  for (int i = 0; i < 100; ++i) touch(temp / std::to_string(i));
  failAt = "7";
  Result<void> walked = walk(2);
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message, "no");
}

}  // namespace
}  // namespace cubelet
