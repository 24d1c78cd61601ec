// Who the transport says it is: client certificates, tokens, plug-ins.
#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "kubelet/apiserver/curl_transport_test.h"

namespace cubelet::apiserver {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Then = Reply::Then;

TEST_F(CurlTransportTest, AnInlineClientCertificateIsShown) {
  serve(tls());
  const TestCertificate client = authority.issue("system:node:n1", "");
  config.clientCertificate = {"", client.certificate};
  config.clientKey = {"", client.key};
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests[0].client, "system:node:n1");
}

TEST_F(CurlTransportTest, WithoutOneNoneIsShown) {
  serve(tls());
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests[0].client, "");
}

class CurlTransportRotation : public CurlTransportTest {
 protected:
  CurlTransportRotation() {
    serve(tls(false));
    writePem("one");
    config.clientCertificate = config.clientKey = {dir / "current.pem", ""};
  }
  void writePem(const std::string& name, const std::string& file = "current.pem") {
    const TestCertificate client = authority.issue(name, "");
    write(file, client.certificate + client.key);
  }
  std::string whoAsks() {
    Result<Response> response = exchange(get());
    return response ? server->requests.back().client : response.error().message;
  }
};

TEST_F(CurlTransportRotation, AFileThatChangedCountsForTheNextRequest) {
  EXPECT_EQ(whoAsks(), "one");
  EXPECT_EQ(whoAsks(), "one");
  EXPECT_EQ(server->connections, 1);
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->answer = [](const ServedRequest&) { return Reply{}; };
  writePem("two");
  EXPECT_EQ(whoAsks(), "two");
  ASSERT_TRUE(ended(watch));
  EXPECT_EQ(watch.code(), Code::kUnavailable) << "it still spoke for the old certificate";
  EXPECT_EQ(server->connections, 3) << "one for streams, one for answers, one with the new certificate";
}

TEST_F(CurlTransportRotation, WhoeverRotatesMayCloseAndNothingIsClosedTwice) {
  EXPECT_EQ(whoAsks(), "one");
  writePem("two");
  transport().closeConnections();
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  EXPECT_EQ(server->requests.back().client, "two");
  server->answer = [](const ServedRequest&) { return Reply{}; };
  EXPECT_EQ(whoAsks(), "two");
  EXPECT_FALSE(watch.answer);
}

TEST_F(CurlTransportRotation, ThePathMayBecomeAnother) {
  EXPECT_EQ(whoAsks(), "one");
  writePem("two", "other.pem");
  transport().setClientCertificate({dir / "other.pem", ""}, {dir / "other.pem", ""});
  EXPECT_EQ(whoAsks(), "two");
}

TEST_F(CurlTransportRotation, AMissingFileIsNamedUntilItIsThere) {
  std::filesystem::remove(dir / "current.pem");
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kInvalid);
  EXPECT_THAT(response.error().message, HasSubstr("the client certificate " + (dir / "current.pem")));
  writePem("late");
  EXPECT_EQ(whoAsks(), "late");
}

TEST_F(CurlTransportRotation, AnEncryptedKeyIsRefusedWithoutAsking) {
  const TestCertificate client = authority.issue("one", "", "password");
  write("current.pem", client.certificate + client.key);
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kInvalid) << response.error().message;
}

TEST_F(CurlTransportRotation, AKeyOfAnotherCertificateIsRefused) {
  write("current.pem", authority.issue("one", "").certificate + authority.issue("two", "").key);
  EXPECT_EQ(exchange(get()).error().code, Code::kInvalid);
}

TEST_F(CurlTransportTest, ARotatedTokenCountsForTheNextRequest) {
  serve();
  write("token", "one");
  config.tokenFile = dir / "token";
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests.back().headers["authorization"], "Bearer one");
  write("token", "two");
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests.back().headers["authorization"], "Bearer two");
  EXPECT_EQ(server->connections, 1);
}

TEST_F(CurlTransportTest, CredentialsThatCannotBeHadAreAnError) {
  serve();
  config.tokenFile = dir / "none";
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kInvalid);
  EXPECT_THAT(response.error().message, AllOf(StartsWith("GET http://127.0.0.1:"), HasSubstr(dir / "none")));
}

class CurlTransportPlugin : public CurlTransportTest {
 protected:
  CurlTransportPlugin() {
    serve();
    write("plugin", "n=$(cat " + (dir / "n") +
                        "); echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                        "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t'$n'\"}}'; echo $((n+1)) > " +
                        (dir / "n"));
    write("n", "1");
    config.exec = ExecPlugin{.command = "sh",
                             .args = {dir / "plugin"},
                             .env = {},
                             .apiVersion = "client.authentication.k8s.io/v1",
                             .installHint = "",
                             .provideClusterInfo = false,
                             .clusterConfig = ""};
  }
  std::vector<std::string> tokens() {
    std::vector<std::string> tokens;
    for (ServedRequest& request : server->requests) tokens.push_back(request.headers["authorization"]);
    return tokens;
  }
};

TEST_F(CurlTransportPlugin, ARefusalIsTriedAgainWithFreshCredentials) {
  server->answer = [](const ServedRequest& request) {
    return Reply{.status = request.headers.at("authorization") == "Bearer t1" ? 401 : 200};
  };
  Result<Response> response = exchange(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(tokens(), ElementsAre("Bearer t1", "Bearer t2"));
}

TEST_F(CurlTransportPlugin, ButOnlyOnce) {
  server->answer = [](const ServedRequest&) { return Reply{.status = 401, .body = "no"}; };
  Result<Response> response = exchange(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->body, "no");
  EXPECT_THAT(tokens(), ElementsAre("Bearer t1", "Bearer t2"));
}

}  // namespace
}  // namespace cubelet::apiserver
