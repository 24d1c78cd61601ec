#include "kubelet/hooks/hook_runner.h"

#include "base/ascii_case.h"
#include "base/http/tls.h"
#include "kubelet/probes/action.h"

namespace cubelet::hooks {

Task<Result<void>> HookRunner::run(core::LifecycleHandler handler, HookTarget target,
                                   std::function<void(const std::string& message)> warn) {
  Result<void> done;
  if (handler.has_exec()) {
    done = co_await exec(std::move(handler), std::move(target));
  } else if (handler.has_httpget()) {
    done = co_await httpGet(std::move(handler), std::move(target), std::move(warn));
  } else if (handler.has_sleep()) {
    const Duration pause = std::chrono::seconds(std::max<std::int64_t>(handler.sleep().seconds(), 0));
    if (pause > Duration(0)) co_await services_.clock.sleep(pause);
  } else {
    // tcpSocket among them: the API takes it and nobody ever ran it.
    done = fail(Code::kInvalid, "", "container " + target.container.name() + ": this kind of hook cannot be run");
  }
  co_return done;
}

Task<Result<void>> HookRunner::exec(core::LifecycleHandler handler, HookTarget target) {
  std::vector<std::string> command(handler.exec().command().begin(), handler.exec().command().end());
  Result<cri::v1::ExecSyncResponse> response =
      co_await services_.runtime.execSync(target.containerId, std::move(command), Duration(0));
  if (!response) co_return fail(response.error());
  if (response->exit_code() != 0)
    co_return fail(Code::kInternal, "",
                   "container " + target.container.name() + ": the command of the hook ended with exit code " +
                       std::to_string(response->exit_code()));
  co_return Result<void>();
}

Task<Result<void>> HookRunner::httpGet(core::LifecycleHandler handler, HookTarget target,
                                       std::function<void(const std::string& message)> warn) {
  Result<http::Request> request = probes::makeHttpRequest(handler.httpget(), target.container, target.podIp,
                                                          "kube-lifecycle/" + services_.kubernetesVersion);
  if (!request) co_return fail(request.error());
  Result<http::Response> response = co_await services_.http.get(*request, std::nullopt);
  if (response) co_return Result<void>();  // whatever it says
  if (response.error().reason != http::kPlainHttpAnswer) co_return fail(response.error());

  // Once more in plain text, but never with credentials.
  request->url.scheme = "http";
  std::erase_if(request->headers, [](const auto& header) { return sameIgnoringCase(header.first, "Authorization"); });
  Result<http::Response> again = co_await services_.http.get(*request, std::nullopt);
  if (!again) co_return fail(again.error());
  warn("request to HTTPS lifecycle hook got HTTP response, retry with HTTP succeeded: host=\"" +
       http::hostAndPort(request->url) + "\"");
  co_return Result<void>();
}

}  // namespace cubelet::hooks
