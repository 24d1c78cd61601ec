// Credentials that the node has: credential providers and docker's configuration. Behaviour CFG-22.
#include "kubelet/images/node_credentials.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_dir.h"

namespace cubelet::images {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct CFG_22_NodeCredentials : testing::Test {
  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(dir / name).parent_path());
    std::ofstream(dir / name) << text;
  }
  // A program that notes what it was told, in `name`.asked, and prints `answer`.
  void program(const std::string& name, const std::string& answer, int exitCode = 0) {
    write("bin/" + name, "#!/bin/sh\ncat >> " + (dir / (name + ".asked")) + "\ncat <<'END'\n" + answer +
                             "\nEND\nexit " + std::to_string(exitCode) + "\n");
    fs::permissions(dir / ("bin/" + name), fs::perms(0755));
  }
  static std::string answer(const std::string& keyType, const std::string& duration, const std::string& key,
                            const std::string& user) {
    const std::string hold = duration.empty() ? "" : R"("cacheDuration":")" + duration + R"(",)";
    return R"({"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)" + hold +
           R"("cacheKeyType":")" + keyType + R"(","auth":{")" + key + R"(":{"username":")" + user +
           R"(","password":"hidden"}}})";
  }
  static std::string config(const std::vector<std::string>& names, const std::string& more = "") {
    std::string text = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n";
    for (const std::string& name : names)
      text += "- name: " + name +
              "\n  matchImages: ['*.registry.test', 'plain.test:5000/team']\n  defaultCacheDuration: 10s\n"
              "  apiVersion: credentialprovider.kubelet.k8s.io/v1\n" +
              more;
    return text;
  }
  void start(const std::vector<std::string>& names, const std::string& more = "") {
    write("providers.yaml", config(names, more));
    auto read = readCredentialProviders(dir / "providers.yaml", dir / "bin");
    ASSERT_TRUE(read) << read.error().message;
    credentials.emplace(loop, clock, std::move(*read), dockerConfigPaths(dir / "root", dir / "work", dir / "home"));
  }
  void startWithout() {
    credentials.emplace(loop, clock, std::vector<CredentialProvider>(),
                        dockerConfigPaths(dir / "root", dir / "work", dir / "home"));
  }
  std::vector<std::string> users(const std::string& image) {
    std::vector<std::string> out;
    for (const Login& login : loop.runToEnd(credentials->find(image, pod))) out.push_back(login.username);
    return out;
  }
  std::string asked(const std::string& name) {
    std::ifstream in(dir / (name + ".asked"));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  int timesAsked(const std::string& name) {
    const std::string text = asked(name);
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }
  std::string refused(const std::string& text) {
    write("providers.yaml", text);
    auto read = readCredentialProviders(dir / "providers.yaml", dir / "bin");
    return read ? "" : read.error().message;
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  std::optional<NodeCredentials> credentials;
  core::Pod pod;
};

TEST_F(CFG_22_NodeCredentials, AProviderIsAskedForImagesThatItIsFor) {
  program("ecr", answer("Image", "", "*.registry.test", "robot"));
  start({"ecr"});
  EXPECT_THAT(users("eu.registry.test/team/web:1"), ElementsAre("robot"));
  EXPECT_EQ(asked("ecr"), R"({"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest",)"
                          R"("image":"eu.registry.test/team/web"})"
                          "\n");
  EXPECT_THAT(users("other.test/web:1"), IsEmpty());
  EXPECT_EQ(timesAsked("ecr"), 1);
}

TEST_F(CFG_22_NodeCredentials, ItsAnswerIsKeptAsLongAsItSays) {
  program("ecr", answer("Image", "1m", "*.registry.test", "robot"));
  start({"ecr"});
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
  clock.advance(seconds(59));
  EXPECT_THAT(users("eu.registry.test/web:2"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 1);
  EXPECT_THAT(users("eu.registry.test/other:1"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 2) << "kept by image";
  clock.advance(seconds(1));
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 3);
}

TEST_F(CFG_22_NodeCredentials, ItMayBeKeptForARegistryOrForAll) {
  program("ecr", answer("Registry", "1m", "eu.registry.test", "robot"));
  start({"ecr"});
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
  EXPECT_THAT(users("eu.registry.test/other:1"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 1);
  (void)users("us.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 2);

  program("all", answer("Global", "1m", "*.registry.test", "one"));
  start({"all"});
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("one"));
  EXPECT_THAT(users("us.registry.test/web:1"), ElementsAre("one"));
  EXPECT_EQ(timesAsked("all"), 1);
}

TEST_F(CFG_22_NodeCredentials, WithoutADurationTheDefaultHoldsAndZeroIsNotKept) {
  program("ecr", answer("Image", "", "*.registry.test", "robot"));
  start({"ecr"});
  (void)users("eu.registry.test/web:1");
  clock.advance(seconds(9));
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 1);
  clock.advance(seconds(1));
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 2);

  program("never", answer("Image", "0s", "*.registry.test", "robot"));
  start({"never"});
  (void)users("eu.registry.test/web:1");
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("never"), 2);
}

