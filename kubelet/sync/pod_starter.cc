#include "kubelet/sync/pod_starter.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/task_group.h"
#include "kubelet/observe/from_cri.h"
#include "kubelet/podconfig/container_config.h"
#include "kubelet/podconfig/dns.h"
#include "kubelet/podconfig/hostname.h"
#include "kubelet/podconfig/sandbox_config.h"
#include "kubelet/sync/container_log.h"
#include "kubelet/sync/user_namespace.h"

namespace cubelet::sync {
namespace {

constexpr mode_t kPodDirectoryMode = 0750;
constexpr mode_t kLogDirectoryMode = 0755;
constexpr char kConfigError[] = "CreateContainerConfigError";
constexpr char kHookError[] = "PostStartHookError";

// Runs at the end of its scope.
class Undo {
 public:
  explicit Undo(std::function<void()> fn) : fn_(std::move(fn)) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() { fn_(); }

 private:
  std::function<void()> fn_;
};

std::unexpected<Error> configError(Error error) {
  error.reason = kConfigError;
  return fail(std::move(error));
}

// What a container looks like from the moment that CreateContainer has answered. Its image is named as the runtime will
// name it in the container's status.
observe::ObservedContainer created(const cri::v1::ContainerConfig& config, const cri::v1::Image& image, std::string id,
                                   std::string sandboxId, std::string messageFile, WallTime now) {
  observe::ObservedContainer out;
  out.id = std::move(id);
  out.name = config.metadata().name();
  out.sandboxId = std::move(sandboxId);
  out.attempt = config.metadata().attempt();
  out.state = observe::ContainerState::kCreated;
  out.createdAt = now;
  out.image = image.repo_tags().empty() ? config.image().user_specified_image() : image.repo_tags(0);
  out.imageRef = image.repo_digests().empty() ? image.id() : image.repo_digests(0);
  for (const auto& [key, value] : config.annotations()) out.annotations[key] = value;
  out.hash = out.annotations[observe::kContainerHashAnnotation];
  out.terminationMessageFile = std::move(messageFile);
  return out;
}

// SEC-14, with upstream's messages.
Result<void> mayHaveUsers(const core::PodSpec& spec, const RuntimeHandler& handler) {
  if (!podconfig::wantsUserNamespace(spec) || handler.userNamespaces) return {};
  return fail(Code::kUnimplemented, "",
              "can't set `spec.hostUsers: false`, " +
                  (handler.name.empty() ? std::string("runtime") : "RuntimeClass handler \"" + handler.name + "\"") +
                  " does not support user namespaces");
}

void dropMessageFile(const std::string& path) {
  if (path.empty()) return;
  if (Result<void> removed = removeFile(path); !removed)
    log::warning("cannot remove an unused file", {{"error", removed.error().message}});
}

}  // namespace

Task<bool> PodStarter::startSandbox(std::uint32_t attempt) {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  if (failures_.networkWasDown()) {
    const bool still = co_await failures_.networkIsDown();
    if (still || stopping_()) co_return false;
  }
  // Volumes first: of many pods that start at once none waits for the cgroups of others with what takes longest.
  const TimePoint began = context_.clock.now();
  const bool prepared = co_await volumes_.prepare();
  if (!prepared || stopping_()) co_return false;
  context_.milestones.step("volumes", context_.clock.now() - began);
  const bool contained = co_await makeCgroup();
  if (!contained || stopping_()) co_return false;
  Result<void> ready = co_await prepareSandbox();
  if (stopping_()) co_return false;
  if (!ready) {
    failures_.sandboxFailed(ready.error());
    co_return false;
  }
  warnOfDns();
  cri::v1::PodSandboxConfig config = podconfig::makeSandboxConfig(state_.pod, attempt, context_.node, place());
  Result<std::string> id;
  std::vector<Task<void>> steps;
  steps.push_back(runSandbox(std::move(config), &id));
  steps.push_back(images_.prepareAhead(plan::firstContainers(state_.pod)));
  co_await runAll(context_.loop, "sandbox and images of " + state_.ref(), std::move(steps));
  if (!id) {
    const bool down = co_await failures_.networkIsDown();
    if (!down) failures_.sandboxFailed(id.error());
    co_await lookAgain();  // it may run all the same, with its reply lost
    co_return false;
  }
  observe::ObservedSandbox sandbox;
  sandbox.id = *id;
  sandbox.attempt = attempt;
  sandbox.ready = true;
  sandbox.hostNetwork = state_.pod.spec().hostnetwork();
  sandbox.createdAt = context_.clock.wallNow();
  Result<cri::v1::PodSandboxStatusResponse> status = co_await context_.runtime.podSandboxStatus(*id);
  if (status) observe::addStatus(status->status(), sandbox);
  observe::ObservedPod identity;
  identity.uid = meta.uid();
  identity.name = meta.name();
  identity.ns = meta.namespace_();
  context_.observer.ownSandboxRun(identity, std::move(sandbox));
  state_.memory.sandboxRetryAt = {};
  log::info("sandbox runs", {{"pod", state_.ref()}, {"uid", meta.uid()}, {"sandbox", *id}});
  if (!status) {
    context_.events.warning(events::podRef(state_.pod), "FailedPodSandBoxStatus", status.error().message);
    co_await lookAgain();  // without its address the sandbox would count as broken in the next plan
  }
  co_return true;
}

Task<Result<void>> PodStarter::prepareSandbox() {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  Result<std::string> hostname = podconfig::kernelHostname(state_.pod, context_.node.dns.clusterDomain);
  if (!hostname) co_return fail(hostname.error());
  Result<void> found = co_await findHandler();
  if (found) found = mayHaveUsers(state_.pod.spec(), *state_.handler);
  if (found) found = findUsers();
  if (!found) co_return found;
  Result<void> made = makeDirectories(layout::podDirectory(context_.node.dirs, meta.uid()), kPodDirectoryMode);
  if (made)
    made = makeDirectories(layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid()),
                           kLogDirectoryMode);
  co_return made;
}

