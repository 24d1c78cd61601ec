#include "kubelet/volumes/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/mount_table.h"

namespace cubelet::volumes {
namespace {

bool isAtOrBelow(const std::string& path, const std::string& root) {
  return path == root || (path.starts_with(root) && path.size() > root.size() && path[root.size()] == '/');
}

// The deepest first.
Result<std::vector<MountEntry>> mountsBelow(const std::string& root) {
  Result<std::vector<MountEntry>> mounts = mountTable();
  if (!mounts) return mounts;
  std::erase_if(*mounts, [&](const MountEntry& mount) { return !isAtOrBelow(mount.target, root); });
  std::ranges::reverse(*mounts);
  return mounts;
}

bool isOfNetwork(const std::string& type) {
  static constexpr std::array kTypes = {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "lustre", "fuse"};
  return type.starts_with("fuse.") || std::ranges::find(kTypes, type) != kTypes.end();
}

Result<void> unmountAll(const std::vector<MountEntry>& mounts) {
  for (const MountEntry& mount : mounts) {
    if (::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) continue;
    const int problem = errno;
    const bool detach = problem == EBUSY && isOfNetwork(mount.type);
    if (!detach || ::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0)
      return fail(errnoError(problem, "unmount " + mount.target));
  }
  return {};
}

// Makes a mount of its own at `path`, with the mounts below it moved into it. A recursive bind would leave them a
// second time under the new mount, where nobody can unmount them and their directories stay busy.
Result<void> bindToItself(const std::string& path, const std::vector<MountEntry>& table) {
  std::vector<std::pair<std::string, Fd>> below;  // the outermost ones: those below them go along
  for (const MountEntry& mount : table) {
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
  Result<std::vector<MountEntry>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  return std::ranges::find(*mounts, mountPoint, &MountEntry::target) != mounts->end();
}

Result<bool> isDeviceMounted(unsigned major, unsigned minor) {
  Result<std::vector<MountEntry>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  const std::string device = std::to_string(major) + ":" + std::to_string(minor);
  return std::ranges::any_of(*mounts, [&](const MountEntry& mount) { return mount.device == device; });
}

Result<void> mountFileSystem(const std::string& type, const std::string& target, const std::string& options) {
  if (::mount(type.c_str(), target.c_str(), type.c_str(), MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return fail(errnoError(errno, "mount " + type + " (" + options + ") at " + target));
  return {};
}

Result<void> unmountBelow(const std::string& path) {
  // The table of a full node is long, and most pods have nothing of the kind.
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return {};
  Result<std::vector<MountEntry>> mounts = mountsBelow(asMounted(path));
  if (!mounts) return fail(mounts.error());
  return unmountAll(*mounts);
}

Result<void> unmountInsideEach(const std::string& directory, const std::string& name) {
  const std::string root = asMounted(directory);
  Result<std::vector<MountEntry>> mounts = mountsBelow(root);
  if (!mounts) return fail(mounts.error());
  std::erase_if(*mounts, [&](const MountEntry& mount) {
    const std::size_t second = mount.target.find('/', root.size() + 1);
    return second == std::string::npos || mount.target.find('/', second + 1) == std::string::npos ||
           mount.target.compare(second + 1, name.size() + 1, name + "/") != 0;
  });
  return unmountAll(*mounts);
}

Result<void> detachNetworkBelow(const std::string& path) {
  Result<std::vector<MountEntry>> mounts = mountsBelow(asMounted(path));
  if (!mounts) return fail(mounts.error());
  for (const MountEntry& mount : *mounts)
    if (isOfNetwork(mount.type) && ::umount2(mount.target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0 &&
        errno != EINVAL)
      return fail(errnoError(errno, "detach " + mount.target));
  return {};
}

Result<void> makeShared(const std::string& path) {
  Result<std::vector<MountEntry>> mounts = mountTable();
  if (!mounts) return fail(mounts.error());
  const std::string real = asMounted(path);
  const MountEntry* on = nullptr;  // the innermost mount that `path` lies on; of several at one place, the last
  for (const MountEntry& mount : *mounts)
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
