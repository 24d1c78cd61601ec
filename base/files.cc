#include "base/files.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cubelet {
namespace {

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// openat2(2); errno says why when it fails.
Fd openAt2(int dir, const std::string& path, int flags, mode_t mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  // EAGAIN: something on the way was renamed meanwhile and the kernel cannot prove that the result lies beneath.
  for (int tries = 0; tries < 100; ++tries) {
    Fd fd(static_cast<int>(::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how)));
    if (fd || errno != EAGAIN) return fd;
  }
  errno = EAGAIN;
  return Fd();
}

std::string_view kindName(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "no regular file";
  }
}

Result<void> requireRegular(const struct stat& status, std::string_view name) {
  if (S_ISREG(status.st_mode)) return {};
  return fail(Code::kInvalid, "", "read " + std::string(name) + ": it is " + std::string(kindName(status.st_mode)));
}

struct SplitPath {
  std::string directory;
  std::string name;
};

SplitPath splitPath(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

Result<void> writeAll(const Fd& file, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(file.get(), content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(errnoError(errno, "write " + path));
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> fillTemporary(const Fd& file, const std::string& temporary, const std::string& path,
                           std::string_view content, mode_t mode, Flush flush) {
  if (auto wrote = writeAll(file, content, path); !wrote) return wrote;
  if (::fchmod(file.get(), mode) != 0) return fail(errnoError(errno, "set the mode of " + path));
  if (flush == Flush::kYes && ::fsync(file.get()) != 0) return fail(errnoError(errno, "write " + path + " to disk"));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(errnoError(errno, "replace " + path));
  return {};
}

using Directory = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

// Reads the names through a descriptor of its own: `dir` keeps its position and stays open.
bool isDirectory(const Fd& dir, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status{};
  return ::fstatat(dir.get(), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

enum class Names { kAll, kDirectories };

Result<std::vector<std::string>> namesIn(const Fd& dir, const std::string& path, Names wanted = Names::kAll) {
  Fd copy(::openat(dir.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) return fail(errnoError(errno, "list " + path));
  Directory stream(::fdopendir(copy.get()));
  if (!stream) return fail(errnoError(errno, "list " + path));
  copy.release();

  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && (wanted == Names::kAll || isDirectory(dir, *entry))) names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return fail(errnoError(errno, "list " + path));
  std::ranges::sort(names);
  return names;
}

// One that is there already is no error, whatever it is.
Result<void> makeDirectory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) == 0) return {};
  } else if (errno == EEXIST) {
    return {};
  }
  return fail(errnoError(errno, "make directory " + path));
}

// Removes one tree. Descriptors and stack are bounded whatever its depth: a directory that lies too deep is moved up
// into the top directory first.
class TreeRemover {
 public:
  explicit TreeRemover(Fd top) : top_(std::move(top)) {}

  Result<void> empty(const std::string& path) {
    // Each pass removes all but what it moved up.
    do {
      moved_ = false;
      if (auto done = emptyDirectory(top_, path, 0); !done) return done;
    } while (moved_);
    return {};
  }

 private:
  static constexpr int kMaxDepth = 64;

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxDepth
  Result<void> emptyDirectory(const Fd& dir, const std::string& path, int depth) {
    auto names = namesIn(dir, path);
    if (!names) return fail(names.error());
    for (const std::string& name : *names)
      if (auto done = removeEntry(dir, name, joinPath(path, name), depth); !done) return done;
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxDepth
  Result<void> removeEntry(const Fd& dir, const std::string& name, const std::string& path, int depth) {
    struct stat status{};
    if (::fstatat(dir.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return fail(errnoError(errno, "remove " + path));
    }
    if (!S_ISDIR(status.st_mode)) return unlinkEntry(dir, name, path, 0);
    if (depth >= kMaxDepth) return moveUp(dir, name, path);

    const Fd child = openAt2(dir.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                             RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
    if (!child && errno == EXDEV) return mountPoint(path);
    if (!child) return fail(errnoError(errno, "remove " + path));
    if (auto done = emptyDirectory(child, path, depth + 1); !done) return done;
    return unlinkEntry(dir, name, path, AT_REMOVEDIR);
  }

  Result<void> moveUp(const Fd& dir, const std::string& name, const std::string& path) {
    const std::string target = ".remove-" + std::to_string(++count_);
    if (::renameat(dir.get(), name.c_str(), top_.get(), target.c_str()) != 0) {
      if (errno == EBUSY || errno == EXDEV) return mountPoint(path);
      return fail(errnoError(errno, "remove " + path));
    }
    moved_ = true;
    return {};
  }

  static Result<void> unlinkEntry(const Fd& dir, const std::string& name, const std::string& path, int flags) {
    if (::unlinkat(dir.get(), name.c_str(), flags) == 0 || errno == ENOENT) return {};
    if (errno == EBUSY) return mountPoint(path);
    return fail(errnoError(errno, "remove " + path));
  }

  static Result<void> mountPoint(const std::string& path) {
    return fail(Code::kInvalid, "", "remove " + path + ": something is mounted there");
  }

  Fd top_;
  bool moved_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<Fd> openBeneath(const Fd& dir, std::string_view path, int flags, mode_t mode, bool followLinks) {
  const std::uint64_t links = followLinks ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS;
  Fd fd = openAt2(dir.get(), std::string(path), flags, mode, RESOLVE_BENEATH | links);
  if (fd) return fd;
  const int error = errno;
  if (error == EXDEV) return fail(Code::kInvalid, "", "open " + quoted(path) + ": the path leads out of its directory");
  if (error == ELOOP) return fail(Code::kInvalid, "", "open " + quoted(path) + ": a symbolic link is in the way");
  return fail(errnoError(error, "open " + quoted(path)));
}

Result<Fd> openDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(errnoError(errno, "open directory " + path));
  return fd;
}

Result<std::string> readFile(const std::string& path, std::size_t maxBytes) {
  // Look before opening: even opening a device or FIFO can have effects. O_NONBLOCK covers the moment in between.
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail(errnoError(errno, "read " + path));
  if (auto regular = requireRegular(status, path); !regular) return fail(regular.error());
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errnoError(errno, "read " + path));
  return readAll(file, path, maxBytes);
}

Result<std::string> readAll(const Fd& file, std::string_view name, std::size_t maxBytes) {
  const std::string doing = "read " + std::string(name);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(errnoError(errno, doing));
  if (auto regular = requireRegular(status, name); !regular) return fail(regular.error());

  // The size is a hint only: files of /proc and /sys say 0, and a file may grow while it is read. Numbers in /proc/sys
  // are told by the first read alone, so that one must have room for them.
  constexpr off_t kUnknownSize = 4096;
  std::string content;
  const auto hint = static_cast<std::size_t>(status.st_size > 0 ? status.st_size : kUnknownSize);
  content.resize(std::min(hint, maxBytes) + 1);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::pread(file.get(), content.data() + size, content.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errnoError(errno, doing));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > maxBytes)
      return fail(Code::kExhausted, "", doing + ": larger than " + std::to_string(maxBytes) + " bytes");
    if (size == content.size()) content.resize(std::min(std::max<std::size_t>(2 * size, 4096), maxBytes + 1));
  }
  content.resize(size);
  content.shrink_to_fit();
  return content;
}

Result<void> writeFileAtomic(const std::string& path, std::string_view content, mode_t mode, Flush flush) {
  const auto [directory, name] = splitPath(path);
  // A leading dot: whoever lists the directory for files to use leaves it out.
  std::string temporary = joinPath(directory, "." + name.substr(0, 200) + ".XXXXXX");
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return fail(errnoError(errno, "write " + path));
  if (auto filled = fillTemporary(file, temporary, path, content, mode, flush); !filled) {
    ::unlink(temporary.c_str());
    return filled;
  }
  if (flush == Flush::kNo) return {};
  auto parent = openDirectory(directory);
  if (!parent) return fail(parent.error().within("write " + path + " to disk"));
  if (::fsync(parent->get()) != 0) return fail(errnoError(errno, "write " + path + " to disk"));
  return {};
}

Result<void> makeDirectories(const std::string& path, mode_t mode) {
  // Most often all above it is there.
  if (Result<void> made = makeDirectory(path, mode); !made) {
    if (made.error().code != Code::kNotFound) return made;
    for (std::size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      if (Result<void> part = makeDirectory(path.substr(0, end), mode); !part) return part;
    }
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail(errnoError(errno, "make directory " + path));
  if (!S_ISDIR(status.st_mode)) return fail(Code::kAlreadyExists, "", "make directory " + path + ": a file is there");
  return {};
}

Result<void> removeTree(const std::string& path) {
  const auto [directory, name] = splitPath(path);
  const Fd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) {
    if (errno == ENOENT) return {};
    return fail(errnoError(errno, "remove " + path));
  }
  Fd top = openAt2(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                   RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (!top) {
    if (errno == ENOENT) return {};
    if (errno == ENOTDIR || errno == ELOOP) return removeFile(path);
    if (errno == EXDEV) return fail(Code::kInvalid, "", "remove " + path + ": something is mounted there");
    return fail(errnoError(errno, "remove " + path));
  }
  TreeRemover remover(std::move(top));
  if (auto emptied = remover.empty(path); !emptied) return emptied;
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail(errnoError(errno, "remove " + path));
  return {};
}

Result<void> removeFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(errnoError(errno, "remove " + path));
}

Result<std::vector<std::string>> listDirectory(const std::string& path) {
  auto dir = openDirectory(path);
  if (!dir) return fail(dir.error());
  return namesIn(*dir, path);
}

Result<std::vector<std::string>> listDirectory(const Fd& dir, const std::string& path) {
  return namesIn(dir, path);
}

Result<std::vector<std::string>> listSubdirectories(const Fd& dir, const std::string& path) {
  return namesIn(dir, path, Names::kDirectories);
}

std::string joinPath(std::string_view left, std::string_view right) {
  if (left.empty()) return std::string(right);
  while (left.ends_with('/')) left.remove_suffix(1);
  while (right.starts_with('/')) right.remove_prefix(1);
  std::string joined(left);
  joined += '/';
  joined += right;
  return joined;
}

}  // namespace cubelet