TEST_F(CFG_22_NodeCredentials, WhatFailsIsLeftOut) {
  program("fails", answer("Image", "", "*.registry.test", "no"), 1);
  program("nonsense", "hello");
  program("old", R"({"kind":"CredentialProviderResponse","apiVersion":"v0"})");
  program("good", answer("Image", "", "*.registry.test", "robot"));
  start({"fails", "nonsense", "old", "good"});
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
}

TEST_F(CFG_22_NodeCredentials, ArgumentsAndEnvironmentAreThoseOfTheConfiguration) {
  write("bin/args", "#!/bin/sh\necho \"$1 $2 $REGION\" > " + (dir / "args.asked") + "\n");
  fs::permissions(dir / "bin/args", fs::perms(0755));
  start({"args"}, "  args: [get, '--v=2']\n  env:\n  - {name: REGION, value: eu}\n");
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(asked("args"), "get --v=2 eu\n");
}

TEST_F(CFG_22_NodeCredentials, TheDockerConfigurationComesAfterTheProviders) {
  program("ecr", answer("Image", "", "*.registry.test", "robot"));
  write("root/config.json", R"({"auths":{"eu.registry.test":{"username":"node","password":"hidden"}}})");
  start({"ecr"});
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot", "node"));
}

TEST_F(CFG_22_NodeCredentials, TheFirstDockerConfigurationThatMakesSenseCounts) {
  write("root/config.json", "{broken");
  write("home/.docker/config.json", R"({"auths":{"reg.test":{"auth":"bWU6aGlkZGVu"}}})");
  write("home/.dockercfg", R"({"reg.test":{"username":"old","password":"hidden"}})");
  startWithout();
  EXPECT_THAT(users("reg.test/web:1"), ElementsAre("me"));
}

TEST_F(CFG_22_NodeCredentials, TheOldFormIsTheLastResortAndFilesAreReadAgainAfterFiveMinutes) {
  write("home/.dockercfg", R"({"reg.test":{"username":"old","password":"hidden"}})");
  startWithout();
  EXPECT_THAT(users("reg.test/web:1"), ElementsAre("old"));
  write("work/config.json", R"({"auths":{"reg.test":{"username":"new","password":"hidden"}}})");
  clock.advance(seconds(299));
  EXPECT_THAT(users("reg.test/web:1"), ElementsAre("old"));
  clock.advance(seconds(1));
  EXPECT_THAT(users("reg.test/web:1"), ElementsAre("new"));
}

