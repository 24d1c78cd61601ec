// UsageFiles: the files of one cgroup that tell what it has used. UsageReader reads them.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kubelet/cgroups/cgroup_files.h"
#include "kubelet/cgroups/tree.h"
#include "kubelet/cgroups/usage.h"

namespace cubelet::cgroups {

// How much is read; each holds what those before it do.
enum class Depth {
  kUsage,     // CPU time, memory, swap
  kPressure,  // and how long tasks have waited, where the kernel tells
  kCounters,  // and all else
};

// Whether files stay open between two readings. Opening one takes the kernel five times as long as reading it again,
// and an open one costs it some 4.5 KiB.
enum class Keep { kOpen, kClosed };

// The most files of one cgroup that can be open.
inline constexpr std::size_t kUsageFiles = 14;

// Open files belong to one cgroup for good: they do not speak of another one that comes to be at the same path.
class UsageFiles {
 public:
  // `path` begins with a slash; "" is the root.
  explicit UsageFiles(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }

 private:
  friend class UsageReader;
  void close();

  std::string path_;
  std::array<std::unique_ptr<OpenFile>, kUsageFiles> open_;
  std::bitset<kUsageFiles> missing_;  // this kernel has no such file; not known of a cgroup that is not wholly there
};

struct Processes {
  std::uint64_t count = 0;
  std::uint64_t first = 0;  // its number; 0: none, or one of another PID namespace
};

// Any thread, one call at a time.
class UsageReader {
 public:
  explicit UsageReader(CgroupFiles files) : files_(std::move(files)) {}
  CgroupFiles& files() { return files_; }

  // What the machine does not count stays nothing: no part of it is an error. The memory of v2's root is not in its
  // files.
  Usage read(UsageFiles& cgroup, Depth depth, Keep keep);
  // Those in the cgroup itself. Nothing: it is not there.
  std::optional<Processes> processes(UsageFiles& cgroup, Keep keep);

 private:
  static constexpr std::size_t kTexts = 3;

  // What the file at that place of the table says; "" when it cannot be read. It is valid until the same `slot` is used
  // again.
  std::string_view text(std::size_t file, std::size_t slot = 0);
  Count number(std::size_t file) { return numberIn(text(file)); }
  Usage readOnce(UsageFiles& cgroup, Depth depth, Keep keep);
  Usage readV1(Depth depth);
  Usage readV2(Depth depth);

  CgroupFiles files_;
  std::array<std::string, kTexts> texts_;
  UsageFiles* cgroup_ = nullptr;  // that is being read
  Keep keep_ = Keep::kClosed;
  bool gone_ = false;  // an open file of it said so
};

}  // namespace cubelet::cgroups
