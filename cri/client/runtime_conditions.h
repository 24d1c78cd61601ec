// The conditions in a runtime's answer to Status. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/cri/api.pb.h"

namespace cubelet::cri {

// What speaks against a condition (RuntimeReady, NetworkReady), as upstream prints it: "NetworkReady=false reason:...
// message:..."; "<nil>" when the runtime does not name it; empty when it holds.
std::string problemOf(const ::runtime::v1::RuntimeStatus& status, std::string_view type);

}  // namespace cubelet::cri