TEST_F(CFG_22_NodeCredentials, ADirectoryHoldsSeveralConfigurations) {
  program("a", answer("Image", "", "*.registry.test", "a"));
  program("b", answer("Image", "", "*.registry.test", "b"));
  write("conf.d/20.yaml", config({"b"}));
  write("conf.d/10.yaml", config({"a"}));
  write("conf.d/readme.txt", "no");
  auto read = readCredentialProviders(dir / "conf.d", dir / "bin");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].name, "a");
  write("conf.d/30.yaml", config({"a"}));
  EXPECT_THAT(readCredentialProviders(dir / "conf.d", dir / "bin").error().message,
              HasSubstr("provider \"a\" is there twice"));
}

struct FakeAccounts final : Accounts {
  std::map<std::string, Account> accounts;
  int tokens = 0;

  Task<Result<Account>> account(std::string ns, std::string name) override {
    const auto found = accounts.find(ns + "/" + name);
    if (found == accounts.end()) co_return fail(Code::kNotFound, "", "not found");
    co_return found->second;
  }
  Task<Result<std::string>> token(core::Pod pod, std::string audience) override {
    ++tokens;
    co_return "token of " + pod.metadata().name() + " for " + audience;
  }
};

struct CFG_22_ProvidersWithTokens : CFG_22_NodeCredentials {
  CFG_22_ProvidersWithTokens() {
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("shop");
    (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
    pod.mutable_spec()->set_serviceaccountname("buyer");
    accounts.accounts["shop/buyer"] = {.uid = "u1", .annotations = {{"test/role", "r1"}, {"test/more", "m"}}};
    accounts.accounts["shop/seller"] = {.uid = "u2", .annotations = {{"test/role", "r2"}}};
  }
  void startWith(const std::string& attributes) {
    program("ecr", answer("Registry", "1m", "*.registry.test", "robot"));
    start({"ecr"}, "  tokenAttributes: {serviceAccountTokenAudience: aud, " + attributes + "}\n");
    credentials->useAccounts(&accounts);
  }
  FakeAccounts accounts;
};

TEST_F(CFG_22_ProvidersWithTokens, AreShownTheAccountOfThePod) {
  startWith(
      "cacheType: ServiceAccount, requireServiceAccount: true, requiredServiceAccountAnnotationKeys: "
      "[test/role], optionalServiceAccountAnnotationKeys: [test/none]");
  const std::vector<Login> logins = loop.runToEnd(credentials->find("eu.registry.test/web:1", pod));
  ASSERT_EQ(logins.size(), 1u);
  EXPECT_EQ(asked("ecr"), R"({"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest",)"
                          R"("image":"eu.registry.test/web","serviceAccountToken":"token of web for aud",)"
                          R"("serviceAccountAnnotations":{"test/role":"r1"}})"
                          "\n");
  ASSERT_TRUE(logins[0].secret) << "it is not every pod's";
  EXPECT_TRUE(logins[0].secret->ofAccount);
  EXPECT_EQ(logins[0].secret->ns + "/" + logins[0].secret->name + "/" + logins[0].secret->uid, "shop/buyer/u1");
  EXPECT_EQ(loop.runToEnd(credentials->findByAccount("eu.registry.test/web:1", pod)).size(), 1u);
}

TEST_F(CFG_22_ProvidersWithTokens, AnswersAreKeptForAnAccount) {
  startWith("cacheType: ServiceAccount, requireServiceAccount: true");
  (void)users("eu.registry.test/web:1");
  pod.mutable_metadata()->set_name("other");
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 1);
  pod.mutable_spec()->set_serviceaccountname("seller");
  EXPECT_THAT(users("eu.registry.test/web:1"), ElementsAre("robot"));
  EXPECT_EQ(timesAsked("ecr"), 2);
  accounts.accounts["shop/seller"].uid = "u3";
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 3) << "an account that was made anew is another one";
}

TEST_F(CFG_22_ProvidersWithTokens, OrForOneToken) {
  startWith("cacheType: Token, requireServiceAccount: true");
  (void)users("eu.registry.test/web:1");
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 1);
  pod.mutable_metadata()->set_name("other");
  (void)users("eu.registry.test/web:1");
  EXPECT_EQ(timesAsked("ecr"), 2);
}

