#include "csi/volumes/host.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"

namespace cubelet::csi {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

// The kernel writes space, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// What comes before the first `end`, which is taken off `rest` together with it.
std::string_view upTo(char end, std::string_view& rest) {
  const std::size_t at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

Result<std::vector<MountEntry>> mountTable() {
  std::ifstream file("/proc/self/mountinfo");
  if (!file) return fail(errnoError(errno, "read /proc/self/mountinfo"));
  std::ostringstream text;
  text << file.rdbuf();
  return readMountInfo(text.str());
}

// As the mount table names it: without links above its last component.
std::string asMounted(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::unique_ptr<char, decltype([](char* text) { ::free(text); })> parent(
      ::realpath(path.substr(0, slash).c_str(), nullptr));
  return parent ? joinPath(parent.get(), path.substr(slash + 1)) : path;
}

Result<void> removeEmpty(const std::string& directory) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return {};
  return fail(errnoError(errno, "remove " + directory));
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
  auto table = mountTable();
  if (!table) return fail(table.error());
  const std::string wanted = asMounted(path);
  for (const MountEntry& entry : *table)
    if (entry.target == wanted) return true;
  return false;
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

std::vector<MountEntry> readMountInfo(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    std::string_view line = upTo('\n', text);
    upTo(' ', line);  // its number
    upTo(' ', line);  // that of its parent
    const std::string_view device = upTo(' ', line);
    const std::string_view root = upTo(' ', line);
    const std::string_view target = upTo(' ', line);
    if (!target.empty()) entries.push_back({std::string(device), unescaped(root), unescaped(target)});
  }
  return entries;
}

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

Task<Result<void>> SystemHost::writeFile(std::string path, std::string content) {
  std::function<Result<void>()> work = [path, content = std::move(content)] {
    return writeFileAtomic(path, content, 0600, Flush::kNo);
  };
  return pool_.run<void>("write " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::makeDirectory(std::string path) {
  std::function<Result<void>()> work = [path] { return makeDirectories(path, 0750); };
  return pool_.run<void>("make " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::removeFile(std::string path) {
  std::function<Result<void>()> work = [path] { return cubelet::removeFile(path); };
  return pool_.run<void>("remove " + path, kPatience, std::move(work));
}

Task<Result<void>> SystemHost::removeIfEmpty(std::string directory) {
  std::function<Result<void>()> work = [directory] { return removeEmpty(directory); };
  return pool_.run<void>("remove " + directory, kPatience, std::move(work));
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
