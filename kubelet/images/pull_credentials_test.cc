#include "kubelet/images/pull_credentials.h"

#include <gtest/gtest.h>

#include "kubelet/api/base64.h"

namespace cubelet::images {
namespace {

using Names = std::vector<std::string>;

struct NameCase {
  std::string name;
  std::string image;
  std::string want;
};

class RepositoryOf : public testing::TestWithParam<NameCase> {};

TEST_P(RepositoryOf, IsTheFullName) {
  EXPECT_EQ(repositoryOf(GetParam().image), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Cases, RepositoryOf,
                         testing::Values(NameCase{"Bare", "busybox", "docker.io/library/busybox"},
                                         NameCase{"Tag", "busybox:1.36", "docker.io/library/busybox"},
                                         NameCase{"User", "team/app", "docker.io/team/app"},
                                         NameCase{"Hub", "docker.io/busybox", "docker.io/library/busybox"},
                                         NameCase{"OldHub", "index.docker.io/team/app:2", "docker.io/team/app"},
                                         NameCase{"Port", "reg:5000/a/b", "reg:5000/a/b"},
                                         NameCase{"PortAndTag", "reg:5000/a/b:2", "reg:5000/a/b"},
                                         NameCase{"Digest", "reg.test/a@sha256:01", "reg.test/a"},
                                         NameCase{"TagAndDigest", "reg.test/a:1@sha256:01", "reg.test/a"},
                                         NameCase{"Localhost", "localhost/a", "localhost/a"},
                                         NameCase{"Empty", "", "docker.io/library/"}),
                         [](const auto& test) { return test.param.name; });

struct MatchCase {
  std::string name;
  std::string key;
  std::string repository;
  bool want;
};

class KeyMatches : public testing::TestWithParam<MatchCase> {};

TEST_P(KeyMatches, Answers) {
  EXPECT_EQ(keyMatches(GetParam().key, GetParam().repository), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Cases, KeyMatches,
                         testing::Values(MatchCase{"Host", "reg.test", "reg.test/a/b", true},
                                         MatchCase{"OtherHost", "reg.test", "other.test/a", false},
                                         MatchCase{"Port", "reg.test:5000", "reg.test:5000/a", true},
                                         MatchCase{"PortMissing", "reg.test", "reg.test:5000/a", false},
                                         MatchCase{"PortExtra", "reg.test:5000", "reg.test/a", false},
                                         MatchCase{"Glob", "*.reg.test", "eu.reg.test/a", true},
                                         MatchCase{"GlobIsOneLabel", "*.reg.test", "a.eu.reg.test/a", false},
                                         MatchCase{"GlobIsALabelAtLeast", "*.reg.test", "reg.test/a", false},
                                         MatchCase{"PartOfALabel", "eu-*.reg.test", "eu-2.reg.test/a", true},
                                         MatchCase{"SeveralGlobs", "*.*.test", "a.reg.test/x", true},
                                         MatchCase{"NoGlobInPorts", "reg.test:*", "reg.test:5000/a", false},
                                         MatchCase{"Path", "reg.test/team", "reg.test/team/app", true},
                                         MatchCase{"PathIsAPrefixOfText", "reg.test/te", "reg.test/team/app", true},
                                         MatchCase{"OtherPath", "reg.test/other", "reg.test/team/app", false},
                                         MatchCase{"LongerPath", "reg.test/team/app/x", "reg.test/team/app", false},
                                         MatchCase{"V6", "[fd00::1]:5000", "[fd00::1]:5000/a", true},
                                         MatchCase{"V6WithoutPort", "[fd00::1]", "[fd00::1]/a", true},
                                         MatchCase{"V6Other", "[fd00::1]", "[fd00::2]/a", false}),
                         [](const auto& test) { return test.param.name; });

core::Secret configJson(const std::string& content) {
  core::Secret secret;
  secret.set_type("kubernetes.io/dockerconfigjson");
  (*secret.mutable_data())[".dockerconfigjson"] = content;
  return secret;
}

core::Secret oldConfig(const std::string& content) {
  core::Secret secret;
  secret.set_type("kubernetes.io/dockercfg");
  (*secret.mutable_data())[".dockercfg"] = content;
  return secret;
}

// {"auths":{KEY:{"username":USER,"password":"p"}, ...}}
core::Secret users(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string content;
  for (const auto& [key, user] : entries)
    content += (content.empty() ? "" : ",") + ("\"" + key + "\":{\"username\":\"" + user + "\",\"password\":\"p\"}");
  return configJson("{\"auths\":{" + content + "}}");
}

struct CFG_22_Keyring : testing::Test {
  Names found(const std::string& image) {
    Names out;
    for (const Login& login : keyring.find(image)) out.push_back(login.username + ":" + login.password);
    return out;
  }
  Keyring keyring;
};

TEST_F(CFG_22_Keyring, BothFormatsAreRead) {
  ASSERT_TRUE(keyring.add(users({{"new.test", "n"}})));
  ASSERT_TRUE(keyring.add(oldConfig(R"({"old.test":{"username":"o","password":"q","email":"x@y"}})")));
  EXPECT_EQ(found("new.test/a"), Names{"n:p"});
  EXPECT_EQ(found("old.test/a"), Names{"o:q"});
  EXPECT_EQ(found("else.test/a"), Names{});
}

TEST_F(CFG_22_Keyring, TheAuthFieldWins) {
  const std::string auth = api::encodeBase64("user:pass:word");
  std::string bare = api::encodeBase64("ab:c");
  while (bare.ends_with('=')) bare.pop_back();
  ASSERT_TRUE(keyring.add(configJson(R"({"auths":{"a.test":{"username":"x","password":"y","auth":")" + auth +
                                     R"("},"b.test":{"auth":")" + bare + R"("}},"credsStore":"desktop"})")));
  EXPECT_EQ(found("a.test/i"), Names{"user:pass:word"});
  EXPECT_EQ(found("b.test/i"), Names{"ab:c"}) << "padding may be missing";
}

TEST_F(CFG_22_Keyring, SchemesAndVersionsDoNotCount) {
  ASSERT_TRUE(keyring.add(users({{"https://a.test/v1/", "a"}, {"http://b.test/v2/team", "b"}, {"c.test/", "c"}})));
  EXPECT_EQ(found("a.test/i"), Names{"a:p"});
  EXPECT_EQ(found("b.test/team/i"), Names{"b:p"});
  EXPECT_EQ(found("b.test/other/i"), Names{});
  EXPECT_EQ(found("c.test/i"), Names{"c:p"});
}

TEST_F(CFG_22_Keyring, MoreSpecificKeysComeFirst) {
  ASSERT_TRUE(keyring.add(users({{"reg.test", "host"}, {"reg.test/team", "team"}, {"*.test", "glob"}})));
  EXPECT_EQ(found("reg.test/team/app"), (Names{"team:p", "host:p", "glob:p"}));
}

TEST_F(CFG_22_Keyring, SeveralSecretsForOneRegistryKeepTheirOrder) {
  ASSERT_TRUE(keyring.add(users({{"reg.test", "first"}})));
  ASSERT_TRUE(keyring.add(users({{"reg.test", "second"}})));
  ASSERT_TRUE(keyring.add(users({{"https://reg.test/v2/", "first"}})));
  EXPECT_EQ(found("reg.test/app"), (Names{"first:p", "second:p"}));
}

TEST_F(CFG_22_Keyring, DockerHubHasManyNames) {
  ASSERT_TRUE(keyring.add(users({{"https://index.docker.io/v1/", "hub"}})));
  for (const char* image : {"busybox", "team/app:1", "docker.io/busybox", "index.docker.io/team/app"})
    EXPECT_EQ(found(image), Names{"hub:p"}) << image;
  EXPECT_EQ(found("reg.test/app"), Names{});
  ASSERT_TRUE(keyring.add(users({{"docker.io/team", "team"}})));
  EXPECT_EQ(found("team/app"), Names{"team:p"}) << "one that fits better leaves the default out";
  EXPECT_EQ(found("busybox"), Names{"hub:p"});
}

TEST_F(CFG_22_Keyring, OtherSecretsAddNothing) {
  core::Secret opaque = users({{"reg.test", "u"}});
  opaque.set_type("Opaque");
  EXPECT_TRUE(keyring.add(opaque));
  EXPECT_TRUE(keyring.add(configJson("")));
  EXPECT_TRUE(keyring.add(configJson("{}")));
  EXPECT_TRUE(keyring.add(configJson(R"({"auths":null})")));
  EXPECT_EQ(found("reg.test/a"), Names{});
}

TEST_F(CFG_22_Keyring, BrokenOnesAreRefusedWithoutAWordOfTheirContent) {
  for (const std::string& content :
       Names{"hunter2", "{\"auths\":{\"reg.test\":{\"password\":\"hunter2\"", "[\"hunter2\"]", "auths: hunter2",
             R"({"auths":["hunter2"]})", R"({"auths":{"reg.test":"hunter2"}})",
             R"({"auths":{"ok.test":{"username":"u","password":"hunter2"},"reg.test":{"auth":"hunter2!"}}})",
             R"({"auths":{"reg.test":{"auth":")" + api::encodeBase64("hunter2") + R"("}}})"}) {
    Result<void> added = keyring.add(configJson(content));
    ASSERT_FALSE(added) << content;
    EXPECT_EQ(added.error().code, Code::kInvalid);
    EXPECT_EQ(added.error().message.find("hunter2"), std::string::npos) << added.error().message;
  }
  EXPECT_EQ(found("ok.test/a"), Names{}) << "nothing of a broken secret is used";
}

}  // namespace
}  // namespace cubelet::images
