#include "kubelet/nodeapi/streaming.h"

#include <array>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "base/fd.h"
#include "base/wake.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/nodeapi/fake_node_view.h"
#include "kubelet/nodeapi/stream_request.h"
#include "kubelet/web/connection.h"
#include "kubelet/web/server.h"
#include "kubelet/web/test_client.h"

namespace cubelet::nodeapi {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A server whose kernel takes no connection any more, and refuses none either: nobody accepts those that wait.
class FullBacklog {
 public:
  FullBacklog() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (Fd& waiting : waiting_) {
      waiting = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(waiting.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }
  std::uint16_t port() const { return port_; }

 private:
  Fd listener_;
  std::array<Fd, 4> waiting_;
  std::uint16_t port_ = 0;
};

// Descriptors that this process has open.
std::size_t openFiles() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

constexpr char kAgreed[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";

// What a runtime does at its streaming URL: agrees, then sends everything back, and a last word after the client's end.
class EchoStream final : public web::Takeover {
 public:
  Task<void> run(web::ConnectionPtr client) override {
    std::string agreed = kAgreed;
    co_await client->write(std::move(agreed));
    for (;;) {
      std::string bytes = co_await client->read();
      if (bytes.empty()) break;
      co_await client->write(std::move(bytes));
    }
    std::string lastWord = "exit code 3";
    co_await client->write(std::move(lastWord));
  }
};

// Agrees, and then neither says nor hears anything, whatever the client does.
class DeafStream final : public web::Takeover {
 public:
  explicit DeafStream(Wake& end) : end_(end) {}
  Task<void> run(web::ConnectionPtr client) override {
    std::string agreed = kAgreed;
    co_await client->write(std::move(agreed));
    co_await end_.wait();
  }

 private:
  Wake& end_;
};

class StreamingTest : public testing::Test {
 protected:
  StreamingTest() {
    streaming.addRoutes(router);
    server = open([this](web::Request request) { return route(std::move(request)); });
    runtimeServer = open([this](web::Request request) { return stream(std::move(request)); });
    runtime.streamingServer = "http://127.0.0.1:" + std::to_string(runtimeServer->port());
    cri::v1::PodSandboxConfig sandbox;
    sandbox.mutable_metadata()->set_name("web");
    sandbox.mutable_metadata()->set_uid("uid-web");
    const std::string sandboxId = loop.runToEnd(runtime.runPodSandbox(sandbox, "")).value();
    runtime.addImage("busybox:1.36");
    cri::v1::ContainerConfig container;
    container.mutable_metadata()->set_name("main");
    container.mutable_image()->set_image("busybox:1.36");
    const std::string id = loop.runToEnd(runtime.createContainer(sandboxId, container, sandbox)).value();
    EXPECT_TRUE(loop.runToEnd(runtime.startContainer(id)));
    view.addPod("shop", "web");
    view.runtime["uid-web"].containers[0].id = id;
    view.runtime["uid-web"].sandboxes[0].id = sandboxId;
  }
  ~StreamingTest() override {
    loop.runToEnd(server->close());
    loop.runToEnd(runtimeServer->close());
  }

  std::unique_ptr<web::Server> open(web::Server::Handler handler) {
    web::ServerOptions options;
    options.name = "test server";
    options.address = "127.0.0.1";
    auto made = std::make_unique<web::Server>(loop, clock, options, std::move(handler));
    EXPECT_TRUE(made->open());
    return made;
  }
  Task<web::Reply> route(web::Request request) {
    web::Router::Match match = router.find(request.method, request.target.path);
    if (match.route == nullptr) co_return web::textReply(match.status, "");
    request.parameters = std::move(match.parameters);
    Task<web::Reply> handled = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    web::Reply reply = co_await std::move(handled);
    co_return reply;
  }
  Task<web::Reply> stream(web::Request request) {
    streamed.push_back(std::move(request));
    if (refuse) co_return web::textReply(400, "no such protocol");
    web::Reply reply;
    if (deaf)
      reply.takeover = std::make_shared<DeafStream>(endOfDeaf);
    else
      reply.takeover = std::make_shared<EchoStream>();
    co_return reply;
  }
  static std::string upgrade(const std::string& target) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: n1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: "
           "v4.channel.k8s.io\r\n"
           "Authorization: Bearer secret\r\n\r\n";
  }
  // Status and body.
  std::string answer(const std::string& request) {
    web::TestClient client(loop, server->port());
    client.send(request);
    client.endSending();
    const std::string got = client.readToEnd();
    return got.substr(9, 3) + " " + got.substr(got.find("\r\n\r\n") + 4);
  }

  Loop loop;
  ManualClock clock{loop};
  cri::FakeRuntime runtime{clock};
  FakeNodeView view;
  Streaming streaming{loop, clock, view, runtime, hours(4)};
  web::Router router;
  std::unique_ptr<web::Server> server;
  std::unique_ptr<web::Server> runtimeServer;
  std::vector<web::Request> streamed;
  bool refuse = false;
  bool deaf = false;
  Wake endOfDeaf{clock};
};

TEST_F(StreamingTest, SRV_11_BytesGoToAndFroUntilTheRuntimeEnds) {
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=sh&command=-c&command=echo+a&input=1&output=1&error=1"));
  EXPECT_THAT(client.readUntil("\r\n\r\n"), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  client.forget();
  client.send("hello");
  client.readUntil("hello");
  client.endSending();
  EXPECT_EQ(client.readToEnd(), "helloexit code 3") << "the end of the input loses nothing of the output";

  EXPECT_THAT(runtime.lastExec.cmd(), ElementsAre("sh", "-c", "echo a"));
  EXPECT_TRUE(runtime.lastExec.stdin() && runtime.lastExec.stdout() && runtime.lastExec.stderr());
  ASSERT_EQ(streamed.size(), 1u);
  EXPECT_EQ(streamed[0].method, "POST");
  EXPECT_THAT(streamed[0].target.path, StartsWith("/exec/"));
  EXPECT_EQ(streamed[0].header("X-Stream-Protocol-Version"), "v4.channel.k8s.io");
  EXPECT_EQ(streamed[0].header("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(streamed[0].header("Authorization"), "") << "no business of the runtime";
}

TEST_F(StreamingTest, SRV_11_MegabytesArriveWhole) {
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=cat&input=1&output=1"));
  client.readUntil("\r\n\r\n");
  client.forget();
  std::string sent;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(100'000, static_cast<char>('a' + i % 26));
    client.send(piece);
    sent += piece;
    client.read([&](const std::string& got) { return got.size() >= sent.size(); });
  }
  client.endSending();
  EXPECT_EQ(client.readToEnd(), sent + "exit code 3");
}

TEST_F(StreamingTest, AClientThatIsGoneEndsTheStream) {
  for (int i = 0; i < 20; ++i) {
    web::TestClient client(loop, server->port());
    client.send(upgrade("/exec/shop/web/main?command=cat&input=1&output=1"));
    client.readUntil("\r\n\r\n");
    client.hangUp();
  }
  EXPECT_TRUE(
      loop.runUntil([&] { return server->connections() == 0 && runtimeServer->connections() == 0; }, seconds(10)));
}

TEST_F(StreamingTest, AClientThatIsGoneIsNotWaitedForWhileTheRuntimeIsSilent) {
  deaf = true;
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=sleep&output=1"));
  client.readUntil("\r\n\r\n");
  client.hangUp();
  loop.runUntil([] { return false; }, milliseconds(50));
  EXPECT_EQ(server->connections(), 1u);
  clock.advance(minutes(1));
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10)));
}

TEST_F(StreamingTest, AClientThatDoesNotHangUpIsLeft) {
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=a&input=1&output=1"));
  client.readUntil("\r\n\r\n");
  loop.runToEnd(runtimeServer->close());
  client.readToEnd();
  clock.advance(seconds(5));
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10)));
}

