// URLs as an HTTP client needs them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::http {

struct Url {
  std::string scheme = "http";  // "http" or "https"
  std::string host;             // name or address, an IPv6 address without brackets
  std::uint16_t port = 0;       // 0: the scheme's own
  std::string target = "/";     // path and query as they are sent
};

// "http://[::1]:8080/x"
std::string toText(const Url& url);
// "[::1]:8080", without the port when it is 0.
std::string hostAndPort(const Url& url);
std::string hostAndPort(std::string_view host, std::uint16_t port);
std::uint16_t portOf(const Url& url);

// Path and query as a request line can carry them: a missing first slash is added, bytes that must not stand there are
// escaped, a fragment is cut off. What is escaped already stays, unless an escape in the path is broken: then its '%'
// is taken as one.
std::string escapeTarget(std::string_view pathAndQuery);

// kInvalid: no absolute http or https URL.
Result<Url> parseUrl(std::string_view text);
// Where a Location header leads to: another URL, or one relative to `base`.
Result<Url> resolve(const Url& base, std::string_view reference);

}  // namespace cubelet::http
