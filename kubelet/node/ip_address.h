// IpAddress: one IPv4 or IPv6 address as a value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cubelet::node {

enum class Family { kV4, kV6 };

struct IpAddress {
  Family family = Family::kV4;
  std::array<std::uint8_t, 16> bytes{};  // in network order; of IPv4 the first four

  std::string text() const;  // as inet_ntop writes it
  bool isUnspecified() const;
  bool isLoopback() const;
  bool isMulticast() const;
  bool isLinkLocal() const;  // 169.254/16, fe80::/10
  // An address that others can reach in principle; private ones and fd00::/8 are among them.
  bool isGlobal() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// Nothing for what is no address. An IPv4 address in IPv6 clothes (::ffff:1.2.3.4) is an IPv4 address.
std::optional<IpAddress> parseIp(std::string_view text);
// From the bytes of an in_addr or in6_addr.
IpAddress makeIp(Family family, const void* raw);

}  // namespace cubelet::node
