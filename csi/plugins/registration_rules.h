// What a registration means. Pure. CSI-1, surface 6.1.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/pluginregistration/registration.pb.h"

namespace cubelet::csi {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const Version&) const = default;
};
// "1.2.3", "1.2", "v1", "1.0.0-rc1"; nothing when it is no version.
std::optional<Version> parseVersion(std::string_view text);

// A plugin that has said who it is, and may be registered.
struct Offer {
  std::string socket;    // where it registers
  std::string driver;    // name
  std::string endpoint;  // socket of its CSI services
  Version version;       // the highest that it supports
  bool operator==(const Offer&) const = default;
};

// kInvalid: another type of plugin than "CSIPlugin", no name, no path as its endpoint, or no version 1.x among those it
// supports. An empty endpoint is the socket itself.
Result<Offer> readOffer(const pluginregistration::PluginInfo& info, const std::string& socket);

// Whether `offered` may have a name that `held` has. Of two sockets the one with the higher version wins, and the first
// among equals; a plugin may always register again. kAlreadyExists: refused.
Result<void> mayTakeName(const Offer& held, const Offer& offered);

}  // namespace cubelet::csi
