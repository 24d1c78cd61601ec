#include "kubelet/client/forwarded_port.h"

#include <charconv>

namespace cubelet::client {
namespace {

// 0: it is none.
std::uint16_t portOf(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() ? port : 0;
}

}  // namespace

Result<ForwardedPort> parseForwardedPort(std::string_view word) {
  const std::size_t colon = word.find(':');
  const std::string_view there = colon == std::string_view::npos ? word : word.substr(colon + 1);
  const std::string_view here = word.substr(0, colon);
  const ForwardedPort port{.here = portOf(here), .there = portOf(there)};
  if (port.there == 0 || (port.here == 0 && !here.empty()))
    return fail(Code::kInvalid, "", "'" + std::string(word) + "' is no port: write 80, 8080:80 or :80");
  return port;
}

}  // namespace cubelet::client