TEST_F(StreamingTest, SRV_13_AStreamThatIsIdleEnds) {
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=cat&input=1&output=1"));
  client.readUntil("\r\n\r\n");
  clock.advance(hours(3));
  client.send("a");
  client.readUntil("\r\n\r\na");
  clock.advance(hours(3));
  EXPECT_FALSE(client.ended());
  clock.advance(hours(1));
  client.readToEnd();
}

TEST_F(StreamingTest, TheRuntimesRefusalIsPassedOn) {
  refuse = true;
  EXPECT_EQ(answer(upgrade("/exec/shop/web/main?command=a&output=1")), "400 no such protocol");
}

TEST_F(StreamingTest, ARuntimeThatDoesNotServeIsSaid) {
  runtime.streamingServer = "http://127.0.0.1:1";
  EXPECT_THAT(answer(upgrade("/exec/shop/web/main?command=a&output=1")), StartsWith("500 cannot reach"));
}

TEST_F(StreamingTest, ARuntimeThatDoesNotAnswerIsNotWaitedForWithoutEnd) {
  const FullBacklog full;
  runtime.streamingServer = "http://127.0.0.1:" + std::to_string(full.port());
  web::TestClient client(loop, server->port());
  client.send(upgrade("/exec/shop/web/main?command=a&output=1"));
  ASSERT_TRUE(loop.runUntil([&] { return clock.pendingTimers() > 0 && !runtime.calls().empty(); }, seconds(10)));
  loop.runUntil([] { return false; }, milliseconds(50));
  clock.advance(seconds(9));
  EXPECT_FALSE(client.ended());
  clock.advance(seconds(1));
  EXPECT_THAT(client.readToEnd(), AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("no answer in time")));
}

