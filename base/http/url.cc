#include "base/http/url.h"

#include <charconv>
#include <vector>

namespace cubelet::http {
namespace {

bool isHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool isBrokenEscape(std::string_view text, std::size_t at) {
  return at + 2 >= text.size() || !isHex(text[at + 1]) || !isHex(text[at + 2]);
}

bool hasBrokenEscape(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && isBrokenEscape(text, i)) return true;
  return false;
}

void escape(char c, std::string* out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  *out += '%';
  *out += kHex[byte >> 4];
  *out += kHex[byte & 15];
}

bool mayStand(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid, "", "URL \"" + std::string(text) + "\": " + std::string(why));
}

// "host", "host:80", "[::1]:80"; user names are dropped.
Result<Url> parseAuthority(std::string_view whole, std::string_view authority) {
  Url url;
  if (std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad(whole, "a bracket is not closed");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return bad(whole, "nothing but a port may follow the bracket");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  if (url.host.empty()) return bad(whole, "no host in it");
  if (port.empty()) return url;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return bad(whole, "the port is no number from 1 to 65535");
  return url;
}

// "/a/../b" -> "/b"; the query stays.
std::string withoutDots(std::string_view target) {
  const std::size_t query = target.find('?');
  const std::string_view path = target.substr(0, query);
  std::vector<std::string_view> parts;
  bool endsInSlash = false;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, slash - begin);
    endsInSlash = slash < path.size() || part == "." || part == "..";
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
    if (slash == path.size()) break;
    begin = slash + 1;
  }
  std::string out;
  for (std::string_view part : parts) {
    out += '/';
    out += part;
  }
  if (out.empty() || (endsInSlash && !out.ends_with('/'))) out += '/';
  if (query != std::string_view::npos) out += target.substr(query);
  return out;
}

}  // namespace

std::uint16_t portOf(const Url& url) {
  if (url.port != 0) return url.port;
  return url.scheme == "https" ? 443 : 80;
}

std::string hostAndPort(std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  std::string out = v6 ? "[" + std::string(host) + "]" : std::string(host);
  if (port != 0) out += ":" + std::to_string(port);
  return out;
}

std::string hostAndPort(const Url& url) {
  return hostAndPort(url.host, url.port);
}

std::string toText(const Url& url) {
  return url.scheme + "://" + hostAndPort(url) + url.target;
}

std::string escapeTarget(std::string_view pathAndQuery) {
  pathAndQuery = pathAndQuery.substr(0, pathAndQuery.find('#'));
  const std::size_t query = std::min(pathAndQuery.find('?'), pathAndQuery.size());
  const bool broken = hasBrokenEscape(pathAndQuery.substr(0, query));
  std::string out;
  if (!pathAndQuery.starts_with('/')) out += '/';
  for (std::size_t i = 0; i < pathAndQuery.size(); ++i) {
    const char c = pathAndQuery[i];
    const bool loosePercent = c == '%' && (i < query ? broken : isBrokenEscape(pathAndQuery, i));
    if (mayStand(c) && !loosePercent)
      out += c;
    else
      escape(c, &out);
  }
  return out;
}

Result<Url> parseUrl(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad(text, "no scheme in it");
  std::string scheme = lower(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") return bad(text, "unsupported protocol scheme \"" + scheme + "\"");
  std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  Result<Url> url = parseAuthority(text, rest.substr(0, end));
  if (!url) return url;
  url->scheme = std::move(scheme);
  url->target = escapeTarget(rest.substr(end));
  return url;
}

Result<Url> resolve(const Url& base, std::string_view reference) {
  const std::size_t colon = reference.find(':');
  const bool hasScheme = colon != std::string_view::npos && colon < reference.find_first_of("/?#");
  if (hasScheme) return parseUrl(reference);
  if (reference.starts_with("//")) return parseUrl(base.scheme + ":" + std::string(reference));
  Url url = base;
  if (reference.starts_with('/')) {
    url.target = withoutDots(escapeTarget(reference));
    return url;
  }
  const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (reference.empty() || reference.starts_with('#')) return url;
  if (reference.starts_with('?')) {
    url.target = escapeTarget(std::string(path) + std::string(reference));
    return url;
  }
  url.target = withoutDots(escapeTarget(std::string(path.substr(0, path.rfind('/') + 1)) + std::string(reference)));
  return url;
}

}  // namespace cubelet::http
