// Values as what is written to files of cgroup v1 and v2. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kubelet/cgroups/values.h"

namespace cubelet::cgroups {

struct FileValue {
  std::string controller;  // without it on this machine there is no such file
  std::string file;
  std::string content;

  friend bool operator==(const FileValue&, const FileValue&) = default;
};

// In the order in which the kernel takes them.
std::vector<FileValue> filesV1(const Values& values);
std::vector<FileValue> filesV2(const Values& values);

// A page size as the kernel's files and CRI spell it: 2097152 -> "2MB", 1073741824 -> "1GB", 65536 -> "64KB".
std::string pageSizeText(std::int64_t bytes);

}  // namespace cubelet::cgroups
