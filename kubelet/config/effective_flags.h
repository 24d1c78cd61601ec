// What every flag stands at, for /flagz.
#pragma once

#include <map>
#include <string>

#include "kubelet/config/load.h"

namespace cubelet::config {

// By the flag's name without dashes, in the notation of a command line; lists and maps in brackets or with commas as
// upstream prints them. Flags that set a field have the field's value, wherever it was given. What may be secret is
// masked; flags without effect are left out.
std::map<std::string, std::string> effectiveFlags(const Effective& effective);

}  // namespace cubelet::config
