#include "cri/fake/fake_runtime.h"

#include <algorithm>

namespace cubelet::cri {
namespace {

std::int64_t nanos(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::unexpected<Error> failure(Code code, const std::string& call, const std::string& object, const std::string& text) {
  return fail(code, "", call + " " + object + " at fake: " + text);
}

// "container is in CONTAINER_EXITED state"
std::string inState(const FakeContainer& container) {
  std::string text = "container is in ";
  text += v1::ContainerState_Name(container.state);
  text += " state";
  return text;
}

std::unexpected<Error> noContainer(const std::string& call, const std::string& id) {
  return failure(Code::kNotFound, call, id, "an error occurred when try to find container \"" + id + "\": not found");
}

std::unexpected<Error> noSandbox(const std::string& call, const std::string& id) {
  return failure(Code::kNotFound, call, id, "an error occurred when try to find sandbox \"" + id + "\": not found");
}

bool hostNetwork(const v1::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options().network() == v1::NODE;
}

// The names under which containerd lets only one sandbox and one container exist.
std::string reservedName(const v1::PodSandboxMetadata& pod) {
  return pod.name() + "_" + pod.namespace_() + "_" + pod.uid() + "_" + std::to_string(pod.attempt());
}
std::string reservedName(const v1::ContainerMetadata& container, const v1::PodSandboxMetadata& pod) {
  return container.name() + "_" + pod.name() + "_" + pod.namespace_() + "_" + pod.uid() + "_" +
         std::to_string(container.attempt());
}

template <class Labels, class Selector>
bool selects(const Selector& selector, const Labels& labels) {
  for (const auto& [key, value] : selector) {
    auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

template <class List>
auto newest(const List& list, const std::string& nameOrId) {
  for (auto it = list.rbegin(); it != list.rend(); ++it)
    if ((*it)->id == nameOrId) return *it;
  for (auto it = list.rbegin(); it != list.rend(); ++it)
    if ((*it)->name() == nameOrId) return *it;
  return typename List::value_type();
}

constexpr int kKilled = 137;

// Rung when the container ends.
struct Watching {
  Watching(FakeContainer& container, Wake* wake) : list(container.watchers), it(list.insert(list.end(), wake)) {}
  ~Watching() { list.erase(it); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;
  std::list<Wake*>& list;
  std::list<Wake*>::iterator it;
};

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

// ---- Sandboxes ----

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

// ---- Containers ----

Task<Result<std::string>> FakeRuntime::createContainer(std::string sandboxId, v1::ContainerConfig config,
                                                       v1::PodSandboxConfig sandboxConfig) {
  FakeCalls::Visit visit(calls_, "CreateContainer");
  std::string container = config.metadata().name();
  auto begun = co_await begin("CreateContainer", container);
  if (!begun) co_return fail(begun.error());

  SandboxPtr s = findSandbox(sandboxId);
  if (!s)
    co_return failure(Code::kNotFound, "CreateContainer", container,
                      "failed to find sandbox id \"" + sandboxId + "\": not found");
  std::string name = reservedName(config.metadata(), sandboxConfig.metadata());
  for (const ContainerPtr& other : containers_) {
    SandboxPtr home = findSandbox(other->sandboxId);
    if (home && reservedName(other->config.metadata(), home->config.metadata()) == name)
      co_return failure(Code::kAlreadyExists, "CreateContainer", container,
                        "failed to reserve container name \"" + name + "\": name \"" + name + "\" is reserved for \"" +
                            other->id + "\"");
  }
  FakeImage* image = findImage(config.image().image());
  if (image == nullptr)
    co_return failure(Code::kNotFound, "CreateContainer", container,
                      "failed to resolve image \"" + config.image().image() + "\": not found");
  auto c = std::make_shared<FakeContainer>();
  c->id = "c" + std::to_string(++made_) + "-" + container;
  c->sandboxId = s->id;
  c->createdAt = clock_.wallNow();
  c->imageId = image->id;
  c->resources = config.linux().resources();
  c->config = std::move(config);
  containers_.push_back(c);
  tell(RuntimeEvent::Kind::kCreated, c->id);
  if (*begun) co_return fail(**begun);
  co_return c->id;
}

Task<Result<void>> FakeRuntime::startContainer(std::string id) {
  FakeCalls::Visit visit(calls_, "StartContainer");
  auto begun = co_await begin("StartContainer", nameOf(id));
  if (!begun) co_return fail(begun.error());

  ContainerPtr c = findContainer(id);
  if (!c) co_return noContainer("StartContainer", id);
  if (c->state != v1::CONTAINER_CREATED)
    co_return failure(Code::kInternal, "StartContainer", id,
                      "failed to set starting state for container \"" + id + "\": " + inState(*c));
  SandboxPtr s = findSandbox(c->sandboxId);
  if (!s || !s->ready)
    co_return failure(Code::kInternal, "StartContainer", id,
                      "sandbox container \"" + c->sandboxId + "\" is not running");
  const FakeProgram program = programs_[c->name()];
  if (!program.startError.empty()) {
    endWithoutEvent(*c, 128, "StartError");
    c->message = program.startError;
    c->exitVisibleAt = clock_.now();
    co_return failure(Code::kInternal, "StartContainer", id, program.startError);
  }
  c->state = v1::CONTAINER_RUNNING;
  c->startedAt = clock_.wallNow();
  tell(RuntimeEvent::Kind::kStarted, c->id);
  if (program.exitsAfter)
    c->ending = clock_.after(*program.exitsAfter, [this, weak = std::weak_ptr<FakeContainer>(c), program] {
      if (ContainerPtr still = weak.lock()) end(*still, program.exitCode, "");
    });
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::stopContainer(std::string id, Duration grace) {
  FakeCalls::Visit visit(calls_, "StopContainer");
  auto begun = co_await begin("StopContainer", nameOf(id));
  if (!begun) co_return fail(begun.error());
  if (ContainerPtr c = findContainer(id)) {
    c->stopGrace = grace;
    Result<void> stopped = co_await stopRunning(std::move(c), grace);
    if (!stopped) co_return fail(stopped.error());
  }
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::stopRunning(ContainerPtr c, Duration grace) {
  if (c->state == v1::CONTAINER_RUNNING) {
    Wake wake(clock_);
    Watching watching(*c, &wake);
    const FakeProgram program = programs_[c->name()];
    const TimePoint killAt = clock_.now() + grace;
    if (grace > Duration(0) && !program.ignoresTerm) {
      if (program.termTakes == Duration(0))
        end(*c, program.termCode, "");
      else  // the signal is delivered: the program ends even when whoever sent it goes away
        c->ending = clock_.after(program.termTakes, [this, weak = std::weak_ptr<FakeContainer>(c), program] {
          ContainerPtr still = weak.lock();
          if (still && still->state == v1::CONTAINER_RUNNING) end(*still, program.termCode, "");
        });
    }
    while (c->state == v1::CONTAINER_RUNNING && clock_.now() < killAt) co_await wake.waitUntil(killAt);
    if (c->state == v1::CONTAINER_RUNNING) end(*c, kKilled, "");
  }
  // containerd answers when it has taken note of the exit.
  if (c->state == v1::CONTAINER_EXITED && clock_.now() < c->exitVisibleAt) co_await clock_.sleepUntil(c->exitVisibleAt);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::removeContainer(std::string id) {
  FakeCalls::Visit visit(calls_, "RemoveContainer");
  auto begun = co_await begin("RemoveContainer", nameOf(id));
  if (!begun) co_return fail(begun.error());
  if (ContainerPtr c = findContainer(id)) {
    if (c->state == v1::CONTAINER_EXITED && isLost && isLost(*c))
      co_return failure(Code::kInternal, "RemoveContainer", id,
                        "failed to delete containerd container \"" + id + "\": cannot delete running task " + id);
    if (c->state == v1::CONTAINER_RUNNING) end(*c, kKilled, "");
    c->ending.cancel();
    std::erase(containers_, c);
    tell(RuntimeEvent::Kind::kDeleted, c->id);
  }
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

v1::ContainerState FakeRuntime::shownState(const FakeContainer& c) const {
  if (c.state == v1::CONTAINER_EXITED && clock_.now() < c.exitVisibleAt) return v1::CONTAINER_RUNNING;
  return c.state;
}

v1::ContainerStatus FakeRuntime::statusOf(const FakeContainer& c) {
  v1::ContainerStatus status;
  status.set_id(c.id);
  *status.mutable_metadata() = c.config.metadata();
  status.set_state(shownState(c));
  status.set_created_at(nanos(c.createdAt));
  if (c.startedAt != WallTime()) status.set_started_at(nanos(c.startedAt));
  if (status.state() == v1::CONTAINER_EXITED) {
    status.set_finished_at(nanos(c.finishedAt));
    status.set_exit_code(c.exitCode);
    status.set_reason(c.reason);
    status.set_message(c.message);
  }
  FakeImage* image = findImage(c.imageId);
  *status.mutable_image() = c.config.image();
  status.set_image_ref(c.imageId);
  if (image != nullptr) {
    status.mutable_image()->set_image(image->tag);
    status.set_image_ref(image->digest);
  }
  status.set_image_id(c.imageId);
  *status.mutable_labels() = c.config.labels();
  *status.mutable_annotations() = c.config.annotations();
  *status.mutable_mounts() = c.config.mounts();
  SandboxPtr s = findSandbox(c.sandboxId);
  if (s && !c.config.log_path().empty()) status.set_log_path(s->config.log_directory() + "/" + c.config.log_path());
  *status.mutable_resources()->mutable_linux() = c.resources;
  if (tellsUsers && c.startedAt != WallTime()) {
    const v1::LinuxContainerSecurityContext& security = c.config.linux().security_context();
    v1::LinuxContainerUser& user = *status.mutable_user()->mutable_linux();
    user.set_uid(security.run_as_user().value());
    user.set_gid(security.run_as_group().value());
    *user.mutable_supplemental_groups() = security.supplemental_groups();
  }
  return status;
}

Task<Result<v1::ContainerStatusResponse>> FakeRuntime::containerStatus(std::string id) {
  FakeCalls::Visit visit(calls_, "ContainerStatus");
  auto begun = co_await begin("ContainerStatus", nameOf(id));
  if (!begun) co_return fail(begun.error());
  ContainerPtr c = findContainer(id);
  if (!c) co_return noContainer("ContainerStatus", id);
  v1::ContainerStatusResponse response;
  *response.mutable_status() = statusOf(*c);
  co_return std::move(response);
}

Task<Result<std::vector<v1::Container>>> FakeRuntime::listContainers(v1::ContainerFilter filter) {
  FakeCalls::Visit visit(calls_, "ListContainers");
  auto begun = co_await begin("ListContainers", "");
  if (!begun) co_return fail(begun.error());
  std::vector<v1::Container> found;
  for (const ContainerPtr& c : containers_) {
    if (!filter.id().empty() && filter.id() != c->id) continue;
    if (!filter.pod_sandbox_id().empty() && filter.pod_sandbox_id() != c->sandboxId) continue;
    if (filter.has_state() && filter.state().state() != shownState(*c)) continue;
    if (!selects(filter.label_selector(), c->config.labels())) continue;
    v1::ContainerStatus status = statusOf(*c);
    v1::Container& item = found.emplace_back();
    item.set_id(c->id);
    item.set_pod_sandbox_id(c->sandboxId);
    *item.mutable_metadata() = c->config.metadata();
    *item.mutable_image() = c->config.image();
    item.set_image_ref(c->imageId);
    item.set_state(status.state());
    item.set_created_at(status.created_at());
    *item.mutable_labels() = c->config.labels();
    *item.mutable_annotations() = c->config.annotations();
    item.set_image_id(c->imageId);
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

Task<Result<void>> FakeRuntime::updateContainerResources(std::string id, v1::LinuxContainerResources resources) {
  FakeCalls::Visit visit(calls_, "UpdateContainerResources");
  auto begun = co_await begin("UpdateContainerResources", nameOf(id));
  if (!begun) co_return fail(begun.error());
  ContainerPtr c = findContainer(id);
  if (!c) co_return noContainer("UpdateContainerResources", id);
  c->resources.MergeFrom(resources);
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::reopenContainerLog(std::string id) {
  FakeCalls::Visit visit(calls_, "ReopenContainerLog");
  auto begun = co_await begin("ReopenContainerLog", nameOf(id));
  if (!begun) co_return fail(begun.error());
  ContainerPtr c = findContainer(id);
  if (!c) co_return noContainer("ReopenContainerLog", id);
  if (c->state != v1::CONTAINER_RUNNING)
    co_return failure(Code::kInternal, "ReopenContainerLog", id, "container is not running");
  ++c->logReopens;
  if (onReopenLog) onReopenLog(*c);
  if (*begun) co_return fail(**begun);
  co_return Result<void>();
}

// ---- Into a container ----

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

// ---- Figures ----

v1::ContainerStats FakeRuntime::statsOf(const FakeContainer& c) const {
  v1::ContainerStats stats;
  const std::int64_t now = nanos(clock_.wallNow());
  stats.mutable_attributes()->set_id(c.id);
  *stats.mutable_attributes()->mutable_metadata() = c.config.metadata();
  *stats.mutable_attributes()->mutable_labels() = c.config.labels();
  *stats.mutable_attributes()->mutable_annotations() = c.config.annotations();
  stats.mutable_cpu()->set_timestamp(now);
  stats.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(c.cpuNanos);
  stats.mutable_memory()->set_timestamp(now);
  stats.mutable_memory()->mutable_working_set_bytes()->set_value(c.memoryBytes);
  stats.mutable_writable_layer()->set_timestamp(now);
  stats.mutable_writable_layer()->mutable_used_bytes()->set_value(c.writableBytes);
  return stats;
}

Task<Result<v1::ListContainerStatsResponse>> FakeRuntime::listContainerStats(v1::ContainerStatsFilter filter) {
  FakeCalls::Visit visit(calls_, "ListContainerStats");
  auto begun = co_await begin("ListContainerStats", "");
  if (!begun) co_return fail(begun.error());
  v1::ListContainerStatsResponse response;
  for (const ContainerPtr& c : containers_) {
    if (!filter.id().empty() && filter.id() != c->id) continue;
    if (!filter.pod_sandbox_id().empty() && filter.pod_sandbox_id() != c->sandboxId) continue;
    if (c->state != v1::CONTAINER_RUNNING || !selects(filter.label_selector(), c->config.labels())) continue;
    *response.add_stats() = statsOf(*c);
  }
  co_return std::move(response);
}

Task<Result<v1::ListPodSandboxStatsResponse>> FakeRuntime::listPodSandboxStats(v1::PodSandboxStatsFilter filter) {
  FakeCalls::Visit visit(calls_, "ListPodSandboxStats");
  auto begun = co_await begin("ListPodSandboxStats", "");
  if (!begun) co_return fail(begun.error());
  v1::ListPodSandboxStatsResponse response;
  for (const SandboxPtr& s : sandboxes_) {
    if (!filter.id().empty() && filter.id() != s->id) continue;
    if (!s->ready || !selects(filter.label_selector(), s->config.labels())) continue;
    v1::PodSandboxStats* stats = response.add_stats();
    stats->mutable_attributes()->set_id(s->id);
    *stats->mutable_attributes()->mutable_metadata() = s->config.metadata();
    *stats->mutable_attributes()->mutable_labels() = s->config.labels();
    std::uint64_t memory = 0;
    for (const ContainerPtr& c : containers_) {
      if (c->sandboxId != s->id || c->state != v1::CONTAINER_RUNNING) continue;
      memory += c->memoryBytes;
      *stats->mutable_linux()->add_containers() = statsOf(*c);
    }
    stats->mutable_linux()->mutable_memory()->mutable_working_set_bytes()->set_value(memory);
  }
  co_return std::move(response);
}

}  // namespace cubelet::cri
