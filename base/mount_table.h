// What is mounted, as the kernel tells in /proc/self/mountinfo (proc_pid_mountinfo(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cubelet {

struct MountEntry {
  std::string device;   // "8:1"
  std::string root;     // of the mount inside its file system
  std::string target;   // where it is mounted
  std::string type;     // of the file system
  bool shared = false;  // a member of a peer group
};

// In the order in which they were mounted. Asks no file system, so that one that hangs does not matter. Takes the
// longer the more is mounted.
Result<std::vector<MountEntry>> mountTable();

// Of the text of that file; what is no line of it is left out. Pure.
std::vector<MountEntry> readMountInfo(std::string_view text);

// `path` as the table names it: without links above its last component, which is not looked at. If what is above it is
// missing, it stays as it is.
std::string asMounted(const std::string& path);

}  // namespace cubelet
