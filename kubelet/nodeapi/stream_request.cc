#include "kubelet/nodeapi/stream_request.h"

#include <algorithm>
#include <charconv>

namespace cubelet::nodeapi {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool wants(const web::Target& target, std::string_view name, std::string_view newName) {
  return target.get(name) == "1" || target.get(name) == "true" || target.get(newName) == "1" ||
         target.get(newName) == "true";
}

// Without the token that a WebSocket client may have put among them.
std::string protocolsOnly(std::string_view list) {
  std::string out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with("base64url.bearer.authorization.k8s.io.")) continue;
    out += (out.empty() ? "" : ", ") + std::string(one);
  }
  return out;
}

}  // namespace

Streams streamsOf(const web::Target& target) {
  return {.input = wants(target, "input", "stdin"),
          .output = wants(target, "output", "stdout"),
          .error = wants(target, "error", "stderr"),
          .tty = wants(target, "tty", "tty")};
}

bool asksForUpgrade(const web::Request& request) {
  return lower(request.header("Connection")).find("upgrade") != std::string::npos && !request.header("Upgrade").empty();
}

Result<StreamUrl> parseStreamUrl(std::string_view url) {
  const auto wrong = [url] {
    return fail(Code::kInternal, "", "the runtime's streaming URL cannot be used: " + std::string(url.substr(0, 40)));
  };
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return wrong();
  std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return wrong();
  StreamUrl out;
  out.path = std::string(rest.substr(slash));
  if (out.path.find_first_of(" \r\n") != std::string::npos) return wrong();
  std::string_view authority = rest.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  const std::string_view port = authority.substr(colon + 1);
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (failure != std::errc() || end != port.data() + port.size()) return wrong();
  std::string_view host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // "All addresses" is where it listens, not where it can be called.
  out.host = host == "localhost" || host == "0.0.0.0" || host.empty() ? "127.0.0.1"
             : host == "::"                                           ? "::1"
                                                                      : std::string(host);
  return out;
}

std::string forwardedRequest(const web::Request& request, const StreamUrl& url) {
  std::string out = request.method + " " + url.path + " HTTP/1.1\r\n";
  const bool v6 = url.host.find(':') != std::string::npos;
  out += "Host: " + (v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port) + "\r\n";
  for (const auto& [name, value] : request.headers) {
    const std::string known = lower(name);
    if (known == "host" || known == "authorization" || known == "content-length" || known == "transfer-encoding")
      continue;
    const std::string kept = known == "sec-websocket-protocol" ? protocolsOnly(value) : value;
    if (!kept.empty()) out += name + ": " + kept + "\r\n";
  }
  return out + "X-Forwarded-For: " + request.peer + "\r\n\r\n";
}

}  // namespace cubelet::nodeapi
