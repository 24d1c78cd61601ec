// Volumes on file systems that fail: on real mounts, in a mount namespace of this program's own.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/set_up_all.h"

namespace cubelet::volumes {
namespace {

namespace fs = std::filesystem;

Task<void> into(Task<Result<std::string>> task, std::optional<Result<std::string>>* answer) {
  Result<std::string> done = co_await std::move(task);
  answer->emplace(std::move(done));
}

struct MountFaults : testing::Test {
  static void SetUpTestSuite() {
    mayMount = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }
  void SetUp() override {
    if (!mayMount) GTEST_SKIP() << "may not mount here";
    dirs.root = temp.path();
    pod.mutable_metadata()->set_uid("u1");
    ASSERT_TRUE(makeDirectories(directory, 0750));
  }
  ~MountFaults() override {
    ::umount2(temp.path().c_str(), MNT_DETACH);
    unmountBelow(temp.path());
  }
  core::VolumeSource* add(const std::string& name) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    return volume->mutable_volumesource();
  }
  Result<PodVolumes::HostPaths> setUp() { return setUpAll(loop, volumes, pod); }
  Result<void> tearDown() { return loop.runToEnd(volumes.tearDown("u1")); }
  std::string made(const std::string& below) {
    std::string path = joinPath(directory, below);
    EXPECT_TRUE(makeDirectories(path, 0750));
    return path;
  }
  // A file system whose server never answers; the mount is gone with the descriptor's process at the latest.
  Fd mountHung(const std::string& path) {
    Fd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!server) return server;
    const std::string options = "fd=" + std::to_string(server.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount("test", path.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) return Fd();
    return server;
  }

