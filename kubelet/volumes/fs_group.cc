#include "kubelet/volumes/fs_group.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/tree_walk.h"

namespace cubelet::volumes {
namespace {

constexpr int kThreads = 2;
constexpr mode_t kReadWrite = 0660;
constexpr mode_t kReadOnly = 0440;
constexpr mode_t kEnter = 0110;
constexpr mode_t kAllModeBits = 07777;

// Through a descriptor, so that group and mode are those of one and the same file. False: it would not be changed.
bool change(const Fd& file, const OwnershipChange& change, gid_t group) {
  if (change.group && ::fchownat(file.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) != 0) return false;
  if (!change.mode) return true;
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  return ::chmod(path.c_str(), *change.mode) == 0;
}

void makeRight(const Fd& file, const OwnershipRule& rule, OwnershipWalk& walk) {
  struct stat status = {};
  const bool known = ::fstat(file.get(), &status) == 0;
  const OwnershipChange wrong = known ? ownershipChange(status.st_mode, status.st_gid, rule) : OwnershipChange();
  if (known && wrong == OwnershipChange()) return;
  ++walk.changed;
  if (!known || !change(file, wrong, rule.group)) ++walk.refused;
}

}  // namespace

OwnershipChange ownershipChange(mode_t mode, gid_t group, const OwnershipRule& rule) {
  OwnershipChange change;
  change.group = group != rule.group;
  if (S_ISLNK(mode)) return change;
  mode_t wanted = rule.readOnly ? kReadOnly : kReadWrite;
  if (S_ISDIR(mode)) wanted |= S_ISGID | kEnter;
  // A new group takes setuid and setgid away from a file.
  const bool lost = change.group && (mode & (S_ISUID | S_ISGID)) != 0;
  if ((mode & wanted) != wanted || lost) change.mode = (mode | wanted) & kAllModeBits;
  return change;
}

Result<void> giveToFsGroup(const std::string& path, const OwnershipRule& rule, OwnershipWalk& walk) {
  const Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status = {};
  if (!root || ::fstat(root.get(), &status) != 0) return fail(errnoError(errno, "give " + path + " to the fsGroup"));
  const bool rootIsRight = ownershipChange(status.st_mode, status.st_gid, rule) == OwnershipChange();
  if (rule.onlyOnRootMismatch && rootIsRight) return {};

  Result<void> walked = walkTree(root, kThreads, walk.stop, [&](const TreeEntry& entry) -> Result<void> {
    walk.files.fetch_add(1, std::memory_order_relaxed);
    if (ownershipChange(entry.status.st_mode, entry.status.st_gid, rule) == OwnershipChange()) return {};
    const Fd file(::openat(entry.directory.get(), entry.name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (file) makeRight(file, rule, walk);
    return {};
  });
  if (!walked) return fail(walked.error().within("give " + path + " to the fsGroup"));
  if (walk.refused == 0) makeRight(root, rule, walk);
  return {};
}

}  // namespace cubelet::volumes
