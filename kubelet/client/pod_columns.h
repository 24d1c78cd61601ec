// The columns that kubectl prints for a pod, computed from its status. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::client {

namespace core = ::k8s::core::v1;

struct PodColumns {
  std::string ready;     // "1/2": regular containers and sidecars
  std::string status;    // phase, or what is more telling: CrashLoopBackOff, Init:0/1, Completed, Terminating
  std::string restarts;  // "3 (12s ago)"
  std::string age;
  std::string ip;
};

PodColumns podColumns(const core::Pod& pod, WallTime now);

// The head of a table, and the line of a pod in it.
std::vector<std::string> podTableHead(bool wide);
std::vector<std::string> podRow(const core::Pod& pod, bool wide, WallTime now);

// The whole table with its head, sorted by namespace and name.
std::string podTable(std::vector<const core::Pod*> pods, bool wide, WallTime now);

}  // namespace cubelet::client