  static inline bool mayMount = false;
  TempDir temp;
  const std::string directory = temp / "pods/u1";
  Loop loop;
  SystemClock clock{loop};
  BlockingPool pool{loop, clock, 4};
  layout::Directories dirs{.root = temp.path()};
  PodVolumes volumes{pool, clock, dirs, {}};
  core::Pod pod;
};

TEST_F(MountFaults, VOL_12_AMountThatHangsIsUnmountedWithoutAskingIt) {
  const std::string at = made("volumes/kubernetes.io~nfs/data");
  const Fd server = mountHung(at);
  if (!server) GTEST_SKIP() << "no FUSE here";
  Result<void> torn = tearDown();
  ASSERT_TRUE(torn) << torn.error().message;
  EXPECT_FALSE(fs::exists(directory));
}

TEST_F(MountFaults, VOL_12_AMountThatHangsAndIsInUseIsDetached) {
  const std::string at = made("volumes/kubernetes.io~nfs/data");
  const Fd server = mountHung(at);
  if (!server) GTEST_SKIP() << "no FUSE here";
  const pid_t user = ::fork();
  if (user == 0) {  // waits for the server
    const int fd = ::open(joinPath(at, "x").c_str(), O_RDONLY | O_CLOEXEC);
    ::_exit(fd < 0 ? 0 : 1);
  }
  // Until it is really in there: a busy mount cannot be unmounted.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::string where;
  while (where.find("fuse") == std::string::npos && where.find("request_wait") == std::string::npos &&
         std::chrono::steady_clock::now() < until) {
    Result<std::string> text = readFile("/proc/" + std::to_string(user) + "/wchan", 100);
    where = text ? *text : "fuse (unknown)";
  }
  Result<void> torn = tearDown();
  EXPECT_TRUE(torn) << torn.error().message;
  EXPECT_FALSE(fs::exists(directory));
  ::kill(user, SIGKILL);
  int status = 0;
  ::waitpid(user, &status, 0);
}

TEST_F(MountFaults, VOL_12_WhatIsMountedInAVolumeIsNeverDeleted) {
  const std::string precious = temp / "precious";
  ASSERT_TRUE(makeDirectories(precious, 0755));
  ASSERT_TRUE(writeFileAtomic(precious + "/file", "x", 0644));
  // The same file system, so that only the mount itself tells.
  const std::string at = made("volumes/kubernetes.io~empty-dir/data/inner");
  ASSERT_EQ(::mount(precious.c_str(), at.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_FALSE(removeTree(directory)) << "it does not go into a mount, bind mounts included";
  EXPECT_TRUE(fs::exists(precious + "/file"));
  ASSERT_TRUE(tearDown());
  EXPECT_TRUE(fs::exists(precious + "/file"));
  EXPECT_FALSE(fs::exists(directory));
}

TEST_F(MountFaults, VOL_12_MountsOnTopOfEachOtherAllGo) {
  const std::string at = made("volumes/kubernetes.io~secret/keys");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(mountFileSystem("tmpfs", at, ""));
  ASSERT_TRUE(makeDirectories(at + "/sub dir", 0755));
  ASSERT_TRUE(mountFileSystem("tmpfs", at + "/sub dir", ""));
  ASSERT_TRUE(tearDown());
  EXPECT_FALSE(fs::exists(directory));
}

TEST_F(MountFaults, VOL_2_AFullDiskIsAnErrorAndNoVolume) {
  const std::string disk = temp / "disk";
  ASSERT_TRUE(makeDirectories(disk, 0755));
  ASSERT_TRUE(mountFileSystem("tmpfs", disk, "nr_inodes=4"));
  dirs.root = disk;
  PodVolumes small(pool, clock, dirs, {});
  add("cache")->mutable_emptydir();
  Result<PodVolumes::HostPaths> paths = setUpAll(loop, small, pod);
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().code, Code::kExhausted);
  EXPECT_TRUE(paths.error().message.starts_with("MountVolume.SetUp failed for volume \"cache\" : make directory "))
      << paths.error().message;
  // Somebody makes room: the same volume becomes ready, and its end leaves nothing behind.
  ASSERT_EQ(::mount(nullptr, disk.c_str(), nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, "nr_inodes=100"), 0);
  EXPECT_TRUE(setUpAll(loop, small, pod));
  EXPECT_TRUE(loop.runToEnd(small.tearDown("u1")));
  EXPECT_FALSE(fs::exists(disk + "/pods/u1"));
}

TEST_F(MountFaults, VOL_2_ADirectoryThatSomebodyHasRemovedIsMadeAgain) {
  add("cache")->mutable_emptydir();
  add("shm")->mutable_emptydir()->set_medium("Memory");
  ASSERT_TRUE(setUp());
  ASSERT_TRUE(unmountBelow(directory));
  fs::remove_all(temp / "pods");
  ASSERT_TRUE(setUp());
  EXPECT_TRUE(fs::exists(directory + "/volumes/kubernetes.io~empty-dir/cache"));
  EXPECT_TRUE(isMountPoint(directory + "/volumes/kubernetes.io~empty-dir/shm").value_or(false));
  ASSERT_TRUE(unmountBelow(directory));
  fs::remove_all(temp / "pods");
  EXPECT_TRUE(tearDown()) << "nothing is there: done";
}

TEST_F(MountFaults, VOL_12_AFileSystemThatHangsHoldsUpOnlyItsPod) {
  const std::string at = temp / "served";
  ASSERT_TRUE(makeDirectories(at, 0755));
  Fd server = mountHung(at);
  if (!server) GTEST_SKIP() << "no FUSE here";
  core::HostPathVolumeSource* path = add("data")->mutable_hostpath();
  path->set_path(at + "/data");
  path->set_type("Directory");
  TaskGroup tasks(loop);
  std::optional<Result<std::string>> hung;
  tasks.spawn("hung", into(volumes.setUp(pod, pod.spec().volumes(0), std::make_shared<OwnershipWalk>()), &hung));
  ASSERT_TRUE(loop.runUntil([&] { return pool.threads() == 1; }, std::chrono::seconds(10)));

  core::Pod other;
  other.mutable_metadata()->set_uid("u2");
  core::Volume* cache = other.mutable_spec()->add_volumes();
  cache->set_name("cache");
  cache->mutable_volumesource()->mutable_emptydir();
  EXPECT_TRUE(setUpAll(loop, volumes, other));
  EXPECT_TRUE(loop.runToEnd(volumes.tearDown("u2")));
  EXPECT_FALSE(hung);
  EXPECT_FALSE(setUp()) << "the hung call is not repeated before it has ended";

  server.reset();  // the server's end ends the call
  ASSERT_TRUE(loop.runUntil([&] { return hung.has_value(); }, std::chrono::seconds(10)));
  EXPECT_FALSE(*hung);
  loop.runToEnd(tasks.close());
}

TEST_F(MountFaults, VOL_2_AReadOnlyFileSystemIsAnError) {
  ASSERT_EQ(::mount(temp.path().c_str(), temp.path().c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, temp.path().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  add("cache")->mutable_emptydir();
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_FALSE(paths);
  EXPECT_NE(paths.error().message.find("Read-only file system"), std::string::npos) << paths.error().message;
  ASSERT_EQ(::mount(nullptr, temp.path().c_str(), nullptr, MS_BIND | MS_REMOUNT, nullptr), 0);
  EXPECT_TRUE(setUp());
}

TEST_F(MountFaults, VOL_8_ASubPathOfAReadOnlyVolumeThatIsMissingCannotBeMade) {
  const std::string data = temp / "data";
  ASSERT_TRUE(makeDirectories(data + "/there", 0755));
  ASSERT_EQ(::mount(data.c_str(), data.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, data.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  Result<void> missing = bindSubPath({data, "missing", joinPath(directory, "volume-subpaths/d/c/0")});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, kCannotCreateSubPath);
  EXPECT_TRUE(bindSubPath({data, "there", joinPath(directory, "volume-subpaths/d/c/1")}));
}

TEST_F(MountFaults, VOL_4_TheRootIsMadeASharedMountOnce) {
  ASSERT_TRUE(makeShared(temp.path()));
  ASSERT_TRUE(makeShared(temp.path()));
  EXPECT_TRUE(isMountPoint(temp.path()).value_or(false));
  // A mount made in another namespace that follows this one.
  const pid_t container = ::fork();
  if (container == 0) {
    const bool mounted = ::unshare(CLONE_NEWNS) == 0 && mountFileSystem("tmpfs", directory, "").has_value();
    ::_exit(mounted ? 0 : 1);
  }
  int status = 0;
  ::waitpid(container, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(isMountPoint(directory).value_or(false));
  EXPECT_TRUE(unmountBelow(directory));
  ASSERT_EQ(::umount2(temp.path().c_str(), 0), 0) << "it was mounted once";
  EXPECT_FALSE(isMountPoint(temp.path()).value_or(true));
}

TEST_F(MountFaults, VOL_4_WhatIsMountedInTheRootAlreadyMovesIntoTheSharedOne) {
  const std::string memory = made("memory");
  ASSERT_TRUE(mountFileSystem("tmpfs", memory, ""));
  const std::string inner = joinPath(memory, "inner");
  ASSERT_TRUE(makeDirectories(inner, 0750));
  ASSERT_TRUE(mountFileSystem("tmpfs", inner, ""));
  Fd held(::open((memory + "/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(makeShared(temp.path()));
  EXPECT_TRUE(fs::exists(memory + "/file"));
  EXPECT_TRUE(isMountPoint(inner).value_or(false));
  EXPECT_FALSE(unmountBelow(directory)) << "the same mount, that is in use, not a copy of it";
  held.reset();
  EXPECT_TRUE(unmountBelow(directory));
  EXPECT_TRUE(fs::remove(memory)) << "mounted a second time under the new mount";
}

// The blocking half of a volume's life, from its directory to its end.
Result<void> liveOnce(const VolumeRequest& request, const std::string& directory) {
  Result<std::string> path = EmptyDir().setUp(request);
  if (!path) return fail(path.error());
  Result<void> done = bindSubPath({*path, "a/b", joinPath(directory, "volume-subpaths/shm/web/0")});
  if (done) done = unmountBelow(directory);
  if (done) done = removeTree(directory);
  return done;
}

// Runs it in a process that is killed at its system call number `kill`; false when it came to its end before.
bool killedAt(int kill, const VolumeRequest& request, const std::string& directory) {
  const pid_t agent = ::fork();
  if (agent == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::_exit(liveOnce(request, directory) ? 0 : 1);
  }
  int status = 0;
  for (int stops = 0; ::waitpid(agent, &status, 0) == agent; ++stops) {
    if (!WIFSTOPPED(status)) {
      EXPECT_EQ(status, 0) << "without being killed it works";
      return false;
    }
    if (stops == 2 * kill) break;  // each call stops it at its begin and at its end
    ::ptrace(PTRACE_SYSCALL, agent, nullptr, nullptr);
  }
  ::kill(agent, SIGKILL);
  ::waitpid(agent, &status, 0);
  return true;
}

TEST_F(MountFaults, VOL_12_AKillBetweenAnyTwoStepsLeavesNothingThatStaysInTheWay) {
  add("shm")->mutable_emptydir()->set_medium("Memory");
  const VolumeRequest request{pod, pod.spec().volumes(0), dirs, nullptr};
  int steps = 0;
  while (killedAt(steps, request, directory)) {
    // The next run of the agent either goes on with the pod or ends it.
    Result<void> lived = steps % 2 == 0 ? liveOnce(request, directory) : tearDown();
    ASSERT_TRUE(lived) << "killed at call " << steps << ": " << lived.error().message;
    ASSERT_FALSE(fs::exists(directory)) << "killed at call " << steps;
    ++steps;
  }
  EXPECT_GT(steps, 20);
}

TEST_F(MountFaults, EMP_3_HugePagesAreAHugetlbfsOfTheirSize) {
  add("huge")->mutable_emptydir()->set_medium("HugePages-2Mi");
  core::Container* container = pod.mutable_spec()->add_containers();
  (*container->mutable_resources()->mutable_limits())["hugepages-2Mi"].set_string("4Mi");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  struct statvfs info = {};
  ASSERT_EQ(::statvfs(paths->at("huge").c_str(), &info), 0);
  EXPECT_EQ(info.f_bsize, 2ul << 20);
  ASSERT_TRUE(tearDown());
}

TEST_F(MountFaults, EMP_3_PlainHugePagesHaveTheSizeThatThePodAsksFor) {
  add("huge")->mutable_emptydir()->set_medium("HugePages");
  Result<PodVolumes::HostPaths> without = setUp();
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("needs a huge page size"), std::string::npos) << without.error().message;
  core::Container* container = pod.mutable_spec()->add_containers();
  (*container->mutable_resources()->mutable_limits())["hugepages-2Mi"].set_string("4Mi");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  struct statvfs info = {};
  ASSERT_EQ(::statvfs(paths->at("huge").c_str(), &info), 0);
  EXPECT_EQ(info.f_bsize, 2ul << 20);
  ASSERT_TRUE(tearDown());
}

}  // namespace
}  // namespace cubelet::volumes
