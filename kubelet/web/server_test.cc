#include "kubelet/web/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "base/tls/session.h"
#include "base/wake.h"
#include "kubelet/certificates/certificate_request.h"
#include "kubelet/web/connection.h"
#include "kubelet/web/test_client.h"

namespace cubelet::web {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Hands out `pieces`, then waits to be stopped, or ends.
class Pieces final : public BodySource {
 public:
  Pieces(Clock& clock, std::vector<std::string> pieces, bool endless)
      : wake_(clock), pieces_(std::move(pieces)), endless_(endless) {}
  Next read(std::string& out) override {
    if (next_ < pieces_.size()) {
      out += pieces_[next_++];
      return Next::kMore;
    }
    return endless_ && !stopped ? Next::kLater : Next::kEnd;
  }
  Task<void> wait() override { return wake_.wait(); }
  void stop() override {
    stopped = true;
    wake_.ring();
  }
  bool stopped = false;

 private:
  Wake wake_;
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
  bool endless_;
};

class Echo final : public Takeover {
 public:
  Task<void> run(ConnectionPtr client) override {
    co_await client->write("taken\n");
    for (;;) {
      std::string bytes = co_await client->read();
      if (bytes.empty()) break;
      co_await client->write(std::move(bytes));
    }
    co_await client->write("end\n");
  }
};

class WebServer : public testing::Test {
 protected:
  void start(ServerLimits limits = {}, bool tls = false) {
    ServerOptions options{
        .name = "test server", .address = "127.0.0.1", .port = 0, .tls = tls, .context = {}, .limits = limits};
    options.context = [this] { return context; };
    server =
        std::make_unique<Server>(loop, clock, options, [this](Request request) { return handle(std::move(request)); });
    const Result<void> opened = server->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  void useTls(TlsSettings settings = {}, ServerLimits limits = {}) {
    auto key = apiserver::PrivateKey::generate();
    serving = apiserver::selfSign(*key, {"n1", {}, {"n1"}, {"127.0.0.1"}}, clock.wallNow(),
                                  clock.wallNow() + std::chrono::hours(1))
                  .value();
    auto made = servingContext(serving->certificates(), *serving->key().secretPem(), settings);
    ASSERT_TRUE(made) << made.error().message;
    context = *made;
    start(limits, true);
  }
  void TearDown() override {
    if (server) loop.runToEnd(server->close());
  }

  Task<Reply> handle(Request request) {
    seen.push_back(request);
    if (request.target.path == "/stream" || request.target.path == "/endless") {
      source =
          std::make_shared<Pieces>(clock, std::vector<std::string>{"one ", "two"}, request.target.path == "/endless");
      Reply reply;
      reply.source = source;
      co_return reply;
    }
    if (request.target.path == "/echo") {
      Reply reply;
      reply.takeover = std::make_shared<Echo>();
      co_return reply;
    }
    if (request.target.path == "/big") co_return textReply(200, std::string(8'000'000, 'b'));
    co_return textReply(200, request.method + " " + request.target.path + " " + request.body + ".");
  }

  Loop loop;
  ManualClock clock{loop};
  std::shared_ptr<const tls::Context> context;
  std::optional<apiserver::KeyPair> serving;
  std::unique_ptr<Server> server;
  std::vector<Request> seen;
  std::shared_ptr<Pieces> source;
};

TEST_F(WebServer, AnswersOneRequestAfterTheOther) {
  start();
  TestClient client(loop, server->port());
  client.get("/a");
  EXPECT_THAT(client.readUntil("GET /a ."), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyGET /c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.readUntil("GET /c ."), HasSubstr("POST /b body."));
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_EQ(seen.at(0).peer, "127.0.0.1");
}

TEST_F(WebServer, ClosesWhenAskedTo) {
  start();
  TestClient client(loop, server->port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.readToEnd(), EndsWith("GET /a ."));
}

TEST_F(WebServer, HeadHasNoBody) {
  start();
  TestClient client(loop, server->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.readToEnd(), EndsWith("\r\n\r\n"));
}

TEST_F(WebServer, StreamsInChunks) {
  start();
  TestClient client(loop, server->port());
  client.get("/stream");
  EXPECT_THAT(client.readToEnd(), EndsWith("\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"));
}

TEST_F(WebServer, AStreamEndsWhenTheClientHangsUp) {
  start();
  TestClient client(loop, server->port());
  client.get("/endless");
  client.readUntil("two");
  EXPECT_FALSE(source->stopped);
  client.hangUp();
  EXPECT_TRUE(loop.runUntil([&] { return source->stopped && server->connections() == 0; }, seconds(10)));
}

TEST_F(WebServer, HandsOverAConnectionWithWhatWasReadOfIt) {
  start();
  TestClient client(loop, server->port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst");
  client.readUntil("taken\nfirst");
  client.send(" second");
  client.readUntil("second");
  client.endSending();
  EXPECT_EQ(client.readToEnd(), "taken\nfirst secondend\n");
}

TEST_F(WebServer, SRV_1_SpeaksTls) {
  useTls();
  TestClient client(loop, server->port());
  ASSERT_TRUE(client.startTls());
  client.get("/a");
  client.readUntil("GET /a .");
  EXPECT_TRUE(seen.at(0).certificates.empty());
  client.forget();
  client.get("/big");
  client.read([](const std::string& got) { return got.size() > 8'000'000; });
}

TEST_F(WebServer, KnowsTheCertificateOfAClient) {
  useTls();
  TestClient client(loop, server->port());
  ASSERT_TRUE(client.startTls(serving->certificates(), *serving->key().secretPem()));
  client.get("/a");
  client.readUntil("GET /a .");
  EXPECT_EQ(seen.at(0).certificates.size(), 1u);
}

TEST_F(WebServer, TheOldestVersionOfTlsIsAsConfigured) {
  useTls({.minVersion = "VersionTLS13", .cipherSuites = {}, .curves = {}});
  TestClient client(loop, server->port());
  EXPECT_FALSE(client.startTls("", "", TLS1_2_VERSION));
}

TEST_F(WebServer, CipherSuitesAreAsConfigured) {
  useTls({.minVersion = "", .cipherSuites = {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"}, .curves = {23}});
  TestClient client(loop, server->port());
  EXPECT_TRUE(client.startTls("", "", TLS1_2_VERSION));
}

TEST_F(WebServer, WithoutACertificateThereIsNoHandshake) {
  start({}, true);
  TestClient client(loop, server->port());
  EXPECT_FALSE(client.startTls());
}

TEST_F(WebServer, SRV_10_ANewCertificateCountsForNewConnections) {
  useTls();
  TestClient old(loop, server->port());
  ASSERT_TRUE(old.startTls());
  context.reset();
  old.get("/a");
  old.readUntil("GET /a .");
  TestClient fresh(loop, server->port());
  EXPECT_FALSE(fresh.startTls());
}

TEST(TlsContext, RefusesAKeyOfAnotherCertificate) {
  const WallTime now{};
  auto one =
      apiserver::selfSign(*apiserver::PrivateKey::generate(), {"a", {}, {}, {}}, now, now + std::chrono::hours(1));
  auto other = apiserver::PrivateKey::generate();
  EXPECT_FALSE(servingContext(one->certificates(), *other->secretPem(), {}));
  EXPECT_FALSE(servingContext("", "", {}));
  EXPECT_FALSE(servingContext(one->certificates(), *one->key().secretPem(),
                              {.minVersion = "", .cipherSuites = {"TLS_UNHEARD_OF"}, .curves = {}}));
}

TEST_F(WebServer, ASilentClientIsCutOff) {
  start();
  TestClient client(loop, server->port());
  ASSERT_TRUE(loop.runUntil([&] { return server->connections() == 1; }, seconds(10)));
  loop.poll();
  clock.advance(seconds(89));
  EXPECT_FALSE(client.ended());
  clock.advance(seconds(1));
  EXPECT_EQ(client.readToEnd(), "");
}

TEST_F(WebServer, AClientThatSendsAByteNowAndThenIsCutOff) {
  start();
  TestClient client(loop, server->port());
  client.send("G");
  const std::string rest = "ET /a HTTP/1.1\r\nX: aaaaaaaaaaaaaaaa";
  for (int i = 0; i < 29; ++i) {
    ASSERT_FALSE(client.ended()) << i;
    client.send(rest.substr(static_cast<std::size_t>(i), 1));
    for (int turn = 0; turn < 5; ++turn) loop.poll();
    clock.advance(seconds(1));
  }
  clock.advance(seconds(2));
  EXPECT_EQ(client.readToEnd(), "");
}

TEST_F(WebServer, AClientThatStopsInTheHandshakeIsCutOff) {
  useTls();
  TestClient client(loop, server->port());
  client.send("\x16\x03\x01");
  ASSERT_TRUE(loop.runUntil([&] { return server->connections() == 1; }, seconds(10)));
  loop.poll();
  clock.advance(seconds(10));
  EXPECT_EQ(client.readToEnd(), "");
}

TEST_F(WebServer, AClientThatHangsUpAnywhereInTheHandshakeIsForgotten) {
  useTls();
  tls::Session session(*tls::Context::make(tls::Side::kClient).value());
  ASSERT_TRUE(session.handshake());
  const std::string hello = session.takeOutput();
  for (std::size_t size = 0; size <= hello.size(); size += 31) {
    TestClient client(loop, server->port());
    client.send(std::string_view(hello).substr(0, size));
    ASSERT_TRUE(loop.runUntil([&] { return server->connections() == 1; }, seconds(10)));
    client.hangUp();
    ASSERT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10))) << size;
  }
}

TEST_F(WebServer, AClientThatSaysSomethingElseThanTlsIsHungUpOn) {
  useTls();
  TestClient client(loop, server->port());
  client.get("/a");
  EXPECT_EQ(client.readToEnd(), "");
  EXPECT_TRUE(seen.empty());
}

TEST_F(WebServer, AClientThatDoesNotReadIsCutOff) {
  start();
  TestClient client(loop, server->port());
  client.get("/big");
  loop.runUntil([&] { return !seen.empty(); }, seconds(10));
  loop.runUntil([] { return false; }, milliseconds(50));
  clock.advance(seconds(60));
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10)));
}

