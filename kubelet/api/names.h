// The grammars of names in the Kubernetes API (k8s.io/apimachinery pkg/util/validation). Each function answers why a
// value is wrong, for FieldErrors::invalid; an empty answer means it is right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::api {

using Reasons = std::vector<std::string>;

Reasons whyNotDnsLabel(std::string_view value);      // RFC 1123, at most 63 characters
Reasons whyNotDnsSubdomain(std::string_view value);  // labels with dots, at most 253 characters
Reasons whyNotSearchDomain(std::string_view value);  // a subdomain in which _ may stand, too
Reasons whyNotLabelKey(std::string_view value);      // "example.com/name" or "name"
Reasons whyNotLabelValue(std::string_view value);    // may be empty
Reasons whyNotPortName(std::string_view value);      // IANA service name
Reasons whyNotPortNumber(std::int64_t value);
Reasons whyNotEnvName(std::string_view value);    // printable ASCII without =
Reasons whyNotConfigKey(std::string_view value);  // key of a ConfigMap or Secret
Reasons whyNotHeaderName(std::string_view value);
Reasons whyNotUserOrGroupId(std::int64_t value);
Reasons whyNotIp(std::string_view value);  // IPv4 or IPv6, canonical

// "must be between 1 and 255, inclusive" unless it is.
Reasons whyNotBetween(std::int64_t value, std::int64_t low, std::int64_t high);

}  // namespace cubelet::api
