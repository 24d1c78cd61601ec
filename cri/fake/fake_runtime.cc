#include "cri/fake/fake_runtime.h"

#include <algorithm>

#include "cri/fake/fake_parts.h"

namespace cubelet::cri {
namespace {

template <class List>
auto newest(const List& list, const std::string& nameOrId) {
  for (auto it = list.rbegin(); it != list.rend(); ++it)
    if ((*it)->id == nameOrId) return *it;
  for (auto it = list.rbegin(); it != list.rend(); ++it)
    if ((*it)->name() == nameOrId) return *it;
  return typename List::value_type();
}

}  // namespace

// ---- State ----

FakeRuntime::ContainerPtr FakeRuntime::findContainer(const std::string& nameOrId) const {
  return newest(containers_, nameOrId);
}
FakeRuntime::SandboxPtr FakeRuntime::findSandbox(const std::string& nameOrId) const {
  return newest(sandboxes_, nameOrId);
}
FakeContainer* FakeRuntime::container(const std::string& nameOrId) {
  return findContainer(nameOrId).get();
}
FakeSandbox* FakeRuntime::sandbox(const std::string& nameOrId) {
  return findSandbox(nameOrId).get();
}

std::vector<const FakeContainer*> FakeRuntime::containers() const {
  std::vector<const FakeContainer*> all;
  for (auto it = containers_.rbegin(); it != containers_.rend(); ++it) all.push_back(it->get());
  return all;
}

std::vector<const FakeSandbox*> FakeRuntime::sandboxes() const {
  std::vector<const FakeSandbox*> all;
  for (auto it = sandboxes_.rbegin(); it != sandboxes_.rend(); ++it) all.push_back(it->get());
  return all;
}

std::vector<std::string> FakeRuntime::running() const {
  std::vector<std::string> names;
  for (const ContainerPtr& c : containers_)
    if (c->state == v1::CONTAINER_RUNNING) names.push_back(c->name() + "#" + std::to_string(c->attempt()));
  std::sort(names.begin(), names.end());
  return names;
}

std::string FakeRuntime::nameOf(const std::string& id) const {
  if (ContainerPtr c = findContainer(id)) return c->name();
  if (SandboxPtr s = findSandbox(id)) return s->name();
  return id;
}

// ---- What programs do ----

void FakeRuntime::endWithoutEvent(FakeContainer& c, int code, std::string reason) {
  c.state = v1::CONTAINER_EXITED;
  c.exitCode = code;
  c.finishedAt = clock_.wallNow();
  c.reason = !reason.empty() ? std::move(reason) : code == 0 ? "Completed" : "Error";
  c.exitVisibleAt = clock_.now() + stale_;
  c.ending.cancel();
  for (Wake* watcher : c.watchers) watcher->ring();
}

void FakeRuntime::end(FakeContainer& c, int code, std::string reason) {
  endWithoutEvent(c, code, std::move(reason));
  tell(RuntimeEvent::Kind::kExited, c.id, code);
}

bool FakeRuntime::exitContainer(const std::string& nameOrId, int code, std::string reason) {
  ContainerPtr c = findContainer(nameOrId);
  if (!c || c->state != v1::CONTAINER_RUNNING) return false;
  end(*c, code, std::move(reason));
  return true;
}

bool FakeRuntime::oomContainer(const std::string& nameOrId) {
  ContainerPtr c = findContainer(nameOrId);
  if (!c || c->state != v1::CONTAINER_RUNNING) return false;
  tell(RuntimeEvent::Kind::kOom, c->id);
  end(*c, kKilled, "OOMKilled");
  return true;
}

bool FakeRuntime::killSandbox(const std::string& nameOrId, bool containersToo) {
  SandboxPtr s = findSandbox(nameOrId);
  if (!s || !s->ready) return false;
  if (containersToo) killContainersOf(s->id);
  s->ready = false;
  tell(RuntimeEvent::Kind::kExited, s->id, kKilled);
  return true;
}

void FakeRuntime::killContainersOf(const std::string& sandboxId) {
  for (const ContainerPtr& c : containers_)
    if (c->sandboxId == sandboxId && c->state == v1::CONTAINER_RUNNING) end(*c, kKilled, "Error");
}

// ---- Events ----

void FakeRuntime::tell(RuntimeEvent::Kind kind, const std::string& id, std::optional<int> exitCode) {
  if (dropEvents_ || eventStyle_ == EventStyle::kNone) return;
  RuntimeEvent event;
  event.kind = kind;
  event.id = id;
  event.exitCode = exitCode;
  ContainerPtr about = findContainer(id);
  event.at = kind == RuntimeEvent::Kind::kExited && about ? about->finishedAt : clock_.wallNow();
  if (eventStyle_ == EventStyle::kCri) {
    if (kind == RuntimeEvent::Kind::kOom) return;  // CRI has no such event
    SandboxPtr s = findSandbox(about ? about->sandboxId : id);
    if (s) event.sandbox = statusOf(*s);
    for (const ContainerPtr& other : containers_)
      if (s && other->sandboxId == s->id) event.containers.push_back(statusOf(*other));
  }
  hub_.emit(event);
}

Task<Result<std::unique_ptr<EventStream>>> FakeRuntime::openEvents() {
  FakeCalls::Visit visit(calls_, "GetContainerEvents");
  auto begun = co_await begin("GetContainerEvents", "");
  if (!begun) co_return fail(begun.error());
  if (eventStyle_ == EventStyle::kNone)
    co_return failure(Code::kUnimplemented, "GetContainerEvents", "", "unknown method");
  co_return std::unique_ptr<EventStream>(std::make_unique<FakeEventStream>(&hub_));
}

// ---- The runtime ----

void FakeRuntime::setDown(bool down) {
  down_ = down;
  if (down) {
    hub_.breakAll(Error(Code::kUnavailable, "", "the runtime has gone"));
    return;
  }
  for (Park* park : waitingReady_) park->wake();
}

void FakeRuntime::setNetworkReady(bool ready, std::string message) {
  networkReady_ = ready;
  networkMessage_ = std::move(message);
}

Task<Result<std::optional<Error>>> FakeRuntime::begin(std::string method, std::string object) {
  std::string name = method;
  auto begun = co_await calls_.begin(std::move(method), std::move(object));
  if (begun && down_) co_return fail(Code::kUnavailable, "", name + " at fake: connection refused");
  co_return std::move(begun);
}

Task<Result<void>> FakeRuntime::waitReady() {
  struct Listed {
    Listed(std::list<Park*>& list, Park* park) : list_(list), it_(list.insert(list.end(), park)) {}
    ~Listed() { list_.erase(it_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    std::list<Park*>& list_;
    std::list<Park*>::iterator it_;
  };
  Park park;
  Listed listed(waitingReady_, &park);
  while (down_) {
    co_await park.wait();
    co_await throwIfCancelled();
  }
  co_return Result<void>();
}

Task<Result<v1::VersionResponse>> FakeRuntime::version() {
  FakeCalls::Visit visit(calls_, "Version");
  auto begun = co_await begin("Version", "");
  if (!begun) co_return fail(begun.error());
  v1::VersionResponse response;
  response.set_version("0.1.0");
  response.set_runtime_name(eventStyle_ == EventStyle::kContainerd ? "containerd" : "fake");
  response.set_runtime_version(eventStyle_ == EventStyle::kContainerd ? "1.6.20" : "1.0.0");
  response.set_runtime_api_version("v1");
  co_return std::move(response);
}

Task<Result<std::string>> FakeRuntime::sandboxImage() {
  FakeCalls::Visit visit(calls_, "Status");
  auto begun = co_await begin("Status", "");
  if (!begun) co_return fail(begun.error());
  co_return sandboxImage_;
}

Task<Result<v1::StatusResponse>> FakeRuntime::status() {
  FakeCalls::Visit visit(calls_, "Status");
  auto begun = co_await begin("Status", "");
  if (!begun) co_return fail(begun.error());
  v1::StatusResponse response;
  v1::RuntimeCondition* runtime = response.mutable_status()->add_conditions();
  runtime->set_type("RuntimeReady");
  runtime->set_status(true);
  v1::RuntimeCondition* network = response.mutable_status()->add_conditions();
  network->set_type("NetworkReady");
  network->set_status(networkReady_);
  if (!networkReady_) {
    network->set_reason("NetworkPluginNotReady");
    network->set_message(networkMessage_);
  }
  for (const auto& [name, features] : handlers) {
    v1::RuntimeHandler* handler = response.add_runtime_handlers();
    handler->set_name(name);
    *handler->mutable_features() = features;
  }
  co_return std::move(response);
}

Task<Result<v1::RuntimeConfigResponse>> FakeRuntime::runtimeConfig() {
  FakeCalls::Visit visit(calls_, "RuntimeConfig");
  auto begun = co_await begin("RuntimeConfig", "");
  if (!begun) co_return fail(begun.error());
  if (!cgroupDriver_) co_return failure(Code::kUnimplemented, "RuntimeConfig", "", "unknown method RuntimeConfig");
  v1::RuntimeConfigResponse response;
  response.mutable_linux()->set_cgroup_driver(*cgroupDriver_);
  co_return std::move(response);
}

Task<Result<void>> FakeRuntime::updateRuntimeConfig(std::string podCidr) {
  FakeCalls::Visit visit(calls_, "UpdateRuntimeConfig");
  auto begun = co_await begin("UpdateRuntimeConfig", podCidr);
  if (!begun) co_return fail(begun.error());
  podCidr_ = std::move(podCidr);
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

}  // namespace cubelet::cri
