#include <algorithm>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

constexpr std::size_t kMaxSysctlName = 253;
constexpr std::size_t kMaxProfileName = 4095;  // PATH_MAX without its NUL

void checkSeccomp(const core::SeccompProfile& profile, const Field& field, FieldErrors& errors) {
  Field local = field.child("localhostProfile");
  if (profile.type().empty())
    errors.required(field.child("type"), "type is required when seccompProfile is set");
  else
    errors.oneOf(field.child("type"), profile.type(), {"Localhost", "RuntimeDefault", "Unconfined"});
  if (profile.type() != "Localhost") {
    if (profile.has_localhostprofile())
      errors.invalid(local, profile.localhostprofile(), "can only be set when seccomp type is Localhost");
  } else if (!profile.has_localhostprofile()) {
    errors.required(local, "must be set when seccomp type is Localhost");
  } else {
    checkRelativePath(profile.localhostprofile(), local, errors);
  }
}

bool isPadded(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  return !text.empty() &&
         (kSpaces.find(text.front()) != std::string_view::npos || kSpaces.find(text.back()) != std::string_view::npos);
}

void checkAppArmor(const core::AppArmorProfile& profile, const Field& field, FieldErrors& errors) {
  Field local = field.child("localhostProfile");
  if (profile.type().empty())
    errors.required(field.child("type"), "type is required when appArmorProfile is set");
  else
    errors.oneOf(field.child("type"), profile.type(), {"Localhost", "RuntimeDefault", "Unconfined"});
  if (profile.type() != "Localhost") {
    if (profile.has_localhostprofile())
      errors.invalid(local, profile.localhostprofile(), "can only be set when AppArmor type is Localhost");
    return;
  }
  if (profile.localhostprofile().empty())
    errors.required(local, "must be set when AppArmor type is Localhost");
  else if (isPadded(profile.localhostprofile()))
    errors.invalid(local, profile.localhostprofile(), "must not be padded with whitespace");
  if (profile.localhostprofile().size() > kMaxProfileName) errors.tooLong(local, kMaxProfileName);
}

