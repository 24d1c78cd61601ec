#include "kubelet/sync/pod_starter.h"

#include <cerrno>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/task_group.h"
#include "kubelet/observe/from_cri.h"
#include "kubelet/podconfig/container_config.h"
#include "kubelet/podconfig/dns.h"
#include "kubelet/podconfig/sandbox_config.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/termination_message.h"

namespace cubelet::sync {
namespace {

constexpr mode_t kPodDirectoryMode = 0750;
constexpr mode_t kLogDirectoryMode = 0755;
constexpr char kConfigError[] = "CreateContainerConfigError";

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

void dropMessageFile(const std::string& path) {
  if (path.empty()) return;
  if (Result<void> removed = removeFile(path); !removed)
    log::warning("cannot remove an unused file", {{"error", removed.error().message}});
}

}  // namespace

Task<bool> PodStarter::startSandbox(std::uint32_t attempt) {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  const bool contained = co_await makeCgroup();
  if (!contained || stopping_()) co_return false;
  const bool prepared = co_await prepareVolumes();
  if (!prepared || stopping_()) co_return false;
  Result<void> made = makeDirectories(layout::podDirectory(context_.node.dirs, meta.uid()), kPodDirectoryMode);
  if (made)
    made = makeDirectories(layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid()),
                           kLogDirectoryMode);
  if (!made) {
    sandboxFailed(made.error());
    co_return false;
  }
  warnOfDns();
  cri::v1::PodSandboxConfig config =
      podconfig::makeSandboxConfig(state_.pod, attempt, context_.node, context_.cgroups.parentOf(state_.pod));
  Result<std::string> id;
  std::vector<Task<void>> steps;
  steps.push_back(runSandbox(std::move(config), &id));
  steps.push_back(images_.prepareAhead(plan::firstContainers(state_.pod)));
  co_await runAll(context_.loop, "sandbox and images of " + state_.ref(), std::move(steps));
  if (!id) {
    sandboxFailed(id.error());
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

Task<bool> PodStarter::makeCgroup() {
  core::Pod pod = state_.pod;
  Result<void> made = co_await context_.cgroups.add(std::move(pod));
  if (made) {
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
  std::string handler;
  *id = co_await context_.runtime.runPodSandbox(std::move(config), handler);
}

Task<bool> PodStarter::prepareVolumes() {
  if (state_.volumes) co_return true;
  core::Pod pod = state_.pod;
  Result<volumes::PodVolumes::HostPaths> paths = co_await context_.volumes.setUp(std::move(pod));
  if (paths) {
    state_.volumes = std::move(*paths);
    co_return true;
  }
  context_.events.warning(events::podRef(state_.pod), "FailedMount", paths.error().message);
  state_.memory.sandboxRetryAt = retryTime(context_, paths.error());
  co_return false;
}

void PodStarter::warnOfDns() {
  for (const podconfig::DnsWarning& warning : podconfig::makeDnsConfig(state_.pod, context_.node.dns).warnings) {
    context_.events.warning(events::podRef(state_.pod), warning.reason, warning.message);
    const std::string& node = context_.node.nodeName;
    if (!warning.nodeMessage.empty())
      context_.events.warning(events::nodeRef(node, node), warning.reason, warning.nodeMessage);
  }
}

void PodStarter::sandboxFailed(const Error& error) {
  state_.memory.sandboxRetryAt = retryTime(context_, error);
  if (stopping_() || error.code == Code::kCancelled)
    return;  // SBX-3: no failure is reported for a pod that is deleted meanwhile
  context_.events.warning(events::podRef(state_.pod), "FailedCreatePodSandBox",
                          "Failed to create pod sandbox: " + error.message);
}

Task<bool> PodStarter::startContainer(plan::StartContainer start) {
  const core::Container* spec = findContainer(state_.pod, start.name);
  const observe::ObservedPod* have = context_.observer.find(state_.uid());
  if (spec == nullptr || have == nullptr || have->sandboxes.empty()) co_return false;
  core::Container container = *spec;
  const std::string sandboxId = have->sandboxes.front().id;
  std::vector<std::string> podIps = have->sandboxes.front().ips;
  if (have->sandboxes.front().hostNetwork) podIps = context_.node.hostIps;

  const ImageStep::Outcome image = co_await images_.prepare(start.name);
  if (image != ImageStep::Outcome::kReady || stopping_()) co_return false;
  // After a restart of the agent the sandbox runs already, and the volumes must be known again.
  const bool prepared = co_await prepareVolumes();
  if (!prepared || stopping_()) co_return false;

  const std::uint64_t changes = state_.objectChanges;
  Result<podconfig::References> references = co_await fetchReferences(container);
  if (stopping_()) co_return false;
  if (!references) {
    containerFailed(start.name, references.error(), kConfigError);
    // Something has changed since the question: its answer may be out of date.
    if (state_.objectChanges != changes) state_.memory.containers[start.name].retryAt = {};
    co_return false;
  }
  for (std::string& message : podconfig::invalidNames(state_.pod, container, *references))
    context_.events.warning(events::podRef(state_.pod), "InvalidEnvironmentVariableNames", std::move(message));

  Result<std::string> id = co_await create(container, start, sandboxId, std::move(podIps), std::move(*references));
  if (!id) {
    containerFailed(start.name, id.error(), "CreateContainerError");
    co_await lookAgain();
    co_return false;
  }
  plan::noteStarted(state_.memory, start, context_.clock.wallNow());
  if (stopping_()) co_return false;
  Result<void> running = co_await runCreated(start.name, *id, start.attempt);
  if (running) co_return true;
  containerFailed(start.name, running.error(), "RunContainerError");
  co_await lookAgain();
  co_return false;
}

// After a failed call: whatever the runtime holds now, the next plan must see it.
Task<void> PodStarter::lookAgain() {
  Result<void> reread = co_await context_.observer.refresh(state_.uid());
  if (!reread) log::debug(1, "reading a pod failed", {{"pod", state_.ref()}, {"error", reread.error().message}});
}

Task<Result<podconfig::References>> PodStarter::fetchReferences(core::Container container) {
  podconfig::References out;
  if (context_.objects != nullptr) {
    if (status::isStaticPod(state_.pod)) {
      out.services = context_.objects->knownServices();
    } else {
      // CFG-12: a container without the variables of services would be wrong for its whole life.
      Result<std::vector<objects::ServicePtr>> services = co_await context_.objects->services();
      if (!services) co_return configError(services.error());
      out.services = std::move(*services);
    }
  }
  Result<void> fetched = co_await fetchObjects(std::move(container), &out);
  if (!fetched) co_return configError(fetched.error());
  co_return out;
}

Task<Result<void>> PodStarter::fetchObjects(core::Container container, podconfig::References* into) {
  using Kind = podconfig::ObjectNeed::Kind;
  const std::string ns = state_.pod.metadata().namespace_();
  const std::vector<podconfig::ObjectNeed> needs = podconfig::environmentNeeds(container);
  for (const podconfig::ObjectNeed& need : needs) {
    const bool isConfigMap = need.kind == Kind::kConfigMap;
    if (context_.objects == nullptr)
      co_return fail(Code::kInvalid, kConfigError,
                     std::string("couldn't get ") + (isConfigMap ? "configMap " : "secret ") + ns + "/" + need.name +
                         ", no kubeClient defined");
    std::optional<Error> error;
    if (isConfigMap) {
      Result<objects::ConfigMapPtr> object = co_await context_.objects->configMap(ns, need.name);
      if (object)
        into->configMaps[need.name] = std::move(*object);
      else
        error = object.error();
    } else {
      Result<objects::SecretPtr> object = co_await context_.objects->secret(ns, need.name);
      if (object)
        into->secrets[need.name] = std::move(*object);
      else
        error = object.error();
    }
    const bool tolerated = error && error->code == Code::kNotFound && need.optional;
    if (error && !tolerated) co_return fail(std::move(*error));
  }
  co_return Result<void>();
}

Task<Result<std::string>> PodStarter::create(core::Container container, plan::StartContainer start,
                                             std::string sandboxId, std::vector<std::string> podIps,
                                             podconfig::References references) {
  Result<void> logDirectory = makeLogDirectory(container.name());
  if (!logDirectory) co_return fail(logDirectory.error());
  ImageState& image = state_.images[container.name()];
  podconfig::ContainerInputs inputs;
  inputs.attempt = start.attempt;
  inputs.image = image.local->image;
  inputs.imageRef = image.local->ref;
  inputs.podIps = std::move(podIps);
  inputs.references = std::move(references);
  inputs.volumePaths = *state_.volumes;
  if (!container.terminationmessagepath().empty()) {
    Result<std::string> file = makeTerminationMessageFile(context_.node.dirs, state_.uid(), container.name());
    if (!file) co_return fail(file.error());
    inputs.terminationMessageFile = std::move(*file);
  }
  Result<cri::v1::ContainerConfig> config =
      podconfig::makeContainerConfig(state_.pod, container, inputs, context_.node);
  if (!config) {
    dropMessageFile(inputs.terminationMessageFile);
    co_return fail(config.error());
  }

  const cri::v1::Image used = image.local->image;
  cri::v1::ContainerConfig sent = *config;
  cri::v1::PodSandboxConfig sandboxConfig =
      podconfig::makeSandboxConfig(state_.pod, 0, context_.node, context_.cgroups.parentOf(state_.pod));
  Result<std::string> id =
      co_await context_.runtime.createContainer(sandboxId, std::move(sent), std::move(sandboxConfig));
  // The image is looked up (Always: pulled) again for the next instance when this one could not be made from it.
  if (!id || container.imagepullpolicy() == "Always") state_.images[container.name()].local.reset();
  if (!id) {
    // After a lost reply the container may exist all the same and need its file.
    if (id.error().code != Code::kTimedOut && id.error().code != Code::kUnavailable)
      dropMessageFile(inputs.terminationMessageFile);
    co_return fail(id.error());
  }
  context_.observer.ownContainerCreated(
      state_.uid(), created(*config, used, *id, sandboxId, inputs.terminationMessageFile, context_.clock.wallNow()));
  context_.events.normal(events::containerRef(state_.pod, container.name()), "Created", "Container created");
  co_return *id;
}

Task<Result<void>> PodStarter::runCreated(std::string name, std::string id, std::uint32_t attempt) {
  Result<void> started = co_await context_.runtime.startContainer(id);
  if (!started) co_return fail(started.error());
  context_.observer.ownContainerStarted(state_.uid(), id);
  linkLog(name, id, attempt);
  context_.events.normal(events::containerRef(state_.pod, name), "Started", "Container started");
  log::info("container runs",
            {{"pod", state_.ref()}, {"container", name}, {"id", id}, {"restarts", std::to_string(attempt)}});
  co_return Result<void>();
}

void PodStarter::containerFailed(const std::string& name, const Error& error, const char* defaultReason) {
  plan::ContainerMemory& memory = state_.memory.containers[name];
  memory.failureReason = error.reason.empty() ? defaultReason : error.reason;
  memory.failureMessage = error.message;
  memory.retryAt = retryTime(context_, error);
  if (stopping_() || error.code == Code::kCancelled) return;
  context_.events.warning(events::containerRef(state_.pod, name), "Failed", "Error: " + error.message);
}

Result<void> PodStarter::makeLogDirectory(const std::string& container) {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  return makeDirectories(
      joinPath(layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid()), container),
      kLogDirectoryMode);
}

// For log collectors; a missing link must not fail a start.
void PodStarter::linkLog(const std::string& container, const std::string& id, std::uint32_t attempt) {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  const std::string link = layout::containerLogLink(context_.node.dirs, meta.name(), meta.namespace_(), container, id);
  const std::string target =
      joinPath(layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid()),
               layout::containerLogFile(container, attempt));
  if (::symlink(target.c_str(), link.c_str()) != 0 && errno != EEXIST)
    log::warning("cannot link the container's log", {{"pod", state_.ref()},
                                                     {"container", container},
                                                     {"file", link},
                                                     {"error", errnoError(errno, "symlink").message}});
}

}  // namespace cubelet::sync
