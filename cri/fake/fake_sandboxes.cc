// The sandboxes of FakeRuntime.
#include "cri/fake/fake_parts.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {
namespace {

bool hostNetwork(const v1::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options().network() == v1::NODE;
}

}  // namespace

Task<Result<std::string>> FakeRuntime::runPodSandbox(v1::PodSandboxConfig config, std::string runtimeHandler) {
  FakeCalls::Visit visit(calls_, "RunPodSandbox");
  std::string pod = config.metadata().name();
  auto begun = co_await begin("RunPodSandbox", pod);
  if (!begun) co_return fail(begun.error());

  if (!runtimeHandler.empty() && !handlers.contains(runtimeHandler))
    co_return failure(Code::kInternal, "RunPodSandbox", pod,
                      "failed to get sandbox runtime: no runtime for \"" + runtimeHandler + "\" is configured");
  if (!networkReady_ && !hostNetwork(config))
    co_return failure(Code::kInternal, "RunPodSandbox", pod, "failed to setup network for sandbox: " + networkMessage_);
  std::string name = reservedName(config.metadata());
  for (const SandboxPtr& other : sandboxes_)
    if (reservedName(other->config.metadata()) == name)
      co_return failure(Code::kAlreadyExists, "RunPodSandbox", pod,
                        "failed to reserve sandbox name \"" + name + "\": name \"" + name + "\" is reserved for \"" +
                            other->id + "\"");
  auto s = std::make_shared<FakeSandbox>();
  s->id = "s" + std::to_string(++made_) + "-" + pod;
  s->runtimeHandler = std::move(runtimeHandler);
  s->createdAt = clock_.wallNow();
  if (assignAddresses_ && !hostNetwork(config)) s->ips.push_back("10.88.0." + std::to_string(++addresses_ + 1));
  s->config = std::move(config);
  sandboxes_.push_back(s);
  tell(RuntimeEvent::Kind::kCreated, s->id);
  tell(RuntimeEvent::Kind::kStarted, s->id);
  if (*begun) co_return fail(**begun);
  co_return s->id;
}

Task<Result<void>> FakeRuntime::stopPodSandbox(std::string id) {
  FakeCalls::Visit visit(calls_, "StopPodSandbox");
  auto begun = co_await begin("StopPodSandbox", nameOf(id));
  if (!begun) co_return fail(begun.error());
  if (SandboxPtr s = findSandbox(id)) {
    killContainersOf(s->id);
    const bool wasReady = std::exchange(s->ready, false);
    s->ips.clear();
    if (wasReady) tell(RuntimeEvent::Kind::kExited, s->id, kKilled);
  }
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::removePodSandbox(std::string id) {
  FakeCalls::Visit visit(calls_, "RemovePodSandbox");
  auto begun = co_await begin("RemovePodSandbox", nameOf(id));
  if (!begun) co_return fail(begun.error());
  if (SandboxPtr s = findSandbox(id)) {
    killContainersOf(s->id);
    std::vector<std::string> gone;
    for (const ContainerPtr& c : containers_)
      if (c->sandboxId == s->id) gone.push_back(c->id);
    std::erase_if(containers_, [&](const ContainerPtr& c) { return c->sandboxId == s->id; });
    std::erase(sandboxes_, s);
    for (const std::string& container : gone) tell(RuntimeEvent::Kind::kDeleted, container);
    tell(RuntimeEvent::Kind::kDeleted, s->id);
  }
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

v1::PodSandboxStatus FakeRuntime::statusOf(const FakeSandbox& s) const {
  v1::PodSandboxStatus status;
  status.set_id(s.id);
  *status.mutable_metadata() = s.config.metadata();
  status.set_state(s.ready ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY);
  status.set_created_at(nanos(s.createdAt));
  if (!s.ips.empty()) {
    status.mutable_network()->set_ip(s.ips.front());
    for (std::size_t i = 1; i < s.ips.size(); ++i) status.mutable_network()->add_additional_ips()->set_ip(s.ips[i]);
  }
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      s.config.linux().security_context().namespace_options();
  *status.mutable_labels() = s.config.labels();
  *status.mutable_annotations() = s.config.annotations();
  status.set_runtime_handler(s.runtimeHandler);
  return status;
}

Task<Result<v1::PodSandboxStatusResponse>> FakeRuntime::podSandboxStatus(std::string id) {
  FakeCalls::Visit visit(calls_, "PodSandboxStatus");
  auto begun = co_await begin("PodSandboxStatus", nameOf(id));
  if (!begun) co_return fail(begun.error());
  SandboxPtr s = findSandbox(id);
  if (!s) co_return noSandbox("PodSandboxStatus", id);
  v1::PodSandboxStatusResponse response;
  *response.mutable_status() = statusOf(*s);
  co_return std::move(response);
}

Task<Result<std::vector<v1::PodSandbox>>> FakeRuntime::listPodSandbox(v1::PodSandboxFilter filter) {
  FakeCalls::Visit visit(calls_, "ListPodSandbox");
  auto begun = co_await begin("ListPodSandbox", "");
  if (!begun) co_return fail(begun.error());
  std::vector<v1::PodSandbox> found;
  for (const SandboxPtr& s : sandboxes_) {
    v1::PodSandboxState state = s->ready ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY;
    if (!filter.id().empty() && filter.id() != s->id) continue;
    if (filter.has_state() && filter.state().state() != state) continue;
    if (!selects(filter.label_selector(), s->config.labels())) continue;
    v1::PodSandbox& item = found.emplace_back();
    item.set_id(s->id);
    *item.mutable_metadata() = s->config.metadata();
    item.set_state(state);
    item.set_created_at(nanos(s->createdAt));
    *item.mutable_labels() = s->config.labels();
    *item.mutable_annotations() = s->config.annotations();
    item.set_runtime_handler(s->runtimeHandler);
  }
  co_return std::move(found);
}

Task<Result<void>> FakeRuntime::updatePodSandboxResources(std::string id, v1::LinuxContainerResources resources,
                                                          v1::LinuxContainerResources overhead) {
  FakeCalls::Visit visit(calls_, "UpdatePodSandboxResources");
  auto begun = co_await begin("UpdatePodSandboxResources", nameOf(id));
  if (!begun) co_return fail(begun.error());
  SandboxPtr s = findSandbox(id);
  if (!s) co_return noSandbox("UpdatePodSandboxResources", id);
  *s->config.mutable_linux()->mutable_resources() = std::move(resources);
  *s->config.mutable_linux()->mutable_overhead() = std::move(overhead);
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

}  // namespace cubelet::cri
