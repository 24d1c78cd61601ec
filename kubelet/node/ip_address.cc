#include "kubelet/node/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

namespace cubelet::node {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress makeIp(Family family, const void* raw) {
  IpAddress ip;
  ip.family = family;
  std::memcpy(ip.bytes.data(), raw, family == Family::kV4 ? 4 : 16);
  if (family == Family::kV6 && std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.bytes.begin()))
    return makeIp(Family::kV4, static_cast<const std::uint8_t*>(raw) + kMappedPrefix.size());
  return ip;
}

std::optional<IpAddress> parseIp(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 16> raw{};
  if (::inet_pton(AF_INET, terminated.c_str(), raw.data()) == 1) return makeIp(Family::kV4, raw.data());
  if (::inet_pton(AF_INET6, terminated.c_str(), raw.data()) == 1) return makeIp(Family::kV6, raw.data());
  return std::nullopt;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(family == Family::kV4 ? AF_INET : AF_INET6, bytes.data(), out.data(), out.size());
  return out.data();
}

bool IpAddress::isUnspecified() const {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::isLoopback() const {
  if (family == Family::kV4) return bytes[0] == 127;
  return bytes.back() == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::isMulticast() const {
  return family == Family::kV4 ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff;
}

bool IpAddress::isLinkLocal() const {
  return family == Family::kV4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::isGlobal() const {
  const bool broadcast =
      family == Family::kV4 && std::all_of(bytes.begin(), bytes.begin() + 4, [](std::uint8_t b) { return b == 0xff; });
  return !isUnspecified() && !isLoopback() && !isMulticast() && !isLinkLocal() && !broadcast;
}

}  // namespace cubelet::node
