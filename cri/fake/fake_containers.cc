// The containers of FakeRuntime.
#include "cri/fake/fake_parts.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {

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

}  // namespace cubelet::cri
