#include "kubelet/logs/log_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/files.h"

namespace cubelet::logs {
namespace {

// As much as is sent in one piece.
constexpr std::size_t kPortion = std::size_t{256} * 1024;
constexpr std::size_t kBlock = std::size_t{64} * 1024;

Result<std::size_t> readAt(const Fd& file, std::uint64_t offset, char* buffer, std::size_t size) {
  ssize_t n;
  do {
    n = ::pread(file.get(), buffer, size, static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail(errnoError(errno, "read the log"));
  return static_cast<std::size_t>(n);
}

Result<struct stat> statusOf(const Fd& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(errnoError(errno, "read the log"));
  return status;
}

// The log itself, never what a link leads to, and nothing that could block.
Result<Fd> openLog(const std::string& directory, const std::string& path) {
  Result<Fd> logs = openDirectory(directory);
  if (!logs) return fail(logs.error().within("open " + path));
  Result<Fd> file = openBeneath(*logs, path, O_RDONLY | O_NONBLOCK, 0, false);
  if (!file) return fail(file.error().within(directory));
  Result<struct stat> status = statusOf(*file);
  if (!status) return fail(status.error());
  if (!S_ISREG(status->st_mode))
    return fail(Code::kInvalid, "", "open " + joinPath(directory, path) + ": not a regular file");
  return file;
}

// Does the program's line go on behind the file's line that starts at `start`? The tag stands within its first bytes.
Result<bool> isPartial(const Fd& file, std::uint64_t start, std::uint64_t end) {
  char buffer[128];
  std::size_t wanted = std::min<std::uint64_t>(sizeof buffer, end - start);
  Result<std::size_t> n = readAt(file, start, buffer, wanted);
  if (!n) return fail(n.error());
  std::string_view head(buffer, *n);
  if (!head.starts_with('{')) {
    std::optional<LogLine> line = parseLogLine(head);
    return line && line->partial;
  }
  std::string whole(end - start, '\0');  // JSON: the tag is the end of a string
  n = readAt(file, start, whole.data(), whole.size());
  if (!n) return fail(n.error());
  std::optional<LogLine> line = parseLogLine(whole);
  return line && line->partial;
}

// The newlines of a file from its end to its start.
class BackwardNewlines {
 public:
  BackwardNewlines(const Fd& file, std::uint64_t end) : file_(file), blockStart_(end), position_(end) {}

  // The offset of the next one; empty when there is none before it any more.
  Result<std::optional<std::uint64_t>> next() {
    for (;;) {
      while (position_ > blockStart_) {
        --position_;
        if (block_[position_ - blockStart_] == '\n') return std::optional<std::uint64_t>(position_);
      }
      if (blockStart_ == 0) return std::optional<std::uint64_t>();
      std::size_t size = std::min<std::uint64_t>(kBlock, blockStart_);
      blockStart_ -= size;
      block_.resize(size);
      Result<std::size_t> n = readAt(file_, blockStart_, block_.data(), size);
      if (!n) return fail(n.error());
      if (*n < size) return fail(Code::kUnavailable, "", "the log was cut while it was read");
    }
  }

 private:
  const Fd& file_;
  std::vector<char> block_;
  std::uint64_t blockStart_;
  std::uint64_t position_;
};

}  // namespace

Result<std::uint64_t> tailOffset(const Fd& file, std::uint64_t lines) {
  Result<struct stat> status = statusOf(file);
  if (!status) return fail(status.error());
  auto size = static_cast<std::uint64_t>(status->st_size);
  if (lines == 0 || size == 0) return size;

  // `start` is where a line of the file begins; whether a line of the program begins there too, the line before tells.
  BackwardNewlines newlines(file, size - 1);  // the very last newline ends a line and begins none
  std::uint64_t found = 0;
  std::optional<std::uint64_t> start;
  for (;;) {
    Result<std::optional<std::uint64_t>> newline = newlines.next();
    if (!newline) return fail(newline.error());
    std::uint64_t before = *newline ? **newline + 1 : 0;
    if (start) {
      Result<bool> continued = isPartial(file, before, *start - 1);
      if (!continued) return fail(continued.error());
      if (!*continued && ++found == lines) return *start;
    }
    if (!*newline) return 0;
    start = before;
  }
}

Result<LogFile> LogFile::open(std::string directory, std::string path, std::optional<std::uint64_t> tail,
                              LogFormat format) {
  Result<Fd> file = openLog(directory, path);
  if (!file) return fail(file.error());
  LogFile log(std::move(directory), std::move(path), std::move(*file), format);
  if (tail) {
    Result<std::uint64_t> offset = tailOffset(log.file_, *tail);
    if (!offset) return fail(offset.error().within(log.path_));
    log.offset_ = *offset;
  }
  return log;
}

Result<bool> LogFile::read(std::string& out, std::string& room) {
  Result<bool> more = readOn(out, room);
  if (!more || *more) return more;
  Result<bool> changed = goToNewFile();
  if (!changed || !*changed) return changed;
  more = readOn(out, room);
  if (!more) return more;
  return true;
}

Result<bool> LogFile::readOn(std::string& out, std::string& room) {
  Result<std::size_t> n = std::size_t{0};
  room.resize_and_overwrite(kPortion, [&](char* into, std::size_t size) {
    n = readAt(file_, offset_, into, size);
    return n.value_or(0);
  });
  if (!n) return fail(n.error().within(path_));
  if (*n == 0) return false;
  offset_ += *n;
  out.reserve(out.size() + *n);
  formatter_.add(room, out);
  return true;
}

Result<bool> LogFile::goToNewFile() {
  Result<struct stat> ours = statusOf(file_);
  if (!ours) return fail(ours.error().within(path_));
  if (static_cast<std::uint64_t>(ours->st_size) < offset_) {  // somebody cut it in place
    offset_ = 0;
    formatter_.startFile();
    return true;
  }
  struct stat named{};
  // No file of that name: it is between the rename and the runtime's new file, or gone for good.
  if (::lstat(joinPath(directory_, path_).c_str(), &named) != 0) return false;
  if (named.st_ino == ours->st_ino && named.st_dev == ours->st_dev) return false;
  // The runtime makes the new file before it lets go of the old one. The first line in the new one says that it has.
  if (named.st_size == 0) return false;
  ours = statusOf(file_);
  if (!ours) return fail(ours.error().within(path_));
  if (static_cast<std::uint64_t>(ours->st_size) > offset_) return true;
  Result<Fd> next = openLog(directory_, path_);
  if (!next) return false;
  file_ = std::move(*next);
  offset_ = 0;
  formatter_.startFile();
  return true;
}

}  // namespace cubelet::logs
