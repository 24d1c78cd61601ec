#include "kubelet/sync/input_step.h"

#include <algorithm>
#include <fcntl.h>
#include <optional>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"
#include "kubelet/podconfig/hosts_file.h"
#include "kubelet/podconfig/sub_paths.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/hosts_file.h"
#include "kubelet/sync/termination_message.h"

namespace cubelet::sync {
namespace {

constexpr std::size_t kMaxEnvFile = std::size_t{1024} * 1024;
constexpr char kConfigError[] = "CreateContainerConfigError";

std::unexpected<Error> configError(Error error) {
  error.reason = kConfigError;
  return fail(std::move(error));
}

}  // namespace

Task<Result<podconfig::References>> InputStep::fetchReferences(core::Container container) {
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
  out.files = readFiles(container);
  Result<void> fetched = co_await fetchObjects(std::move(container), &out);
  if (!fetched) co_return configError(fetched.error());
  co_return out;
}

// Where no link leads out of the volume: containers write there.
std::map<podconfig::FileNeed, Result<std::string>> InputStep::readFiles(const core::Container& container) const {
  std::map<podconfig::FileNeed, Result<std::string>> out;
  for (const podconfig::FileNeed& need : podconfig::environmentFiles(container)) {
    auto volume = state_.volumes->find(need.volume);
    if (volume == state_.volumes->end()) continue;
    const std::string name = "file " + need.path + " in volume " + need.volume;
    Result<Fd> directory = openDirectory(volume->second);
    Result<Fd> file = directory ? openBeneath(*directory, need.path, O_RDONLY | O_NONBLOCK) : std::move(directory);
    if (file)
      out.emplace(need, readAll(*file, name, kMaxEnvFile));
    else
      out.emplace(need, fail(file.error().within("open environment variable " + name)));
  }
  return out;
}

Task<Result<void>> InputStep::fetchObjects(core::Container container, podconfig::References* into) {
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

// The instance whose processes an ephemeral container wants to see (EPH-2); empty: none.
Result<std::string> InputStep::targetId(const std::string& container) const {
  const std::string target = targetOf(state_.pod, container);
  if (target.empty()) return std::string();
  const observe::ObservedPod* have = context_.observer.find(state_.uid());
  const observe::ObservedContainer* found = have != nullptr ? have->newest(target) : nullptr;
  if (found == nullptr) return fail(Code::kNotFound, kConfigError, "unable to find target container " + target);
  return found->id;
}

Task<Result<std::map<int, std::string>>> InputStep::bindSubPaths(core::Container container,
                                                                 std::vector<std::string> podIps,
                                                                 podconfig::References references) {
  std::map<int, std::string> bound;
  if (std::ranges::none_of(container.volumemounts(), podconfig::hasSubPath)) co_return bound;
  Result<podconfig::Environment> environment =
      podconfig::makeEnvironment(state_.pod, container, context_.node, podIps, references);
  if (!environment) co_return fail(environment.error());
  Result<std::vector<podconfig::SubPathMount>> mounts = podconfig::subPathMounts(container, *environment);
  if (!mounts) co_return fail(mounts.error());
  for (const podconfig::SubPathMount& mount : *mounts) {
    auto volume = state_.volumes->find(mount.volume);
    if (volume == state_.volumes->end()) continue;  // told when the configuration is made
    if (state_.images.contains("volume/" + mount.volume)) {
      bound[mount.index] = mount.path;  // the runtime looks for it in the image
      continue;
    }
    std::string target =
        layout::subPathTarget(context_.node.dirs, state_.uid(), mount.volume, container.name(), mount.index);
    volumes::SubPath part{volume->second, mount.path, target};
    Result<void> done = co_await context_.volumes.bindSubPath(state_.uid(), std::move(part));
    if (stopping_()) co_return fail(Code::kCancelled, "", "the pod is being stopped");
    if (!done) {
      log::warning("cannot prepare a subPath", {{"pod", state_.ref()}, {"error", done.error().message}});
      const char* verb = done.error().reason == volumes::kCannotCreateSubPath ? "create" : "prepare";
      co_return fail(done.error().code, kConfigError, podconfig::subPathFailure(verb, container, mount.index));
    }
    bound[mount.index] = std::move(target);
  }
  co_return bound;
}

Task<Result<podconfig::ContainerInputs>> InputStep::gather(core::Container container, std::uint32_t attempt,
                                                           std::vector<std::string> podIps,
                                                           podconfig::References references) {
  podconfig::ContainerInputs inputs;
  inputs.attempt = attempt;
  Result<std::string> target = targetId(container.name());
  if (!target) co_return fail(target.error());
  inputs.namespaces.users = state_.users;
  inputs.namespaces.targetContainerId = std::move(*target);
  inputs.recursiveReadOnlyMounts = state_.handler && state_.handler->recursiveReadOnlyMounts;
  if (podconfig::wantsHostsFile(container, podIps)) {
    Result<std::string> file = writeHostsFile(state_.pod, podIps, context_.node);
    if (!file) co_return configError(file.error());
    inputs.hostsFile = std::move(*file);
  }
  Result<std::map<int, std::string>> subPaths = co_await bindSubPaths(container, podIps, references);
  if (!subPaths) co_return fail(subPaths.error());
  inputs.subPaths = std::move(*subPaths);
  Result<::v1beta1::ContainerAllocateResponse> devices = co_await devices_.prepare(container);
  if (!devices) co_return fail(devices.error());
  if (stopping_()) co_return fail(Code::kCancelled, "", "the pod is being stopped");
  inputs.devices = std::move(*devices);
  addImages(container.name(), inputs);
  addVolumes(inputs);
  inputs.podIps = std::move(podIps);
  inputs.references = std::move(references);
  if (!container.terminationmessagepath().empty()) {
    Result<std::string> file = makeTerminationMessageFile(context_.node.dirs, state_.uid(), container.name());
    if (!file) co_return fail(file.error());
    inputs.terminationMessageFile = std::move(*file);
  }
  co_return inputs;
}

void InputStep::addImages(const std::string& container, podconfig::ContainerInputs& to) {
  for (const WantedImage& wanted : wantedImages(state_.pod, container)) {
    const images::LocalImage& image = *state_.images[wanted.key].local;
    if (wanted.volume.empty()) {
      to.image = image.image;
      to.imageRef = image.ref;
      continue;
    }
    cri::v1::ImageSpec& spec = to.imageVolumes[wanted.volume];
    spec.set_image(image.ref);
    spec.set_user_specified_image(wanted.image);
  }
}

void InputStep::addVolumes(podconfig::ContainerInputs& to) {
  to.volumePaths = *state_.volumes;
  volumes::PodVolumes::Traits traits = context_.volumes.traits(state_.uid());
  to.relabelled = std::move(traits.relabelled);
  to.volumeGroups = std::move(traits.groups);
}

}  // namespace cubelet::sync
