#include "kubelet/eviction/signals.h"

#include <algorithm>
#include <array>

namespace cubelet::eviction {
namespace {

struct Row {
  Signal signal;
  std::string_view name;
  Resource resource;
  Condition condition;
};

constexpr std::array kRows = {
    Row{Signal::kMemoryAvailable, "memory.available", Resource::kMemory, Condition::kMemory},
    Row{Signal::kAllocatableMemoryAvailable, "allocatableMemory.available", Resource::kMemory, Condition::kMemory},
    Row{Signal::kNodeFsAvailable, "nodefs.available", Resource::kStorage, Condition::kDisk},
    Row{Signal::kNodeFsInodesFree, "nodefs.inodesFree", Resource::kInodes, Condition::kDisk},
    Row{Signal::kImageFsAvailable, "imagefs.available", Resource::kStorage, Condition::kDisk},
    Row{Signal::kImageFsInodesFree, "imagefs.inodesFree", Resource::kInodes, Condition::kDisk},
    Row{Signal::kContainerFsAvailable, "containerfs.available", Resource::kStorage, Condition::kDisk},
    Row{Signal::kContainerFsInodesFree, "containerfs.inodesFree", Resource::kInodes, Condition::kDisk},
    Row{Signal::kPidAvailable, "pid.available", Resource::kPids, Condition::kPid}};

const Row& rowOf(Signal signal) {
  return kRows[static_cast<std::size_t>(signal)];
}

}  // namespace

std::string_view nameOf(Signal signal) {
  return rowOf(signal).name;
}

std::optional<Signal> signalOf(std::string_view name) {
  const auto* const row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) return std::nullopt;
  return row->signal;
}

Resource resourceOf(Signal signal) {
  return rowOf(signal).resource;
}

std::string_view nameOf(Resource resource) {
  constexpr std::array<std::string_view, 4> kNames = {"memory", "ephemeral-storage", "inodes", "pids"};
  return kNames[static_cast<std::size_t>(resource)];
}

Condition conditionOf(Signal signal) {
  return rowOf(signal).condition;
}

std::vector<std::string> namesOf(const Pressure& pressure) {
  std::vector<std::string> names;
  for (const Condition condition : pressure) names.emplace_back(nameOf(condition));
  return names;
}

std::string_view nameOf(Condition condition) {
  constexpr std::array<std::string_view, 3> kNames = {"MemoryPressure", "DiskPressure", "PIDPressure"};
  return kNames[static_cast<std::size_t>(condition)];
}

}  // namespace cubelet::eviction
