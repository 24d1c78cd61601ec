#include "csi/volumes/device_map.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"

namespace cubelet::csi {
namespace {

constexpr int kLoopMajor = 7;
constexpr int kTries = 10;
constexpr mode_t kDirectoryMode = 0750;

std::string directoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

bool isMountPoint(const std::string& path) {
  struct statx info = {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> bind(const DeviceMap& map) {
  if (isMountPoint(map.bound)) return {};
  if (Result<void> made = makeDirectories(directoryOf(map.bound), kDirectoryMode); !made) return made;
  const Fd file(::open(map.bound.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail(errnoError(errno, "make " + map.bound));
  if (::mount(map.device.c_str(), map.bound.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail(errnoError(errno, "bind " + map.device + " to " + map.bound));
  return {};
}

Result<void> unbind(const DeviceMap& map) {
  while (isMountPoint(map.bound))
    if (::umount2(map.bound.c_str(), UMOUNT_NOFOLLOW) != 0) return fail(errnoError(errno, "unmount " + map.bound));
  if (Result<void> removed = removeFile(map.bound); !removed) return removed;
  ::rmdir(directoryOf(map.bound).c_str());  // the last one takes it along
  return {};
}

// "/dev/loop3"; empty: there is none.
std::string loopOf(const std::string& path) {
  std::error_code missing;
  const std::string real = std::filesystem::canonical(path, missing).string();
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", missing)) {
    std::ifstream backing(entry.path() / "loop/backing_file");
    std::string file;
    if (std::getline(backing, file) && !file.empty() && (file == path || file == real))
      return "/dev/" + entry.path().filename().string();
  }
  return "";
}

Result<void> hold(const std::string& path) {
  if (!loopOf(path).empty()) return {};
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return fail(errnoError(errno, "open /dev/loop-control"));
  const Fd device(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!device) return fail(errnoError(errno, "open " + path));
  for (int tries = 0; tries < kTries; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail(errnoError(errno, "find a free loop device"));
    const std::string name = "/dev/loop" + std::to_string(number);
    // In a container nobody makes it.
    if (::access(name.c_str(), F_OK) != 0)
      (void)::mknod(name.c_str(), S_IFBLK | 0660, makedev(kLoopMajor, static_cast<unsigned>(number)));
    const Fd loop(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!loop) return fail(errnoError(errno, "open " + name));
    if (::ioctl(loop.get(), LOOP_SET_FD, device.get()) == 0) return {};
    if (errno != EBUSY) return fail(errnoError(errno, "hold " + path + " by " + name));
  }
  return fail(Code::kUnavailable, "", "hold " + path + ": others took each free loop device");
}

Result<void> letGo(const std::string& path) {
  const std::string name = loopOf(path);
  if (name.empty()) return {};
  const Fd loop(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!loop) return fail(errnoError(errno, "open " + name));
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) return fail(errnoError(errno, "free " + name));
  return {};
}

Result<void> makeLink(const DeviceMap& map) {
  if (Result<void> made = makeDirectories(directoryOf(map.link), kDirectoryMode); !made) return made;
  std::error_code none;
  if (std::filesystem::read_symlink(map.link, none) == map.device) return {};
  if (Result<void> removed = removeFile(map.link); !removed) return removed;
  if (::symlink(map.device.c_str(), map.link.c_str()) != 0)
    return fail(errnoError(errno, "link " + map.link + " to " + map.device));
  return {};
}

}  // namespace

Result<void> mapDevice(const DeviceMap& map) {
  struct stat found = {};
  if (::stat(map.device.c_str(), &found) != 0) return fail(errnoError(errno, "look at the device " + map.device));
  if (!S_ISBLK(found.st_mode))
    return fail(Code::kInvalid, "", "the driver has published something else than a block device at " + map.device);
  if (Result<void> bound = bind(map); !bound) return bound;
  if (Result<void> held = hold(map.bound); !held)
    log::warning("a device is not held open for its pod", {{"path", map.bound}, {"error", held.error().message}});
  return makeLink(map);
}

Result<void> unmapDevice(const DeviceMap& map) {
  if (Result<void> removed = removeFile(map.link); !removed) return removed;
  ::rmdir(directoryOf(map.link).c_str());
  if (Result<void> free = letGo(map.bound); !free) return free;
  return unbind(map);
}

}  // namespace cubelet::csi
