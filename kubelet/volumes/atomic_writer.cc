#include "kubelet/volumes/atomic_writer.h"

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <fcntl.h>
#include <set>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/files.h"

namespace cubelet::volumes {
namespace {

constexpr char kData[] = "..data";
constexpr char kNewData[] = "..data_tmp";
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kGroupReads = 0440;
constexpr mode_t kPermissionBits = 0777;
constexpr mode_t kAllModeBits = 07777;
constexpr int kOpenTree = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// Directory ("" for the top) -> names that lie in it.
using Tree = std::map<std::string, std::set<std::string>>;

std::string parentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string nameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Tree treeOf(const Files& files) {
  Tree tree;
  tree[""];
  for (const auto& [path, file] : files)
    for (std::string at = path; !at.empty(); at = parentOf(at)) tree[parentOf(at)].insert(nameOf(at));
  return tree;
}

Result<void> checkPaths(const Files& files, const Tree& tree) {
  for (const auto& [path, file] : files) {
    Result<std::string> clean = cleanPath(path);
    if (!clean) return fail(clean.error());
    if (*clean != path) return fail(Code::kInvalid, "", "invalid path: " + path + " is not in its shortest form");
    if (tree.contains(path))
      return fail(Code::kInvalid, "", "invalid path: " + path + " is a file and a directory of other files");
  }
  return {};
}

// "..2026_11_24_19_38_08.123456789": upstream's pattern, with random digits where it has them.
std::string newDataName() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "..%Y_%m_%d_%H_%M_%S.", &utc);
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) random = static_cast<std::uint32_t>(::getpid());
  return stamp.data() + std::to_string(random);
}

// A directory that some run of a writer has made for its bytes.
bool isDataName(std::string_view name) {
  if (!name.starts_with("..") || name.find('/') != std::string_view::npos || name.size() < 8) return false;
  for (std::size_t i = 2; i < 6; ++i)
    if (name[i] < '0' || name[i] > '9') return false;
  return name[6] == '_';
}

// What the link names; empty when there is no link of this name.
Result<std::string> linkTarget(const Fd& dir, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(dir.get(), name.c_str(), target.data(), target.size());
  if (length >= 0) return std::string(target.data(), static_cast<std::size_t>(length));
  if (errno == ENOENT || errno == EINVAL) return std::string();
  return fail(errnoError(errno, "read link " + name));
}

