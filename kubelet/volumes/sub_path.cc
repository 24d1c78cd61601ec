#include "kubelet/volumes/sub_path.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

constexpr mode_t kParentMode = 0750;
constexpr mode_t kPlaceholderMode = 0640;
constexpr mode_t kInheritedBits = S_ISGID | 0777;

std::unexpected<Error> failed(const char* reason, const SubPath& subPath, Error error) {
  error.reason = reason;
  return fail(error.within("subPath " + subPath.path + " of " + subPath.volumePath));
}

Result<struct stat> statusOf(const Fd& fd) {
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return fail(errnoError(errno, "look at it"));
  return status;
}

Result<Fd> openVolume(const std::string& path) {
  Fd volume(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!volume) return fail(errnoError(errno, "open the volume"));
  return volume;
}

// mkdirat, and the directory that is there then. A link in its place is an error: one that led somewhere would have
// been followed before, so it came just now, or leads nowhere.
Result<Fd> makeDirectoryAt(const Fd& parent, const std::string& name, mode_t mode) {
  const bool made = ::mkdirat(parent.get(), name.c_str(), mode & 0777) == 0;
  if (!made && errno != EEXIST) return fail(errnoError(errno, "make directory " + name));
  Fd child(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!child) return fail(errnoError(errno, "open directory " + name));
  if (made && ::fchmod(child.get(), mode) != 0) return fail(errnoError(errno, "set the mode of directory " + name));
  return child;
}

// mkdir -p below the volume. Links that stay inside it are followed.
Result<void> makeDirectoriesBeneath(const Fd& volume, const std::string& path) {
  Result<struct stat> status = statusOf(volume);
  if (!status) return fail(status.error());
  const mode_t mode = status->st_mode & kInheritedBits;
  std::optional<Fd> parent;  // nothing: the volume itself
  std::string existing;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") continue;
    existing = joinPath(existing, name);
    Result<Fd> child = openBeneath(volume, existing, O_PATH | O_DIRECTORY);
    if (!child && child.error().code == Code::kNotFound) child = makeDirectoryAt(parent ? *parent : volume, name, mode);
    if (!child) return fail(child.error());
    parent = std::move(*child);
  }
  return {};
}

Result<Fd> openSubPath(const Fd& volume, const SubPath& subPath) {
  Result<Fd> found = openBeneath(volume, subPath.path, O_PATH);
  if (found) return found;
  if (found.error().code != Code::kNotFound) return failed(kCannotPrepareSubPath, subPath, found.error());
  if (Result<void> made = makeDirectoriesBeneath(volume, subPath.path); !made)
    return failed(kCannotCreateSubPath, subPath, made.error());
  found = openBeneath(volume, subPath.path, O_PATH);
  if (!found) return failed(kCannotPrepareSubPath, subPath, found.error());
  return found;
}

// True when `target` shows what `source` is already. Anything else that is mounted there goes.
Result<bool> isBound(const struct stat& source, const std::string& target) {
  for (;;) {
    Result<bool> mounted = isMountPoint(target);
    if (!mounted || !*mounted) return mounted;
    struct stat there = {};
    if (::lstat(target.c_str(), &there) == 0 && there.st_dev == source.st_dev && there.st_ino == source.st_ino)
      return true;
    if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0) return fail(errnoError(errno, "unmount " + target));
  }
}

// What a mount goes on top of: a directory for a directory, a file for anything else.
Result<void> makePlaceholder(const std::string& target, bool directory) {
  const std::string parent = target.substr(0, target.rfind('/'));
  if (Result<void> made = makeDirectories(parent, kParentMode); !made) return made;
  struct stat there = {};
  if (::lstat(target.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode) == directory) return {};
    if (::unlinkat(AT_FDCWD, target.c_str(), S_ISDIR(there.st_mode) ? AT_REMOVEDIR : 0) != 0)
      return fail(errnoError(errno, "remove " + target));
  }
  if (directory) return makeDirectories(target, kParentMode);
  const Fd file(::open(target.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kPlaceholderMode));
  if (!file) return fail(errnoError(errno, "make " + target));
  return {};
}

// The path of the descriptor leads the kernel to what was opened, wherever it has been moved since.
Result<void> bind(const Fd& source, const std::string& target) {
  const std::string path = "/proc/self/fd/" + std::to_string(source.get());
  if (::mount(path.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail(errnoError(errno, "mount it at " + target));
  return {};
}

Result<void> mountAt(const Fd& source, const std::string& target) {
  Result<struct stat> status = statusOf(source);
  if (!status) return fail(status.error());
  Result<bool> bound = isBound(*status, target);
  if (!bound) return fail(bound.error());
  if (*bound) return {};
  Result<void> done = makePlaceholder(target, S_ISDIR(status->st_mode));
  if (done) done = bind(source, target);
  if (!done) ::unlinkat(AT_FDCWD, target.c_str(), S_ISDIR(status->st_mode) ? AT_REMOVEDIR : 0);
  return done;
}

}  // namespace

Result<void> bindSubPath(const SubPath& subPath) {
  Result<Fd> volume = openVolume(subPath.volumePath);
  if (!volume) return failed(kCannotPrepareSubPath, subPath, volume.error());
  Result<Fd> source = openSubPath(*volume, subPath);
  if (!source) return fail(source.error());
  if (Result<void> mounted = mountAt(*source, subPath.target); !mounted)
    return failed(kCannotPrepareSubPath, subPath, mounted.error());
  return {};
}

}  // namespace cubelet::volumes
