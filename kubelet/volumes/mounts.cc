#include "kubelet/volumes/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <utility>
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

struct Mount {
  std::string device;  // "8:1"
  std::string target;
  std::string type;     // of the file system
  bool shared = false;  // a member of a peer group
};

// One line of mountinfo: id, parent, device, root, target, options, optional fields, "-", type, source, ...
std::optional<Mount> parseMount(const std::string& line) {
  std::istringstream fields(line);
  std::string skipped;
  Mount mount;
  if (!(fields >> skipped >> skipped >> mount.device >> skipped >> mount.target >> skipped)) return std::nullopt;
  for (std::string field; fields >> field && field != "-";)
    if (field.starts_with("shared:")) mount.shared = true;
  fields >> mount.type;
  mount.target = unescaped(mount.target);
  return mount;
}

// In the order in which they were mounted.
Result<std::vector<Mount>> mountTable() {
  std::ifstream table("/proc/self/mountinfo");
  if (!table) return fail(errnoError(errno, "read /proc/self/mountinfo"));
  std::vector<Mount> found;
  for (std::string line; std::getline(table, line);)
    if (std::optional<Mount> mount = parseMount(line)) found.push_back(std::move(*mount));
  return found;
}

// The deepest first.
Result<std::vector<Mount>> mountsBelow(const std::string& root) {
  Result<std::vector<Mount>> mounts = mountTable();
  if (!mounts) return mounts;
  std::erase_if(*mounts, [&](const Mount& mount) { return !isAtOrBelow(mount.target, root); });
  std::ranges::reverse(*mounts);
  return mounts;
}

bool isOfNetwork(const std::string& type) {
  static constexpr std::array kTypes = {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "lustre", "fuse"};
  return type.starts_with("fuse.") || std::ranges::find(kTypes, type) != kTypes.end();
}

Result<void> unmountAll(const std::vector<Mount>& mounts) {
  for (const Mount& mount : mounts) {
    if (::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) continue;
    const int problem = errno;
    const bool detach = problem == EBUSY && isOfNetwork(mount.type);
    if (!detach || ::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0)
      return fail(errnoError(problem, "unmount " + mount.target));
  }
  return {};
}

// `path` as the mount table names it: without links above its last component. A missing one stays as it is.
std::string asMounted(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return path;
  const std::unique_ptr<char, decltype([](char* text) { ::free(text); })> parent(
      ::realpath(path.substr(0, slash).c_str(), nullptr));
  return parent ? joinPath(parent.get(), path.substr(slash + 1)) : path;
}

// Makes a mount of its own at `path`, with the mounts below it moved into it. A recursive bind would leave them a
// second time under the new mount, where nobody can unmount them and their directories stay busy.
Result<void> bindToItself(const std::string& path, const std::vector<Mount>& table) {
  std::vector<std::pair<std::string, Fd>> below;  // the outermost ones: those below them go along
  for (const Mount& mount : table) {
    if (mount.target == path || !isAtOrBelow(mount.target, path)) continue;
    if (std::ranges::any_of(below, [&](const auto& outer) { return isAtOrBelow(mount.target, outer.first); })) continue;
    Fd root(::open_tree(AT_FDCWD, mount.target.c_str(), OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
    if (!root) return fail(errnoError(errno, "open the mount " + mount.target));
    below.emplace_back(mount.target, std::move(root));
  }
  if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail(errnoError(errno, "bind " + path + " to itself"));
  for (const auto& [target, root] : below)
    if (::move_mount(root.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return fail(errnoError(errno, "move the mount " + target + " into the one of " + path));
  return {};
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
  Result<std::vector<Mount>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  return std::ranges::find(*mounts, mountPoint, &Mount::target) != mounts->end();
}

Result<bool> isDeviceMounted(unsigned major, unsigned minor) {
  Result<std::vector<Mount>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  const std::string device = std::to_string(major) + ":" + std::to_string(minor);
  return std::ranges::any_of(*mounts, [&](const Mount& mount) { return mount.device == device; });
}

Result<void> mountFileSystem(const std::string& type, const std::string& target, const std::string& options) {
  if (::mount(type.c_str(), target.c_str(), type.c_str(), MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return fail(errnoError(errno, "mount " + type + " (" + options + ") at " + target));
  return {};
}

Result<void> unmountBelow(const std::string& path) {
  Result<std::vector<Mount>> mounts = mountsBelow(asMounted(path));
  if (!mounts) return fail(mounts.error());
  return unmountAll(*mounts);
}

Result<void> unmountInside(const std::string& path) {
  const std::string root = asMounted(path);
  Result<std::vector<Mount>> mounts = mountsBelow(root);
  if (!mounts) return fail(mounts.error());
  std::erase_if(*mounts, [&](const Mount& mount) { return mount.target == root; });
  return unmountAll(*mounts);
}

Result<void> detachNetworkBelow(const std::string& path) {
  Result<std::vector<Mount>> mounts = mountsBelow(asMounted(path));
  if (!mounts) return fail(mounts.error());
  for (const Mount& mount : *mounts)
    if (isOfNetwork(mount.type) && ::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0 &&
        errno != EINVAL)
      return fail(errnoError(errno, "detach " + mount.target));
  return {};
}

Result<void> makeShared(const std::string& path) {
  Result<std::vector<Mount>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  const std::string real = asMounted(path);
  const Mount* on = nullptr;  // the innermost mount that `path` lies on; of several at one place, the last
  for (const Mount& mount : *mounts)
    if ((mount.target == "/" || isAtOrBelow(real, mount.target)) &&
        (on == nullptr || mount.target.size() >= on->target.size()))
      on = &mount;
  if (on != nullptr && on->shared) return {};
  if (on == nullptr || on->target != real)
    if (Result<void> bound = bindToItself(real, *mounts); !bound) return bound;
  if (::mount(nullptr, path.c_str(), nullptr, MS_SHARED | MS_REC, nullptr) != 0)
    return fail(errnoError(errno, "make " + path + " a shared mount"));
  return {};
}

}  // namespace cubelet::volumes
