// Checkpoints of containers, apart from RuntimeService: only the node's server asks for them (KEP-2008).
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::cri {

class Checkpointer {
 public:
  virtual ~Checkpointer() = default;
  // Writes the state of the running container, which runs on, to the archive `location`, an absolute path. `timeout` in
  // whole seconds; zero: the runtime's own. The deadline is the usual one, or `timeout` where that is longer.
  // kUnimplemented: runtimes such as containerd before 2.0.
  virtual Task<Result<void>> checkpointContainer(std::string id, std::string location, Duration timeout) = 0;
};

}  // namespace cubelet::cri
