#include "staticpods/source/http_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>

#include "base/task_group.h"
#include "staticpods/source/http_test_server.h"

namespace cubelet::staticpods {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class HttpFetchTest : public testing::Test {
 protected:
  HttpFetchTest() { group.spawn("server", server.run()); }
  ~HttpFetchTest() override { loop.runToEnd(group.close()); }

  Result<std::string> get(HttpRequest request) { return loop.runToEnd(fetch.get(std::move(request))); }
  Result<std::string> get(const std::string& url) { return get(HttpRequest{.url = url, .headers = {}}); }

  static Task<void> keep(HttpFetch* fetch, HttpRequest request, std::optional<Result<std::string>>* answer) {
    Result<std::string> got = co_await fetch->get(request);
    answer->emplace(std::move(got));
  }

  Loop loop;
  ManualClock clock{loop};
  HttpFetch fetch{loop, clock};
  HttpTestServer server{loop};
  TaskGroup group{loop};
};

TEST_F(HttpFetchTest, AnswersTheBody) {
  auto body = get(server.url());
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, "hello");
  EXPECT_THAT(server.requests.at(0), testing::StartsWith("GET /pods HTTP/1.1\r\n"));
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(HttpFetchTest, ManyInARow) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(get(server.url()));
}

TEST_F(HttpFetchTest, SendsTheHeadersGiven) {
  ASSERT_TRUE(get(HttpRequest{.url = server.url(), .headers = {{"X-A", "1"}, {"X-A", "2"}, {"X-Empty", ""}}}));
  EXPECT_THAT(server.requests.at(0), HasSubstr("X-A: 1\r\nX-A: 2\r\nX-Empty:\r\n"));
}

TEST_F(HttpFetchTest, TakesLargeBodiesUpToTheLimit) {
  server.answer = [](const std::string&) { return HttpTestServer::ok(std::string(5'000'000, 'x')); };
  EXPECT_EQ(get(server.url())->size(), 5'000'000U);
  auto over = get(HttpRequest{.url = server.url(), .headers = {}, .maxBytes = 4'999'999});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
}

TEST_F(HttpFetchTest, OtherStatusesAreErrors) {
  for (const int code : {204, 304, 404, 500}) {
    server.answer = [code](const std::string&) { return HttpTestServer::status(code); };
    auto answer = get(server.url());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("answered with status " + std::to_string(code)));
  }
}

TEST_F(HttpFetchTest, FollowsRedirectsButNotToFilesNorForEver) {
  std::string location = server.url("/there");
  server.answer = [&](const std::string& request) {
    if (request.starts_with("GET /there")) return HttpTestServer::ok("there");
    return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
  };
  EXPECT_EQ(*get(server.url("/here")), "there");
  location = "file:///etc/passwd";
  EXPECT_FALSE(get(server.url("/here")));
  location = server.url("/here");
  EXPECT_FALSE(get(server.url("/here")));
}

TEST_F(HttpFetchTest, ABodyThatIsCutOffIsAnError) {
  server.answer = [](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); };
  auto answer = get(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

TEST_F(HttpFetchTest, GivesUpWhenTheTimeIsOver) {
  server.silent = true;
  std::optional<Result<std::string>> answer;
  group.spawn("get", keep(&fetch, HttpRequest{.url = server.url(), .headers = {}, .timeout = seconds(10)}, &answer));
  ASSERT_TRUE(loop.runUntil([&] { return !server.requests.empty(); }, seconds(60)));
  clock.advance(seconds(9));
  EXPECT_FALSE(answer);
  clock.advance(seconds(1));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, Code::kTimedOut);
  EXPECT_THAT(answer->error().message, HasSubstr("no answer within 10s"));
}

TEST_F(HttpFetchTest, MayBeCancelled) {
  server.silent = true;
  std::optional<Result<std::string>> answer;
  TaskGroup calls(loop);
  calls.spawn("get", keep(&fetch, HttpRequest{.url = server.url(), .headers = {}}, &answer));
  ASSERT_TRUE(loop.runUntil([&] { return !server.requests.empty(); }, seconds(60)));
  loop.runToEnd(calls.close());
  EXPECT_FALSE(answer);
  server.silent = false;
  EXPECT_TRUE(get(server.url()));
}

TEST_F(HttpFetchTest, NobodyListeningIsUnavailable) {
  std::string url;
  {
    HttpTestServer gone(loop);
    url = gone.url();
  }
  auto answer = get(url);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

TEST_F(HttpFetchTest, OnlyHttpAndHttpsAreFetched) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "not a url", ""}) {
    auto answer = get(std::string(url));
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().code, Code::kInvalid) << url << ": " << answer.error().message;
  }
}

TEST_F(HttpFetchTest, HttpsIsSpokenWithTlsOnly) {
  server.raw = true;
  std::string url = server.url();
  url.replace(0, 4, "https");
  auto answer = get(url);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable) << answer.error().message;
  EXPECT_THAT(server.requests.at(0), testing::StartsWith("\x16\x03")) << "a TLS handshake record";
}

}  // namespace
}  // namespace cubelet::staticpods
