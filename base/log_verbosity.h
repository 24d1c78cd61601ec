// How much the log tells, changed while the process runs.
#pragma once

namespace cubelet::log {

// As Options::verbosity. From any thread.
void setVerbosity(int verbosity);

}  // namespace cubelet::log
