// What a runtime's error text adds to its status code. Pure.
#pragma once

#include "base/result.h"

namespace cubelet::cri {

// containerd answers UNKNOWN for plain Go errors; two of them ask for another reaction than kInternal does:
// kUnavailable while it loads its state after a start, kAlreadyExists when the name of a sandbox or container is taken.
Error refine(Error error);

}  // namespace cubelet::cri
