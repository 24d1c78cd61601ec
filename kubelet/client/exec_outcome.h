// How a command in a container ended, as the runtime tells it on the error stream. Pure.
#pragma once

#include <string_view>

#include "base/result.h"

namespace cubelet::client {

// `status`: a Status object of the API (v4.channel.k8s.io). kUnavailable: empty, the connection broke before the end.
// kInternal: the command could not be run.
Result<int> exitCodeIn(std::string_view status);

}  // namespace cubelet::client
