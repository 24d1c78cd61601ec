#include "base/disk_usage.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/tree_walk.h"

namespace cubelet {
namespace {

constexpr std::int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's own is

// linux/ioprio.h
constexpr int kWhoProcess = 1;
constexpr int kClassShift = 13;
constexpr int kIdleClass = 3;

constexpr int kLowestNice = 19;

// The calling thread's; 0 follows its niceness.
void setDiskPriority(int priority) {
  ::syscall(SYS_ioprio_set, kWhoProcess, 0, priority);
}

class Counter {
 public:
  explicit Counter(dev_t device) : device_(device) {}

  void add(const struct stat& status) {
    if (status.st_dev != device_) return;
    if (status.st_nlink > 1 && !S_ISDIR(status.st_mode) && !seen_.insert(status.st_ino).second) return;
    sum_ += {.bytes = static_cast<std::int64_t>(status.st_blocks) * kBlock, .inodes = 1};
  }
  const DiskUsage& sum() const { return sum_; }

 private:
  const dev_t device_;
  std::set<ino_t> seen_;  // of what has several names
  DiskUsage sum_;
};

}  // namespace

LowPriority::LowPriority() : thread_(static_cast<id_t>(::gettid())), before_(::getpriority(PRIO_PROCESS, thread_)) {
  ::setpriority(PRIO_PROCESS, thread_, kLowestNice);
  setDiskPriority(kIdleClass << kClassShift);
}

LowPriority::~LowPriority() {
  ::setpriority(PRIO_PROCESS, thread_, before_);
  setDiskPriority(0);
}

Result<DiskUsage> diskUsage(const std::string& path, const std::atomic<bool>& stop) {
  Fd root(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!root && errno == ENOENT) return DiskUsage();
  struct stat status = {};
  // A link, a socket or a file that may not be opened takes what it takes itself.
  const int failed = root ? ::fstat(root.get(), &status) : ::lstat(path.c_str(), &status);
  if (failed != 0) return fail(errnoError(errno, "look at " + path));
  Counter counter(status.st_dev);
  counter.add(status);
  if (!S_ISDIR(status.st_mode)) return counter.sum();
  if (!root) return fail(errnoError(EACCES, "open " + path));
  const std::function<Result<void>(const TreeEntry&)> visit = [&](const TreeEntry& entry) -> Result<void> {
    counter.add(entry.status);
    return {};
  };
  if (Result<void> walked = walkTree(root, 1, stop, visit); !walked) return fail(walked.error().within("walk " + path));
  return counter.sum();
}

}  // namespace cubelet