TEST_F(CFG_22_ProvidersWithTokens, AreNotAskedWithoutWhatTheyNeed) {
  startWith(
      "cacheType: ServiceAccount, requireServiceAccount: true, requiredServiceAccountAnnotationKeys: [test/more]");
  pod.mutable_spec()->set_serviceaccountname("seller");
  EXPECT_THAT(users("eu.registry.test/web:1"), IsEmpty()) << "it has no such annotation";
  pod.mutable_spec()->set_serviceaccountname("gone");
  EXPECT_THAT(users("eu.registry.test/web:1"), IsEmpty());
  pod.mutable_spec()->clear_serviceaccountname();
  EXPECT_THAT(users("eu.registry.test/web:1"), IsEmpty());
  EXPECT_EQ(accounts.tokens, 0);
  EXPECT_EQ(timesAsked("ecr"), 0);
}

TEST_F(CFG_22_ProvidersWithTokens, PodsWithoutAnAccountAreForThoseThatDoNotNeedOne) {
  startWith("cacheType: ServiceAccount, requireServiceAccount: false");
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  const std::vector<Login> logins = loop.runToEnd(credentials->find("eu.registry.test/web:1", pod));
  ASSERT_EQ(logins.size(), 1u);
  EXPECT_FALSE(logins[0].secret);
  EXPECT_EQ(accounts.tokens, 0);
  EXPECT_EQ(asked("ecr"), R"({"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest",)"
                          R"("image":"eu.registry.test/web"})"
                          "\n");
  EXPECT_TRUE(loop.runToEnd(credentials->findByAccount("eu.registry.test/web:1", pod)).empty());
}

TEST_F(CFG_22_NodeCredentials, MistakesOfTheConfigurationAreNamed) {
  program("ecr", "");
  EXPECT_THAT(refused(config({"gone"})), HasSubstr("bin/gone, which is not there or cannot be executed"));
  EXPECT_THAT(refused(config({"../ecr"})), HasSubstr("providers[0].name: \"../ecr\" must be the name of a program"));
  const std::string tokens = refused(config({"ecr"},
                                            "  tokenAttributes: {requiredServiceAccountAnnotationKeys: [a, "
                                            "a, '/']}\n"));
  for (const char* why :
       {"serviceAccountTokenAudience: is required", "cacheType: must be ServiceAccount or Token",
        "requireServiceAccount: is required",
        "requiredServiceAccountAnnotationKeys: must be empty unless requireServiceAccount is true",
        "requiredServiceAccountAnnotationKeys: \"a\" is there twice", "requiredServiceAccountAnnotationKeys: \"/\": "})
    EXPECT_THAT(tokens, HasSubstr(std::string("providers[0].tokenAttributes.") + why));
  EXPECT_THAT(readCredentialProviders(dir / "providers.yaml", dir / "bin", false).error().message,
              HasSubstr("tokenAttributes: needs the feature gate KubeletServiceAccountTokenForCredentialProviders"));
  EXPECT_THAT(refused(config({"ecr"}, "  typo: 1\n")), HasSubstr("providers[0].typo: unknown field"));
  const std::string empty =
      refused("apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders: [{apiVersion: v0}]\n");
  for (const char* field : {".name: is required", ".apiVersion: must be", ".matchImages: at least one",
                            ".defaultCacheDuration: is required"})
    EXPECT_THAT(empty, HasSubstr(std::string("providers[0]") + field));
  EXPECT_THAT(refused("kind: Pod\napiVersion: v1\n"), HasSubstr("kind: must be CredentialProviderConfig"));
  EXPECT_THAT(refused(""), HasSubstr("must hold one CredentialProviderConfig"));
}

}  // namespace
}  // namespace cubelet::images
