// What a file or a directory tree takes on its disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace cubelet {

struct DiskUsage {
  std::int64_t bytes = 0;  // as the disk has them, not as the files' lengths say
  std::int64_t inodes = 0;

  DiskUsage& operator+=(const DiskUsage& other) {
    bytes += other.bytes;
    inodes += other.inodes;
    return *this;
  }
  friend bool operator==(const DiskUsage&, const DiskUsage&) = default;
};

// Everything below and including `path`, a file or a directory. Blocks that several names lead to count once; what is
// mounted inside does not count; links are not followed. What is not there takes nothing. kCancelled soon after `stop`
// has become true. Blocks.
Result<DiskUsage> diskUsage(const std::string& path, const std::atomic<bool>& stop);

// While it lives, the calling thread does without the processor and the disk as long as others want them. Without the
// right to that it is only less polite.
class LowPriority {
 public:
  LowPriority();
  ~LowPriority();
  LowPriority(const LowPriority&) = delete;
  LowPriority& operator=(const LowPriority&) = delete;

 private:
  const id_t thread_;
  const int before_;  // its niceness
};

}  // namespace cubelet