Task<Result<void>> PodStarter::findHandler() {
  if (state_.handler && (state_.handler->featuresKnown || !needsFeatures(state_.pod.spec()))) co_return Result<void>();
  core::Pod pod = state_.pod;
  const std::uint64_t changes = state_.objectChanges;
  Result<RuntimeHandler> handler = co_await runtimeHandlerOf(&context_, std::move(pod));
  if (handler) {
    state_.handler = std::move(*handler);
    co_return Result<void>();
  }
  Error error = handler.error();
  // Something has changed since the question: its answer may be out of date, so ask again soon.
  if (state_.objectChanges != changes) error.code = Code::kUnavailable;
  co_return fail(std::move(error));
}

Result<void> PodStarter::findUsers() {
  if (!podconfig::wantsUserNamespace(state_.pod.spec()) || state_.users) return {};
  Result<podconfig::IdRange> users = userNamespaceOf(context_.node.dirs, state_.uid(), context_.node.userNamespaces);
  if (!users) return fail(users.error().within("create user namespace"));
  state_.users = *users;
  return {};
}

Task<Result<void>> PodStarter::learnOfSandbox(core::Container container) {
  if (Result<void> users = findUsers(); !users) co_return configError(users.error());
  if (!needsFeatures(container)) co_return Result<void>();
  Result<void> found = co_await findHandler();
  if (!found) co_return configError(found.error());
  co_return Result<void>();
}

podconfig::SandboxPlace PodStarter::place() const {
  return {.users = state_.users,
          .volumeGroups = context_.volumes.traits(state_.uid()).groups,
          .cgroupParent = context_.cgroups.parentOf(state_.pod)};
}

Task<bool> PodStarter::makeCgroup() {
  core::Pod pod = state_.pod;
  const TimePoint began = context_.clock.now();
  Result<void> made = co_await context_.cgroups.add(std::move(pod));
  if (made) {
    context_.milestones.step("cgroup", context_.clock.now() - began);
    state_.inCgroup = true;
    co_return true;
  }
  state_.memory.sandboxRetryAt = retryTime(context_, made.error());
  if (!stopping_())
    context_.events.warning(events::podRef(state_.pod), "FailedCreatePodContainer",
                            "unable to ensure pod container exists: " + made.error().message);
  co_return false;
}

Task<void> PodStarter::runSandbox(cri::v1::PodSandboxConfig config, Result<std::string>* id) {
  std::string handler = state_.handler->name;
  const TimePoint began = context_.clock.now();
  *id = co_await context_.runtime.runPodSandbox(std::move(config), std::move(handler));
  context_.milestones.sandbox(state_.handler->name, context_.clock.now() - began, !*id);
}

