// What the runtime really has of one pod, as data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace cubelet::observe {

struct ObservedSandbox {
  std::string id;
  std::uint32_t attempt = 0;
  bool ready = false;
  bool hostNetwork = false;
  std::vector<std::string> ips;  // primary first; empty for host network, or while CNI still works
  WallTime createdAt;
  std::string podSource;  // kubernetes.io/config.source of its pod: file, http, api; empty when nobody has noted it
};

// Who the first process of a container is.
struct ObservedUser {
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::vector<std::int64_t> supplementalGroups;
};

enum class ContainerState { kCreated, kRunning, kExited, kUnknown };

struct ObservedContainer {
  std::string id;
  std::string name;  // io.kubernetes.container.name
  std::string sandboxId;
  std::uint32_t attempt = 0;  // restart count
  ContainerState state = ContainerState::kUnknown;
  WallTime createdAt;
  WallTime startedAt;   // epoch when never started
  WallTime finishedAt;  // epoch unless exited
  int exitCode = 0;
  std::string reason;  // Completed, Error, OOMKilled, ContainerCannotRun, StartError, ...
  std::string message;
  std::string image;     // as the runtime reports it
  std::string imageRef;  // digest form
  std::string hash;      // io.kubernetes.container.hash; empty when the annotation is missing
  std::string logPath;
  std::optional<ObservedUser> user;    // where the runtime tells, and its status was read since the start
  std::string terminationMessageFile;  // on the host, mounted at terminationMessagePath; empty: none (CFG-14)
  std::map<std::string, std::string> annotations;
};

// Everything with this pod's UID label. `generation` grows with each change, our own actions included: an answer that
// was asked for under an older generation is stale and dropped.
struct ObservedPod {
  std::string uid;
  std::string name;
  std::string ns;
  std::vector<ObservedSandbox> sandboxes;     // newest first: attempt, then creation time
  std::vector<ObservedContainer> containers;  // newest first: creation time, then attempt
  std::uint64_t generation = 0;

  // The newest instance of that container in any sandbox; null when there is none.
  const ObservedContainer* newest(const std::string& container) const {
    for (const ObservedContainer& c : containers)
      if (c.name == container) return &c;
    return nullptr;
  }
  bool empty() const { return sandboxes.empty() && containers.empty(); }
};

}  // namespace cubelet::observe
