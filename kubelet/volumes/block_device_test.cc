#include "kubelet/volumes/block_device.h"

#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/loop.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/run_program.h"

namespace cubelet::volumes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(BlockDeviceCommands, AreUpstreams) {
  DeviceMount what{.device = "/dev/d", .target = "/t"};
  EXPECT_THAT(formatCommand(what), ElementsAre("mkfs.ext4", "-F", "-m0", "/dev/d"));
  EXPECT_THAT(mountCommand(what), ElementsAre("mount", "-t", "ext4", "/dev/d", "/t"));
  what.fsType = "xfs";
  what.options = {"noatime", "discard"};
  what.readOnly = true;
  EXPECT_THAT(formatCommand(what), ElementsAre("mkfs.xfs", "-f", "/dev/d"));
  EXPECT_THAT(mountCommand(what), ElementsAre("mount", "-t", "xfs", "-o", "noatime,discard,ro", "/dev/d", "/t"));
  what.fsType = "btrfs";
  EXPECT_THAT(formatCommand(what), ElementsAre("mkfs.btrfs", "/dev/d"));
}

// What each program answers, and a file in the place of the device.
struct Case {
  std::string name;
  std::map<std::string, Result<void>> programs;
  bool readOnly = false;
  std::vector<std::string> ran;
  std::string error;
};

Result<void> ended(int status) {
  return fail(Code::kInternal, exitReason(status), "it failed");
}
Result<void> noProgram() {
  return fail(Code::kNotFound, "", "no such program");
}

class BlockDevice : public testing::TestWithParam<Case> {};

Task<Result<void>> answer(const Case* want, std::vector<std::string>* ran, std::vector<std::string> command) {
  ran->push_back(command.front());
  auto found = want->programs.find(command.front());
  co_return found == want->programs.end() ? Result<void>() : found->second;
}

