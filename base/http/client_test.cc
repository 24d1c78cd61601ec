#include "base/http/client.h"

#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "base/http/test_server.h"
#include "base/http/tls.h"
#include "base/task_group.h"

namespace cubelet::http {
namespace {

using std::chrono::seconds;

Task<void> getInto(Client* client, Request request, std::optional<Duration> timeout,
                   std::optional<Result<Response>>* out) {
  Result<Response> response = co_await client->get(std::move(request), timeout);
  out->emplace(std::move(response));
}

struct HttpClient : AsyncTest {
  BlockingPool pool{loop, clock, 2};
  Client client{loop, clock, pool};

  static Request at(std::uint16_t port, const std::string& target = "/", const std::string& scheme = "http") {
    Request request;
    request.url = {scheme, "127.0.0.1", port, target};
    return request;
  }
  Result<Response> get(Request request) {
    return loop.runToEnd(client.get(std::move(request), std::optional<Duration>(seconds(1))));
  }
  // "200 ok" or the error.
  std::string ask(Request request) {
    Result<Response> response = get(std::move(request));
    return response ? std::to_string(response->status) + " " + response->body : response.error().message;
  }
};

TEST_F(HttpClient, SendsWhatIsAskedForAndNoMore) {
  TestServer server(loop, [](const std::string&) { return okAnswer(); });
  Request request = at(server.port(), "/x?y");
  request.headers = {{"User-Agent", "me"}, {"Empty", ""}};
  EXPECT_EQ(ask(request), "200 ok");
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(server.requests().at(0),
            "GET /x?y HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: me\r\nEmpty: \r\nConnection: close\r\n\r\n");
}

TEST_F(HttpClient, AHostHeaderReplacesTheAddress) {
  TestServer server(loop, [](const std::string&) { return okAnswer(); });
  Request request = at(server.port());
  request.headers = {{"host", "web.example"}};
  EXPECT_EQ(ask(request), "200 ok");
  EXPECT_EQ(server.requests().at(0), "GET / HTTP/1.1\r\nhost: web.example\r\nConnection: close\r\n\r\n");
}

TEST_F(HttpClient, RefusesALineEndInAHeader) {
  Request request = at(1);
  request.headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(ask(request), "Get \"http://127.0.0.1:1/\": invalid header field value for \"X\"");
}

TEST_F(HttpClient, ConnectionRefused) {
  std::uint16_t port = 0;
  {
    TestServer gone(loop, [](const std::string&) { return okAnswer(); });
    port = gone.port();
  }
  const std::string address = "127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(ask(at(port)), "Get \"http://" + address + "/\": dial tcp " + address + ": connect: connection refused");
}

TEST_F(HttpClient, ClosedWithoutAWord) {
  TestServer server(loop, [](const std::string&) { return ""; });
  EXPECT_TRUE(ask(at(server.port())).ends_with(": EOF"));
}

TEST_F(HttpClient, GivesUpAtTheDeadlineAndLeavesNothingOpen) {
  TestServer server(loop, [](const std::string&) { return okAnswer(); });
  server.setSilent(true);
  std::optional<Result<Response>> response;
  TaskGroup tasks(loop);
  tasks.spawn("get", getInto(&client, at(server.port()), seconds(1), &response));
  ASSERT_TRUE(loop.runUntil([&] { return server.requests().size() == 1; }, seconds(5)));
  EXPECT_FALSE(response);
  clock.advance(seconds(1));
  ASSERT_TRUE(loop.runUntil([&] { return response.has_value(); }, seconds(5)));
  ASSERT_FALSE(*response);
  EXPECT_EQ(response->error().code, Code::kTimedOut);
  EXPECT_TRUE(response->error().message.ends_with(
      "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  loop.runToEnd(tasks.close());
}

TEST_F(HttpClient, WithoutATimeoutThereIsNoTimer) {
  TestServer server(loop, [](const std::string&) { return okAnswer(); });
  server.setSilent(true);
  std::optional<Result<Response>> response;
  TaskGroup tasks(loop);
  tasks.spawn("get", getInto(&client, at(server.port()), std::nullopt, &response));
  ASSERT_TRUE(loop.runUntil([&] { return server.requests().size() == 1; }, seconds(5)));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  loop.runToEnd(tasks.close());  // returns: cancelling ends the exchange
  EXPECT_TRUE(!response || !*response);
}

TEST_F(HttpClient, FollowsRedirectsOnTheSameHost) {
  TestServer server(loop, [](const std::string& request) {
    return request.starts_with("GET /new ") ? okAnswer("there") : answerWith(302, "Location: /new\r\n");
  });
  EXPECT_EQ(ask(at(server.port())), "200 there");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClient, RelativeRedirectsKeepTheHostHeader) {
  TestServer server(loop, [](const std::string& request) {
    return request.starts_with("GET /new ") ? okAnswer("there") : answerWith(307, "Location: new\r\n");
  });
  Request request = at(server.port());
  request.headers = {{"Host", "web.example"}};
  EXPECT_EQ(ask(request), "200 there");
  EXPECT_NE(server.requests().at(1).find("Host: web.example\r\n"), std::string::npos);
}

TEST_F(HttpClient, AnotherHostIsTheAnswer) {
  TestServer server(loop, [](const std::string&) { return answerWith(301, "Location: http://other/\r\n", "go"); });
  EXPECT_EQ(ask(at(server.port())), "301 go");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClient, StopsAfterTenRedirects) {
  TestServer server(loop, [](const std::string&) { return answerWith(302, "Location: /again\r\n"); });
  EXPECT_TRUE(ask(at(server.port())).ends_with(": stopped after 10 redirects"));
  EXPECT_EQ(server.connections(), 10);
}

TEST_F(HttpClient, HttpsNeedsNoTrust) {
  TestServer server(loop, [](const std::string&) { return okAnswer("secret"); }, TestServer::Kind::kTls);
  EXPECT_EQ(ask(at(server.port(), "/", "https")), "200 secret");
  EXPECT_EQ(ask(at(server.port(), "/", "https")), "200 secret") << "and again, with what is shared";
}

TEST_F(HttpClient, AnHttpAnswerToHttpsIsSaid) {
  TestServer server(loop, [](const std::string&) { return answerWith(400); });
  server.answerAnything();
  Result<Response> response = get(at(server.port(), "/", "https"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, kPlainHttpAnswer);
  EXPECT_TRUE(response.error().message.ends_with("http: server gave HTTP response to HTTPS client"));
}

TEST_F(HttpClient, BigBodiesAreCut) {
  TestServer server(loop, [](const std::string&) { return okAnswer(std::string(100000, 'x')); });
  Result<Response> response = get(at(server.port()));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body.size(), 10240u);
}

TEST_F(HttpClient, NamesAreLookedUp) {
  TestServer server(loop, [](const std::string&) { return okAnswer(); });
  Request request = at(server.port());
  request.url.host = "localhost";
  const std::string got = ask(request);
  // Where localhost means ::1 first, nobody listens there.
  EXPECT_TRUE(got == "200 ok" || got.find("dial tcp [::1]") != std::string::npos) << got;
}

}  // namespace
}  // namespace cubelet::http
