#include "kubelet/podconfig/container_config.h"

#include "kubelet/api/codec.h"
#include "kubelet/observe/from_cri.h"
#include "kubelet/plan/container_hash.h"
#include "kubelet/podconfig/environment.h"
#include "kubelet/podconfig/hosts_file.h"
#include "kubelet/podconfig/resources.h"
#include "kubelet/podconfig/security.h"
#include "kubelet/podconfig/sub_paths.h"

namespace cubelet::podconfig {
namespace {

constexpr char kConfigError[] = "CreateContainerConfigError";

// The host path behind the mount of this index.
Result<std::string> mountSource(const core::Container& container, int index, const ContainerInputs& inputs) {
  const core::VolumeMount& mount = container.volumemounts(index);
  auto volume = inputs.volumePaths.find(mount.name());
  if (volume == inputs.volumePaths.end())
    return fail(Code::kInvalid, kConfigError,
                "container " + container.name() + " mounts volume " + mount.name() + ", which is not set up");
  if (!hasSubPath(mount)) return volume->second;
  auto part = inputs.subPaths.find(index);
  if (part == inputs.subPaths.end())
    return fail(Code::kInternal, kConfigError, subPathFailure("prepare", container, index));
  return part->second;
}

// The mount of this index shows an image: the runtime mounts it, read-only (CFG-24).
Result<void> showImage(const core::Container& container, int index, const cri::v1::ImageSpec& image,
                       const ContainerInputs& inputs, cri::v1::Mount& mount) {
  *mount.mutable_image() = image;
  mount.set_container_path(container.volumemounts(index).mountpath());
  mount.set_readonly(true);
  if (!hasSubPath(container.volumemounts(index))) return {};
  auto part = inputs.subPaths.find(index);
  if (part == inputs.subPaths.end())
    return fail(Code::kInternal, kConfigError, subPathFailure("prepare", container, index));
  mount.set_image_sub_path(part->second);
  return {};
}

// With upstream's messages. The API refuses the first two before they get here.
Result<bool> isRecursiveReadOnly(const core::VolumeMount& mount, bool runtimeCan) {
  const std::string& mode = mount.recursivereadonly();
  if (mode != "Enabled" && mode != "IfPossible") return false;
  const std::string asked = "volume \"" + mount.name() + "\" requested recursive read-only mode, but it is not ";
  if (!mount.readonly()) return fail(Code::kInvalid, kConfigError, asked + "read-only");
  if (!mount.mountpropagation().empty() && mount.mountpropagation() != "None")
    return fail(Code::kInvalid, kConfigError,
                asked + "compatible with propagation \"" + mount.mountpropagation() + "\"");
  if (mode == "Enabled" && !runtimeCan)
    return fail(Code::kUnimplemented, kConfigError, asked + "supported by the runtime");
  return runtimeCan;
}

// Volumes that containers only read, whatever the mount says (VOL-6): those that the agent writes, and those whose
// source says so.
bool isAlwaysReadOnly(const core::Pod& pod, const std::string& name) {
  for (const core::Volume& volume : pod.spec().volumes()) {
    const core::VolumeSource& source = volume.volumesource();
    if (volume.name() == name)
      return source.has_configmap() || source.has_secret() || source.has_downwardapi() || source.has_projected() ||
             source.persistentvolumeclaim().readonly() || source.nfs().readonly() || source.csi().readonly();
  }
  return false;
}

// Before what the pod says itself, which is right where both name the same variable (SRV-14).
void addPluginDevices(const ::v1beta1::ContainerAllocateResponse& devices, cri::v1::ContainerConfig& config) {
  const std::map<std::string, std::string> variables(devices.envs().begin(), devices.envs().end());
  for (const auto& [name, value] : variables) {
    auto* variable = config.add_envs();
    variable->set_key(name);
    variable->set_value(value);
  }
  for (const ::v1beta1::Mount& one : devices.mounts()) {
    auto* mount = config.add_mounts();
    mount->set_host_path(one.host_path());
    mount->set_container_path(one.container_path());
    mount->set_readonly(one.read_only());
  }
  for (const ::v1beta1::DeviceSpec& one : devices.devices()) {
    auto* device = config.add_devices();
    device->set_host_path(one.host_path());
    device->set_container_path(one.container_path());
    device->set_permissions(one.permissions());
  }
  for (const ::v1beta1::CDIDevice& one : devices.cdi_devices()) config.add_cdi_devices()->set_name(one.name());
  for (const auto& [key, value] : devices.annotations()) (*config.mutable_annotations())[key] = value;
}

Result<void> addMounts(const core::Pod& pod, const core::Container& container, const ContainerInputs& inputs,
                       const NodeFacts& node, cri::v1::ContainerConfig& config) {
  for (int i = 0; i < container.volumemounts_size(); ++i) {
    const core::VolumeMount& volumeMount = container.volumemounts(i);
    if (auto image = inputs.imageVolumes.find(volumeMount.name()); image != inputs.imageVolumes.end()) {
      if (Result<void> shown = showImage(container, i, image->second, inputs, *config.add_mounts()); !shown)
        return fail(shown.error());
      continue;
    }
    Result<std::string> source = mountSource(container, i, inputs);
    if (!source) return fail(source.error());
    auto* mount = config.add_mounts();
    mount->set_host_path(*source);
    mount->set_container_path(volumeMount.mountpath());
    mount->set_readonly(volumeMount.readonly() || isAlwaysReadOnly(pod, volumeMount.name()));
    mount->set_selinux_relabel(inputs.relabelled.contains(volumeMount.name()));
    if (volumeMount.mountpropagation() == "HostToContainer")
      mount->set_propagation(cri::v1::PROPAGATION_HOST_TO_CONTAINER);
    else if (volumeMount.mountpropagation() == "Bidirectional")
      mount->set_propagation(cri::v1::PROPAGATION_BIDIRECTIONAL);
    Result<bool> recursive = isRecursiveReadOnly(volumeMount, inputs.recursiveReadOnlyMounts);
    if (!recursive) return fail(recursive.error());
    mount->set_recursive_read_only(*recursive);
  }
  auto addFile = [&config, &node](const std::string& file, const std::string& path) {
    if (file.empty()) return;
    auto* mount = config.add_mounts();
    mount->set_host_path(file);
    mount->set_container_path(path);
    mount->set_selinux_relabel(node.selinux);
  };
  addFile(inputs.hostsFile, kHostsPath);
  addFile(inputs.terminationMessageFile, container.terminationmessagepath());
  if (const std::optional<IdRange>& users = inputs.namespaces.users) {
    for (cri::v1::Mount& mount : *config.mutable_mounts()) {
      addMappings(*users, *mount.mutable_uidmappings());
      addMappings(*users, *mount.mutable_gidmappings());
    }
  }
  return {};
}

// CSI-12
Result<void> addDevices(const core::Pod& pod, const core::Container& container, const ContainerInputs& inputs,
                        cri::v1::ContainerConfig& config) {
  for (const core::VolumeDevice& wanted : container.volumedevices()) {
    auto volume = inputs.volumePaths.find(wanted.name());
    if (volume == inputs.volumePaths.end())
      return fail(Code::kInvalid, kConfigError,
                  "container " + container.name() + " maps volume " + wanted.name() + ", which is not set up");
    auto* device = config.add_devices();
    device->set_host_path(volume->second);
    device->set_container_path(wanted.devicepath());
    device->set_permissions(isAlwaysReadOnly(pod, wanted.name()) ? "r" : "mrw");
  }
  return {};
}

// "SIGRTMIN+3" is SIGRTMINPLUS3 in the CRI. Runtimes that do not know the field use the image's signal.
cri::v1::Signal stopSignal(const core::Container& container) {
  std::string name = "SIGNAL_" + container.lifecycle().stopsignal();
  if (std::size_t at = name.find('+'); at != std::string::npos) name.replace(at, 1, "PLUS");
  if (std::size_t at = name.find('-'); at != std::string::npos) name.replace(at, 1, "MINUS");
  cri::v1::Signal signal = cri::v1::SIGNAL_RUNTIME_DEFAULT;
  cri::v1::Signal_Parse(name, &signal);
  return signal;
}

std::string portsJson(const core::Container& container) {
  // As Go prints []v1.ContainerPort: set members only, in the order of the type.
  std::string out = "[";
  for (const core::ContainerPort& port : container.ports()) {
    if (out.size() > 1) out += ',';
    out += api::toJson(port);
  }
  return out + "]";
}

}  // namespace

std::map<std::string, std::string> containerAnnotations(const core::Pod& pod, const core::Container& container,
                                                        std::uint32_t attempt) {
  std::map<std::string, std::string> out;
  out[observe::kContainerHashAnnotation] = plan::containerHash(container.name(), container.image());
  out["io.kubernetes.container.restartCount"] = std::to_string(attempt);
  out[observe::kMessagePathAnnotation] = container.terminationmessagepath();
  out[observe::kMessagePolicyAnnotation] = container.terminationmessagepolicy();
  if (container.lifecycle().has_prestop())
    out["io.kubernetes.container.preStopHandler"] = api::toJson(container.lifecycle().prestop());
  if (container.ports_size() > 0) out["io.kubernetes.container.ports"] = portsJson(container);
  if (pod.metadata().has_deletiongraceperiodseconds())
    out["io.kubernetes.pod.deletionGracePeriod"] = std::to_string(pod.metadata().deletiongraceperiodseconds());
  if (pod.spec().has_terminationgraceperiodseconds())
    out["io.kubernetes.pod.terminationGracePeriod"] = std::to_string(pod.spec().terminationgraceperiodseconds());
  return out;
}

Result<cri::v1::ContainerConfig> makeContainerConfig(const core::Pod& pod, const core::Container& container,
                                                     const ContainerInputs& inputs, const NodeFacts& node) {
  Result<Environment> environment = makeEnvironment(pod, container, node, inputs.podIps, inputs.references);
  if (!environment) return fail(environment.error());
  Result<cri::v1::LinuxContainerSecurityContext> security =
      containerSecurity(pod, container, inputs.image, node, inputs.namespaces, inputs.volumeGroups);
  if (!security) return fail(security.error());

  cri::v1::ContainerConfig config;
  config.mutable_metadata()->set_name(container.name());
  config.mutable_metadata()->set_attempt(inputs.attempt);
  config.mutable_image()->set_image(inputs.imageRef);
  config.mutable_image()->set_user_specified_image(container.image());
  for (const std::string& part : container.command()) config.add_command(expand(part, *environment));
  for (const std::string& part : container.args()) config.add_args(expand(part, *environment));
  config.set_working_dir(container.workingdir());
  addPluginDevices(inputs.devices, config);
  for (const auto& [name, value] : *environment) {
    auto* variable = config.add_envs();
    variable->set_key(name);
    variable->set_value(value);
  }
  if (Result<void> mounted = addMounts(pod, container, inputs, node, config); !mounted) return fail(mounted.error());
  if (Result<void> mapped = addDevices(pod, container, inputs, config); !mapped) return fail(mapped.error());

  auto& labels = *config.mutable_labels();
  labels[observe::kPodNameLabel] = pod.metadata().name();
  labels[observe::kPodNamespaceLabel] = pod.metadata().namespace_();
  labels[observe::kPodUidLabel] = pod.metadata().uid();
  labels[observe::kContainerNameLabel] = container.name();
  for (const auto& [key, value] : containerAnnotations(pod, container, inputs.attempt))
    (*config.mutable_annotations())[key] = value;
  config.set_log_path(layout::containerLogFile(container.name(), inputs.attempt));
  config.set_stdin(container.stdin());
  config.set_stdin_once(container.stdinonce());
  config.set_tty(container.tty());
  if (container.lifecycle().has_stopsignal()) config.set_stop_signal(stopSignal(container));
  *config.mutable_linux()->mutable_resources() = containerResources(pod, container, node);
  *config.mutable_linux()->mutable_security_context() = *security;
  return config;
}

}  // namespace cubelet::podconfig
