#include "kubelet/volumes/atomic_writer.h"

#include <array>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

namespace fs = std::filesystem;

struct stat statusOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

std::string textOf(const std::string& path) {
  Result<std::string> text = readFile(path, 1 << 20);
  return text ? *text : "<" + text.error().message + ">";
}

struct AtomicWriter : testing::Test {
  bool write(const Files& files, std::optional<gid_t> group = std::nullopt) {
    Result<bool> wrote = writeAtomically(volume, files, group);
    EXPECT_TRUE(wrote) << wrote.error().message;
    return wrote && *wrote;
  }
  std::vector<std::string> names() { return listDirectory(volume).value_or(std::vector<std::string>()); }
  // Names that containers are meant to see, and nothing hidden but ..data and what it names.
  void expectVisible(std::vector<std::string> want) {
    const std::string data = fs::read_symlink(volume + "/..data");
    want.push_back("..data");
    want.push_back(data);
    std::ranges::sort(want);
    EXPECT_EQ(names(), want);
  }

  TempDir temp;
  std::string volume = temp.path();
};

TEST_F(AtomicWriter, CMS_2_HasUpstreamsLayout) {
  EXPECT_TRUE(write({{"a", File{"1", 0640, {}}}, {"dir/er/b", File{"22", 0600, {}}}}));
  const std::string data = fs::read_symlink(volume + "/..data");
  EXPECT_TRUE(std::regex_match(data, std::regex(R"(\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+)"))) << data;
  EXPECT_EQ(fs::read_symlink(volume + "/a"), "..data/a");
  EXPECT_EQ(fs::read_symlink(volume + "/dir"), "..data/dir");
  EXPECT_EQ(textOf(volume + "/a"), "1");
  EXPECT_EQ(textOf(volume + "/dir/er/b"), "22");
  EXPECT_EQ(statusOf(volume + "/..data/a").st_mode & 07777, 0640u);
  EXPECT_EQ(statusOf(volume + "/..data/dir/er/b").st_mode & 07777, 0600u);
  EXPECT_EQ(statusOf(volume + "/" + data).st_mode & 07777, 0755u);
  EXPECT_EQ(statusOf(volume + "/" + data + "/dir/er").st_mode & 07777, 0755u);
  expectVisible({"a", "dir"});
}

TEST_F(AtomicWriter, CMS_3_ModesDoNotDependOnTheUmask) {
  const mode_t before = ::umask(077);
  write({{"dir/a", File{"1", 0666, {}}}});
  ::umask(before);
  EXPECT_EQ(statusOf(volume + "/..data/dir/a").st_mode & 07777, 0666u);
  EXPECT_EQ(statusOf(volume + "/..data/dir").st_mode & 07777, 0755u);
}

TEST_F(AtomicWriter, CMS_3_GroupMayRead) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to give files to another group";
  const Files files = {{"dir/a", File{"1", 0400, {}}}, {"b", File{"1", 0644, 1000}}};
  EXPECT_TRUE(write(files, 1234));
  const struct stat file = statusOf(volume + "/..data/dir/a");
  EXPECT_EQ(file.st_mode & 07777, 0440u);
  EXPECT_EQ(file.st_gid, 1234u);
  EXPECT_EQ(file.st_uid, 0u);
  const struct stat dir = statusOf(volume + "/..data/dir");
  EXPECT_EQ(dir.st_mode & 07777, 02755u);
  EXPECT_EQ(dir.st_gid, 1234u);
  EXPECT_EQ(statusOf(volume + "/..data/b").st_uid, 1000u);
  EXPECT_FALSE(write(files, 1234)) << "what is right stays";
  EXPECT_TRUE(write(files, 1235));
}

