#include "kubelet/nodeapi/node_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/access/test_clients.h"
#include "kubelet/certificates/certificate_store.h"
#include "kubelet/nodeapi/fake_node_view.h"
#include "kubelet/web/test_client.h"

namespace cubelet::nodeapi {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A port that nobody else uses at the moment.
std::uint16_t freePort() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

class NodeServerTest : public testing::Test {
 protected:
  void start() {
    ASSERT_TRUE(writeFileAtomic(dir / "ca.crt", authority.pem(), 0644));
    auto pair = apiserver::loadOrMakeServingPair(dir / "pki", {"n1", {}, {"n1"}, {}}, clock.wallNow());
    ASSERT_TRUE(pair) << pair.error().message;
    ASSERT_TRUE(certificate.use(*pair));
    options.address = "127.0.0.1";
    options.healthzAddress = "127.0.0.1";
    options.port = freePort();
    options.readOnlyPort = freePort();
    options.healthzPort = freePort();
    server = std::make_unique<NodeServer>(loop, clock, options, view, guard, certificate);
    server->start();
    ASSERT_TRUE(loop.runUntil(
        [&] { return server->port() != 0 && server->healthzPort() != 0 && server->readOnlyPort() != 0; }, seconds(10)));
  }
  ~NodeServerTest() override {
    if (server) loop.runToEnd(server->close());
  }