TEST_F(WebServer, AHugeHeaderIsRefused) {
  start();
  TestClient client(loop, server->port());
  client.send("GET /a HTTP/1.1\r\nX: " + std::string(100'000, 'a'));
  EXPECT_THAT(client.readToEnd(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(WebServer, TheLongestWaitingClientMakesRoom) {
  ServerLimits limits;
  limits.maxConnections = 2;
  start(limits);
  TestClient busy(loop, server->port());
  busy.get("/endless");
  busy.readUntil("two");
  TestClient silent(loop, server->port());
  ASSERT_TRUE(loop.runUntil([&] { return server->connections() == 2; }, seconds(10)));
  TestClient next(loop, server->port());
  next.get("/a");
  next.readUntil("GET /a .");
  EXPECT_EQ(silent.readToEnd(), "");
  EXPECT_FALSE(busy.ended());
}

TEST_F(WebServer, StrangersMakeRoomBeforeKnownClients) {
  ServerLimits limits;
  limits.maxConnections = 2;
  useTls({}, limits);
  TestClient known(loop, server->port());
  ASSERT_TRUE(known.startTls(serving->certificates(), *serving->key().secretPem()));
  known.get("/a");
  known.readUntil("GET /a .");
  TestClient stranger(loop, server->port());
  ASSERT_TRUE(stranger.startTls());
  stranger.get("/a");
  stranger.readUntil("GET /a .");
  TestClient next(loop, server->port());
  ASSERT_TRUE(next.startTls());
  next.get("/a");
  next.readUntil("GET /a .");
  EXPECT_TRUE(stranger.ended());
  EXPECT_FALSE(known.ended());
}

TEST_F(WebServer, AClientThatHasSaidAllStillGetsItsAnswer) {
  start();
  TestClient client(loop, server->port());
  client.get("/big");
  client.endSending();
  EXPECT_GT(client.readToEnd().size(), 8'000'000u);
}

TEST_F(WebServer, ThousandsOfSilentConnectionsKeepNobodyOut) {
  ServerLimits limits;
  limits.maxConnections = 64;
  start(limits);
  std::vector<std::unique_ptr<TestClient>> flood;
  for (int i = 0; i < 300; ++i) {
    flood.push_back(std::make_unique<TestClient>(loop, server->port()));
    loop.poll();
  }
  TestClient client(loop, server->port());
  client.get("/a");
  client.readUntil("GET /a .");
  EXPECT_LE(server->connections(), 64u);
}

TEST_F(WebServer, AnOccupiedPortIsSaid) {
  start();
  ServerOptions options{
      .name = "second", .address = "127.0.0.1", .port = server->port(), .tls = false, .context = {}, .limits = {}};
  Server second(loop, clock, options, [this](Request request) { return handle(std::move(request)); });
  const Result<void> opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("listen on 127.0.0.1 port"));
}

}  // namespace
}  // namespace cubelet::web