// Every time stamp below a directory, so that any write shows.
std::string stampsOf(const std::string& directory) {
  std::string out;
  std::vector<std::string> paths = {directory};
  for (const auto& entry : fs::recursive_directory_iterator(directory)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  for (const std::string& path : paths) {
    const struct stat info = statusOf(path);
    out += path + " " + std::to_string(info.st_ino) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
           std::to_string(info.st_mtim.tv_nsec) + " " + std::to_string(info.st_ctim.tv_sec) + "." +
           std::to_string(info.st_ctim.tv_nsec) + "\n";
  }
  return out;
}

TEST_F(AtomicWriter, CMS_2_UnchangedContentTouchesNothing) {
  const Files files = {{"a", File{"1", 0644, {}}}, {"dir/b", File{"", 0600, {}}}};
  EXPECT_TRUE(write(files));
  const std::string before = stampsOf(volume);
  EXPECT_FALSE(write(files));
  EXPECT_EQ(stampsOf(volume), before);
}

TEST_F(AtomicWriter, AnyDifferenceIsWritten) {
  const Files files = {{"a", File{"1", 0644, {}}}};
  write(files);
  EXPECT_TRUE(write({{"a", File{"2", 0644, {}}}})) << "other bytes";
  EXPECT_TRUE(write({{"a", File{"2", 0600, {}}}})) << "another mode";
  EXPECT_TRUE(write({{"a", File{"2", 0600, {}}}, {"b", File{"", 0600, {}}}})) << "one more";
  EXPECT_TRUE(write({{"a", File{"2", 0600, {}}}})) << "one less";
  EXPECT_TRUE(write({{"a/b", File{"2", 0600, {}}}})) << "a directory where a file was";
  EXPECT_TRUE(write({{"a", File{"2", 0600, {}}}})) << "and back";
  EXPECT_EQ(textOf(volume + "/a"), "2");
  expectVisible({"a"});
}

TEST_F(AtomicWriter, CMS_4_RemovedKeysVanish) {
  write({{"a", File{"1", 0644, {}}}, {"b", File{"1", 0644, {}}}, {"dir/c", File{"1", 0644, {}}}});
  write({{"a", File{"1", 0644, {}}}});
  expectVisible({"a"});
  EXPECT_TRUE(write({}));
  expectVisible({});
  EXPECT_FALSE(write({}));
}

TEST_F(AtomicWriter, DamageIsMended) {
  const Files files = {{"a", File{"1", 0644, {}}}, {"dir/b", File{"2", 0644, {}}}};
  write(files);
  auto mended = [&](const char* what) {
    EXPECT_TRUE(write(files)) << what;
    EXPECT_EQ(textOf(volume + "/a"), "1") << what;
    EXPECT_EQ(textOf(volume + "/dir/b"), "2") << what;
    expectVisible({"a", "dir"});
  };
  fs::remove(volume + "/a");
  mended("a link is missing");
  fs::remove(volume + "/dir");
  fs::create_symlink("/etc", volume + "/dir");
  mended("a link leads elsewhere");
  fs::remove(volume + "/..data");
  fs::create_symlink("/etc", volume + "/..data");
  mended("..data leads elsewhere");
  fs::remove(volume + "/..data");
  fs::create_symlink("..2020_01_01_00_00_00.1", volume + "/..data");
  mended("..data leads nowhere");
  const std::string now = volume + "/" + fs::read_symlink(volume + "/..data").string();
  fs::remove(now + "/dir/b");
  fs::create_symlink("/etc/hostname", now + "/dir/b");
  mended("a link among the bytes");
}

TEST_F(AtomicWriter, MountPointsOfOtherVolumesStay) {
  fs::create_directories(volume + "/nested/deep");
  write({{"a", File{"1", 0644, {}}}, {"nested", File{"hidden by the mount point", 0644, {}}}});
  write({{"a", File{"2", 0644, {}}}});
  expectVisible({"a", "nested"});
  EXPECT_TRUE(fs::is_directory(volume + "/nested/deep"));
}

TEST_F(AtomicWriter, BadPathsWriteNothing) {
  for (const std::string path : {"../x", "/x", "..data", "a//b", "", "a/../../x"}) {
    Result<bool> wrote = writeAtomically(volume, {{path, File{"1", 0644, {}}}}, std::nullopt);
    ASSERT_FALSE(wrote) << path;
    EXPECT_EQ(wrote.error().code, Code::kInvalid) << path;
  }
  Result<bool> both = writeAtomically(volume, {{"a", File{}}, {"a/b", File{}}}, std::nullopt);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().message, "invalid path: a is a file and a directory of other files");
  EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(AtomicWriter, FullFileSystemKeepsTheOldFiles) {
  if (!mountFileSystem("tmpfs", volume, "size=64k")) GTEST_SKIP() << "may not mount here";
  write({{"a", File{"old", 0644, {}}}});
  Result<bool> wrote = writeAtomically(volume, {{"a", File{std::string(1 << 20, 'x'), 0644, {}}}}, std::nullopt);
  EXPECT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, Code::kExhausted);
  EXPECT_EQ(textOf(volume + "/a"), "old");
  expectVisible({"a"});
  EXPECT_TRUE(write({{"a", File{"new", 0644, {}}}}));
  EXPECT_EQ(::umount(volume.c_str()), 0);
}

