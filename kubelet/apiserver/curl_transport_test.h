// CurlTransportTest: a transport against a server of the test's own. For tests.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/apiserver/curl_transport.h"
#include "kubelet/apiserver/test_certificates.h"
#include "kubelet/apiserver/test_web_server.h"

namespace cubelet::apiserver {

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
  // Real time, for what needs none.
  bool until(const std::function<bool()>& done) { return loop.runUntil(done, std::chrono::seconds(60)); }
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

}  // namespace cubelet::apiserver