void PodStarter::warnOfDns() {
  for (const podconfig::DnsWarning& warning : podconfig::makeDnsConfig(state_.pod, context_.node.dns).warnings) {
    context_.events.warning(events::podRef(state_.pod), warning.reason, warning.message);
    const std::string& node = context_.node.nodeName;
    if (!warning.nodeMessage.empty())
      context_.events.warning(events::nodeRef(node, node), warning.reason, warning.nodeMessage);
  }
}

Task<bool> PodStarter::startContainer(plan::StartContainer start) {
  const std::optional<core::Container> spec = containerNamed(state_.pod, start.name);
  const observe::ObservedPod* have = context_.observer.find(state_.uid());
  if (!spec || have == nullptr || have->sandboxes.empty()) co_return false;
  core::Container container = *spec;
  const std::string sandboxId = have->sandboxes.front().id;
  std::vector<std::string> podIps = have->sandboxes.front().ips;
  if (have->sandboxes.front().hostNetwork) podIps = context_.node.hostIps;

  const ImageStep::Outcome image = co_await images_.prepare(start.name);
  if (image != ImageStep::Outcome::kReady || stopping_()) co_return false;
  // After a restart of the agent the sandbox runs already, and the volumes must be known again.
  const bool prepared = co_await volumes_.prepare();
  if (!prepared || stopping_()) co_return false;

  const std::uint64_t changes = state_.objectChanges;
  Result<void> learnt = co_await learnOfSandbox(container);
  Result<podconfig::References> references;
  if (learnt)
    references = co_await inputs_.fetchReferences(container);
  else
    references = fail(learnt.error());
  if (stopping_()) co_return false;
  if (!references) {
    failures_.containerFailed(start.name, references.error(), kConfigError);
    // Something has changed since the question: its answer may be out of date.
    if (state_.objectChanges != changes) state_.memory.containers[start.name].retryAt = {};
    co_return false;
  }
  for (std::string& message : podconfig::invalidNames(state_.pod, container, *references))
    context_.events.warning(events::podRef(state_.pod), "InvalidEnvironmentVariableNames", std::move(message));

  co_await lostStarts_.endFailed(start.name);
  if (stopping_()) co_return false;
  const TimePoint began = context_.clock.now();
  Result<std::string> id = co_await create(container, start, sandboxId, std::move(podIps), std::move(*references));
  if (id) context_.milestones.step("create_container", context_.clock.now() - began);
  if (!id) {
    failures_.containerFailed(start.name, id.error(), "CreateContainerError");
    co_await lookAgain();
    co_return false;
  }
  plan::noteStarted(state_.memory, start, context_.clock.wallNow());
  if (stopping_()) co_return false;
  Result<void> running = co_await runWithHook(std::move(container), *id, start);
  if (running) {
    plan::noteRunning(state_.memory, start);
    context_.milestones.container(state_.pod, start.name, "");
    co_return true;
  }
  if (running.error().reason == kHookError) {
    co_await postStartFailed(start.name, *id, running.error());
    co_return false;
  }
  failures_.containerFailed(start.name, running.error(), "RunContainerError");
  co_await lookAgain();
  co_return false;
}

// After a failed call: whatever the runtime holds now, the next plan must see it.
Task<void> PodStarter::lookAgain() {
  Result<void> reread = co_await context_.observer.refresh(state_.uid());
  if (!reread) log::debug(1, "reading a pod failed", {{"pod", state_.ref()}, {"error", reread.error().message}});
}

