#include "csi/plugins/registration_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::csi {
namespace {

using testing::HasSubstr;

TEST(Versions, AreReadAsPluginsWriteThem) {
  EXPECT_EQ(parseVersion("1.2.3"), (Version{1, 2, 3}));
  EXPECT_EQ(parseVersion("v1"), (Version{1, 0, 0}));
  EXPECT_EQ(parseVersion("1.9"), (Version{1, 9, 0}));
  EXPECT_EQ(parseVersion("1.0.0-rc1"), (Version{1, 0, 0}));
  for (const char* text : {"", "v", "one", "1.", "1..2", "1.2.3.4", "-1", "1.x"})
    EXPECT_FALSE(parseVersion(text)) << text;
}

pluginregistration::PluginInfo info(const std::string& name, std::vector<std::string> versions,
                                    const std::string& endpoint = "") {
  pluginregistration::PluginInfo info;
  info.set_type("CSIPlugin");
  info.set_name(name);
  info.set_endpoint(endpoint);
  for (std::string& version : versions) info.add_supported_versions(std::move(version));
  return info;
}

TEST(Offers, CSI_1_HaveTheirOwnSocketAsEndpointByDefaultAndTheirHighestVersion) {
  EXPECT_EQ(readOffer(info("a.csi", {"0.3", "1.0.0", "1.2.0", "2.0.0"}), "/r/a.sock").value(),
            (Offer{"/r/a.sock", "a.csi", "/r/a.sock", {1, 2, 0}}));
  EXPECT_EQ(readOffer(info("a.csi", {"1.0.0"}, "/p/csi.sock"), "/r/a.sock").value().endpoint, "/p/csi.sock");
}

TEST(Offers, CSI_1_OfOthersAreRefused) {
  pluginregistration::PluginInfo device = info("a", {"1.0.0"});
  device.set_type("DevicePlugin");
  EXPECT_THAT(readOffer(device, "/r/a.sock").error().message, HasSubstr("DevicePlugin"));
  EXPECT_THAT(readOffer(info("", {"1.0.0"}), "/r/a.sock").error().message, HasSubstr("no name"));
  EXPECT_FALSE(readOffer(info("../a", {"1.0.0"}), "/r/a.sock"));
  EXPECT_THAT(readOffer(info("a", {"0.3.0"}), "/r/a.sock").error().message, HasSubstr("no version 1.x"));
  EXPECT_FALSE(readOffer(info("a", {}), "/r/a.sock"));
  EXPECT_FALSE(readOffer(info("a", {"1.0.0"}, "csi.sock"), "/r/a.sock"));
}

TEST(Names, CSI_1_GoToTheHigherVersionAndElseStay) {
  const Offer held{"/r/a.sock", "a", "/r/a.sock", {1, 1, 0}};
  Offer other = held;
  other.socket = "/r/b.sock";
  EXPECT_TRUE(mayTakeName(held, held));
  EXPECT_EQ(mayTakeName(held, other).error().code, Code::kAlreadyExists);
  other.version = {1, 2, 0};
  EXPECT_TRUE(mayTakeName(held, other));
  other.version = {1, 0, 0};
  EXPECT_FALSE(mayTakeName(held, other));
}

}  // namespace
}  // namespace cubelet::csi
