// Programs that mount things, for Sources::runProgram.
#pragma once

#include "base/clock.h"
#include "base/loop.h"
#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

// Runs them for two minutes at most. An error tells the program's exit code and what it wrote to stderr; kNotFound:
// there is no such program. Both must outlive the answer.
RunProgram programRunner(Loop& loop, Clock& clock);

}  // namespace cubelet::volumes
