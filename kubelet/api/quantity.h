// Resource quantities (k8s.io/apimachinery resource.Quantity): "250m", "64Mi", "1e3", "2.5Gi".
//
// Amounts are exact down to a billionth, finer ones are rounded up, away from zero. Amounts above 1e29 are cut there,
// those with a binary suffix at 2^63-1 as upstream does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::api {

// The amount in whole units, rounded up; saturates at the ends of int64. kInvalid: not a quantity.
Result<std::int64_t> quantityValue(std::string_view text);
// The amount in thousandths, rounded up (milliCPU).
Result<std::int64_t> quantityMilliValue(std::string_view text);
// -1, 0, 1. Invalid quantities compare as zero: validate first.
int compareQuantities(std::string_view left, std::string_view right);
// The sum in the notation of `left`, or of `right` when left is zero. Invalid ones count as zero.
std::string addQuantities(std::string_view left, std::string_view right);

// The spelling the API server stores: "0.5" becomes "500m", "2048Ki" becomes "2Mi". kInvalid: not a quantity.
Result<std::string> canonicalQuantity(std::string_view text);
// The same, rounded up to thousandths first, as in lists of limits and requests.
Result<std::string> canonicalResourceQuantity(std::string_view text);

}  // namespace cubelet::api
