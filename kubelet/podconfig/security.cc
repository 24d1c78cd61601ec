#include "kubelet/podconfig/security.h"

#include <algorithm>

#include "kubelet/api/pod.h"

namespace cubelet::podconfig {
namespace {

constexpr char kConfigError[] = "CreateContainerConfigError";
constexpr char kAppArmorAnnotation[] = "container.apparmor.security.beta.kubernetes.io/";

// What "procMount: Default" hides and write-protects (SEC-12).
constexpr const char* kMaskedPaths[] = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                        "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                        "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
constexpr const char* kReadonlyPaths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

cri::v1::NamespaceOption namespaces(const core::Pod& pod, const Namespaces& entered) {
  cri::v1::NamespaceOption options;
  options.set_network(pod.spec().hostnetwork() ? cri::v1::NODE : cri::v1::POD);
  options.set_ipc(pod.spec().hostipc() ? cri::v1::NODE : cri::v1::POD);
  options.set_pid(pod.spec().hostpid()                 ? cri::v1::NODE
                  : pod.spec().shareprocessnamespace() ? cri::v1::POD
                                                       : cri::v1::CONTAINER);
  if (!entered.targetContainerId.empty() && options.pid() == cri::v1::CONTAINER) {
    options.set_pid(cri::v1::TARGET);
    options.set_target_id(entered.targetContainerId);
  }
  cri::v1::UserNamespace& users = *options.mutable_userns_options();
  users.set_mode(entered.users ? cri::v1::POD : cri::v1::NODE);
  if (entered.users) {
    addMappings(*entered.users, *users.mutable_uids());
    addMappings(*entered.users, *users.mutable_gids());
  }
  return options;
}

cri::v1::SELinuxOption selinux(const core::SELinuxOptions& options) {
  cri::v1::SELinuxOption out;
  out.set_user(options.user());
  out.set_role(options.role());
  out.set_type(options.type());
  out.set_level(options.level());
  return out;
}

template <class Context>
void addGroups(const core::PodSecurityContext& pod, const std::set<std::int64_t>& more, Context& context) {
  for (std::int64_t gid : pod.supplementalgroups()) context.add_supplemental_groups(gid);
  if (pod.has_fsgroup()) context.add_supplemental_groups(pod.fsgroup());
  const std::set<std::int64_t> named(context.supplemental_groups().begin(), context.supplemental_groups().end());
  for (const std::int64_t gid : more)
    if (!named.contains(gid)) context.add_supplemental_groups(gid);
  context.set_supplemental_groups_policy(pod.supplementalgroupspolicy() == "Strict"
                                             ? cri::v1::SupplementalGroupsPolicy::Strict
                                             : cri::v1::SupplementalGroupsPolicy::Merge);
}

// SEC-9: the container's profile, else the pod's, else the node's default.
Result<cri::v1::SecurityProfile> seccomp(const core::PodSecurityContext& pod, const core::SecurityContext& container,
                                         const NodeFacts& node) {
  cri::v1::SecurityProfile out;
  out.set_profile_type(node.seccompDefault ? cri::v1::SecurityProfile::RuntimeDefault
                                           : cri::v1::SecurityProfile::Unconfined);
  const core::SeccompProfile* profile = container.has_seccompprofile() ? &container.seccompprofile()
                                        : pod.has_seccompprofile()     ? &pod.seccompprofile()
                                                                       : nullptr;
  if (profile == nullptr) return out;
  if (profile->type() == "RuntimeDefault") out.set_profile_type(cri::v1::SecurityProfile::RuntimeDefault);
  if (profile->type() == "Unconfined") out.set_profile_type(cri::v1::SecurityProfile::Unconfined);
  if (profile->type() == "Localhost") {
    if (profile->localhostprofile().empty())
      return fail(Code::kInvalid, kConfigError, "localhostProfile must be set if seccompProfile type is Localhost.");
    out.set_profile_type(cri::v1::SecurityProfile::Localhost);
    out.set_localhost_ref(node.dirs.root + "/seccomp/" + profile->localhostprofile());
  }
  return out;
}

std::optional<cri::v1::SecurityProfile> appArmor(const std::string& type, const std::string& localhost) {
  cri::v1::SecurityProfile out;
  if (type == "RuntimeDefault" || type == "runtime/default")
    out.set_profile_type(cri::v1::SecurityProfile::RuntimeDefault);
  else if (type == "Unconfined" || type == "unconfined")
    out.set_profile_type(cri::v1::SecurityProfile::Unconfined);
  else if (type == "Localhost")
    out.set_profile_type(cri::v1::SecurityProfile::Localhost), out.set_localhost_ref(localhost);
  else if (type.starts_with("localhost/"))
    out.set_profile_type(cri::v1::SecurityProfile::Localhost), out.set_localhost_ref(type.substr(10));
  else
    return std::nullopt;
  return out;
}

// SEC-10: container field, else annotation, else pod field, else nothing is sent.
std::optional<cri::v1::SecurityProfile> appArmorOf(const core::Pod& pod, const core::Container& container) {
  const auto& own = container.securitycontext();
  if (own.has_apparmorprofile())
    return appArmor(own.apparmorprofile().type(), own.apparmorprofile().localhostprofile());
  auto annotation = pod.metadata().annotations().find(kAppArmorAnnotation + container.name());
  if (annotation != pod.metadata().annotations().end()) return appArmor(annotation->second, "");
  const auto& ofPod = pod.spec().securitycontext();
  if (ofPod.has_apparmorprofile())
    return appArmor(ofPod.apparmorprofile().type(), ofPod.apparmorprofile().localhostprofile());
  return std::nullopt;
}

std::optional<std::int64_t> userOf(const core::Pod& pod, const core::SecurityContext& container) {
  if (container.has_runasuser()) return container.runasuser();
  if (pod.spec().securitycontext().has_runasuser()) return pod.spec().securitycontext().runasuser();
  return std::nullopt;
}

// SEC-3, with upstream's messages: people grep for them.
Result<void> checkNonRoot(const core::Pod& pod, const core::Container& container, const cri::v1::Image& image,
                          std::optional<std::int64_t> user) {
  const auto& own = container.securitycontext();
  const bool wanted = own.has_runasnonroot() ? own.runasnonroot() : pod.spec().securitycontext().runasnonroot();
  if (!wanted) return {};
  const std::string where = "(pod: \"" + api::podFullName(pod) + "\", container: " + container.name() + ")";
  if (user) {
    if (*user == 0) return fail(Code::kInvalid, kConfigError, "container's runAsUser breaks non-root policy " + where);
    return {};
  }
  if (!image.has_uid() && !image.username().empty())
    return fail(Code::kInvalid, kConfigError,
                "container has runAsNonRoot and image has non-numeric user (" + image.username() +
                    "), cannot verify user is non-root " + where);
  if (!image.has_uid() || image.uid().value() == 0)
    return fail(Code::kInvalid, kConfigError, "container has runAsNonRoot and image will run as root " + where);
  return {};
}

void setUser(const core::Pod& pod, const core::SecurityContext& own, const cri::v1::Image& image,
             std::optional<std::int64_t> user, cri::v1::LinuxContainerSecurityContext& context) {
  if (user)
    context.mutable_run_as_user()->set_value(*user);
  else if (image.has_uid())
    context.mutable_run_as_user()->set_value(image.uid().value());
  else if (!image.username().empty())
    context.set_run_as_username(image.username());
  else
    context.mutable_run_as_user()->set_value(0);
  if (own.has_runasgroup())
    context.mutable_run_as_group()->set_value(own.runasgroup());
  else if (pod.spec().securitycontext().has_runasgroup())
    context.mutable_run_as_group()->set_value(pod.spec().securitycontext().runasgroup());
}

}  // namespace

bool anyPrivileged(const core::Pod& pod) {
  auto privileged = [](const core::Container& c) { return c.securitycontext().privileged(); };
  auto debugger = [](const core::EphemeralContainer& c) {
    return c.ephemeralcontainercommon().securitycontext().privileged();
  };
  const core::PodSpec& spec = pod.spec();
  return std::any_of(spec.containers().begin(), spec.containers().end(), privileged) ||
         std::any_of(spec.initcontainers().begin(), spec.initcontainers().end(), privileged) ||
         std::any_of(spec.ephemeralcontainers().begin(), spec.ephemeralcontainers().end(), debugger);
}

cri::v1::LinuxSandboxSecurityContext sandboxSecurity(const core::Pod& pod, const Namespaces& entered,
                                                     const std::set<std::int64_t>& volumeGroups) {
  cri::v1::LinuxSandboxSecurityContext context;
  *context.mutable_namespace_options() = namespaces(pod, entered);
  context.set_privileged(anyPrivileged(pod));
  context.mutable_seccomp()->set_profile_type(cri::v1::SecurityProfile::RuntimeDefault);
  const auto& ofPod = pod.spec().securitycontext();
  if (ofPod.has_runasuser()) context.mutable_run_as_user()->set_value(ofPod.runasuser());
  // CRI takes a group only together with a user.
  if (ofPod.has_runasgroup() && ofPod.has_runasuser()) context.mutable_run_as_group()->set_value(ofPod.runasgroup());
  if (ofPod.has_selinuxoptions()) *context.mutable_selinux_options() = selinux(ofPod.selinuxoptions());
  addGroups(ofPod, volumeGroups, context);
  return context;
}

Result<cri::v1::LinuxContainerSecurityContext> containerSecurity(const core::Pod& pod, const core::Container& container,
                                                                 const cri::v1::Image& image, const NodeFacts& node,
                                                                 const Namespaces& entered,
                                                                 const std::set<std::int64_t>& volumeGroups) {
  const auto& own = container.securitycontext();
  const std::optional<std::int64_t> user = userOf(pod, own);
  if (Result<void> allowed = checkNonRoot(pod, container, image, user); !allowed) return fail(allowed.error());

  cri::v1::LinuxContainerSecurityContext context;
  *context.mutable_namespace_options() = namespaces(pod, entered);
  setUser(pod, own, image, user, context);
  for (const std::string& name : own.capabilities().add()) context.mutable_capabilities()->add_add_capabilities(name);
  for (const std::string& name : own.capabilities().drop()) context.mutable_capabilities()->add_drop_capabilities(name);
  context.set_privileged(own.privileged());
  context.set_readonly_rootfs(own.readonlyrootfilesystem());
  context.set_no_new_privs(own.has_allowprivilegeescalation() && !own.allowprivilegeescalation());
  if (own.has_selinuxoptions())
    *context.mutable_selinux_options() = selinux(own.selinuxoptions());
  else if (pod.spec().securitycontext().has_selinuxoptions())
    *context.mutable_selinux_options() = selinux(pod.spec().securitycontext().selinuxoptions());
  addGroups(pod.spec().securitycontext(), volumeGroups, context);
  Result<cri::v1::SecurityProfile> profile = seccomp(pod.spec().securitycontext(), own, node);
  if (!profile) return fail(profile.error());
  *context.mutable_seccomp() = std::move(*profile);
  if (auto confined = appArmorOf(pod, container)) *context.mutable_apparmor() = *confined;
  if (!own.privileged() && own.procmount() != "Unmasked") {
    for (const char* path : kMaskedPaths) context.add_masked_paths(path);
    for (const std::string& path : node.thermalPaths) context.add_masked_paths(path);
    for (const char* path : kReadonlyPaths) context.add_readonly_paths(path);
  }
  return context;
}

}  // namespace cubelet::podconfig
