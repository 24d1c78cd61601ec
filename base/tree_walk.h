// Every file below a directory, looked at by several threads.
#pragma once

#include <atomic>
#include <functional>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/result.h"

namespace cubelet {

struct TreeEntry {
  const Fd& directory;  // that it is in
  const char* name;
  const struct stat& status;  // of itself, also when it is a link
};

// Calls `visit` for everything below `root`, but not for `root` itself, in no particular order and from up to `threads`
// threads at once, the caller's among them. Links are never followed; mounts inside are. What vanishes or is replaced
// meanwhile is left out. Descriptors and stack are bounded whatever the tree's shape. The first error of `visit` ends
// the walk and is answered; kCancelled soon after `stop` has become true. Blocks.
Result<void> walkTree(const Fd& root, int threads, const std::atomic<bool>& stop,
                      const std::function<Result<void>(const TreeEntry&)>& visit);

}  // namespace cubelet