TEST_P(BlockDevice, IsFormattedOnlyWhenThereIsNothingOnIt) {
  TempDir dir;
  std::ofstream(dir / "device") << "";
  std::vector<std::string> ran;
  RunProgram run = [&](std::vector<std::string> command) { return answer(&GetParam(), &ran, std::move(command)); };
  Loop loop;
  DeviceMount what{.device = dir / "device", .target = dir / "target", .readOnly = GetParam().readOnly};
  Result<void> done = loop.runToEnd(mountDevice(what, run));
  EXPECT_EQ(ran, GetParam().ran);
  if (GetParam().error.empty())
    EXPECT_TRUE(done) << done.error().message;
  else
    EXPECT_THAT(done.error().message, HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BlockDevice,
    testing::Values(
        Case{"Empty", {{"blkid", ended(2)}}, false, {"blkid", "mkfs.ext4", "mount"}, ""},
        Case{"Formatted", {}, false, {"blkid", "fsck", "mount"}, ""},
        Case{"Corrected", {{"fsck", ended(1)}}, false, {"blkid", "fsck", "mount"}, ""},
        Case{"NotCorrected", {{"fsck", ended(4)}}, false, {"blkid", "fsck"}, "could not correct them"},
        Case{"NotChecked", {{"fsck", ended(8)}}, false, {"blkid", "fsck", "mount"}, ""},
        Case{"NoFsck", {{"fsck", noProgram()}}, false, {"blkid", "fsck", "mount"}, ""},
        Case{"ReadOnlyIsNotChecked", {}, true, {"blkid", "mount"}, ""},
        Case{"ReadOnlyIsNotFormatted", {{"blkid", ended(2)}}, true, {"blkid"}, "cannot mount unformatted disk"},
        Case{"Unreadable", {{"blkid", ended(1)}}, false, {"blkid"}, "failed to get disk format of disk"},
        Case{"NoBlkid", {{"blkid", noProgram()}}, false, {"blkid"}, "there is no program blkid on this node"},
        Case{"NoMkfs",
             {{"blkid", ended(2)}, {"mkfs.ext4", noProgram()}},
             false,
             {"blkid", "mkfs.ext4"},
             "there is no program mkfs.ext4 on this node"},
        Case{"NotMounted", {{"mount", ended(32)}}, false, {"blkid", "fsck", "mount"}, "it failed"}),
    [](const auto& test) { return test.param.name; });

TEST(BlockDevices, OneThatSomebodyWorksOnIsLeftAlone) {
  TempDir dir;
  std::ofstream(dir / "device") << "";
  const Fd other(::open((dir / "device").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  std::vector<std::string> ran;
  const Case any{};
  RunProgram run = [&](std::vector<std::string> command) { return answer(&any, &ran, std::move(command)); };
  Loop loop;
  Result<void> done = loop.runToEnd(mountDevice({.device = dir / "device", .target = dir / "t"}, run));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnavailable);
  EXPECT_THAT(ran, ElementsAre());
}

// With the true programs, on a loop device.
struct RealDevice : testing::Test {
  void SetUp() override {
    const bool mayMount =
        ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!mayMount) GTEST_SKIP() << "may not mount here";
    if (!attach()) GTEST_SKIP() << "no loop device here";
    for (const char* target : {"a", "b"}) ASSERT_TRUE(makeDirectories(dir / target, 0755));
  }
  ~RealDevice() override {
    (void)unmountBelow(dir.path());
    if (loopDevice) ::ioctl(loopDevice.get(), LOOP_CLR_FD);
  }
  bool attach() {
    const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const Fd image(::open((dir / "image").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!control || !image || ::ftruncate(image.get(), 16 << 20) != 0) return false;
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    device = "/dev/loop" + std::to_string(number);
    if (::access(device.c_str(), F_OK) != 0) ::mknod(device.c_str(), S_IFBLK | 0660, makedev(7, number));
    loopDevice = Fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    return loopDevice && ::ioctl(loopDevice.get(), LOOP_SET_FD, image.get()) == 0;
  }
  Result<void> mount(const std::string& target, bool readOnly = false) {
    DeviceMount what{.device = device, .target = dir / target, .readOnly = readOnly};
    return loop.runToEnd(mountDevice(what, programRunner(loop, clock)));
  }

  TempDir dir;
  std::string device;
  Fd loopDevice;
  Loop loop;
  SystemClock clock{loop};
};

TEST_F(RealDevice, IsFormattedOnceMountedForSeveralAndKeepsItsContent) {
  EXPECT_THAT(mount("a", true).error().message, HasSubstr("cannot mount unformatted disk"));
  Result<void> first = mount("a");
  ASSERT_TRUE(first) << first.error().message;
  std::ofstream(dir / "a/file") << "content";
  ASSERT_TRUE(mount("a")) << "a repeat changes nothing";
  Result<void> second = mount("b", true);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(readFile(dir / "b/file", 100).value(), "content");
  EXPECT_FALSE(std::ofstream(dir / "b/new").is_open()) << "it is read-only";
  EXPECT_TRUE(std::ofstream(dir / "a/new").is_open()) << "but not for the other";
  ASSERT_TRUE(unmountBelow(dir.path()));
  ASSERT_TRUE(mount("b", true));
  EXPECT_EQ(readFile(dir / "b/file", 100).value(), "content");
  EXPECT_FALSE(std::ofstream(dir / "b/new").is_open());
}

TEST_F(RealDevice, WithPartitionsIsNeverFormatted) {
  // A partition table of the old kind: one entry, and its signature.
  std::string sector(512, '\0');
  sector[446 + 4] = '\x83';
  sector[446 + 8] = 1;
  sector[446 + 12] = 100;
  sector[510] = '\x55';
  sector[511] = '\xaa';
  ASSERT_EQ(::pwrite(loopDevice.get(), sector.data(), sector.size(), 0), 512);
  ASSERT_EQ(::fsync(loopDevice.get()), 0);
  EXPECT_FALSE(mount("a"));
  std::string after(512, '\0');
  ASSERT_EQ(::pread(loopDevice.get(), after.data(), after.size(), 0), 512);
  EXPECT_EQ(after, sector);
}

}  // namespace
}  // namespace cubelet::volumes
