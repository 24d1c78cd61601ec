#include "kubelet/apiserver/credentials.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr char kV1[] = "client.authentication.k8s.io/v1";

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() { config.source = "node.conf"; }

  Credentials make() { return Credentials(loop, clock, config); }
  Result<Credential> ask(Credentials& credentials) { return loop.runToEnd(credentials.current()); }
  std::string authorization(Credentials& credentials) {
    Result<Credential> credential = ask(credentials);
    return credential ? credential->authorization : "error: " + credential.error().message;
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(writeFileAtomic(dir / name, text, 0600, Flush::kNo));
  }

  // A plug-in that notes each run and then does what `script` says.
  void usePlugin(const std::string& script) {
    config.exec = ExecPlugin{.command = "sh",
                             .args = {"-c", "echo run >> " + (dir / "runs") + "; " + script},
                             .env = {},
                             .apiVersion = kV1,
                             .installHint = "",
                             .provideClusterInfo = false,
                             .clusterConfig = ""};
  }
  static std::string prints(const std::string& status) {
    return "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"" + std::string(kV1) + "\", \"status\": " + status +
           "}'";
  }
  // The file holds the status that the plug-in answers.
  std::string printsFile(const std::string& name) const {
    return "printf '{\"kind\": \"ExecCredential\", \"apiVersion\": \"" + std::string(kV1) +
           "\", \"status\": %s}' \"$(cat " + (dir / name) + ")\"";
  }
  std::size_t runs() const {
    Result<std::string> text = readFile(dir / "runs", 10'000);
    return text ? text->size() / 4 : 0;
  }

  static Task<void> keep(Credentials* credentials, std::vector<Result<Credential>>* answers) {
    Result<Credential> answer = co_await credentials->current();
    answers->push_back(std::move(answer));
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  ClientConfig config;
};

TEST_F(CredentialsTest, WithoutAnyThereIsNoHeader) {
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "");
}

TEST_F(CredentialsTest, ATokenIsABearer) {
  config.token = "abc";
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "Bearer abc");
  EXPECT_FALSE(credentials.refused(*ask(credentials)));
}

TEST_F(CredentialsTest, NameAndPasswordAreBasic) {
  config.username = "aladdin";
  config.password = "opensesame";
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "Basic YWxhZGRpbjpvcGVuc2VzYW1l");
}

TEST_F(CredentialsTest, TheClientCertificateIsPassedOnAndMayBeReplaced) {
  config.clientCertificate = {"/a.pem", ""};
  config.clientKey = {"/a.key", ""};
  Credentials credentials = make();
  EXPECT_EQ(ask(credentials)->certificate.file, "/a.pem");
  credentials.setClientCertificate({"/b.pem", ""}, {"/b.pem", ""});
  EXPECT_EQ(ask(credentials)->certificate.file, "/b.pem");
  EXPECT_EQ(ask(credentials)->key.file, "/b.pem");
}

TEST_F(CredentialsTest, ATokenFileIsReadEachTime) {
  config.token = "old";
  config.tokenFile = dir / "token";
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "Bearer old") << "as long as there is no file";
  write("token", "one\n");
  EXPECT_EQ(authorization(credentials), "Bearer one");
  write("token", "two\n");
  EXPECT_EQ(authorization(credentials), "Bearer two");
  write("token", "");
  EXPECT_EQ(authorization(credentials), "Bearer two") << "an empty file is one that is being written";
  write("token", "three\r\nX: y");
  EXPECT_EQ(authorization(credentials), "Bearer two") << "not into a header";
  std::filesystem::remove(dir / "token");
  EXPECT_EQ(authorization(credentials), "Bearer two");
}

TEST_F(CredentialsTest, ATokenFileThatNeverHeldOneIsNamed) {
  config.tokenFile = dir / "token";
  Credentials credentials = make();
  Result<Credential> credential = ask(credentials);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, Code::kInvalid);
  EXPECT_THAT(credential.error().message, HasSubstr(dir / "token"));
  EXPECT_THAT(credential.error().message, HasSubstr("node.conf"));
}

TEST_F(CredentialsTest, APluginRunsOnceForAllUntilTheServerRefuses) {
  usePlugin(printsFile("status"));
  write("status", R"({"token": "one"})");
  Credentials credentials = make();
  std::vector<Result<Credential>> answers;
  TaskGroup group(loop);
  for (int i = 0; i < 20; ++i) group.spawn("ask", keep(&credentials, &answers));
  loop.runToEnd(group.join());
  ASSERT_EQ(answers.size(), 20U);
  for (const Result<Credential>& answer : answers) EXPECT_EQ(answer->authorization, "Bearer one");
  EXPECT_EQ(authorization(credentials), "Bearer one");
  EXPECT_EQ(runs(), 1U);

  write("status", R"({"token": "two"})");
  EXPECT_TRUE(credentials.refused(*answers[0]));
  EXPECT_EQ(authorization(credentials), "Bearer two");
  EXPECT_TRUE(credentials.refused(*answers[1])) << "worth another try, with what is there already";
  EXPECT_EQ(authorization(credentials), "Bearer two");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(CredentialsTest, APluginRunsAgainShortlyBeforeItsCredentialsExpire) {
  usePlugin(printsFile("status"));
  // The manual clock begins at 2027-01-15T08:00:00Z.
  write("status", R"({"token": "one", "expirationTimestamp": "2027-01-15T08:01:00Z"})");
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "Bearer one");
  write("status", R"({"token": "two"})");
  clock.advance(seconds(49));
  EXPECT_EQ(authorization(credentials), "Bearer one");
  clock.advance(seconds(1));
  EXPECT_EQ(authorization(credentials), "Bearer two");
  clock.advance(std::chrono::hours(1000));
  EXPECT_EQ(authorization(credentials), "Bearer two") << "no end given";
  EXPECT_EQ(runs(), 2U);
}

