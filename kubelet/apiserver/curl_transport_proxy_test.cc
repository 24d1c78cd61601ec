// Proxies, of the configuration and of the environment.
#include <cstdlib>
#include <gmock/gmock.h>
#include <string>

#include "kubelet/apiserver/curl_transport_test.h"

namespace cubelet::apiserver {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

TEST_F(CurlTransportTest, APasswordOfAProxyStaysOutOfMessages) {
  serve();
  config.server = {false, "api.example", 8080, ""};
  const auto messageOf = [this] {
    CurlTransport other(loop, clock, config, options);
    const Result<Response> response = loop.runToEnd(other.send(get()));
    return response ? std::string() : response.error().message;
  };
  for (const char* proxy :
       {"http://user:pass%word@127.0.0.1:1", "http://user:pass%word@[bad", "http://user:pass%word@:0",
        "http://user:pass%word@127.0.0.1:70000", "socks5://user:pass%word@127.0.0.1:1"}) {
    config.proxyUrl = proxy;
    EXPECT_THAT(messageOf(), AllOf(StartsWith("GET http://api.example:8080/api: "), Not(HasSubstr("word")))) << proxy;
  }
  config.proxyUrl = "";
  for (const char* proxy : {"user:pass%word@127.0.0.1:70000", "ftp://user:pass%word@127.0.0.1:1"}) {
    ::setenv("http_proxy", proxy, 1);
    EXPECT_THAT(messageOf(), AllOf(StartsWith("GET http://api.example:8080/api: "), Not(HasSubstr("word")))) << proxy;
    ::unsetenv("http_proxy");
  }
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
