#include "base/files.h"

#include <atomic>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/half_written.h"
#include "base/temp_dir.h"

namespace cubelet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void put(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string get(const std::string& path) {
  auto text = readFile(path, 1 << 20);
  return text ? *text : "error: " + text.error().message;
}

mode_t modeOf(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

class FilesTest : public testing::Test {
 protected:
  TempDir dir;
};

// ---- openBeneath

class OpenBeneath : public testing::Test {
 protected:
  OpenBeneath() {
    fs::create_directories(dir / "root/sub");
    put(dir / "root/file", "inside");
    put(dir / "root/sub/deep", "deep");
    put(dir / "secret", "outside");
    fs::create_symlink("../secret", dir / "root/relative");
    fs::create_symlink(dir / "secret", dir / "root/absolute");
    fs::create_symlink("..", dir / "root/up");
    fs::create_symlink("/proc/self/root", dir / "root/magic");
    fs::create_symlink("sub/deep", dir / "root/good");
    fs::create_symlink("loop", dir / "root/loop");
  }
  // What the file holds, or "code: message".
  std::string open(const std::string& path, bool followLinks = true) {
    auto root = openDirectory(dir / "root");
    if (!root) return root.error().message;
    auto file = openBeneath(*root, path, O_RDONLY, 0, followLinks);
    if (!file) return std::string(toString(file.error().code)) + ": " + file.error().message;
    auto text = readAll(*file, path, 1000);
    return text ? *text : text.error().message;
  }
  TempDir dir;
};

TEST_F(OpenBeneath, OpensWhatLiesInside) {
  EXPECT_EQ(open("file"), "inside");
  EXPECT_EQ(open("sub/deep"), "deep");
  EXPECT_EQ(open("sub/../file"), "inside");
  EXPECT_EQ(open("good"), "deep");
}

TEST_F(OpenBeneath, NothingLeadsOut) {
  for (const char* path : {"../secret", "sub/../../secret", "relative", "absolute", "up/secret", "magic/etc/passwd"})
    EXPECT_THAT(open(path), testing::StartsWith("invalid: open")) << path;
  EXPECT_THAT(open(dir / "secret"), testing::StartsWith("invalid: open"));
  EXPECT_THAT(open("/etc/passwd"), HasSubstr("leads out of its directory"));
  EXPECT_THAT(open("loop"), testing::StartsWith("invalid"));
}

TEST_F(OpenBeneath, MagicLinksAreRefusedEvenFromInsideProc) {
  auto proc = openDirectory("/proc/self");
  ASSERT_TRUE(proc);
  auto file = openBeneath(*proc, "exe", O_RDONLY);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
}

TEST_F(OpenBeneath, WithoutLinksEvenGoodOnesAreRefused) {
  EXPECT_EQ(open("sub/deep", false), "deep");
  EXPECT_THAT(open("good", false), HasSubstr("a symbolic link is in the way"));
}

TEST_F(OpenBeneath, TellsMissingFromForbidden) {
  EXPECT_THAT(open("nothing"), testing::StartsWith("not found: "));
}

TEST_F(OpenBeneath, CreatesWithTheModeGiven) {
  auto root = openDirectory(dir / "root");
  ASSERT_TRUE(root);
  const mode_t umaskBefore = ::umask(0);
  auto file = openBeneath(*root, "sub/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
  ::umask(umaskBefore);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(modeOf(dir / "root/sub/new"), 0640U);
}

// ---- reading

TEST_F(FilesTest, ReadsWholeFilesUpToTheLimit) {
  put(dir / "f", std::string(100'000, 'x'));
  EXPECT_EQ(readFile(dir / "f", 100'000)->size(), 100'000U);
  auto over = readFile(dir / "f", 99'999);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
  EXPECT_THAT(over.error().message, HasSubstr("larger than 99999 bytes"));
  put(dir / "empty", "");
  EXPECT_EQ(get(dir / "empty"), "");
}

TEST_F(FilesTest, ReadsFilesOfUnknownSize) {
  EXPECT_THAT(get("/proc/self/status"), HasSubstr("Name:"));
  EXPECT_EQ(readFile("/proc/self/status", 10).error().code, Code::kExhausted);
}

TEST_F(FilesTest, RefusesFifosDevicesAndDirectoriesWithoutBlocking) {
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  for (const std::string& path : {dir / "fifo", std::string("/dev/zero"), dir.path()}) {
    auto text = readFile(path, 1000);
    ASSERT_FALSE(text) << path;
    EXPECT_EQ(text.error().code, Code::kInvalid) << text.error().message;
  }
  EXPECT_THAT(get(dir / "fifo"), HasSubstr("it is a FIFO"));
  EXPECT_EQ(readFile(dir / "missing", 10).error().code, Code::kNotFound);
}

TEST_F(FilesTest, ReadAllStartsAtTheBeginningWhateverThePosition) {
  put(dir / "f", "content");
  const Fd file(::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC));
  ::lseek(file.get(), 3, SEEK_SET);
  EXPECT_EQ(*readAll(file, "f", 100), "content");
  EXPECT_EQ(*readAll(file, "f", 100), "content");
}

// ---- writing

TEST_F(FilesTest, AtomicWriteReplacesContentAndModeWhateverTheUmask) {
  const mode_t umaskBefore = ::umask(077);
  ASSERT_TRUE(writeFileAtomic(dir / "f", "old", 0644));
  EXPECT_EQ(modeOf(dir / "f"), 0644U);
  ASSERT_TRUE(writeFileAtomic(dir / "f", "new", 0600));
  ::umask(umaskBefore);
  EXPECT_EQ(modeOf(dir / "f"), 0600U);
  EXPECT_EQ(get(dir / "f"), "new");
  EXPECT_THAT(*listDirectory(dir.path()), ElementsAre("f"));
}

TEST_F(FilesTest, AtomicWriteLeavesReadersOfTheOldFileTheOldContent) {
  put(dir / "f", "old");
  const Fd before(::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(writeFileAtomic(dir / "f", "new", 0600));
  EXPECT_EQ(*readAll(before, "f", 100), "old");
}

TEST_F(FilesTest, WhatAKilledWriterHasLeftIsRemovedAndNothingElse) {
  for (const char* name : {".a.json.Xy12Zw", ".hidden", "a.json", ".a.json", ".a.json.Xy1-Zw"})
    ASSERT_TRUE(writeFileAtomic(dir / name, "x", 0600));
  removeHalfWritten(dir.path());
  EXPECT_THAT(listDirectory(dir.path()).value(), ElementsAre(".a.json", ".a.json.Xy1-Zw", ".hidden", "a.json"));
  removeHalfWritten(dir / "nothing");
}

TEST_F(FilesTest, AtomicWriteReplacesALinkAndNotWhatItPointsTo) {
  put(dir / "target", "target");
  fs::create_symlink("target", dir / "link");
  ASSERT_TRUE(writeFileAtomic(dir / "link", "new", 0600));
  EXPECT_EQ(get(dir / "target"), "target");
  EXPECT_FALSE(fs::is_symlink(dir / "link"));
}

TEST_F(FilesTest, AFailedAtomicWriteLeavesNothingBehind) {
  fs::create_directory(dir / "taken");
  put(dir / "taken/x", "");
  EXPECT_FALSE(writeFileAtomic(dir / "taken", "new", 0600));
  EXPECT_EQ(writeFileAtomic(dir / "missing/f", "new", 0600).error().code, Code::kNotFound);
  EXPECT_THAT(*listDirectory(dir.path()), ElementsAre("taken"));
}

TEST_F(FilesTest, MakesMissingDirectoriesWithTheModeAndLeavesOthersAlone) {
  fs::create_directory(dir / "a");
  ::chmod((dir / "a").c_str(), 0711);
  const mode_t umaskBefore = ::umask(077);
  ASSERT_TRUE(makeDirectories(dir / "a/b/c", 0750));
  ::umask(umaskBefore);
  EXPECT_EQ(modeOf(dir / "a"), 0711U);
  EXPECT_EQ(modeOf(dir / "a/b"), 0750U);
  EXPECT_EQ(modeOf(dir / "a/b/c"), 0750U);
  EXPECT_TRUE(makeDirectories(dir / "a/b/c", 0700));
  EXPECT_EQ(modeOf(dir / "a/b/c"), 0750U);
  EXPECT_TRUE(makeDirectories(dir / "a/b/c/", 0700));
  put(dir / "file", "");
  EXPECT_FALSE(makeDirectories(dir / "file", 0700));
  EXPECT_FALSE(makeDirectories(dir / "file/x", 0700));
}

// ---- removing

TEST_F(FilesTest, RemovesATreeWithoutFollowingLinks) {
  fs::create_directories(dir / "out");
  put(dir / "out/keep", "keep");
  fs::create_directories(dir / "tree/a/b");
  put(dir / "tree/a/b/f", "x");
  ASSERT_EQ(::mkfifo((dir / "tree/a/fifo").c_str(), 0600), 0);
  fs::create_directory_symlink(dir / "out", dir / "tree/a/link");
  fs::create_symlink("nowhere", dir / "tree/dangling");
  ASSERT_TRUE(removeTree(dir / "tree"));
  EXPECT_FALSE(fs::exists(dir / "tree"));
  EXPECT_EQ(get(dir / "out/keep"), "keep");
}

TEST_F(FilesTest, RemovingALinkToATreeRemovesOnlyTheLink) {
  fs::create_directories(dir / "out");
  put(dir / "out/keep", "keep");
  fs::create_directory_symlink(dir / "out", dir / "link");
  ASSERT_TRUE(removeTree(dir / "link"));
  EXPECT_FALSE(fs::is_symlink(dir / "link"));
  EXPECT_EQ(get(dir / "out/keep"), "keep");
}

// Somebody swaps directories for links that lead out, as fast as he can.
TEST_F(FilesTest, RemovingATreeThatIsChangedMeanwhileLeadsNowhere) {
  fs::create_directories(dir / "out/deep");
  put(dir / "out/keep", "keep");
  std::atomic<bool> stop = false;
  std::thread other([&] {
    const std::string sub = dir / "tree/a";
    const std::string swap = dir / "tree/b";
    while (!stop) ::renameat2(AT_FDCWD, sub.c_str(), AT_FDCWD, swap.c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 500; ++i) {
    std::error_code taken;
    fs::create_directories(dir / "tree/a/sub", taken);
    fs::create_directory_symlink(dir / "out", dir / "tree/b", taken);
    (void)removeTree(dir / "tree");
  }
  stop = true;
  other.join();
  EXPECT_TRUE(removeTree(dir / "tree"));
  EXPECT_EQ(get(dir / "out/keep"), "keep");
  EXPECT_TRUE(fs::exists(dir / "out/deep"));
}

TEST_F(FilesTest, RemovingWhatIsNotThereIsNoError) {
  EXPECT_TRUE(removeTree(dir / "nothing"));
  EXPECT_TRUE(removeTree(dir / "nothing/at/all"));
  EXPECT_TRUE(removeFile(dir / "nothing"));
  put(dir / "f", "");
  EXPECT_TRUE(removeTree(dir / "f"));
  EXPECT_FALSE(fs::exists(dir / "f"));
}

TEST_F(FilesTest, RemovesTreesDeeperThanDescriptorsOrPathsReach) {
  fs::create_directory(dir / "tree");
  Fd at(::open((dir / "tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 5000; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  at.reset();
  auto removed = removeTree(dir / "tree");
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(fs::exists(dir / "tree"));
}

// In a child with a mount namespace of its own, so that nothing is left when the test dies. Exit 77: cannot mount.
int removeWithMounts(const std::string& root, bool bindOfSameFileSystem) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  const std::string mounted = root + "/tree/volumes/data";
  const int result = bindOfSameFileSystem
                         ? ::mount((root + "/precious").c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr)
                         : ::mount("tmpfs", mounted.c_str(), "tmpfs", 0, nullptr);
  if (result != 0) return 77;
  if (!bindOfSameFileSystem) put(mounted + "/keep", "keep");
  auto inside = removeTree(root + "/tree");
  if (inside || inside.error().code != Code::kInvalid) return 1;
  if (get(mounted + "/keep") != "keep") return 2;
  auto itself = removeTree(mounted);
  if (itself || itself.error().code != Code::kInvalid) return 3;
  return get(mounted + "/keep") == "keep" ? 0 : 4;
}

TEST_F(FilesTest, RemoveTreeNeverCrossesAMountNotEvenOfTheSameFileSystem) {
  for (const bool bind : {true, false}) {
    fs::create_directories(dir / "tree/volumes/data");
    fs::create_directories(dir / "precious");
    put(dir / "precious/keep", "keep");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(removeWithMounts(dir.path(), bind));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "mounting is not possible here (needs CAP_SYS_ADMIN)";
    EXPECT_EQ(WEXITSTATUS(status), 0) << (bind ? "bind mount" : "tmpfs");
    EXPECT_EQ(get(dir / "precious/keep"), "keep");
  }
}

// ---- names

TEST_F(FilesTest, ListsSortedAndWithHiddenNames) {
  for (const char* name : {"b", "a", ".hidden"}) put(dir / name, "");
  EXPECT_THAT(*listDirectory(dir.path()), ElementsAre(".hidden", "a", "b"));
  EXPECT_EQ(listDirectory(dir / "missing").error().code, Code::kNotFound);
}

TEST_F(FilesTest, JoinsWithOneSlash) {
  EXPECT_EQ(joinPath("a", "b"), "a/b");
  EXPECT_EQ(joinPath("a/", "/b"), "a/b");
  EXPECT_EQ(joinPath("/", "b"), "/b");
  EXPECT_EQ(joinPath("", "b"), "b");
}

// The kernel tells such a number once, to the first read.
TEST_F(FilesTest, ReadsNumbersOfTheKernelWhole) {
  const Result<std::string> text = readFile("/proc/sys/kernel/threads-max", 100);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_GT(text->size(), 2u);
  EXPECT_TRUE(text->ends_with("\n"));
}

}  // namespace
}  // namespace cubelet
