// Files of the machine's log directory: /logs/ (SRV-3).
#pragma once

#include <string>
#include <vector>

#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

inline constexpr char kSystemLogs[] = "/var/log";

// Serves what is below `directory` (absolute, without a slash at its end). Links within it are followed, such as those
// to logs of pods; what leads out of it is refused, and so is whatever is neither a file nor a directory. Without
// `enabled` (enableSystemLogHandler) every such request is answered that it is off.
void addSystemLogRoutes(web::Router& router, std::string directory, bool enabled);

// A directory as a page of links, sorted, one a line, as upstream shows it. Names of directories end with a slash.
std::string directoryPage(std::vector<std::string> names);

}  // namespace cubelet::nodeapi
