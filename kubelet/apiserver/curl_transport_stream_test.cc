// Streams, over both protocols.
#include <functional>
#include <gmock/gmock.h>
#include <optional>
#include <string>

#include "kubelet/apiserver/curl_transport_test.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using Then = Reply::Then;

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

}  // namespace
}  // namespace cubelet::apiserver