Task<Result<std::string>> PodStarter::create(core::Container container, plan::StartContainer start,
                                             std::string sandboxId, std::vector<std::string> podIps,
                                             podconfig::References references) {
  Result<void> logDirectory = makeLogDirectory(context_.node.dirs, state_.pod.metadata(), container.name());
  if (!logDirectory) co_return fail(logDirectory.error());
  Result<podconfig::ContainerInputs> gathered =
      co_await inputs_.gather(container, start.attempt, std::move(podIps), std::move(references));
  if (!gathered) co_return fail(gathered.error());
  const podconfig::ContainerInputs inputs = std::move(*gathered);
  Result<cri::v1::ContainerConfig> config =
      podconfig::makeContainerConfig(state_.pod, container, inputs, context_.node);
  if (!config) {
    dropMessageFile(inputs.terminationMessageFile);
    co_return fail(config.error());
  }

  cri::v1::ContainerConfig sent = *config;
  cri::v1::PodSandboxConfig sandboxConfig = podconfig::makeSandboxConfig(state_.pod, 0, context_.node, place());
  Result<std::string> id =
      co_await context_.runtime.createContainer(sandboxId, std::move(sent), std::move(sandboxConfig));
  // Images are looked up (Always: pulled) again for the next instance when this one could not be made from them.
  for (const WantedImage& wanted : wantedImages(state_.pod, container.name())) {
    ImageState& image = state_.images[wanted.key];
    if (!id || wanted.policy == "Always") image.local.reset();
    if (id) image.told = false;
  }
  if (!id) {
    // After a lost reply the container may exist all the same and need its file.
    if (id.error().code != Code::kTimedOut && id.error().code != Code::kUnavailable)
      dropMessageFile(inputs.terminationMessageFile);
    co_return fail(id.error());
  }
  context_.observer.ownContainerCreated(state_.uid(), created(*config, inputs.image, *id, sandboxId,
                                                              inputs.terminationMessageFile, context_.clock.wallNow()));
  context_.events.normal(events::containerRef(state_.pod, container.name()), "Created", "Container created");
  co_return *id;
}

Task<Result<void>> PodStarter::runCreated(std::string name, std::string id, std::uint32_t attempt) {
  const TimePoint began = context_.clock.now();
  Result<void> started = co_await context_.runtime.startContainer(id);
  if (!started) co_return fail(started.error());
  context_.milestones.step("start_container", context_.clock.now() - began);
  context_.observer.ownContainerStarted(state_.uid(), id);
  linkLog(context_.node.dirs, state_.pod.metadata(), name, id, attempt);
  context_.events.normal(events::containerRef(state_.pod, name), "Started", "Container started");
  if (context_.runtimeTellsUsers) {
    Result<cri::v1::ContainerStatusResponse> status = co_await context_.runtime.containerStatus(id);
    if (status)
      if (std::optional<observe::ObservedUser> user = observe::userOf(status->status()))
        context_.observer.ownContainerUser(state_.uid(), id, std::move(*user));
  }
  log::info("container runs",
            {{"pod", state_.ref()}, {"container", name}, {"id", id}, {"restarts", std::to_string(attempt)}});
  co_return Result<void>();
}

Task<Result<void>> PodStarter::runWithHook(core::Container container, std::string id, plan::StartContainer start) {
  const bool hook = container.lifecycle().has_poststart() && start.kind != plan::ContainerKind::kInit;
  // From before the runtime can tell that it runs, and however this ends, cancelled included.
  plan::PodMemory& memory = state_.memory;
  const Undo undo([&memory, name = start.name] { memory.containers[name].postStartRuns = false; });
  memory.containers[start.name].postStartRuns = hook;
  Result<void> running = co_await runCreated(start.name, id, start.attempt);
  if (!running || !hook) co_return running;
  Result<void> done = co_await postStart(std::move(container), id);
  if (!done) co_return fail(Code::kInternal, kHookError, done.error().message);
  co_return done;
}

Task<Result<void>> PodStarter::postStart(core::Container container, std::string id) {
  if (stopping_()) co_return Result<void>();
  core::LifecycleHandler handler = container.lifecycle().poststart();
  postStarts_.begin(id, std::move(handler), std::move(container));
  const TimePoint began = context_.clock.now();
  co_await postStarts_.waitFor(id, TimePoint::max());
  context_.milestones.step("post_start", context_.clock.now() - began);
  Result<void> done = postStarts_.result(id).value_or(Result<void>());
  postStarts_.forget(id);
  co_return done;
}

Task<void> PodStarter::postStartFailed(std::string name, std::string id, Error error) {
  failures_.postStartFailed(name, error);
  plan::KillContainer kill;
  kill.id = std::move(id);
  kill.name = std::move(name);
  kill.message = "FailedPostStartHook";
  static_cast<void>(co_await stopOne_(std::move(kill)));
}

}  // namespace cubelet::sync