Result<void> unlinkIn(const Fd& dir, const std::string& name) {
  if (::unlinkat(dir.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail(errnoError(errno, "remove " + name));
}

Result<void> writeBytes(const Fd& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(errnoError(errno, "write " + path));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

class Writer {
 public:
  Writer(const std::string& directory, const Files& files, std::optional<gid_t> group)
      : directory_(directory), files_(files), tree_(treeOf(files)), group_(group) {}

  Result<bool> run() {
    if (Result<void> good = checkPaths(files_, tree_); !good) return fail(good.error());
    Result<Fd> root = openDirectory(directory_);
    if (!root) return fail(root.error());
    root_ = std::move(*root);

    Result<std::string> current = linkTarget(root_, kData);
    if (!current) return fail(current.error());
    bool wrote = false;
    if (!isDataName(*current) || !holdsFiles(*current)) {
      Result<std::string> fresh = writeFresh();
      if (!fresh) return fail(fresh.error());
      *current = std::move(*fresh);
      wrote = true;
    }
    if (Result<void> linked = linkNames(wrote); !linked) return fail(linked.error());
    if (Result<void> removed = removeLeftovers(*current, wrote); !removed) return fail(removed.error());
    return wrote;
  }

 private:
  mode_t fileMode(const File& file) const { return (group_ ? file.mode | kGroupReads : file.mode) & kPermissionBits; }
  mode_t directoryMode() const { return group_ ? kDirectoryMode | S_ISGID : kDirectoryMode; }
  static uid_t ownerOf(const File& file) { return file.owner.value_or(::geteuid()); }

  // True when `data` has these files and no others. Whatever cannot be read is not as it should be: it is replaced.
  bool holdsFiles(const std::string& data) const {
    Result<Fd> top = openBeneath(root_, data, kOpenTree, 0, false);
    if (!top) return false;
    for (const auto& [path, names] : tree_)
      if (!holdsDirectory(*top, path, names)) return false;
    for (const auto& [path, file] : files_)
      if (!holdsFile(*top, path, file)) return false;
    return true;
  }

  bool holdsDirectory(const Fd& top, const std::string& path, const std::set<std::string>& names) const {
    Result<Fd> dir = openBeneath(top, path.empty() ? "." : path, kOpenTree, 0, false);
    if (!dir) return false;
    struct stat info = {};
    if (::fstat(dir->get(), &info) != 0 || (info.st_mode & kAllModeBits) != directoryMode()) return false;
    if (group_ && info.st_gid != *group_) return false;
    Result<std::vector<std::string>> have = listDirectory(*dir, path);
    return have && std::set<std::string>(have->begin(), have->end()) == names;
  }

  bool holdsFile(const Fd& top, const std::string& path, const File& file) const {
    // O_NONBLOCK: whatever was put there, opening it must not wait.
    Result<Fd> opened = openBeneath(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, false);
    if (!opened) return false;
    struct stat info = {};
    if (::fstat(opened->get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    if ((info.st_mode & kAllModeBits) != fileMode(file) || info.st_uid != ownerOf(file)) return false;
    if (group_ && info.st_gid != *group_) return false;
    if (static_cast<std::size_t>(info.st_size) != file.bytes.size()) return false;
    Result<std::string> bytes = readAll(*opened, path, file.bytes.size());
    return bytes && *bytes == file.bytes;
  }

  // Writes everything into a new directory and makes ..data name it.
  Result<std::string> writeFresh() {
    std::string name = newDataName();
    while (::mkdirat(root_.get(), name.c_str(), 0700) != 0) {
      if (errno != EEXIST) return fail(errnoError(errno, "make a directory in " + directory_));
      name = newDataName();
    }
    Result<void> done = fill(name);
    if (done) done = flip(name);
    if (done) return name;
    // Best effort: the next call would remove it as well.
    [[maybe_unused]] const Result<void> removed = removeTree(joinPath(directory_, name));
    return fail(done.error());
  }

  Result<void> fill(const std::string& name) {
    Result<Fd> top = openBeneath(root_, name, kOpenTree, 0, false);
    if (!top) return fail(top.error());
    // Parents sort before what lies in them.
    for (const auto& [path, names] : tree_)
      if (Result<void> made = makeDirectory(*top, path); !made) return made;
    for (const auto& [path, file] : files_)
      if (Result<void> made = makeFile(*top, path, file); !made) return made;
    return {};
  }

  Result<void> makeDirectory(const Fd& top, const std::string& path) const {
    if (!path.empty() && ::mkdirat(top.get(), path.c_str(), 0700) != 0)
      return fail(errnoError(errno, "make directory " + path));
    Result<Fd> dir = openBeneath(top, path.empty() ? "." : path, kOpenTree, 0, false);
    if (!dir) return fail(dir.error());
    return setOwner(*dir, path, ::geteuid(), directoryMode());
  }

  Result<void> makeFile(const Fd& top, const std::string& path, const File& file) const {
    Result<Fd> opened = openBeneath(top, path, O_WRONLY | O_CREAT | O_EXCL, 0600, false);
    if (!opened) return fail(opened.error());
    if (Result<void> wrote = writeBytes(*opened, file.bytes, path); !wrote) return wrote;
    return setOwner(*opened, path, ownerOf(file), fileMode(file));
  }

  // The mode comes last: it is cleared by a change of owner, and the file opens to others when it is complete.
  Result<void> setOwner(const Fd& fd, const std::string& path, uid_t owner, mode_t mode) const {
    struct stat info = {};
    if (::fstat(fd.get(), &info) != 0) return fail(errnoError(errno, "look at " + path));
    const gid_t group = group_.value_or(info.st_gid);
    if ((info.st_uid != owner || info.st_gid != group) && ::fchown(fd.get(), owner, group) != 0)
      return fail(errnoError(errno, "give " + path + " to its owner"));
    if (::fchmod(fd.get(), mode) != 0) return fail(errnoError(errno, "set the mode of " + path));
    return {};
  }

  Result<void> flip(const std::string& name) {
    if (Result<void> removed = unlinkIn(root_, kNewData); !removed) return removed;
    if (::symlinkat(name.c_str(), root_.get(), kNewData) != 0)
      return fail(errnoError(errno, "make the link to new files"));
    if (::renameat(root_.get(), kNewData, root_.get(), kData) != 0)
      return fail(errnoError(errno, "replace the link to the files"));
    return {};
  }

  // After the flip: a name appears together with its bytes.
  Result<void> linkNames(bool& wrote) {
    for (const std::string& name : tree_[""]) {
      const std::string target = std::string(kData) + "/" + name;
      struct stat info = {};
      const bool exists = ::fstatat(root_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
      if (!exists && errno != ENOENT) return fail(errnoError(errno, "look at " + name));
      if (exists) {
        if (S_ISDIR(info.st_mode)) continue;  // another volume is mounted here
        Result<std::string> have = linkTarget(root_, name);
        if (!have) return fail(have.error());
        if (*have == target) continue;
        if (Result<void> removed = unlinkIn(root_, name); !removed) return removed;
      }
      if (::symlinkat(target.c_str(), root_.get(), name.c_str()) != 0)
        return fail(errnoError(errno, "make the link " + name));
      wrote = true;
    }
    return {};
  }

  // Names that lead nowhere any more, old bytes, and what a killed run has left.
  Result<void> removeLeftovers(const std::string& current, bool& wrote) {
    Result<std::vector<std::string>> names = listDirectory(root_, directory_);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
      if (name == current || name == kData) continue;
      if (isDataName(name)) {
        if (Result<void> removed = removeTree(joinPath(directory_, name)); !removed) return removed;
      } else if (name == kNewData) {
        if (Result<void> removed = unlinkIn(root_, name); !removed) return removed;
      } else {
        Result<bool> removed = removeStaleLink(name);
        if (!removed) return fail(removed.error());
        if (!*removed) continue;
      }
      wrote = true;
    }
    return {};
  }

  Result<bool> removeStaleLink(const std::string& name) {
    if (tree_[""].contains(name)) return false;
    Result<std::string> target = linkTarget(root_, name);
    if (!target) return fail(target.error());
    if (*target != std::string(kData) + "/" + name) return false;
    if (Result<void> removed = unlinkIn(root_, name); !removed) return fail(removed.error());
    return true;
  }

  const std::string& directory_;
  const Files& files_;
  Tree tree_;
  std::optional<gid_t> group_;
  Fd root_;
};

}  // namespace

Result<bool> writeAtomically(const std::string& directory, const Files& files, std::optional<gid_t> group) {
  return Writer(directory, files, group).run();
}

}  // namespace cubelet::volumes
