#include "kubelet/apiserver/curl_transport.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <zlib.h>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/apiserver/test_certificates.h"
#include "kubelet/apiserver/test_web_server.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Then = Reply::Then;

constexpr std::chrono::milliseconds kSoon = seconds(60);  // real time, for what needs none

// A request in a task of its own, with what has become of it so far.
struct Call {
  std::optional<Result<Response>> answer;
  std::string data;  // of a stream
  bool ok(int status = 200) const { return answer && *answer && (*answer)->status == status; }
  std::string error() const { return !answer || *answer ? "" : answer->error().message; }
  std::optional<Code> code() const {
    return !answer || *answer ? std::nullopt : std::optional<Code>(answer->error().code);
  }
};

class CurlTransportTest : public testing::Test {
 protected:
  CurlTransportTest() {
    std::signal(SIGPIPE, SIG_IGN);
    for (const char* name :
         {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"})
      ::unsetenv(name);
    config.source = "node.conf";
    options.http2 = true;
  }
  ~CurlTransportTest() override { loop.runToEnd(tasks.close()); }

  void serve(std::optional<TestWebServer::Tls> tls = std::nullopt) {
    server.emplace(loop, tls);
    config.server = {tls.has_value(), "127.0.0.1", server->port(), ""};
    if (tls) config.certificateAuthority = {"", authority.certificate()};
  }
  TestWebServer::Tls tls(bool http2 = false) const {
    const TestCertificate made = authority.issue("server", "IP:127.0.0.1,DNS:localhost,DNS:api.example");
    return {
        .certificate = made.certificate, .key = made.key, .clientAuthority = authority.certificate(), .http2 = http2};
  }

  CurlTransport& transport() {
    if (!made_) made_.emplace(loop, clock, config, options);
    return *made_;
  }
  static Request get(const std::string& path = "/api") { return ask("GET", path); }
  static Request ask(const std::string& method, const std::string& path, const std::string& body = "") {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    if (!body.empty()) request.contentType = "application/some";
    return request;
  }

  Call& send(Request request) {
    Call& call = calls.emplace_back();
    tasks.spawn("send", sendInto(&transport(), std::move(request), &call));
    return call;
  }
  Call& stream(Request request) {
    Call& call = calls.emplace_back();
    tasks.spawn("stream", streamInto(&transport(), std::move(request), &call));
    return call;
  }
  static Task<void> sendInto(CurlTransport* transport, Request request, Call* call) {
    Result<Response> answer = co_await transport->send(std::move(request));
    call->answer.emplace(std::move(answer));
  }
  static Task<void> streamInto(CurlTransport* transport, Request request, Call* call) {
    std::function<void(std::string_view)> onData = [call](std::string_view data) { call->data.append(data); };
    Result<Response> answer = co_await transport->stream(std::move(request), onData);
    call->answer.emplace(std::move(answer));
  }
  bool until(const std::function<bool()>& done) { return loop.runUntil(done, kSoon); }
  bool ended(const Call& call) {
    return until([&] { return call.answer.has_value(); });
  }
  Result<Response> exchange(Request request) { return loop.runToEnd(transport().send(std::move(request))); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(writeFileAtomic(dir / name, text, 0600, Flush::kNo));
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  TestCertificateAuthority authority;
  std::optional<TestWebServer> server;
  ClientConfig config;
  CurlTransport::Options options;
  std::list<Call> calls;

 private:
  std::optional<CurlTransport> made_;

 protected:
  TaskGroup tasks{loop};
};

// ---- Requests and answers

TEST_F(CurlTransportTest, AGetCarriesWhatItShouldAndNothingElse) {
  config.token = "secret";
  options.userAgent = kubeletUserAgent("v1.36.1", "abc");
  serve();
  Request request = get("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  request.accept = "application/vnd.kubernetes.protobuf,application/json";
  Result<Response> response = exchange(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "{}");
  EXPECT_EQ(response->contentType, "application/json");
  EXPECT_EQ(response->retryAfter, std::nullopt);
  const ServedRequest& served = server->requests.at(0);
  EXPECT_EQ(served.method, "GET");
  EXPECT_EQ(served.target, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  EXPECT_THAT(served.headers,
              testing::UnorderedElementsAre(
                  testing::Pair("host", "127.0.0.1:" + std::to_string(server->port())),
                  testing::Pair("accept", "application/vnd.kubernetes.protobuf,application/json"),
                  testing::Pair("accept-encoding", "gzip"), testing::Pair("authorization", "Bearer secret"),
                  testing::Pair("user-agent",
                                AllOf(StartsWith("kubelet/v1.36.1 (linux/"), testing::EndsWith(") kubernetes/abc")))));
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(CurlTransportTest, BodiesGoWithTheirMethodAndType) {
  serve();
  const std::string body("\0\1binary", 8);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    Request request = ask(method, "/x", body);
    ASSERT_TRUE(exchange(request));
    EXPECT_EQ(server->requests.back().method, method);
    EXPECT_EQ(server->requests.back().body, body);
    EXPECT_EQ(server->requests.back().headers["content-type"], "application/some");
    EXPECT_EQ(server->requests.back().headers.count("expect"), 0U);
  }
  ASSERT_TRUE(exchange(ask("DELETE", "/x")));
  EXPECT_EQ(server->requests.back().method, "DELETE");
  EXPECT_EQ(server->requests.back().headers.count("content-length"), 0U);
  ASSERT_TRUE(exchange(ask("POST", "/x")));
  EXPECT_EQ(server->requests.back().headers["content-length"], "0");
  EXPECT_EQ(server->connections, 1) << "one for all";
}

TEST_F(CurlTransportTest, ALargeBodyGoesOutWhole) {
  serve();
  const std::string body(5'000'000, 'x');
  ASSERT_TRUE(exchange(ask("POST", "/x", body)));
  EXPECT_EQ(server->requests.back().body, body);
}

TEST_F(CurlTransportTest, EveryStatusIsAnAnswer) {
  serve();
  for (const int status : {200, 201, 202, 301, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504}) {
    server->answer = [status](const ServedRequest&) { return Reply{.status = status, .body = "why"}; };
    Result<Response> response = exchange(get());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->body, "why");
  }
}

TEST_F(CurlTransportTest, RetryAfterIsInWholeSeconds) {
  serve();
  auto retryAfter = [&](const std::string& value) {
    server->answer = [&value](const ServedRequest&) {
      return Reply{.status = 429, .headers = {"retry-AFTER:  " + value}};
    };
    return exchange(get())->retryAfter;
  };
  EXPECT_EQ(retryAfter("7"), seconds(7));
  EXPECT_EQ(retryAfter("0"), seconds(0));
  for (const char* other : {"", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT", "99999999999999999999"})
    EXPECT_EQ(retryAfter(other), std::nullopt) << other;
}

TEST_F(CurlTransportTest, BodiesHaveALimit) {
  options.maxBody = 1'000'000;
  serve();
  std::string body(1'000'000, 'x');
  server->answer = [&](const ServedRequest&) { return Reply{.body = body}; };
  EXPECT_EQ(exchange(get())->body, body);
  body.push_back('x');
  Result<Response> over = exchange(get());
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
  EXPECT_THAT(over.error().message, HasSubstr("larger than 1000000 bytes"));
  EXPECT_FALSE(over.error().message.empty());
}

std::string gzip(const std::string& text) {
  z_stream packer = {};
  deflateInit2(&packer, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&packer, text.size()), '\0');
  packer.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  packer.avail_in = static_cast<uInt>(text.size());
  packer.next_out = reinterpret_cast<Bytef*>(packed.data());
  packer.avail_out = static_cast<uInt>(packed.size());
  deflate(&packer, Z_FINISH);
  packed.resize(packer.total_out);
  deflateEnd(&packer);
  return packed;
}

TEST_F(CurlTransportTest, PackedBodiesAreUnpackedUpToTheLimit) {
  options.maxBody = 100'000;
  serve();
  std::string text(100'000, 'x');
  server->answer = [&](const ServedRequest&) {
    return Reply{.body = gzip(text), .headers = {"Content-Encoding: gzip"}};
  };
  Result<Response> response = exchange(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, text);
  text = std::string(50'000'000, 'x');
  EXPECT_EQ(exchange(get()).error().code, Code::kExhausted) << "a bomb";
}

TEST_F(CurlTransportTest, CompressionCanBeTurnedOff) {
  config.disableCompression = true;
  serve();
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests.back().headers.count("accept-encoding"), 0U);
}

TEST_F(CurlTransportTest, TheServersPathComesFirst) {
  serve();
  config.server.prefix = "/clusters/a";
  ASSERT_TRUE(exchange(get("/api/v1/../nodes")));
  EXPECT_EQ(server->requests.back().target, "/clusters/a/api/v1/../nodes");
}

TEST_F(CurlTransportTest, NobodyListeningIsUnavailable) {
  serve();
  server.reset();
  Result<Response> response = exchange(get("/api?secret=1"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_THAT(response.error().message, StartsWith("GET " + config.server.text() + "/api: "));
}

TEST_F(CurlTransportTest, AConnectionThatTheServerClosedWhileIdleIsMadeAnew) {
  serve();
  ASSERT_TRUE(exchange(get()));
  server->closeConnections();
  Result<Response> response = exchange(ask("POST", "/x", "b"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(server->connections, 2);
}

TEST_F(CurlTransportTest, ABodyThatIsCutOffIsUnavailable) {
  serve();
  server->answer = [](const ServedRequest&) { return Reply{.body = "half", .then = Then::kCut}; };
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
}

TEST_F(CurlTransportTest, TwoHundredAtOnceWithoutMultiplexing) {
  serve();
  server->answer = [](const ServedRequest& request) {
    return Reply{.body = request.target + std::string(20'000, 'x')};
  };
  for (int i = 0; i < 200; ++i) send(get("/" + std::to_string(i)));
  loop.runToEnd(tasks.join());
  int i = 0;
  for (const Call& call : calls) {
    ASSERT_TRUE(call.ok()) << call.error();
    EXPECT_EQ((*call.answer)->body, "/" + std::to_string(i++) + std::string(20'000, 'x'));
  }
}

// ---- Time

TEST_F(CurlTransportTest, ASilentServerTimesOut) {
  serve();
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kNothing}; };
  Request hasty = get();
  hasty.timeout = seconds(10);
  Call& withTimeout = send(hasty);
  Call& withDefault = send(get());
  ASSERT_TRUE(until([&] { return server->requests.size() == 2; }));
  clock.advance(seconds(9));
  EXPECT_FALSE(withTimeout.answer);
  clock.advance(seconds(1));
  EXPECT_EQ(withTimeout.code(), Code::kTimedOut);
  EXPECT_THAT(withTimeout.error(), HasSubstr("no answer within 10s"));
  EXPECT_FALSE(withDefault.answer);
  clock.advance(seconds(20));
  EXPECT_EQ(withDefault.code(), Code::kTimedOut);
  EXPECT_EQ(clock.pendingTimers(), 0U);
  EXPECT_TRUE(until([&] { return server->open[0]->abandoned() && server->open[1]->abandoned(); }));
}

TEST_F(CurlTransportTest, ASlowBodyTimesOutAsAWhole) {
  serve();
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  Call& call = send(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  for (int i = 0; i < 29; ++i) {
    server->open[0]->send("x");
    clock.advance(seconds(1));
    ASSERT_FALSE(call.answer);
  }
  clock.advance(seconds(1));
  EXPECT_EQ(call.code(), Code::kTimedOut);
}

TEST_F(CurlTransportTest, CancellingDropsTheRequestAndNoOther) {
  serve(tls(true));
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kNothing}; };
  TaskGroup cancelled(loop);
  Call given;
  cancelled.spawn("send", sendInto(&transport(), get(), &given));
  Call& other = send(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 2; }));
  loop.runToEnd(cancelled.close());
  EXPECT_FALSE(given.answer);
  server->answer = [](const ServedRequest&) { return Reply{}; };
  EXPECT_TRUE(exchange(get())) << "the connection goes on";
  EXPECT_TRUE(server->open[0]->abandoned() != server->open[1]->abandoned()) << "libcurl says so with the next request";
  EXPECT_FALSE(other.answer);
  EXPECT_EQ(server->connections, 1);
}

TEST_F(CurlTransportTest, CancellingWhileConnectingIsNoMatter) {
  serve();
  TaskGroup cancelled(loop);
  Call given;
  cancelled.spawn("send", sendInto(&transport(), get(), &given));
  loop.runToEnd(cancelled.close());
  EXPECT_FALSE(given.answer);
  EXPECT_TRUE(exchange(get()));
}

// ---- Streams, over both protocols

class CurlTransportStream : public CurlTransportTest, public testing::WithParamInterface<bool> {
 protected:
  CurlTransportStream() {
    serve(tls(GetParam()));
    server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  }
};
INSTANTIATE_TEST_SUITE_P(Over, CurlTransportStream, testing::Bool(),
                         [](const auto& test) { return test.param ? "Http2" : "Http1"; });

TEST_P(CurlTransportStream, DataComesAsItIsSent) {
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("one");
  ASSERT_TRUE(until([&] { return watch.data == "one"; }));
  server->open[0]->send("two");
  ASSERT_TRUE(until([&] { return watch.data == "onetwo"; }));
  EXPECT_FALSE(watch.answer);
  server->open[0]->send("three");
  server->open[0]->finish();
  ASSERT_TRUE(ended(watch));
  ASSERT_TRUE(watch.ok()) << watch.error();
  EXPECT_EQ((*watch.answer)->body, "");
  EXPECT_EQ((*watch.answer)->contentType, "application/json");
  EXPECT_EQ(watch.data, "onetwothree");
}

TEST_P(CurlTransportStream, ACutConnectionIsUnavailable) {
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("one");
  ASSERT_TRUE(until([&] { return watch.data == "one"; }));
  server->open[0]->cut();
  ASSERT_TRUE(ended(watch));
  EXPECT_EQ(watch.code(), Code::kUnavailable) << watch.error();
  EXPECT_EQ(watch.data, "one");
  EXPECT_TRUE(stream(get()).error().empty());
  ASSERT_TRUE(until([&] { return server->open.size() == 2; })) << "the next one makes a connection of its own";
}

TEST_P(CurlTransportStream, AResetIsUnavailable) {
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("one");
  ASSERT_TRUE(until([&] { return watch.data == "one"; }));
  server->open[0]->reset();
  ASSERT_TRUE(ended(watch));
  EXPECT_EQ(watch.code(), Code::kUnavailable) << watch.error();
}

TEST_P(CurlTransportStream, AnotherStatusIsAnAnswerWithBody) {
  server->answer = [](const ServedRequest&) { return Reply{.status = 410, .body = "too old"}; };
  Call& watch = stream(get());
  ASSERT_TRUE(ended(watch));
  ASSERT_TRUE(watch.ok(410)) << watch.error();
  EXPECT_EQ((*watch.answer)->body, "too old");
  EXPECT_EQ(watch.data, "");
}

TEST_P(CurlTransportStream, TheHeadIsWaitedForOnce) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kNothing}; };
  Request request = get();
  request.timeout = seconds(20);
  Call& watch = stream(request);
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  clock.advance(seconds(19));
  EXPECT_FALSE(watch.answer);
  clock.advance(seconds(1));
  EXPECT_EQ(watch.code(), Code::kTimedOut);
  EXPECT_THAT(watch.error(), HasSubstr("no answer within 20s"));
}

TEST_P(CurlTransportStream, SilenceBetweenTwoPiecesEndsIt) {
  Request request = get();
  request.timeout = seconds(20);
  Call& watch = stream(request);
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  for (std::string sent = "x"; sent.size() < 5; sent += "x") {
    server->open[0]->send("x");
    ASSERT_TRUE(until([&] { return watch.data == sent; }));
    clock.advance(seconds(19));
    ASSERT_FALSE(watch.answer) << watch.error();
  }
  clock.advance(seconds(1));
  EXPECT_EQ(watch.code(), Code::kTimedOut);
  EXPECT_THAT(watch.error(), HasSubstr("nothing came for 20s"));
}

TEST_P(CurlTransportStream, MuchDataComesWhole) {
  std::string all;
  for (int i = 0; all.size() < 20'000'000; ++i) all += std::to_string(i) + ",";
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send(all);
  server->open[0]->finish();
  ASSERT_TRUE(ended(watch));
  ASSERT_TRUE(watch.ok()) << watch.error();
  EXPECT_TRUE(watch.data == all);
}

TEST_P(CurlTransportStream, CancellingEndsIt) {
  TaskGroup cancelled(loop);
  Call given;
  cancelled.spawn("stream", streamInto(&transport(), get(), &given));
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("x");
  ASSERT_TRUE(until([&] { return given.data == "x"; }));
  loop.runToEnd(cancelled.close());
  EXPECT_FALSE(given.answer);
  EXPECT_TRUE(until([&] { return server->open[0]->abandoned(); }));
}

TEST_P(CurlTransportStream, ClosingConnectionsEndsWhatIsUnderWay) {
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("x");
  ASSERT_TRUE(until([&] { return watch.data == "x"; }));
  Call& other = send(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 2; }));
  const int before = server->connections;
  transport().closeConnections();
  ASSERT_TRUE(ended(watch));
  ASSERT_TRUE(ended(other));
  EXPECT_EQ(watch.code(), Code::kUnavailable);
  EXPECT_EQ(other.code(), Code::kUnavailable);
  EXPECT_TRUE(until([&] { return server->open[0]->abandoned() && server->open[1]->abandoned(); }));
  server->answer = [](const ServedRequest&) { return Reply{}; };
  EXPECT_TRUE(exchange(get()));
  EXPECT_EQ(server->connections, before + 1);
}

TEST_P(CurlTransportStream, TheReceiverMayCloseConnections) {
  std::optional<Result<Response>> answer;
  auto watch = [](CurlTransport* transport, std::optional<Result<Response>>* out) -> Task<void> {
    std::function<void(std::string_view)> onData = [transport](std::string_view) { transport->closeConnections(); };
    Result<Response> got = co_await transport->stream(get(), onData);
    out->emplace(std::move(got));
  };
  tasks.spawn("watch", watch(&transport(), &answer));
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  server->open[0]->send("x");
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, Code::kUnavailable);
}

// ---- HTTP/2

class CurlTransportHttp2 : public CurlTransportTest {
 protected:
  CurlTransportHttp2() { serve(tls(true)); }
};

TEST_F(CurlTransportHttp2, AHundredAtOnceShareAConnection) {
  server->answer = [](const ServedRequest& request) { return Reply{.body = request.body + std::string(50'000, 'x')}; };
  for (int i = 0; i < 200; ++i) send(ask("POST", "/", std::to_string(i)));
  loop.runToEnd(tasks.join());
  int i = 0;
  for (const Call& call : calls) {
    ASSERT_TRUE(call.ok()) << call.error();
    EXPECT_EQ((*call.answer)->body, std::to_string(i++) + std::string(50'000, 'x'));
  }
  EXPECT_EQ(server->connections, 2);
}

TEST_F(CurlTransportHttp2, RequestsGoOnBesideManyWatches) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  for (int i = 0; i < 150; ++i) stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 150; }));
  server->answer = [](const ServedRequest&) { return Reply{}; };
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(exchange(get()));
  for (const auto& open : server->open) open->send("event");
  ASSERT_TRUE(until([&] { return std::ranges::all_of(calls, [](const Call& call) { return call.data == "event"; }); }));
  EXPECT_EQ(server->connections, 3) << "two for streams";
}

TEST_F(CurlTransportHttp2, MuchDataOfManyStreamsAtOnceComesWhole) {
  constexpr std::size_t kStreams = 100;
  constexpr std::size_t kEach = 1'000'000;
  for (int round = 0; round < 5; ++round) {
    server->open.clear();
    calls.clear();
    server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
    for (std::size_t i = 0; i < kStreams; ++i) stream(get());
    ASSERT_TRUE(until([&] { return server->open.size() == kStreams; }));
    std::minstd_rand random(round);
    std::vector<std::size_t> left(kStreams, kEach);
    while (std::ranges::any_of(left, [](std::size_t size) { return size > 0; })) {
      const std::size_t i = random() % kStreams;
      const std::size_t size = std::min<std::size_t>(left[i], random() % 20'000);
      if (size == 0) continue;
      server->open[i]->send(std::string(size, 'x'));
      left[i] -= size;
      if (left[i] == 0) server->open[i]->finish();
    }
    ASSERT_TRUE(
        until([&] { return std::ranges::all_of(calls, [](const Call& call) { return call.answer.has_value(); }); }));
    for (const Call& call : calls) {
      ASSERT_TRUE(call.ok()) << call.error() << " after " << call.data.size();
      EXPECT_EQ(call.data.size(), kEach);
    }
  }
}

// libcurl 7.88 can forget what it has read ahead for one transfer while another one was looking for its own, until
// something else comes: these two and the next show it without noteArrival() and the large buffer.
TEST_F(CurlTransportHttp2, AnAnswerOfAnySizeIsCompleteBesideSilentRequests) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  for (std::size_t size = 1; size < 300'000; size += size > 16'000 && size < 16'800 ? 11 : 997) {
    server->open.clear();
    TaskGroup silent(loop);
    std::list<Call> unanswered;
    Call& call = send(ask("GET", "/", "x"));
    for (int i = 0; i < 10; ++i) silent.spawn("silent", sendInto(&transport(), get(), &unanswered.emplace_back()));
    const bool asked = until([&] { return server->open.size() == 11; });
    EXPECT_TRUE(asked);
    for (std::size_t i = 0; asked && i < 11; ++i)
      if (server->requests[server->requests.size() - 11 + i].body == "x")
        server->open[i]->finish(std::string(size, 'x'));
    const bool complete = ended(call);
    loop.runToEnd(silent.close());
    ASSERT_TRUE(complete) << size;
    ASSERT_TRUE(call.ok()) << call.error();
    EXPECT_EQ((*call.answer)->body.size(), size);
  }
}

TEST_F(CurlTransportHttp2, EventsOfAnySizeComeBesideASilentWatch) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  for (int i = 0; i < 20; ++i) stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 20; }));
  Call& watch = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 21; }));
  for (std::size_t size = 1; size < 300'000; size += 997) {
    watch.data.clear();
    server->open[20]->send(std::string(size, 'x'));
    ASSERT_TRUE(until([&] { return watch.data.size() == size; })) << size;
  }
}

