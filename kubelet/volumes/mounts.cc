#include "kubelet/volumes/mounts.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <vector>

#include "base/files.h"

namespace cubelet::volumes {
namespace {

// The kernel writes space, tab, newline and backslash as \ooo in mountinfo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out += static_cast<char>(code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool isAtOrBelow(const std::string& path, const std::string& root) {
  return path == root || (path.starts_with(root) && path.size() > root.size() && path[root.size()] == '/');
}

// Mount points at or below `root`, in the order in which they were mounted.
Result<std::vector<std::string>> mountsBelow(const std::string& root) {
  std::ifstream table("/proc/self/mountinfo");
  if (!table) return fail(errnoError(errno, "read /proc/self/mountinfo"));
  std::vector<std::string> found;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id;
    std::string parent;
    std::string device;
    std::string source;
    std::string target;
    if (!(fields >> id >> parent >> device >> source >> target)) continue;
    target = unescaped(target);
    if (isAtOrBelow(target, root)) found.push_back(std::move(target));
  }
  return found;
}

// `path` as the mount table names it: without links above its last component. A missing one stays as it is.
std::string asMounted(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return path;
  const std::unique_ptr<char, decltype([](char* text) { ::free(text); })> parent(
      ::realpath(path.substr(0, slash).c_str(), nullptr));
  return parent ? joinPath(parent.get(), path.substr(slash + 1)) : path;
}

}  // namespace

Result<bool> isMountPoint(const std::string& path) {
  struct statx info = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &info) !=
      0) {
    if (errno == ENOENT) return false;
    return fail(errnoError(errno, "look at " + path));
  }
  if ((info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0)
    return fail(Code::kUnimplemented, "", "look at " + path + ": the kernel does not tell mount points");
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<bool> isInMountTable(const std::string& path) {
  const std::string mountPoint = asMounted(path);
  Result<std::vector<std::string>> mounts = mountsBelow(mountPoint);
  if (!mounts) return fail(mounts.error());
  return std::ranges::find(*mounts, mountPoint) != mounts->end();
}

Result<void> mountFileSystem(const std::string& type, const std::string& target, const std::string& options) {
  if (::mount(type.c_str(), target.c_str(), type.c_str(), MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return fail(errnoError(errno, "mount " + type + " (" + options + ") at " + target));
  return {};
}

Result<void> unmountBelow(const std::string& path) {
  Result<std::vector<std::string>> mounts = mountsBelow(asMounted(path));
  if (!mounts) return fail(mounts.error());
  for (auto mount = mounts->rbegin(); mount != mounts->rend(); ++mount)
    if (::umount2(mount->c_str(), UMOUNT_NOFOLLOW) != 0 && errno != EINVAL)
      return fail(errnoError(errno, "unmount " + *mount));
  return {};
}

}  // namespace cubelet::volumes
