#include "kubelet/apiserver/curl_transport.h"

#include <gmock/gmock.h>
#include <string>
#include <zlib.h>

#include "kubelet/apiserver/curl_transport_test.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Then = Reply::Then;

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

}  // namespace
}  // namespace cubelet::apiserver
