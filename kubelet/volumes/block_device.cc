#include "kubelet/volumes/block_device.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

const std::string& typeOf(const DeviceMount& what) {
  static const std::string standard = "ext4";
  return what.fsType.empty() ? standard : what.fsType;
}

Result<Fd> lock(const std::string& device) {
  Fd fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail(errnoError(errno, "open " + device));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return fail(Code::kUnavailable, "", device + " is being worked on by another program");
  return fail(errnoError(errno, "lock " + device));
}

Result<bool> isMountedAnywhere(const Fd& device) {
  struct stat info = {};
  if (::fstat(device.get(), &info) != 0) return fail(errnoError(errno, "look at a block device"));
  if (!S_ISBLK(info.st_mode)) return false;
  return isDeviceMounted(major(info.st_rdev), minor(info.st_rdev));
}

Error missing(Error error, const std::string& program) {
  if (error.code != Code::kNotFound) return error;
  return Error(Code::kInvalid, "", "there is no program " + program + " on this node");
}

// blkid has looked at the device itself, not at a cache: 2 means that it found nothing.
Task<Result<bool>> isFormatted(std::string device, RunProgram run) {
  std::vector<std::string> command = {"blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device};
  Result<void> found = co_await run(std::move(command));
  if (found) co_return true;
  if (found.error().reason == exitReason(2)) co_return false;
  co_return fail(missing(found.error(), "blkid").within("failed to get disk format of disk " + device));
}

Task<Result<void>> format(DeviceMount what, RunProgram run) {
  if (what.readOnly)
    co_return fail(Code::kInvalid, "",
                   "cannot mount unformatted disk " + what.device + " as we are manipulating it in read-only mode");
  log::info("a block device without a file system is formatted", {{"device", what.device}, {"type", typeOf(what)}});
  std::vector<std::string> command = formatCommand(what);
  Result<void> made = co_await run(std::move(command));
  if (!made) co_return fail(missing(made.error(), "mkfs." + typeOf(what)).within("format disk " + what.device));
  co_return made;
}

// 1: corrected. 4: not corrected. All else says nothing about the file system.
Task<Result<void>> check(std::string device, RunProgram run) {
  std::vector<std::string> command = {"fsck", "-a", device};
  Result<void> checked = co_await run(std::move(command));
  if (!checked && checked.error().reason == exitReason(4))
    co_return fail(checked.error().within("'fsck' found errors on device " + device + " but could not correct them"));
  co_return Result<void>();
}

}  // namespace

std::vector<std::string> formatCommand(const DeviceMount& what) {
  std::vector<std::string> command = {"mkfs." + typeOf(what)};
  if (typeOf(what) == "ext4" || typeOf(what) == "ext3") command.insert(command.end(), {"-F", "-m0"});
  if (typeOf(what) == "xfs") command.emplace_back("-f");
  command.push_back(what.device);
  return command;
}

std::vector<std::string> mountCommand(const DeviceMount& what) {
  std::string options;
  for (const std::string& option : what.options) options += (options.empty() ? "" : ",") + option;
  if (what.readOnly) options += options.empty() ? "ro" : ",ro";
  std::vector<std::string> command = {"mount", "-t", typeOf(what)};
  if (!options.empty()) command.insert(command.end(), {"-o", options});
  command.insert(command.end(), {what.device, what.target});
  return command;
}

Task<Result<void>> mountDevice(DeviceMount what, RunProgram run) {
  Result<Fd> device = lock(what.device);
  if (!device) co_return fail(device.error());
  Result<bool> mounted = isInMountTable(what.target);
  if (!mounted) co_return fail(mounted.error());
  if (*mounted) co_return Result<void>();
  Result<bool> used = isMountedAnywhere(*device);
  if (!used) co_return fail(used.error());
  if (!*used) {
    Result<bool> formatted = co_await isFormatted(what.device, run);
    if (!formatted) co_return fail(formatted.error());
    Result<void> ready;
    if (!*formatted)
      ready = co_await format(what, run);
    else if (!what.readOnly)
      ready = co_await check(what.device, run);
    if (!ready) co_return ready;
  }
  // A file system is mounted once, and writable for those who have it already: then only this mount of it is not.
  DeviceMount asked = what;
  asked.readOnly = what.readOnly && !*used;
  std::vector<std::string> command = mountCommand(asked);
  Result<void> done = co_await run(std::move(command));
  if (done && what.readOnly && *used &&
      ::mount(nullptr, what.target.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
    done = fail(errnoError(errno, "make " + what.target + " read-only"));
  co_return done;
}

}  // namespace cubelet::volumes