// Both files always have one version.
Files versioned(const std::string& version) {
  return {
      {"a", File{version, 0644, {}}}, {"dir/b", File{version, 0644, {}}}, {"only-" + version, File{version, 0644, {}}}};
}

TEST_F(AtomicWriter, ReadersSeeOneVersion) {
  write(versioned("0"));
  std::atomic<bool> stop = false;
  std::atomic<int> mixed = 0;
  std::atomic<int> seen = 0;
  std::thread reader([&] {
    while (!stop) {
      Fd data(::open((volume + "/..data").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!data) continue;  // replaced between the steps of the look-up
      Result<Fd> a = openBeneath(data, "a", O_RDONLY);
      Result<Fd> b = openBeneath(data, "dir/b", O_RDONLY);
      if (!a || !b) continue;
      Result<std::string> left = readAll(*a, "a", 100);
      Result<std::string> right = readAll(*b, "b", 100);
      if (!left || !right || *left != *right || left->empty()) ++mixed;
      ++seen;
    }
  });
  for (int i = 1; i < 300 || seen < 100; ++i) write(versioned(std::to_string(i)));
  stop = true;
  reader.join();
  EXPECT_EQ(mixed, 0);
}

// Runs one write in a process of its own and kills that before its n-th system call has begun or ended; true when it
// came to its end before.
bool writeKilledAt(int n, const std::string& directory, const Files& files) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    const Result<bool> wrote = writeAtomically(directory, files, std::nullopt);
    ::_exit(wrote ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  for (int i = 0; i < n; ++i) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return true;
    }
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return false;
}

bool mayTrace() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(AtomicWriter, KilledAtAnyStepLeavesTheOldOrTheNewAndTheNextCallCleansUp) {
  if (!mayTrace()) GTEST_SKIP() << "may not trace a process here";
  int n = 1;
  int old = 0;
  for (bool ended = false; !ended; ++n) {
    ASSERT_LT(n, 2000);
    write(versioned("1"));
    ended = writeKilledAt(n, volume, versioned("2"));
    const std::string now = textOf(volume + "/a");
    ASSERT_TRUE(now == "1" || now == "2") << "step " << n << ": " << now;
    ASSERT_EQ(textOf(volume + "/dir/b"), now) << "step " << n;
    ASSERT_EQ(textOf(volume + "/..data/only-" + now), now) << "step " << n;
    if (now == "1") ++old;
    write(versioned("2"));
    expectVisible({"a", "dir", "only-2"});
  }
  EXPECT_GT(old, 10) << "kills before the switch";
  EXPECT_GT(n - old, 10) << "kills after the switch";
}

TEST_F(AtomicWriter, KilledAtAnyStepOfTheFirstWriteIsMadeGood) {
  if (!mayTrace()) GTEST_SKIP() << "may not trace a process here";
  int n = 1;
  for (bool ended = false; !ended; ++n) {
    ASSERT_LT(n, 2000);
    ASSERT_TRUE(removeTree(volume));
    ASSERT_TRUE(makeDirectories(volume, 0755));
    ended = writeKilledAt(n, volume, versioned("1"));
    if (fs::exists(volume + "/a")) ASSERT_EQ(textOf(volume + "/a"), "1") << "step " << n;
    write(versioned("1"));
    ASSERT_EQ(textOf(volume + "/dir/b"), "1") << "step " << n;
    expectVisible({"a", "dir", "only-1"});
  }
}

}  // namespace
}  // namespace cubelet::volumes
