// The notations of flag values that are more than a scalar.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kubelet/config/configuration.h"

namespace cubelet::config {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// "a,b" with spaces kept; "" is the empty list. An element may stand in double quotes, then it may have commas.
Result<std::vector<std::string>> parseList(std::string_view text);

// "a=1,b=2" with `separator` for "="; spaces around keys and values are dropped, empty elements skipped. kInvalid: an
// element without separator, unless `bareKeys`: then its value is "".
Result<Pairs> parsePairs(std::string_view text, char separator, bool bareKeys = false);

// "key=value:Effect,key:Effect" appended to `taints`. kInvalid: an effect that does not exist, a bad key or value, the
// same key and effect twice.
Result<void> parseTaints(std::string_view text, std::vector<::kubelet::config::v1beta1::Taint>& taints);

// "0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=1Gi" appended.
Result<void> parseReservedMemory(std::string_view text,
                                 std::vector<::kubelet::config::v1beta1::MemoryReservation>& reservations);

// "pattern=N,pattern=N" appended.
Result<void> parseVModule(std::string_view text, std::vector<::kubelet::config::v1beta1::VModuleItem>& items);

bool isIp(std::string_view text);

bool isQualifiedName(std::string_view text);  // key of a label or taint
bool isLabelValue(std::string_view text);
bool isTaintEffect(std::string_view text);
// "memory" or "hugepages-<size>".
bool isMemoryResource(std::string_view text);

}  // namespace cubelet::config
