// Safe file-system helpers. All of them block for the time of a local system call; what may hang (network mounts, deep
// trees) goes through BlockingPool.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace cubelet {

// Opens `path` below `dir` with openat2: neither "..", nor an absolute link, nor a magic link leads out of `dir`
// (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS). With `followLinks` false no component may be a symbolic link
// (RESOLVE_NO_SYMLINKS). O_CLOEXEC is added. kInvalid: the path leads out, or a link is in the way.
Result<Fd> openBeneath(const Fd& dir, std::string_view path, int flags, mode_t mode = 0, bool followLinks = true);

// Opens a directory for use as an anchor of the *Beneath calls.
Result<Fd> openDirectory(const std::string& path);

// The whole regular file. kExhausted when it holds more than maxBytes. Never blocks on a FIFO or device: those are
// kInvalid.
Result<std::string> readFile(const std::string& path, std::size_t maxBytes);
// The same for an open descriptor (read from its start).
Result<std::string> readAll(const Fd& file, std::string_view name, std::size_t maxBytes);

enum class Flush { kYes, kNo };

// Temporary file beside `path`, fsync, rename, fsync of the directory: after a crash the file holds either the old or
// the new content. The mode is set exactly, whatever the umask. Flush::kNo leaves both fsyncs out: that holds for a
// crash of the process, not of the machine, and is for what the reader checks and can do without.
Result<void> writeFileAtomic(const std::string& path, std::string_view content, mode_t mode, Flush flush = Flush::kYes);

// mkdir -p; directories that it makes get exactly `mode`, those that exist stay as they are.
Result<void> makeDirectories(const std::string& path, mode_t mode);

// Removes the tree below and including `path`. Follows no link and never goes into another file system: a mount point
// inside is an error (kInvalid) and what lies in it stays. kNotFound is no error.
Result<void> removeTree(const std::string& path);

// unlink; a missing file is no error.
Result<void> removeFile(const std::string& path);

// Names in a directory, sorted, without "." and "..".
Result<std::vector<std::string>> listDirectory(const std::string& path);
// The same for an open directory, which keeps its position.
Result<std::vector<std::string>> listDirectory(const Fd& dir, const std::string& path);
// The same, of directories alone; links are none.
Result<std::vector<std::string>> listSubdirectories(const Fd& dir, const std::string& path);

// "a" + "b" -> "a/b"; exactly one slash between.
std::string joinPath(std::string_view left, std::string_view right);

}  // namespace cubelet
