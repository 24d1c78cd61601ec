#include "kubelet/config/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/config/configuration.h"

namespace cubelet::config {
namespace {

using testing::HasSubstr;

std::string errorOf(std::string_view field, std::string_view text) {
  KubeletConfiguration config;
  auto set = setFromText(config, field, text);
  return set ? "" : set.error().message;
}

TEST(Fields, AreFoundByTheirPath) {
  KubeletConfiguration config;
  ASSERT_NE(findField(config, "authentication.webhook.cacheTTL"), nullptr);
  EXPECT_EQ(findField(config, "authentication.webhook.cacheTTL")->name(), "cacheTTL");
  for (std::string_view none : {"", "nothing", "authentication.nothing", "port.x", "registerWithTaints.key"})
    EXPECT_EQ(findField(config, none), nullptr) << none;
}

TEST(Fields, PresenceIsToldFromZero) {
  KubeletConfiguration config;
  EXPECT_FALSE(isPresent(config, "authentication.webhook.enabled"));
  EXPECT_TRUE(isZero(config, "authentication.webhook.enabled"));
  config.mutable_authentication()->mutable_webhook()->set_enabled(false);
  EXPECT_TRUE(isPresent(config, "authentication.webhook.enabled"));
  EXPECT_TRUE(isZero(config, "authentication.webhook.enabled"));
  config.mutable_authentication()->mutable_webhook()->set_enabled(true);
  EXPECT_FALSE(isZero(config, "authentication.webhook.enabled"));
}

TEST(Fields, ZeroDurationIsZero) {
  KubeletConfiguration config;
  config.mutable_syncfrequency()->set_duration(0);
  EXPECT_TRUE(isPresent(config, "syncFrequency"));
  EXPECT_TRUE(isZero(config, "syncFrequency"));
  config.mutable_syncfrequency()->set_duration(1);
  EXPECT_FALSE(isZero(config, "syncFrequency"));
}

TEST(Fields, ListsAndMapsArePresentWhenTheyHaveElements) {
  KubeletConfiguration config;
  EXPECT_FALSE(isPresent(config, "clusterDNS"));
  EXPECT_FALSE(isPresent(config, "evictionHard"));
  config.add_clusterdns("");
  (*config.mutable_evictionhard())["a"] = "";
  EXPECT_TRUE(isPresent(config, "clusterDNS"));
  EXPECT_TRUE(isPresent(config, "evictionHard"));
}

TEST(Fields, AreSetFromText) {
  KubeletConfiguration config;
  for (auto [field, text] :
       std::initializer_list<std::pair<const char*, const char*>>{{"authentication.webhook.cacheTTL", "1m30s"},
                                                                  {"port", "+7"},
                                                                  {"podPidsLimit", "-5000000000"},
                                                                  {"logging.verbosity", "4294967295"},
                                                                  {"memoryThrottlingFactor", "0.5"},
                                                                  {"clusterDomain", ""},
                                                                  {"seccompDefault", "TRUE"},
                                                                  {"logging.options.text.infoBufferSize", "10Mi"}}) {
    auto set = setFromText(config, field, text);
    EXPECT_TRUE(set) << field << ": " << set.error().message;
  }
  EXPECT_EQ(config.authentication().webhook().cachettl().duration(), 90'000'000'000);
  EXPECT_EQ(config.port(), 7);
  EXPECT_EQ(config.podpidslimit(), -5'000'000'000);
  EXPECT_EQ(config.logging().verbosity(), 4294967295u);
  EXPECT_EQ(config.memorythrottlingfactor(), 0.5);
  EXPECT_TRUE(config.has_clusterdomain());
  EXPECT_TRUE(config.seccompdefault());
  EXPECT_EQ(config.logging().options().text().infobuffersize().string(), "10Mi");
}

TEST(Fields, TextThatDoesNotFitIsRefused) {
  EXPECT_THAT(errorOf("port", "7x"), HasSubstr("\"7x\" is not a whole number"));
  EXPECT_THAT(errorOf("port", "+-7"), HasSubstr("is not a whole number"));
  EXPECT_THAT(errorOf("port", "2147483648"), HasSubstr("from -2147483648 to 2147483647"));
  EXPECT_THAT(errorOf("logging.verbosity", "-1"), HasSubstr("from 0 to 4294967295"));
  EXPECT_THAT(errorOf("memoryThrottlingFactor", "half"), HasSubstr("\"half\" is not a number"));
  EXPECT_THAT(errorOf("seccompDefault", "yes"), HasSubstr("\"yes\" is not true or false"));
  EXPECT_THAT(errorOf("syncFrequency", "10"), HasSubstr("\"10\" is not a duration such as 10s or 1m30s"));
  EXPECT_THAT(errorOf("logging.options.text.infoBufferSize", "x"), HasSubstr("\"x\" is not a quantity"));
}

TEST(Fields, ListsAndMapsAreReplaced) {
  KubeletConfiguration config;
  setList(config, "clusterDNS", {"a", "b"});
  setList(config, "clusterDNS", {"c"});
  EXPECT_THAT(config.clusterdns(), testing::ElementsAre("c"));
  ASSERT_TRUE(setMap(config, "evictionHard", {{"a", "1"}, {"b", "2"}}));
  ASSERT_TRUE(setMap(config, "evictionHard", {{"b", "3"}}));
  EXPECT_THAT(config.evictionhard(), testing::ElementsAre(testing::Pair("b", "3")));
  EXPECT_FALSE(setMap(config, "featureGates", {{"a", "perhaps"}}));
}

}  // namespace
}  // namespace cubelet::config
