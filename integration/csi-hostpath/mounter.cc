#include "integration/csi-hostpath/mounter.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/loop.h>
#include <map>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace cubelet::hostpath {
namespace {

Result<unsigned long> flagOf(const std::string& name) {
  static const std::map<std::string, unsigned long> kFlags = {{"ro", MS_RDONLY},         {"rw", 0},
                                                              {"noexec", MS_NOEXEC},     {"nosuid", MS_NOSUID},
                                                              {"nodev", MS_NODEV},       {"noatime", MS_NOATIME},
                                                              {"relatime", MS_RELATIME}, {"defaults", 0}};
  auto found = kFlags.find(name);
  if (found == kFlags.end()) return fail(Code::kInvalid, "", "mount flag " + name + " is not supported");
  return found->second;
}

}  // namespace

bool isSame(const std::string& left, const std::string& right) {
  struct stat a = {};
  struct stat b = {};
  if (::stat(left.c_str(), &a) != 0 || ::stat(right.c_str(), &b) != 0) return false;
  if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode)) return a.st_rdev == b.st_rdev;
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool isMounted(const std::string& path) {
  struct statx info = {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> bindMount(const std::string& source, const std::string& target, bool readOnly,
                       const std::vector<std::string>& flags) {
  unsigned long options = readOnly ? MS_RDONLY : 0;
  for (const std::string& name : flags) {
    Result<unsigned long> flag = flagOf(name);
    if (!flag) return fail(flag.error());
    options |= *flag;
  }
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail(errnoError(errno, "bind " + source + " to " + target));
  // The kernel takes options of a bind mount in a second step only.
  if (options != 0 && ::mount(nullptr, target.c_str(), nullptr, MS_BIND | MS_REMOUNT | options, nullptr) != 0) {
    const Error error = errnoError(errno, "set the options of " + target);
    ::umount2(target.c_str(), UMOUNT_NOFOLLOW);
    return fail(error);
  }
  return {};
}

Result<void> unmountAll(const std::string& path) {
  while (isMounted(path))
    if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0) return fail(errnoError(errno, "unmount " + path));
  return {};
}

std::string findLoop(const std::string& file) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", ignored)) {
    std::ifstream backing(entry.path() / "loop/backing_file");
    std::string path;
    if (std::getline(backing, path) && path == file) return "/dev/" + entry.path().filename().string();
  }
  return "";
}

Result<std::string> attachLoop(const std::string& file) {
  if (std::string found = findLoop(file); !found.empty()) return found;
  Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return fail(errnoError(errno, "open /dev/loop-control"));
  Fd backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!backing) return fail(errnoError(errno, "open " + file));
  for (int tries = 0; tries < 10; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail(errnoError(errno, "find a free loop device"));
    const std::string device = "/dev/loop" + std::to_string(number);
    // A container's /dev does not follow the kernel.
    if (::access(device.c_str(), F_OK) != 0 && ::mknod(device.c_str(), S_IFBLK | 0660, makedev(7, number)) != 0)
      return fail(errnoError(errno, "make " + device));
    Fd loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    if (!loop) return fail(errnoError(errno, "open " + device));
    if (::ioctl(loop.get(), LOOP_SET_FD, backing.get()) == 0) return device;
    if (errno != EBUSY) return fail(errnoError(errno, "attach " + file + " to " + device));
  }
  return fail(Code::kUnavailable, "", "attach " + file + ": others took each free loop device");
}

Result<void> detachLoop(const std::string& file) {
  const std::string device = findLoop(file);
  if (device.empty()) return {};
  Fd loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!loop) return fail(errnoError(errno, "open " + device));
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) return fail(errnoError(errno, "detach " + device));
  return {};
}

Result<void> resizeLoop(const std::string& device) {
  Fd loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!loop) return fail(errnoError(errno, "open " + device));
  if (::ioctl(loop.get(), LOOP_SET_CAPACITY) != 0) return fail(errnoError(errno, "resize " + device));
  return {};
}

}  // namespace cubelet::hostpath