TEST_F(CredentialsTest, APluginMayGiveACertificate) {
  config.clientCertificate = {"/a.pem", ""};
  config.clientKey = {"/a.key", ""};
  usePlugin(prints(R"({"clientCertificateData": "CERT", "clientKeyData": "KEY"})"));
  Credentials credentials = make();
  Result<Credential> credential = ask(credentials);
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->certificate, (Pem{"", "CERT"}));
  EXPECT_EQ(credential->key, (Pem{"", "KEY"}));
  EXPECT_EQ(credential->authorization, "");
}

TEST_F(CredentialsTest, APluginIsToldAboutTheCluster) {
  write("ca", "CA");
  config.server = {true, "api.example", 6443, ""};
  config.certificateAuthority = {dir / "ca", ""};
  config.tlsServerName = "api";
  usePlugin("printf %s \"$KUBERNETES_EXEC_INFO\" > " + (dir / "info") + "; " + prints(R"({"token": "t"})"));
  config.exec->env = {{"EXTRA", "1"}};
  Credentials plain = make();
  EXPECT_EQ(authorization(plain), "Bearer t");
  EXPECT_EQ(*readFile(dir / "info", 10'000),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}})");
  config.exec->provideClusterInfo = true;
  config.exec->clusterConfig = R"({"audience":"x"})";
  Credentials told = make();
  EXPECT_EQ(authorization(told), "Bearer t");
  EXPECT_EQ(*readFile(dir / "info", 10'000),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":)"
            R"({"server":"https://api.example:6443","tls-server-name":"api","certificate-authority-data":"Q0E=",)"
            R"("config":{"audience":"x"}},"interactive":false}})");
}

TEST_F(CredentialsTest, ATokenInTheFileNeedsNoPlugin) {
  usePlugin(prints(R"({"token": "t"})"));
  config.token = "static";
  Credentials credentials = make();
  EXPECT_EQ(authorization(credentials), "Bearer static");
  EXPECT_EQ(runs(), 0U);
}

TEST_F(CredentialsTest, WhatWaitsForAFailingPluginSharesItsFailure) {
  usePlugin("exit 1");
  Credentials credentials = make();
  std::vector<Result<Credential>> answers;
  TaskGroup group(loop);
  for (int i = 0; i < 20; ++i) group.spawn("ask", keep(&credentials, &answers));
  loop.runToEnd(group.join());
  ASSERT_EQ(answers.size(), 20U);
  for (const Result<Credential>& answer : answers) EXPECT_FALSE(answer);
  EXPECT_EQ(runs(), 1U);
  EXPECT_FALSE(ask(credentials));
  EXPECT_EQ(runs(), 2U) << "who comes later tries again";
}

TEST_F(CredentialsTest, AMissingPluginIsNamedWithTheHint) {
  config.exec = ExecPlugin{.command = "no-such-plugin",
                           .args = {},
                           .env = {},
                           .apiVersion = kV1,
                           .installHint = "install it with apt",
                           .provideClusterInfo = false,
                           .clusterConfig = ""};
  Credentials credentials = make();
  Result<Credential> credential = ask(credentials);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, Code::kInvalid);
  EXPECT_EQ(credential.error().message,
            "credential plug-in no-such-plugin (named by node.conf): there is no such program; install it with apt");
}

struct BadPlugin {
  std::string name;
  std::string script;
  Code code;
  std::string says;
};

class CredentialsOfABadPlugin : public CredentialsTest, public testing::WithParamInterface<BadPlugin> {};

TEST_P(CredentialsOfABadPlugin, AreAnError) {
  usePlugin(GetParam().script);
  Credentials credentials = make();
  Result<Credential> credential = ask(credentials);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, GetParam().code);
  EXPECT_THAT(credential.error().message, HasSubstr(GetParam().says));
  EXPECT_THAT(credential.error().message, HasSubstr("credential plug-in sh (named by node.conf)"));
  EXPECT_THAT(credential.error().message, testing::Not(HasSubstr("hush")));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CredentialsOfABadPlugin,
    testing::Values(
        BadPlugin{"Fails", "echo no network >&2; exit 7", Code::kUnavailable, "ended with exit code 7: no network"},
        BadPlugin{"Dies", "kill -9 $$", Code::kUnavailable, "was killed by signal 9"},
        BadPlugin{"PrintsNothing", "true", Code::kInvalid, "nothing"},
        BadPlugin{"PrintsJunk", "echo '}{'", Code::kInvalid, "no usable ExecCredential"},
        BadPlugin{"OtherKind", "echo '{\"kind\": \"Pod\", \"token\": \"hush\"}'", Code::kInvalid, "kind is \"Pod\""},
        BadPlugin{"OtherVersion",
                  "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1beta1\", "
                  "\"status\": {\"token\": \"hush\"}}'",
                  Code::kInvalid, "apiVersion is \"client.authentication.k8s.io/v1beta1\""},
        BadPlugin{"NoStatus",
                  "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\"}'",
                  Code::kInvalid, "neither token nor certificate"},
        BadPlugin{"CertificateWithoutKey",
                  "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", "
                  "\"status\": {\"token\": \"hush\", \"clientCertificateData\": \"x\"}}'",
                  Code::kInvalid, "come together"},
        BadPlugin{"TokenOfTwoLines",
                  "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", "
                  "\"status\": {\"token\": \"hu\\u000ash\"}}'",
                  Code::kInvalid, "control characters"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::apiserver
