// The files of one log on disk: taken aside, compressed, removed. Blocking; compressing belongs on a BlockingPool
// thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::logs {

inline constexpr char kCompressedSuffix[] = ".gz";
inline constexpr char kTemporarySuffix[] = ".tmp";

// Renames the log at `path` to the name that rotatedName() gives, and answers the new path. The runtime writes on into
// it until it is told to reopen its log.
Result<std::string> takeAside(const std::string& path, WallTime now);
// Undoes takeAside(), unless the runtime has made a new log meanwhile.
Result<void> putBack(const std::string& rotated, const std::string& path);

// Removes what planTidying() names for the log at `path`. Answers whether there is anything to compress.
Result<bool> removeExcess(const std::string& path, std::size_t maxFiles);
// Compresses what planTidying() names, one file after the other; the plain file goes when the compressed one is
// complete. After an error (no space left on the device) the plain file stays as it is.
Result<void> compressRotated(const std::string& path, std::size_t maxFiles);

// Removes the log at `path` with all its rotated files. Missing ones are no error.
Result<void> removeLog(const std::string& path);

// Writes `source`, gzip-compressed and with the mode of `source`, to `target`, which is replaced.
Result<void> gzipFile(const std::string& source, const std::string& target);

}  // namespace cubelet::logs
