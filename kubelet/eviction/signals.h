// What is measured of a node to see that it runs short of something (EVI-1). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::eviction {

// In the order in which what they stand for is reclaimed: memory comes first.
enum class Signal {
  kMemoryAvailable,
  kAllocatableMemoryAvailable,  // of what pods may use together
  kNodeFsAvailable,             // the file system of --root-dir
  kNodeFsInodesFree,
  kImageFsAvailable,
  kImageFsInodesFree,
  kContainerFsAvailable,  // of the containers' writable layers
  kContainerFsInodesFree,
  kPidAvailable,
};

std::string_view nameOf(Signal signal);  // "memory.available"
std::optional<Signal> signalOf(std::string_view name);

// What a signal is about, and what pods are compared by.
enum class Resource { kMemory, kStorage, kInodes, kPids };
Resource resourceOf(Signal signal);
std::string_view nameOf(Resource resource);  // "memory", "ephemeral-storage", "inodes", "pids"

// In bytes, inodes or processes.
struct Reading {
  std::int64_t available = 0;
  std::int64_t capacity = 0;
  friend bool operator==(const Reading&, const Reading&) = default;
};
// A signal that could not be read is missing: nothing is decided by it.
using Readings = std::map<Signal, Reading>;

// The node's condition that a signal leads to.
enum class Condition { kMemory, kDisk, kPid };
Condition conditionOf(Signal signal);
std::string_view nameOf(Condition condition);  // "MemoryPressure", "DiskPressure", "PIDPressure"
using Pressure = std::set<Condition>;
std::vector<std::string> namesOf(const Pressure& pressure);

// Which of the three file systems are one and the same.
struct FsLayout {
  bool imagesApart = false;      // images are on another one than --root-dir
  bool containersApart = false;  // writable layers are on another one than images
  friend bool operator==(const FsLayout&, const FsLayout&) = default;
};

}  // namespace cubelet::eviction
