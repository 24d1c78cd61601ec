#include "kubelet/probes/runner.h"

#include <optional>

#include "base/http/connection.h"
#include "base/rpc/call.h"
#include "base/time_text.h"
#include "proto/health/health.pb.h"

namespace cubelet::probes {
namespace {

using Outcome = Answer::Outcome;

constexpr std::size_t kMaxOutput = 10 * 1024;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

Answer failure(std::string output) {
  return {Outcome::kFailure, std::move(output)};
}

}  // namespace

Answer judgeExec(const Result<cri::v1::ExecSyncResponse>& response, const std::vector<std::string>& command,
                 Duration timeout) {
  if (response) {
    std::string output = response->stdout() + response->stderr();
    if (output.size() > kMaxOutput) output.resize(kMaxOutput);
    return {response->exit_code() == 0 ? Outcome::kSuccess : Outcome::kFailure, std::move(output)};
  }
  if (response.error().code == Code::kTimedOut)
    return failure("command \"" + joined(command) + "\" timed out after " + durationText(timeout));
  return {Outcome::kUnknown, response.error().message};
}

Answer judgeHttp(const Result<http::Response>& response) {
  if (!response) return failure(response.error().message);
  const int status = response->status;
  if (status < 200 || status >= 400) return failure("HTTP probe failed with statuscode: " + std::to_string(status));
  if (status >= 300) return {Outcome::kWarning, "Probe terminated redirects, Response body: " + response->body};
  return {Outcome::kSuccess, response->body};
}

Task<Answer> Runner::run(Action action, std::string containerId, Duration timeout) {
  if (auto* command = std::get_if<ExecAction>(&action))
    return exec(std::move(*command), std::move(containerId), timeout);
  if (auto* request = std::get_if<http::Request>(&action)) return httpGet(std::move(*request), timeout);
  if (auto* tcp = std::get_if<TcpAction>(&action)) return tcpConnect(std::move(*tcp), timeout);
  return grpcCheck(std::move(std::get<GrpcAction>(action)), timeout);
}

Task<Answer> Runner::exec(ExecAction action, std::string containerId, Duration timeout) {
  Result<cri::v1::ExecSyncResponse> response =
      co_await services_.runtime.execSync(std::move(containerId), action.command, timeout);
  co_return judgeExec(response, action.command, timeout);
}

Task<Answer> Runner::httpGet(http::Request request, Duration timeout) {
  Result<http::Response> response = co_await services_.http.get(std::move(request), timeout);
  co_return judgeHttp(response);
}

Task<Answer> Runner::tcpConnect(TcpAction action, Duration timeout) {
  const TimePoint until = services_.clock.now() + timeout;
  Result<std::string> address = co_await http::lookUp(&services_.pool, action.host, timeout);
  if (!address) co_return failure(address.error().message);
  http::Connection connection(services_.loop);
  http::Deadline deadline(services_.clock, until, connection);
  Result<void> opened = co_await connection.open(*address, action.port);
  if (deadline.passed()) co_return failure("dial tcp " + http::hostAndPort(*address, action.port) + ": i/o timeout");
  if (!opened) co_return failure(opened.error().message);
  co_return Answer{Outcome::kSuccess, ""};
}

Task<Answer> Runner::grpcCheck(GrpcAction action, Duration timeout) {
  rpc::ChannelOptions channelOptions;
  channelOptions.userAgent = userAgent();
  const std::string where = "\"" + http::hostAndPort(action.host, action.port) + "\"";
  Result<rpc::ChannelPtr> channel = rpc::Channel::createTcp(services_.pump, action.host, action.port, channelOptions);
  if (!channel) co_return Answer{Outcome::kUnknown, channel.error().message};
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(action.service);
  rpc::CallOptions options;
  options.deadline = timeout;
  Task<Result<grpc::health::v1::HealthCheckResponse>> check =
      rpc::call<grpc::health::v1::HealthCheckResponse>(*channel, "/grpc.health.v1.Health/Check", request, options);
  Result<grpc::health::v1::HealthCheckResponse> response = co_await std::move(check);
  if (response) {
    if (response->status() == grpc::health::v1::HealthCheckResponse::SERVING)
      co_return Answer{Outcome::kSuccess, "service healthy"};
    co_return failure("service unhealthy (responded with \"" +
                      grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response->status()) + "\")");
  }
  const Error& error = response.error();
  switch (error.code) {
    case Code::kUnimplemented:
      co_return failure("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): " +
                        error.message);
    case Code::kTimedOut:
      co_return failure("timeout: health rpc did not complete within " + durationText(timeout));
    case Code::kUnavailable:
      co_return failure("error: failed to connect service " + where + ": " + error.message);
    default:
      co_return failure("error: health rpc probe failed: " + error.message);
  }
}

}  // namespace cubelet::probes