// Clients come and go in every way there is. Nothing stays behind: no descriptor, no timer, no task, no memory.
TEST_F(StreamingTest, ThousandsOfStreamsLeaveNothingBehind) {
  const auto serveOne = [&](int i) {
    web::TestClient client(loop, server->port());
    client.send(upgrade("/exec/shop/web/main?command=cat&input=1&output=1"));
    client.readUntil("\r\n\r\n");
    if (i % 4 == 0) client.send("hello");
    if (i % 2 == 0) client.endSending();
    if (i % 3 == 0) client.readUntil("\r\n\r\n");
    if (i % 4 == 2) client.readToEnd();
  };
  const auto allGone = [&] { return server->connections() == 0 && runtimeServer->connections() == 0; };
  for (int i = 0; i < 100; ++i) serveOne(i);
  ASSERT_TRUE(loop.runUntil(allGone, seconds(30)));
  const std::size_t files = openFiles();
  const std::size_t timers = clock.pendingTimers();
  const std::size_t bytes = ::mallinfo2().uordblks;
  for (int i = 0; i < 2000; ++i) {
    serveOne(i);
    // The fakes keep what they were asked.
    streamed.clear();
    runtime.clearCalls();
  }
  ASSERT_TRUE(loop.runUntil(allGone, seconds(30)));
  EXPECT_EQ(openFiles(), files);
  EXPECT_EQ(clock.pendingTimers(), timers);
  EXPECT_LT(::mallinfo2().uordblks, bytes + 256 * 1024) << "128 bytes each would be seen";
}

TEST_F(StreamingTest, SRV_12_AttachTakesTheTerminalFromTheContainer) {
  view.pods[0].mutable_spec()->mutable_containers(0)->set_tty(true);
  answer(upgrade("/attach/shop/web/uid-web/main?output=1&error=1"));
  EXPECT_TRUE(runtime.lastAttach.tty());
  EXPECT_FALSE(runtime.lastAttach.stderr());
  view.pods[0].mutable_spec()->mutable_containers(0)->set_tty(false);
  answer(upgrade("/attach/shop/web/main?output=1&error=1&tty=1"));
  EXPECT_FALSE(runtime.lastAttach.tty());
  EXPECT_TRUE(runtime.lastAttach.stderr());
}

TEST_F(StreamingTest, STA_16_TheUidOfTheMirrorMeansTheStaticPod) {
  view.mirrors["shop/web"] = "uid-mirror";
  EXPECT_THAT(answer(upgrade("/attach/shop/web/uid-mirror/main?output=1")), StartsWith("101 "));
  EXPECT_THAT(answer(upgrade("/portForward/shop/web/uid-mirror")), StartsWith("101 "));
  EXPECT_THAT(answer(upgrade("/attach/shop/web/uid-other/main?output=1")), StartsWith("404 "));
}