TEST_F(CurlTransportHttp2, OneResetLeavesTheOthersAlone) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  Call& first = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 1; }));
  Call& second = stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 2; }));
  server->open[0]->reset();
  ASSERT_TRUE(ended(first));
  server->open[1]->send("x");
  ASSERT_TRUE(until([&] { return second.data == "x"; }));
  EXPECT_EQ(server->connections, 1);
}

TEST_F(CurlTransportHttp2, ACutConnectionEndsAllThatIsOnIt) {
  server->answer = [](const ServedRequest&) { return Reply{.then = Then::kOpen}; };
  for (int i = 0; i < 20; ++i) stream(get());
  ASSERT_TRUE(until([&] { return server->open.size() == 20; }));
  server->open[0]->cut();
  for (const Call& call : calls) {
    ASSERT_TRUE(ended(call));
    EXPECT_EQ(call.code(), Code::kUnavailable) << call.error();
  }
  server->answer = [](const ServedRequest&) { return Reply{}; };
  EXPECT_TRUE(exchange(get()));
}

TEST_F(CurlTransportHttp2, AnAnswerThatIsCutOffIsUnavailable) {
  server->answer = [](const ServedRequest&) { return Reply{.body = "half", .then = Then::kCut}; };
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable) << response.error().message;
}

