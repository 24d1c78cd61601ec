#include "csi/volumes/host.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sys/mount.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"
#include "base/mount_table.h"

namespace cubelet::csi {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

// A file, or a directory if it is empty.
Result<void> removeRest(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && (::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST))
    return {};
  return fail(errnoError(errno, "remove " + path));
}

Result<void> append(const std::string& path, std::string_view lines, Flush flush) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return fail(errnoError(errno, "open " + path));
  while (!lines.empty()) {
    const ssize_t written = ::write(file.get(), lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errnoError(errno, "add to " + path));
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  if (flush == Flush::kYes && ::fdatasync(file.get()) != 0)
    return fail(errnoError(errno, "write " + path + " to disk"));
  return {};
}

Result<void> replace(const std::string& path, const std::string& content, const std::vector<std::string>& obsolete) {
  if (Result<void> written = writeFileAtomic(path, content, 0600); !written) return written;
  if (obsolete.empty()) return {};
  for (const std::string& file : obsolete)
    if (Result<void> removed = cubelet::removeFile(file); !removed) return removed;
  Result<Fd> directory = openDirectory(path.substr(0, path.rfind('/')));
  if (!directory) return fail(directory.error());
  if (::fsync(directory->get()) != 0) return fail(errnoError(errno, "remove older files beside " + path));
  return {};
}

// Asks the table and not the file system: that may hang.
Result<bool> mountedAt(const std::string& path) {
  // The table of a full node is long, and a new volume has no directory yet.
  const std::string parent = path.substr(0, path.rfind('/') + 1);
  if (::access(parent.c_str(), F_OK) != 0 && errno == ENOENT) return false;
  auto table = mountTable();
  if (!table) return fail(table.error());
  const std::string wanted = asMounted(path);
  for (const MountEntry& entry : *table)
    if (entry.target == wanted) return true;
  return false;
}

// The kernel removes no directory that something is mounted on, and asks nothing of what is.
Result<bool> clearAway(const std::string& target, const std::vector<std::string>& rest) {
  if (::rmdir(target.c_str()) != 0 && errno != ENOENT) {
    const int problem = errno;
    Result<bool> mounted = mountedAt(target);
    if (!mounted || *mounted) return mounted;
    if (problem != ENOTEMPTY && problem != EEXIST && problem != ENOTDIR)
      return fail(errnoError(problem, "remove " + target));
  }
  for (const std::string& path : rest)
    if (Result<void> removed = removeRest(path); !removed) return fail(removed.error());
  return false;
}

Result<void> prepareMount(const std::vector<std::string>& directories, const std::string& file,
                          const std::string& content) {
  for (const std::string& directory : directories)
    if (Result<void> made = makeDirectories(directory, 0750); !made) return made;
  return writeFileAtomic(file, content, 0600, Flush::kNo);
}

Result<std::vector<std::string>> othersOf(const std::string& path) {
  auto table = mountTable();
  if (!table) return fail(table.error());
  const std::string wanted = asMounted(path);
  const MountEntry* here = nullptr;
  for (const MountEntry& entry : *table)
    if (entry.target == wanted) here = &entry;  // the last one covers the others
  std::vector<std::string> others;
  if (here == nullptr) return others;
  for (const MountEntry& entry : *table)
    if (entry.device == here->device && entry.root == here->root && entry.target != wanted)
      others.push_back(entry.target);
  return others;
}

Result<std::vector<std::string>> targetsBelow(const std::string& directory) {
  auto table = mountTable();
  if (!table) return fail(table.error());
  const std::string prefix = asMounted(joinPath(directory, "x"));
  std::vector<std::string> targets;
  for (const MountEntry& entry : *table)
    if (entry.target.starts_with(prefix.substr(0, prefix.size() - 1)))
      targets.push_back(joinPath(directory, entry.target.substr(prefix.size() - 1)));
  return targets;
}

Result<void> unmountOnce(const std::string& path) {
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return {};
  return fail(errnoError(errno, "unmount " + path));
}

}  // namespace

Task<Result<void>> SystemHost::appendRecords(std::string path, std::string lines, Flush flush) {
  std::function<Result<void>()> work = [path, lines = std::move(lines), flush] { return append(path, lines, flush); };
  return pool_.run<void>("note the state of volumes in " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::replaceRecords(std::string path, std::string content,
                                              std::vector<std::string> obsolete) {
  std::function<Result<void>()> work = [path, content = std::move(content), obsolete = std::move(obsolete)] {
    return replace(path, content, obsolete);
  };
  return pool_.run<void>("write the state of all volumes to " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::prepare(std::vector<std::string> directories, std::string file, std::string content) {
  std::string doing = "prepare for a volume, and write " + file;
  std::function<Result<void>()> work = [directories = std::move(directories), file = std::move(file),
                                        content = std::move(content)] {
    return prepareMount(directories, file, content);
  };
  return pool_.run<void>(std::move(doing), kPatience, std::move(work));
}

Task<Result<bool>> SystemHost::clear(std::string target, std::vector<std::string> rest) {
  std::function<Result<bool>()> work = [target, rest = std::move(rest)] { return clearAway(target, rest); };
  return pool_.run<bool>("remove " + target, kPatience, std::move(work));
}

Task<Result<bool>> SystemHost::isMounted(std::string path) {
  std::function<Result<bool>()> work = [path] { return mountedAt(path); };
  return pool_.run<bool>("look whether " + path + " is mounted", kPatience, std::move(work));
}

Task<Result<std::vector<std::string>>> SystemHost::otherMounts(std::string path) {
  std::function<Result<std::vector<std::string>>()> work = [path] { return othersOf(path); };
  return pool_.run<std::vector<std::string>>("look where " + path + " is mounted", kPatience, std::move(work));
}

Task<Result<std::vector<std::string>>> SystemHost::mountsBelow(std::string directory) {
  std::function<Result<std::vector<std::string>>()> work = [directory] { return targetsBelow(directory); };
  return pool_.run<std::vector<std::string>>("look what is mounted below " + directory, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::unmount(std::string path) {
  std::function<Result<void>()> work = [path] { return unmountOnce(path); };
  return pool_.run<void>("unmount " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::mapDevice(DeviceMap map) {
  std::function<Result<void>()> work = [map] { return csi::mapDevice(map); };
  return pool_.run<void>("map the device " + map.device, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::unmapDevice(DeviceMap map) {
  std::function<Result<void>()> work = [map] { return csi::unmapDevice(map); };
  return pool_.run<void>("take back the device " + map.device, kPatience, std::move(work));
}

}  // namespace cubelet::csi
