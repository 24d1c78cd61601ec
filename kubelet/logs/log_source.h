// Which log file shows what a person asks for. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::logs {

namespace core = ::k8s::core::v1;

struct LogSource {
  std::string container;
  std::string path;      // relative to podLogsDir
  int attempt = 0;       // of the container
  bool running = false;  // that instance still runs
};

// All containers of a pod: regular ones first, then init and ephemeral ones.
std::vector<std::string> containerNames(const core::Pod& pod);
// The one that is meant when none is named: what the annotation of kubectl says, else the first.
std::string defaultContainer(const core::Pod& pod);

// The instance that runs or ran last; with `previous` the one before the current one (LOG-6). kNotFound, with the
// kubelet's messages: no such container, it still waits for its first start, there is no previous instance.
Result<LogSource> logSource(const core::Pod& pod, std::string_view container, bool previous);

// Does that instance still run, according to a later status of the pod?
bool stillRuns(const core::Pod& pod, const LogSource& source);

}  // namespace cubelet::logs