// Parts of lower-case letters, digits, - and _ with a letter or digit at both ends, joined by . or /.
bool isSysctlName(std::string_view name) {
  if (name.size() > kMaxSysctlName) return false;
  auto isEnd = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (;;) {
    std::size_t end = std::min(name.find_first_of("./"), name.size());
    std::string_view part = name.substr(0, end);
    if (part.empty() || !isEnd(part.front()) || !isEnd(part.back())) return false;
    if (!std::all_of(part.begin(), part.end(), [&](char c) { return isEnd(c) || c == '-' || c == '_'; })) return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

enum class KernelNamespace { kNone, kNetwork, kIpc };

KernelNamespace namespaceOf(std::string name) {
  std::size_t separator = name.find_first_of("./");
  // With a slash first, slashes are the separators (sysctl.d): dots then belong to the parts, as in interface names.
  if (separator != std::string::npos && name[separator] == '/') std::replace(name.begin(), name.end(), '/', '.');
  if (name.starts_with("net.")) return KernelNamespace::kNetwork;
  bool isIpc = name == "kernel.sem" || name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
               name.starts_with("fs.mqueue.");
  return isIpc ? KernelNamespace::kIpc : KernelNamespace::kNone;
}

void checkSysctls(const PodContext& context, const Field& field, FieldErrors& errors) {
  std::set<std::string> names;
  const core::PodSecurityContext& security = context.spec.securitycontext();
  for (int i = 0; i < security.sysctls_size(); ++i) {
    const std::string& name = security.sysctls(i).name();
    Field place = field.index(i).child("name");
    if (name.empty())
      errors.required(place);
    else if (!isSysctlName(name))
      errors.invalid(place, name, "must be the name of a sysctl of at most 253 characters (e.g. 'net.core.somaxconn')");
    else if (!names.insert(name).second)
      errors.duplicate(place, name);
    KernelNamespace kernelNamespace = namespaceOf(name);
    if (context.spec.hostnetwork() && kernelNamespace == KernelNamespace::kNetwork)
      errors.invalid(place, name, "may not be specified when 'hostNetwork' is true");
    if (context.spec.hostipc() && kernelNamespace == KernelNamespace::kIpc)
      errors.invalid(place, name, "may not be specified when 'hostIPC' is true");
  }
}

// The members that PodSecurityContext and SecurityContext share.
template <class Security>
void checkShared(const Security& security, const Field& field, FieldErrors& errors) {
  if (security.has_runasuser())
    errors.invalid(field.child("runAsUser"), security.runasuser(), whyNotUserOrGroupId(security.runasuser()));
  if (security.has_runasgroup())
    errors.invalid(field.child("runAsGroup"), security.runasgroup(), whyNotUserOrGroupId(security.runasgroup()));
  if (security.has_seccompprofile()) checkSeccomp(security.seccompprofile(), field.child("seccompProfile"), errors);
  if (security.has_apparmorprofile()) checkAppArmor(security.apparmorprofile(), field.child("appArmorProfile"), errors);
}

void checkHostNamespaces(const core::PodSpec& spec, bool hostUsers, FieldErrors& errors) {
  Field field("spec");
  if (spec.shareprocessnamespace() && spec.hostpid())
    errors.invalid(field.child("shareProcessNamespace"), true,
                   "ShareProcessNamespace and HostPID cannot both be enabled");
  if (hostUsers) return;
  constexpr std::string_view kDetail = "when `hostUsers` is false";
  if (spec.hostnetwork()) errors.forbidden(field.child("hostNetwork"), kDetail);
  if (spec.hostpid()) errors.forbidden(field.child("hostPID"), kDetail);
  if (spec.hostipc()) errors.forbidden(field.child("hostIPC"), kDetail);
}

}  // namespace

void checkPodSecurity(const PodContext& context, FieldErrors& errors) {
  const core::PodSecurityContext& security = context.spec.securitycontext();
  Field field = Field("spec").child("securityContext");
  checkHostNamespaces(context.spec, context.hostUsers, errors);
  checkShared(security, field, errors);
  if (security.has_fsgroup())
    errors.invalid(field.child("fsGroup"), security.fsgroup(), whyNotUserOrGroupId(security.fsgroup()));
  for (int i = 0; i < security.supplementalgroups_size(); ++i)
    errors.invalid(field.child("supplementalGroups").index(i), security.supplementalgroups(i),
                   whyNotUserOrGroupId(security.supplementalgroups(i)));
  checkSysctls(context, field.child("sysctls"), errors);
  if (security.has_fsgroupchangepolicy())
    errors.oneOf(field.child("fsGroupChangePolicy"), security.fsgroupchangepolicy(), {"Always", "OnRootMismatch"});
  if (security.has_supplementalgroupspolicy())
    errors.oneOf(field.child("supplementalGroupsPolicy"), security.supplementalgroupspolicy(), {"Merge", "Strict"});
  if (security.has_selinuxchangepolicy())
    errors.oneOf(field.child("seLinuxChangePolicy"), security.selinuxchangepolicy(), {"MountOption", "Recursive"});
}

void checkContainerSecurity(const PodContext& context, const core::SecurityContext& security, const Field& field,
                            FieldErrors& errors) {
  checkShared(security, field, errors);
  if (security.has_procmount()) {
    errors.oneOf(field.child("procMount"), security.procmount(), {"Default", "Unmasked"});
    if (security.procmount() == "Unmasked" && context.hostUsers)
      errors.invalid(field.child("procMount"), security.procmount(), "`hostUsers` must be false to use `Unmasked`");
  }
  if (!security.has_allowprivilegeescalation() || security.allowprivilegeescalation()) return;
  Field escalation = field.child("allowPrivilegeEscalation");
  if (security.privileged())
    errors.invalid(escalation, false, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  for (const std::string& capability : security.capabilities().add())
    if (capability == "CAP_SYS_ADMIN")
      errors.invalid(escalation, false,
                     "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

}  // namespace cubelet::api::validation
