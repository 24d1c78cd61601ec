#include "kubelet/logs/rotated_files.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

#include "base/fd.h"
#include "base/files.h"
#include "kubelet/logs/rotation.h"

namespace cubelet::logs {
namespace {

constexpr std::size_t kBlock = std::size_t{128} * 1024;

struct Place {
  std::string directory;
  std::string log;
};

Place split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<std::size_t> readSome(const Fd& file, std::vector<unsigned char>& buffer, const std::string& name) {
  ssize_t n;
  do {
    n = ::read(file.get(), buffer.data(), buffer.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail(errnoError(errno, "read " + name));
  return static_cast<std::size_t>(n);
}

Result<void> writeAll(const Fd& file, const unsigned char* data, std::size_t size, const std::string& name) {
  while (size > 0) {
    const ssize_t n = ::write(file.get(), data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "write " + name));
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

// A deflate stream with gzip's header and trailer.
class Gzip {
 public:
  // The fastest level: log lines shrink to a tenth with any, and the processor belongs to the pods.
  Gzip() { ready_ = ::deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip() {
    if (ready_) ::deflateEnd(&stream_);
  }
  bool ready() const { return ready_; }

  Result<void> add(std::vector<unsigned char>& input, std::size_t size, bool last, const Fd& out,
                   const std::string& name) {
    stream_.next_in = input.data();
    stream_.avail_in = static_cast<uInt>(size);
    do {
      stream_.next_out = output_.data();
      stream_.avail_out = static_cast<uInt>(output_.size());
      if (::deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
        return fail(Code::kInternal, "", "compress into " + name + ": zlib refuses its own state");
      const std::size_t made = output_.size() - stream_.avail_out;
      if (Result<void> written = writeAll(out, output_.data(), made, name); !written) return written;
    } while (stream_.avail_out == 0);
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  std::vector<unsigned char> output_ = std::vector<unsigned char>(kBlock);
};

Result<void> compressInto(const Fd& in, const Fd& out, const std::string& source, const std::string& target) {
  Gzip gzip;
  if (!gzip.ready()) return fail(Code::kExhausted, "", "compress " + source + ": no memory");
  std::vector<unsigned char> buffer(kBlock);
  for (;;) {
    Result<std::size_t> n = readSome(in, buffer, source);
    if (!n) return fail(n.error());
    if (Result<void> added = gzip.add(buffer, *n, *n == 0, out, target); !added) return added;
    if (*n == 0) return {};
  }
}

// The temporary name is one that planTidying() removes after a crash.
Result<void> compressOne(const std::string& plain) {
  const std::string temporary = plain + kTemporarySuffix;
  if (Result<void> written = gzipFile(plain, temporary); !written) return written;
  // Removed meanwhile as one too many: what was made of it is not wanted either.
  if (::access(plain.c_str(), F_OK) != 0) return removeFile(temporary);
  if (::rename(temporary.c_str(), (plain + kCompressedSuffix).c_str()) != 0) {
    Error error = errnoError(errno, "rename " + temporary);
    static_cast<void>(removeFile(temporary));
    return fail(std::move(error));
  }
  return removeFile(plain);
}

}  // namespace

Result<std::string> takeAside(const std::string& path, WallTime now) {
  const Place place = split(path);
  Result<std::vector<std::string>> names = listDirectory(place.directory);
  if (!names) return fail(names.error());
  std::string rotated = joinPath(place.directory, rotatedName(place.log, *names, now));
  if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, rotated.c_str(), RENAME_NOREPLACE) != 0)
    return fail(errnoError(errno, "rename " + path));
  return rotated;
}

Result<void> putBack(const std::string& rotated, const std::string& path) {
  if (::renameat2(AT_FDCWD, rotated.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return {};
  return fail(errnoError(errno, "rename " + rotated + " back"));
}

Result<bool> removeExcess(const std::string& path, std::size_t maxFiles) {
  const Place place = split(path);
  Result<std::vector<std::string>> names = listDirectory(place.directory);
  if (!names) return fail(names.error());
  const Tidying tidying = planTidying(place.log, *names, maxFiles);
  for (const std::string& name : tidying.remove)
    if (Result<void> removed = removeFile(joinPath(place.directory, name)); !removed) return fail(removed.error());
  return !tidying.compress.empty();
}

Result<void> compressRotated(const std::string& path, std::size_t maxFiles) {
  const Place place = split(path);
  Result<std::vector<std::string>> names = listDirectory(place.directory);
  if (!names) return fail(names.error());
  for (const std::string& name : planTidying(place.log, *names, maxFiles).compress) {
    Result<void> compressed = compressOne(joinPath(place.directory, name));
    if (!compressed && compressed.error().code != Code::kNotFound) return compressed;
  }
  return {};
}

Result<void> removeLog(const std::string& path) {
  const Place place = split(path);
  Result<std::vector<std::string>> names = listDirectory(place.directory);
  if (!names && names.error().code == Code::kNotFound) return {};
  if (!names) return fail(names.error());
  std::optional<Error> first;
  for (const std::string& name : filesOf(place.log, *names)) {
    Result<void> removed = removeFile(joinPath(place.directory, name));
    if (!removed && !first) first = removed.error();
  }
  if (first) return fail(std::move(*first));
  return {};
}

Result<void> gzipFile(const std::string& source, const std::string& target) {
  const Fd in(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) return fail(errnoError(errno, "open " + source));
  struct stat status{};
  if (::fstat(in.get(), &status) != 0) return fail(errnoError(errno, "read " + source));
  if (!S_ISREG(status.st_mode)) return fail(Code::kInvalid, "", "compress " + source + ": it is no regular file");
  const Fd out(::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) return fail(errnoError(errno, "make " + target));
  Result<void> done = compressInto(in, out, source, target);
  if (done && ::fchmod(out.get(), status.st_mode & 07777) != 0)
    done = fail(errnoError(errno, "set the mode of " + target));
  if (!done) static_cast<void>(removeFile(target));
  return done;
}

}  // namespace cubelet::logs
