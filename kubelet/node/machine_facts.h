// MachineFacts: what this machine is, as the Node shows it (NOD-7, NOD-8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cubelet::node {

struct MachineFacts {
  std::int64_t cpus = 0;         // online ones
  std::int64_t memoryBytes = 0;  // what the kernel has to give
  std::int64_t swapBytes = 0;
  std::map<std::int64_t, std::int64_t> hugePages;  // how many pages are set aside, by their size in bytes
  std::optional<std::int64_t> storageBytes;        // size of the file system that holds --root-dir

  std::string machineId;
  std::string systemUuid;
  std::string bootId;
  std::string kernelVersion;
  std::string osImage;          // "Debian GNU/Linux 12 (bookworm)"
  std::string operatingSystem;  // "linux"
  std::string architecture;     // Go's name: "amd64"

  friend bool operator==(const MachineFacts&, const MachineFacts&) = default;
};

// Reads /proc, /sys and /etc below `root` ("" on a real machine) and measures the file system of `dataDirectory`. What
// cannot be read stays zero, empty or nothing: a node without it is not ready, and its condition says so. Blocks as
// long as local files do, a statvfs of `dataDirectory` included.
MachineFacts readMachineFacts(const std::string& root, const std::string& dataDirectory);

// "0-3,8" -> 5; 0 for what is no list of the kernel's.
std::int64_t countCpuList(std::string_view text);
// PRETTY_NAME of an os-release file, without quotes; empty when it has none.
std::string prettyName(std::string_view osRelease);
// Go's name for what uname calls the machine: "x86_64" -> "amd64". Unknown ones stay as they are.
std::string goArchitecture(std::string_view machine);

}  // namespace cubelet::node
