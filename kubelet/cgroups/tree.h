// Tree: the file system that cgroups are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cubelet::cgroups {

// A file that stays open, to be read again and again. Any thread, one call at a time.
class OpenFile {
 public:
  virtual ~OpenFile() = default;
  // All that it says now, held by `buffer`, which never shrinks. Nothing: its cgroup is gone.
  virtual std::optional<std::string_view> read(std::string& buffer) = 0;
};

// Paths count from the directory that all hierarchies lie in (/sys/fs/cgroup); one at the start is no different from
// none. No path leads out of it, and none follows a link. Every call takes the time of a system call that waits for
// nothing. Any thread, one call at a time.
class Tree {
 public:
  virtual ~Tree() = default;

  virtual Result<bool> isDirectory(const std::string& path) = 0;
  // Names of the directories in a directory; links are none. kNotFound: no such directory.
  virtual Result<std::vector<std::string>> directories(const std::string& path) = 0;
  // One that exists already is no error.
  virtual Result<void> makeDirectory(const std::string& path) = 0;
  // A missing one is no error. kUnavailable: processes or other cgroups are still in it.
  virtual Result<void> removeDirectory(const std::string& path) = 0;
  virtual Result<std::string> read(const std::string& path) = 0;
  // kNotFound: no such file.
  virtual Result<std::unique_ptr<OpenFile>> open(const std::string& path) = 0;
  virtual Result<void> write(const std::string& path, const std::string& content) = 0;
  // SIGKILL; a process that is gone is no error.
  virtual Result<void> kill(int pid) = 0;
};

}  // namespace cubelet::cgroups