TEST_F(StreamingTest, SRV_11_PortForwardGoesToTheSandbox) {
  EXPECT_THAT(answer(upgrade("/portForward/shop/web")), StartsWith("101 "));
  EXPECT_THAT(streamed.at(0).target.path, StartsWith("/portforward/"));
}

struct Case {
  std::string name;
  std::string target;
  std::string want;
};
class Refusals : public StreamingTest, public testing::WithParamInterface<Case> {};

TEST_P(Refusals, SRV_12_SRV_13_SayWhy) {
  view.addPod("shop", "over");
  view.runtime["uid-over"].containers[0].state = observe::ContainerState::kExited;
  view.runtime["uid-over"].sandboxes[0].ready = false;
  EXPECT_EQ(answer(upgrade(GetParam().target)), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Refusals,
    testing::Values(Case{"NoPod", "/exec/shop/none/main?output=1", "404 pod does not exist\n"},
                    Case{"OtherUid", "/exec/shop/web/other/main?output=1", "404 pod does not exist\n"},
                    Case{"NoContainer", "/exec/shop/web/none?output=1", "500 container not found (\"none\")\n"},
                    Case{"Ended", "/attach/shop/over/main?output=1", "500 container not found (\"main\")\n"},
                    Case{"NoStream", "/exec/shop/web/main?command=a",
                         "400 you must specify at least 1 of stdin, stdout, stderr\n"},
                    Case{"BadPort", "/portForward/shop/web?port=0", "400 port \"0\" is none\n"},
                    Case{"NoSandbox", "/portForward/shop/over", "404 pod \"over\" has no running sandbox\n"}),
    [](const auto& test) { return test.param.name; });

TEST_F(StreamingTest, SRV_11_WithoutUpgradeThereIsNoStream) {
  EXPECT_EQ(answer("POST /exec/shop/web/main?output=1 HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n"),
            "400 Upgrade request required\n");
}

TEST_F(StreamingTest, SRV_3_RunAnswersTheOutput) {
  runtime.onExec = [](const cri::FakeContainer&, const std::vector<std::string>& command) {
    cri::FakeExec run;
    run.exitCode = command.at(0) == "false" ? 1 : 0;
    run.output = command.at(0) + "!";
    return run;
  };
  const std::string rest = " HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(answer("POST /run/shop/web/main?cmd=date" + rest), "200 date!");
  EXPECT_EQ(answer("POST /run/shop/web/main?cmd=false" + rest), "500 command 'false' exited with 1: false!");
}

TEST(StreamUrl, IsTakenApart) {
  const Result<StreamUrl> url = parseStreamUrl("http://127.0.0.1:4711/exec/abc?x=y");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->port, 4711);
  EXPECT_EQ(url->path, "/exec/abc?x=y");
  EXPECT_EQ(parseStreamUrl("http://[::]:1/a")->host, "::1");
  for (const char* bad : {"", "https://127.0.0.1:1/a", "http://127.0.0.1/a", "http://127.0.0.1:x/a",
                          "http://127.0.0.1:1", "http://127.0.0.1:1/a\r\nb"})
    EXPECT_FALSE(parseStreamUrl(bad)) << bad;
}

TEST(ForwardedRequest, KeepsAllButCredentials) {
  web::Request request;
  request.method = "GET";
  request.peer = "10.0.0.9";
  request.headers = {{"Host", "n1"},
                     {"Authorization", "Bearer t"},
                     {"Sec-WebSocket-Protocol", "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.dA"},
                     {"Sec-WebSocket-Key", "k"}};
  EXPECT_EQ(forwardedRequest(request, {"::1", 5, "/a"}),
            "GET /a HTTP/1.1\r\nHost: [::1]:5\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\nSec-WebSocket-Key: k\r\n"
            "X-Forwarded-For: 10.0.0.9\r\n\r\n");
}

}  // namespace
}  // namespace cubelet::nodeapi
