// Whom the transport trusts: the server's certificate and its authority.
#include <gmock/gmock.h>

#include "kubelet/apiserver/curl_transport_test.h"

namespace cubelet::apiserver {
namespace {

using testing::HasSubstr;
using Then = Reply::Then;

TEST_F(CurlTransportTest, TheAuthorityMayBeAFileThatIsReadForEachConnection) {
  TestCertificateAuthority other;
  serve(tls());
  write("ca.crt", other.certificate());
  config.certificateAuthority = {dir / "ca.crt", ""};
  Result<Response> refused = exchange(get());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message,
              HasSubstr("the server's certificate is not trusted (certificate authority " + (dir / "ca.crt") + ")"));
  write("ca.crt", authority.certificate());
  EXPECT_TRUE(exchange(get()));
}

TEST_F(CurlTransportTest, AnotherAuthorityOfTheSameNameIsNotTrusted) {
  using Keys = TestCertificateAuthority::Keys;
  for (const Keys signedWith : {Keys::kEcdsa, Keys::kRsa}) {
    TestCertificateAuthority signer(signedWith);
    for (const Keys trusted : {Keys::kEcdsa, Keys::kRsa}) {
      const TestCertificate made = signer.issue("server", "IP:127.0.0.1");
      TestWebServer other(loop, TestWebServer::Tls{.certificate = made.certificate, .key = made.key});
      config.server = {true, "127.0.0.1", other.port(), ""};
      config.certificateAuthority = {"", TestCertificateAuthority(trusted).certificate()};
      CurlTransport strict(loop, clock, config, options);
      Result<Response> response = loop.runToEnd(strict.send(get()));
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().code, Code::kInvalid);
      EXPECT_THAT(response.error().message, HasSubstr("not trusted (certificate authority in node.conf)"));
      EXPECT_TRUE(other.requests.empty());
    }
  }
}

TEST_F(CurlTransportTest, WithoutAnAuthorityTheSystemsCount) {
  serve(tls());
  config.certificateAuthority = {};
  EXPECT_EQ(exchange(get()).error().code, Code::kInvalid);
}

TEST_F(CurlTransportTest, AMissingAuthorityFileIsNamed) {
  serve(tls());
  config.certificateAuthority = {dir / "none", ""};
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kInvalid);
  EXPECT_THAT(response.error().message, HasSubstr(dir / "none"));
}

TEST_F(CurlTransportTest, JunkIsNoAuthority) {
  serve(tls());
  config.certificateAuthority = {"", "junk"};
  EXPECT_EQ(exchange(get()).error().code, Code::kInvalid);
}

TEST_F(CurlTransportTest, TheNameMustBeRight) {
  serve();
  const TestCertificate wrong = authority.issue("server", "DNS:elsewhere.example,IP:10.0.0.1");
  server->use({.certificate = wrong.certificate, .key = wrong.key, .clientAuthority = ""});
  config.server.tls = true;
  config.certificateAuthority = {"", authority.certificate()};
  EXPECT_EQ(exchange(get()).error().code, Code::kInvalid);
}

TEST_F(CurlTransportTest, TlsServerNameIsCheckedInstead) {
  serve();
  const TestCertificate named = authority.issue("server", "DNS:api.example");
  server->use({.certificate = named.certificate, .key = named.key, .clientAuthority = ""});
  config.server.tls = true;
  config.certificateAuthority = {"", authority.certificate()};
  config.tlsServerName = "api.example";
  Result<Response> response = exchange(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(server->lastServerName, "api.example");
  EXPECT_EQ(server->requests[0].headers["host"], "127.0.0.1:" + std::to_string(server->port()));
}

TEST_F(CurlTransportTest, AWrongTlsServerNameIsRefused) {
  serve(tls());
  config.tlsServerName = "other.example";
  EXPECT_EQ(exchange(get()).error().code, Code::kInvalid);
}

TEST_F(CurlTransportTest, InsecureTrustsAnybody) {
  serve(tls());
  config.certificateAuthority = {};
  config.insecureSkipTlsVerify = true;
  EXPECT_TRUE(exchange(get()));
}

TEST_F(CurlTransportTest, AServerWithoutTlsIsUnavailable) {
  serve();
  config.server.tls = true;
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kCut}; };
  Call& call = send(get());
  ASSERT_TRUE(until([&] { return server->connections == 1; }));
  server->closeConnections();
  ASSERT_TRUE(ended(call));
  EXPECT_EQ(call.code(), Code::kUnavailable);
}

}  // namespace
}  // namespace cubelet::apiserver
