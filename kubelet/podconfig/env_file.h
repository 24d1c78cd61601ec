// Files of environment variables, which fileKeyRef reads (CFG-10). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::podconfig {

// The value of the first `key` in a file of lines KEY='value'. What stands between the quotes is taken as it is, line
// ends included; comments begin with #, at the start of a line or after a value. Nothing: no such key. kInvalid for a
// file that breaks these rules before the key comes; the message names the line and quotes nothing. As strict as
// upstream pkg/kubelet/util/env (KEP-3721).
Result<std::optional<std::string>> envFileValue(std::string_view text, std::string_view key);

}  // namespace cubelet::podconfig
