#include "kubelet/api/names.h"

#include <algorithm>
#include <arpa/inet.h>
#include <limits>

namespace cubelet::api {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxSubdomain = 253;
constexpr std::size_t kMaxPortName = 15;

bool isLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isLowerAlnum(char c) {
  return isLower(c) || isDigit(c);
}
bool isAlnum(char c) {
  return isLowerAlnum(c) || (c >= 'A' && c <= 'Z');
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

std::string tooLong(std::size_t most) {
  return "must be no more than " + std::to_string(most) + " characters";
}

bool isDnsLabel(std::string_view value) {
  return !value.empty() && isLowerAlnum(value.front()) && isLowerAlnum(value.back()) &&
         all(value, [](char c) { return isLowerAlnum(c) || c == '-'; });
}

bool isSearchLabel(std::string_view value) {
  if (value.starts_with('_')) value.remove_prefix(1);
  return !value.empty() && isLowerAlnum(value.front()) && isLowerAlnum(value.back()) &&
         all(value, [](char c) { return isLowerAlnum(c) || c == '-' || c == '_'; });
}

template <class Predicate>
bool eachLabel(std::string_view value, Predicate predicate) {
  for (;;) {
    std::size_t dot = value.find('.');
    if (!predicate(value.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    value.remove_prefix(dot + 1);
  }
}

// Letters and digits at both ends, also - _ . between.
bool isLabelText(std::string_view value) {
  return !value.empty() && isAlnum(value.front()) && isAlnum(value.back()) &&
         all(value, [](char c) { return isAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

constexpr std::string_view kLabelText =
    "must be letters, digits, '-', '_' or '.', beginning and ending with a letter or digit (e.g. 'MyName' or "
    "'my.name')";

}  // namespace

Reasons whyNotDnsLabel(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxLabel) reasons.push_back(tooLong(kMaxLabel));
  if (isDnsLabel(value)) return reasons;
  if (eachLabel(value, isDnsLabel))
    reasons.emplace_back("must not contain dots");
  else
    reasons.emplace_back(
        "must be a DNS label: lower-case letters, digits or '-', beginning and ending with a letter or digit "
        "(e.g. 'my-name' or '123-abc')");
  return reasons;
}

Reasons whyNotDnsSubdomain(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxSubdomain) reasons.push_back(tooLong(kMaxSubdomain));
  if (!eachLabel(value, isDnsLabel))
    reasons.emplace_back(
        "must be a DNS name: lower-case letters, digits, '-' or '.', each part beginning and ending with a letter or "
        "digit (e.g. 'example.com')");
  return reasons;
}

Reasons whyNotSearchDomain(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxSubdomain) reasons.push_back(tooLong(kMaxSubdomain));
  if (!eachLabel(value, isSearchLabel))
    reasons.emplace_back(
        "must be a DNS name: lower-case letters, digits, '_', '-' or '.', each part ending with a letter or digit "
        "(e.g. 'example.com')");
  return reasons;
}

Reasons whyNotLabelKey(std::string_view value) {
  Reasons reasons;
  std::size_t slash = value.find('/');
  std::string_view name = value;
  if (slash != std::string_view::npos) {
    std::string_view prefix = value.substr(0, slash);
    name = value.substr(slash + 1);
    if (name.find('/') != std::string_view::npos)
      return {"must be a name with an optional DNS prefix and one '/' (e.g. 'example.com/MyName')"};
    if (prefix.empty())
      reasons.emplace_back("prefix part must be non-empty");
    else
      for (const std::string& reason : whyNotDnsSubdomain(prefix)) reasons.push_back("prefix part " + reason);
  }
  if (name.empty())
    reasons.emplace_back("name part must be non-empty");
  else if (name.size() > kMaxLabel)
    reasons.push_back("name part " + tooLong(kMaxLabel));
  if (!name.empty() && !isLabelText(name)) reasons.push_back("name part " + std::string(kLabelText));
  return reasons;
}

Reasons whyNotLabelValue(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxLabel) reasons.push_back(tooLong(kMaxLabel));
  if (!value.empty() && !isLabelText(value)) reasons.emplace_back(kLabelText);
  return reasons;
}

Reasons whyNotPortName(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxPortName) reasons.push_back(tooLong(kMaxPortName));
  if (value.empty() || !all(value, [](char c) { return isLowerAlnum(c) || c == '-'; }))
    reasons.emplace_back("must contain only lower-case letters, digits and hyphens");
  if (std::none_of(value.begin(), value.end(), isLower)) reasons.emplace_back("must contain at least one letter (a-z)");
  if (value.find("--") != std::string_view::npos) reasons.emplace_back("must not contain consecutive hyphens");
  if (value.starts_with('-') || value.ends_with('-')) reasons.emplace_back("must not begin or end with a hyphen");
  return reasons;
}

Reasons whyNotPortNumber(std::int64_t value) {
  return whyNotBetween(value, 1, 65535);
}

Reasons whyNotEnvName(std::string_view value) {
  if (value.empty()) return {"must be non-empty"};
  if (all(value, [](char c) { return c >= 0x20 && c < 0x7f && c != '='; })) return {};
  return {"must consist of printable ASCII characters other than '='"};
}

Reasons whyNotConfigKey(std::string_view value) {
  Reasons reasons;
  if (value.size() > kMaxSubdomain) reasons.push_back(tooLong(kMaxSubdomain));
  if (value.empty() || !all(value, [](char c) { return isAlnum(c) || c == '-' || c == '_' || c == '.'; }))
    reasons.emplace_back("must consist of letters, digits, '-', '_' or '.' (e.g. 'key.name' or 'KEY_NAME')");
  if (value == "." || value == "..")
    reasons.push_back("must not be '" + std::string(value) + "'");
  else if (value.starts_with(".."))
    reasons.emplace_back("must not start with '..'");
  return reasons;
}

Reasons whyNotHeaderName(std::string_view value) {
  if (!value.empty() && all(value, [](char c) { return isAlnum(c) || c == '-'; })) return {};
  return {"must be an HTTP header name: letters, digits or '-' (e.g. 'X-Header-Name')"};
}

Reasons whyNotUserOrGroupId(std::int64_t value) {
  return whyNotBetween(value, 0, std::numeric_limits<std::int32_t>::max());
}

Reasons whyNotIp(std::string_view value) {
  std::string text(value);
  unsigned char address[sizeof(in6_addr)];
  char canonical[INET6_ADDRSTRLEN];
  for (int family : {AF_INET, AF_INET6}) {
    // inet_pton refuses leading zeros in IPv4, as upstream does.
    if (value.find('\0') != std::string_view::npos || inet_pton(family, text.c_str(), address) != 1) continue;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(reinterpret_cast<in6_addr*>(address)))
      return {"must not be an IPv4-mapped IPv6 address"};
    inet_ntop(family, address, canonical, sizeof(canonical));
    if (value == canonical) return {};
    return {"must be in canonical form (\"" + std::string(canonical) + "\")"};
  }
  return {"must be a valid IP address (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

Reasons whyNotBetween(std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return {"must be between " + std::to_string(low) + " and " + std::to_string(high) + ", inclusive"};
}

}  // namespace cubelet::api
