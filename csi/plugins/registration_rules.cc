#include "csi/plugins/registration_rules.h"

#include <charconv>

namespace cubelet::csi {

std::optional<Version> parseVersion(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  text = text.substr(0, text.find_first_of("-+"));
  Version version;
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (error != std::errc() || *part < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return version;
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

Result<Offer> readOffer(const pluginregistration::PluginInfo& info, const std::string& socket) {
  auto refuse = [&](const std::string& why) { return fail(Code::kInvalid, "", "plugin at " + socket + ": " + why); };
  if (info.type() != "CSIPlugin") return refuse("its type is \"" + info.type() + "\", only CSIPlugin is supported");
  if (info.name().empty() || info.name().find('/') != std::string::npos || info.name().starts_with('.'))
    return refuse("\"" + info.name() + "\" is no name for a driver");
  Offer offer{socket, info.name(), info.endpoint().empty() ? socket : info.endpoint(), {}};
  if (!offer.endpoint.starts_with('/') && !offer.endpoint.starts_with("unix:"))
    return refuse("its endpoint \"" + offer.endpoint + "\" is no path of a socket");
  for (const std::string& text : info.supported_versions()) {
    const std::optional<Version> version = parseVersion(text);
    if (version && version->major == 1) offer.version = std::max(offer.version, *version);
  }
  if (offer.version.major != 1) return refuse("driver " + info.name() + " supports no version 1.x of CSI");
  return offer;
}

Result<void> mayTakeName(const Offer& held, const Offer& offered) {
  if (held.socket == offered.socket || held.version < offered.version) return {};
  return fail(Code::kAlreadyExists, "",
              "plugin at " + offered.socket + ": driver " + offered.driver + " is registered by " + held.socket +
                  " already, with no lower version");
}

}  // namespace cubelet::csi
