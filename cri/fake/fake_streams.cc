// What goes into a container of FakeRuntime: commands, terminals, ports.
#include "cri/fake/fake_parts.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {

Task<Result<v1::ExecSyncResponse>> FakeRuntime::execSync(std::string id, std::vector<std::string> command,
                                                         Duration timeout) {
  FakeCalls::Visit visit(calls_, "ExecSync");
  auto begun = co_await begin("ExecSync", nameOf(id));
  if (!begun) co_return fail(begun.error());
  ContainerPtr c = findContainer(id);
  if (!c) co_return noContainer("ExecSync", id);
  if (c->state != v1::CONTAINER_RUNNING) co_return failure(Code::kInternal, "ExecSync", id, inState(*c));
  FakeExec run;
  if (onExec) run = onExec(*c, command);
  if (run.takes > Duration(0)) {
    const bool tooLong = timeout > Duration(0) && run.takes > timeout;
    const TimePoint until = clock_.now() + (tooLong ? timeout : run.takes);
    Wake wake(clock_);
    Watching watching(*c, &wake);
    while (c->state == v1::CONTAINER_RUNNING && clock_.now() < until) co_await wake.waitUntil(until);
    if (c->state != v1::CONTAINER_RUNNING) {
      run.exitCode = kKilled;
    } else if (tooLong) {
      co_return failure(Code::kTimedOut, "ExecSync", id, "context deadline exceeded");
    }
  }
  if (run.error) co_return fail(*run.error);
  v1::ExecSyncResponse response;
  response.set_exit_code(run.exitCode);
  response.set_stdout(run.output);
  response.set_stderr(run.errorOutput);
  if (*begun) co_return fail(**begun);
  co_return std::move(response);
}

std::string FakeRuntime::streamingUrl(const std::string& kind) {
  return streamingServer + "/" + kind + "/" + std::to_string(++made_);
}

Task<Result<std::string>> FakeRuntime::exec(v1::ExecRequest request) {
  FakeCalls::Visit visit(calls_, "Exec");
  lastExec = request;
  auto begun = co_await begin("Exec", nameOf(request.container_id()));
  if (!begun) co_return fail(begun.error());
  if (!findContainer(request.container_id())) co_return noContainer("Exec", request.container_id());
  co_return streamingUrl("exec");
}

Task<Result<std::string>> FakeRuntime::attach(v1::AttachRequest request) {
  FakeCalls::Visit visit(calls_, "Attach");
  lastAttach = request;
  auto begun = co_await begin("Attach", nameOf(request.container_id()));
  if (!begun) co_return fail(begun.error());
  if (!findContainer(request.container_id())) co_return noContainer("Attach", request.container_id());
  co_return streamingUrl("attach");
}

Task<Result<std::string>> FakeRuntime::portForward(v1::PortForwardRequest request) {
  FakeCalls::Visit visit(calls_, "PortForward");
  auto begun = co_await begin("PortForward", nameOf(request.pod_sandbox_id()));
  if (!begun) co_return fail(begun.error());
  if (!findSandbox(request.pod_sandbox_id())) co_return noSandbox("PortForward", request.pod_sandbox_id());
  co_return streamingUrl("portforward");
}

}  // namespace cubelet::cri