TEST_F(CurlTransportHttp2, CanBeTurnedOff) {
  options.http2 = false;
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests.back().method, "GET") << "only HTTP/1.1 is decoded";
}

TEST(Http2Wanted, UnlessTheEnvironmentSaysOtherwise) {
  ::unsetenv("DISABLE_HTTP2");
  EXPECT_TRUE(http2Wanted());
  ::setenv("DISABLE_HTTP2", "true", 1);
  EXPECT_FALSE(http2Wanted());
  ::setenv("DISABLE_HTTP2", "", 1);
  EXPECT_TRUE(http2Wanted());
  ::unsetenv("DISABLE_HTTP2");
}

// ---- Whom we trust

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

// ---- Who we are

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

// ---- Proxies

TEST_F(CurlTransportTest, APlainServerIsAskedThroughTheProxy) {
  serve();
  config.proxyUrl = config.server.text();
  config.server = {false, "api.example", 8080, ""};
  ::setenv("no_proxy", "*", 1);
  Result<Response> response = exchange(get());
  ::unsetenv("no_proxy");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(server->requests[0].target, "http://api.example:8080/api");
}

TEST_F(CurlTransportTest, ATunnelIsAskedForAndCredentialsStayOutOfIt) {
  serve();
  config.proxyUrl = config.server.text();
  config.server = {true, "api.example", 6443, ""};
  config.token = "secret";
  server->answer = [](const ServedRequest&) { return Reply{.status = 403}; };
  Result<Response> response = exchange(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_EQ(server->requests[0].method, "CONNECT");
  EXPECT_EQ(server->requests[0].target, "api.example:6443");
  EXPECT_EQ(server->requests[0].headers.count("authorization"), 0U);
}

TEST_F(CurlTransportTest, TheEnvironmentsProxyIsUsedButNotForThisMachine) {
  serve();
  ::setenv("http_proxy", config.server.text().c_str(), 1);
  ASSERT_TRUE(exchange(get()));
  EXPECT_EQ(server->requests[0].target, "/api");
  ClientConfig far = config;
  far.server = {false, "api.example", 8080, ""};
  CurlTransport other(loop, clock, far, options);
  EXPECT_TRUE(loop.runToEnd(other.send(get())));
  ::unsetenv("http_proxy");
  EXPECT_EQ(server->requests[1].target, "http://api.example:8080/api");
}

}  // namespace
}  // namespace cubelet::apiserver
