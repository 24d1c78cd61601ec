#include "kubelet/probes/runner.h"

#include <gtest/gtest.h>

#include "base/async_test.h"
#include "base/http/test_server.h"
#include "base/rpc/test_server.h"
#include "base/task_group.h"
#include "cri/fake/fake_runtime.h"
#include "proto/health/health.pb.h"

namespace cubelet::probes {
namespace {

using Outcome = Answer::Outcome;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using std::chrono::seconds;

Task<Result<HealthCheckResponse>> checkHealth(HealthCheckRequest request) {
  HealthCheckResponse response;
  if (request.service() == "lost") co_return fail(Code::kNotFound, "", "unknown service");
  response.set_status(request.service() == "down" ? HealthCheckResponse::NOT_SERVING : HealthCheckResponse::SERVING);
  co_return response;
}

struct ProbeRunner : AsyncTest {
  BlockingPool pool{loop, clock, 2};
  rpc::Pump pump{loop};
  cri::FakeRuntime runtime{clock};
  http::Client http{loop, clock, pool};
  Runner runner{{.loop = loop,
                 .clock = clock,
                 .pool = pool,
                 .pump = pump,
                 .runtime = runtime,
                 .http = http,
                 .kubernetesVersion = "1.36"}};

  Answer ask(Action action) { return loop.runToEnd(runner.run(std::move(action), "id", seconds(1))); }
  Answer getFrom(std::uint16_t port) {
    http::Request request;
    request.url = {"http", "127.0.0.1", port, "/"};
    return ask(request);
  }
};

TEST(JudgeExec, PRB_10_WhatACommandMeans) {
  const auto ended = [](int code, const std::string& out, const std::string& err) {
    cri::v1::ExecSyncResponse response;
    response.set_exit_code(code);
    response.set_stdout(out);
    response.set_stderr(err);
    return Result<cri::v1::ExecSyncResponse>(response);
  };
  const std::vector<std::string> command = {"cat", "/x"};
  EXPECT_EQ(judgeExec(ended(0, "a", "b"), command, seconds(1)), (Answer{Outcome::kSuccess, "ab"}));
  EXPECT_EQ(judgeExec(ended(1, "", "no"), command, seconds(1)), (Answer{Outcome::kFailure, "no"}));
  EXPECT_EQ(judgeExec(ended(1, std::string(20000, 'x'), ""), command, seconds(1)).output.size(), 10240u);
  EXPECT_EQ(judgeExec(fail(Code::kTimedOut, "", "late"), command, seconds(1)),
            (Answer{Outcome::kFailure, "command \"cat /x\" timed out after 1s"}));
  EXPECT_EQ(judgeExec(fail(Code::kUnavailable, "", "gone"), command, seconds(1)), (Answer{Outcome::kUnknown, "gone"}));
}

TEST(JudgeHttp, PRB_11_WhatAStatusMeans) {
  const auto answered = [](int status) {
    http::Response response;
    response.status = status;
    response.body = "body";
    return Result<http::Response>(response);
  };
  EXPECT_EQ(judgeHttp(answered(200)), (Answer{Outcome::kSuccess, "body"}));
  EXPECT_EQ(judgeHttp(answered(204)), (Answer{Outcome::kSuccess, "body"}));
  EXPECT_EQ(judgeHttp(answered(302)), (Answer{Outcome::kWarning, "Probe terminated redirects, Response body: body"}));
  EXPECT_EQ(judgeHttp(answered(399)).outcome, Outcome::kWarning);
  EXPECT_EQ(judgeHttp(answered(400)), (Answer{Outcome::kFailure, "HTTP probe failed with statuscode: 400"}));
  EXPECT_EQ(judgeHttp(answered(500)), (Answer{Outcome::kFailure, "HTTP probe failed with statuscode: 500"}));
  EXPECT_EQ(judgeHttp(fail(Code::kTimedOut, "", "late")), (Answer{Outcome::kFailure, "late"}));
}

TEST_F(ProbeRunner, PRB_11_AsksAServer) {
  http::TestServer server(loop, [](const std::string&) { return http::okAnswer("fine"); });
  EXPECT_EQ(getFrom(server.port()), (Answer{Outcome::kSuccess, "fine"}));
  server.setAnswer([](const std::string&) { return http::answerWith(503); });
  EXPECT_EQ(getFrom(server.port()), (Answer{Outcome::kFailure, "HTTP probe failed with statuscode: 503"}));
}

TEST_F(ProbeRunner, PRB_11_HundredsOfRunsLeaveNothingOpen) {
  http::TestServer server(loop, [](const std::string&) { return http::okAnswer(); });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(getFrom(server.port()).outcome, Outcome::kSuccess);
  ASSERT_TRUE(loop.runUntil([&] { return server.open() == 0; }, seconds(5)));
  EXPECT_EQ(server.connections(), 300);
  EXPECT_EQ(clock.pendingTimers(), 0u);
  EXPECT_EQ(pool.threads(), 0u);
}

TEST_F(ProbeRunner, PRB_12_TcpConnects) {
  std::uint16_t port = 0;
  {
    http::TestServer server(loop, [](const std::string&) { return ""; });
    port = server.port();
    EXPECT_EQ(ask(TcpAction{"127.0.0.1", port}).outcome, Outcome::kSuccess);
  }
  EXPECT_EQ(ask(TcpAction{"127.0.0.1", port}), (Answer{Outcome::kFailure, "dial tcp 127.0.0.1:" + std::to_string(port) +
                                                                              ": connect: connection refused"}));
}

TEST_F(ProbeRunner, PRB_12_GrpcHealth) {
  rpc::TestServer server(loop, "127.0.0.1:0");
  server.onCall<HealthCheckRequest, HealthCheckResponse>("/grpc.health.v1.Health/Check", checkHealth);
  ASSERT_TRUE(server.start());
  const auto port = static_cast<std::uint16_t>(server.port());
  EXPECT_EQ(ask(GrpcAction{"127.0.0.1", port, ""}), (Answer{Outcome::kSuccess, "service healthy"}));
  const auto agent = server.lastHeaders().find("user-agent");
  ASSERT_NE(agent, server.lastHeaders().end());
  EXPECT_TRUE(agent->second.starts_with("kube-probe/1.36 ")) << agent->second;
  EXPECT_EQ(server.lastAuthority(), "127.0.0.1:" + std::to_string(port));
  EXPECT_EQ(ask(GrpcAction{"127.0.0.1", port, "down"}),
            (Answer{Outcome::kFailure, "service unhealthy (responded with \"NOT_SERVING\")"}));
  const Answer lost = ask(GrpcAction{"127.0.0.1", port, "lost"});
  EXPECT_EQ(lost.outcome, Outcome::kFailure);
  EXPECT_TRUE(lost.output.starts_with("error: health rpc probe failed: ")) << lost.output;
}

TEST_F(ProbeRunner, PRB_12_GrpcWithoutHealthOrServer) {
  int port = 0;
  {
    rpc::TestServer server(loop, "127.0.0.1:0");
    ASSERT_TRUE(server.start());
    port = server.port();
    const Answer none = ask(GrpcAction{"127.0.0.1", static_cast<std::uint16_t>(port), ""});
    EXPECT_TRUE(none.output.starts_with("error: this server does not implement the grpc health protocol"))
        << none.output;
  }
  const Answer gone = ask(GrpcAction{"127.0.0.1", static_cast<std::uint16_t>(port), ""});
  EXPECT_EQ(gone.outcome, Outcome::kFailure);
  EXPECT_TRUE(gone.output.starts_with("error: failed to connect service \"127.0.0.1:")) << gone.output;
}

}  // namespace
}  // namespace cubelet::probes