  // Status and body.
  std::string answer(web::TestClient& client, const std::string& target, const std::string& method = "GET") {
    client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string got = client.readToEnd();
    if (got.size() < 13) return got;
    return got.substr(9, 3) + " " + got.substr(got.find("\r\n\r\n") + 4);
  }
  std::string plain(std::uint16_t port, const std::string& target) {
    web::TestClient client(loop, port);
    return answer(client, target);
  }
  std::string https(const std::string& target, const std::string& method = "GET", bool known = true) {
    web::TestClient client(loop, server->port());
    const WallTime now = clock.wallNow();
    const auto own = authority.issue({"alice", {"system:masters"}}, now - hours(1), now + hours(1));
    EXPECT_TRUE(known ? client.startTls(own.certificate, own.key) : client.startTls());
    return answer(client, target, method);
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  access::TestAuthority authority;
  FakeNodeView view;
  access::Authenticator authenticator{
      clock, {.clientCaFile = dir / "ca.crt", .webhook = true, .cacheTtl = seconds(1), .anonymous = false}, [] {
        return nullptr;
      }};
  access::Authorizer authorizer{
      clock, {.mode = access::Authorizer::Mode::kMastersOnly, .nodeName = "n1"}, [] { return nullptr; }};
  access::Guard guard{authenticator, authorizer};
  ServingCertificate certificate{{}};
  NodeServerOptions options;
  std::unique_ptr<NodeServer> server;
};

TEST_F(NodeServerTest, SRV_1_TheHealthPortServesHealthOnly) {
  start();
  EXPECT_EQ(plain(server->healthzPort(), "/healthz"), "200 ok");
  EXPECT_EQ(plain(server->healthzPort(), "/healthz/ping"), "200 ok");
  EXPECT_THAT(plain(server->healthzPort(), "/pods"), StartsWith("404 "));
}

TEST_F(NodeServerTest, SRV_2_HealthTellsItsParts) {
  start();
  EXPECT_EQ(https("/healthz?verbose"), "200 [+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n");
  view.problem = "stuck";
  EXPECT_EQ(https("/healthz"),
            "500 [+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n");
  EXPECT_EQ(https("/healthz/syncloop"), "500 internal server error: stuck\n");
  EXPECT_EQ(https("/healthz?exclude=syncloop"), "200 ok");
  EXPECT_THAT(https("/healthz/nothing"), StartsWith("404 "));
}

TEST_F(NodeServerTest, SRV_2_HowHealthChecksEndedIsTold) {
  start();
  EXPECT_EQ(plain(server->readOnlyPort(), "/metrics/slis"), "200 ");
  EXPECT_EQ(plain(server->healthzPort(), "/healthz"), "200 ok");
  view.problem = "stuck";
  EXPECT_THAT(https("/healthz"), StartsWith("500 "));
  EXPECT_THAT(https("/healthz?exclude=syncloop"), StartsWith("200 "));
  EXPECT_THAT(https("/metrics/slis"),
              AllOf(HasSubstr("kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n"),
                    HasSubstr("kubernetes_healthcheck{name=\"syncloop\",type=\"healthz\"} 0\n"),
                    HasSubstr("kubernetes_healthchecks_total{name=\"ping\",status=\"success\",type=\"healthz\"} 3\n"),
                    HasSubstr("kubernetes_healthchecks_total{name=\"syncloop\",status=\"error\",type=\"healthz\"} 1\n"),
                    HasSubstr("kubernetes_healthchecks_total{name=\"syncloop\",status=\"success\",type=\"healthz\"} "
                              "1\n")));
}

TEST_F(NodeServerTest, SRV_2_PodsAreAPodList) {
  view.addPod("shop", "web").mutable_status()->set_phase("Running");
  start();
  const std::string body = https("/pods");
  ASSERT_THAT(body, StartsWith("200 "));
  const json list = json::parse(body.substr(4));
  EXPECT_EQ(list["kind"], "PodList");
  EXPECT_EQ(list["items"][0]["metadata"]["name"], "web");
  EXPECT_EQ(list["items"][0]["status"]["phase"], "Running");
}

TEST_F(NodeServerTest, SRV_4_RunningPodsAreThoseOfTheRuntime) {
  view.addPod("shop", "web");
  view.addPod("shop", "over");
  view.runtime["uid-over"].containers[0].state = observe::ContainerState::kExited;
  start();
  const json list = json::parse(https("/runningpods/").substr(4));
  ASSERT_EQ(list["items"].size(), 1u);
  EXPECT_EQ(list["items"][0]["metadata"]["uid"], "uid-web");
  EXPECT_EQ(list["items"][0]["spec"]["containers"][0]["image"], "busybox:1.36");
}

TEST_F(NodeServerTest, SRV_4_ConfigzShowsTheConfiguration) {
  start();
  EXPECT_EQ(https("/configz"), R"(200 {"kubeletconfig":{"kind":"KubeletConfiguration"}})");
}

TEST_F(NodeServerTest, SRV_7_NothingIsServedToStrangers) {
  start();
  EXPECT_EQ(https("/pods", "GET", false), "401 Unauthorized");
  EXPECT_EQ(https("/no-such-page", "GET", false), "401 Unauthorized");
  EXPECT_EQ(https("/healthz", "GET", false), "401 Unauthorized");
}

TEST_F(NodeServerTest, UnknownPathsAndMethodsAreSaid) {
  start();
  EXPECT_EQ(https("/no-such-page"), "404 404: Page Not Found");
  EXPECT_EQ(https("/pods", "DELETE"), "405 405: Method Not Allowed");
}

TEST_F(NodeServerTest, SRV_1_TheReadOnlyPortServesWhatIsAlwaysServed) {
  start();
  EXPECT_THAT(plain(server->readOnlyPort(), "/pods"), StartsWith("200 "));
  EXPECT_THAT(plain(server->readOnlyPort(), "/healthz"), StartsWith("200 "));
  EXPECT_THAT(plain(server->readOnlyPort(), "/configz"), StartsWith("404 "));
}

TEST_F(NodeServerTest, SRV_3_DebugRoutesCanBeDisabled) {
  options.debuggingHandlers = false;
  start();
  EXPECT_EQ(https("/configz"), "405 Debug endpoints are disabled.\n");
  EXPECT_THAT(https("/pods"), StartsWith("200 "));
}

TEST_F(NodeServerTest, APortThatIsTakenIsTriedAgain) {
  start();
  NodeServerOptions same;
  same.healthzAddress = "127.0.0.1";
  same.healthzPort = server->healthzPort();
  NodeServer second(loop, clock, same, view, guard, certificate);
  second.start();
  loop.poll();
  EXPECT_EQ(second.healthzPort(), 0);
  loop.runToEnd(server->close());
  server.reset();
  clock.advance(seconds(5));
  EXPECT_EQ(second.healthzPort(), same.healthzPort);
  loop.runToEnd(second.close());
}

TEST_F(NodeServerTest, SRV_10_FilesThatAreReplacedCountForTheNextConnection) {
  const WallTime now = clock.wallNow();
  const auto one = authority.issue({"one", {}}, now, now + hours(1), "serverAuth");
  const auto two = authority.issue({"two", {}}, now, now + hours(1), "serverAuth");
  ServingCertificate files({.certificateFile = dir / "tls.crt", .keyFile = dir / "tls.key", .tls = {}});
  EXPECT_FALSE(files.readFiles());
  ASSERT_TRUE(writeFileAtomic(dir / "tls.crt", one.certificate, 0644));
  ASSERT_TRUE(writeFileAtomic(dir / "tls.key", one.key, 0600));
  ASSERT_TRUE(files.readFiles());
  const auto first = files.context();
  EXPECT_EQ(files.context(), first);
  ASSERT_TRUE(writeFileAtomic(dir / "tls.crt", two.certificate, 0644));
  EXPECT_EQ(files.context(), first) << "the key does not fit yet";
  ASSERT_TRUE(writeFileAtomic(dir / "tls.key", two.key, 0600));
  EXPECT_NE(files.context(), first);
}

}  // namespace
}  // namespace cubelet::nodeapi
