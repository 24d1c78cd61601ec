#include "kubelet/admission/sysctls.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cubelet::admission {
namespace {

// Those that change nothing outside the pod (upstream's list; this kernel is newer than all of its version bounds).
constexpr std::array<std::string_view, 12> kSafe = {"kernel.shm_rmid_forced",
                                                    "net.ipv4.ip_local_port_range",
                                                    "net.ipv4.tcp_syncookies",
                                                    "net.ipv4.ping_group_range",
                                                    "net.ipv4.ip_unprivileged_port_start",
                                                    "net.ipv4.ip_local_reserved_ports",
                                                    "net.ipv4.tcp_keepalive_time",
                                                    "net.ipv4.tcp_fin_timeout",
                                                    "net.ipv4.tcp_keepalive_intvl",
                                                    "net.ipv4.tcp_keepalive_probes",
                                                    "net.ipv4.tcp_rmem",
                                                    "net.ipv4.tcp_wmem"};

enum class Namespace { kIpc, kNet, kUnknown };

Namespace namespaceOf(std::string_view name) {
  if (name.starts_with("net.")) return Namespace::kNet;
  for (std::string_view prefix : {"kernel.shm", "kernel.msg", "fs.mqueue."})
    if (name.starts_with(prefix)) return Namespace::kIpc;
  return name == "kernel.sem" ? Namespace::kIpc : Namespace::kUnknown;
}

// With a slash as its first separator, slashes are the separators and dots belong to the parts.
std::string normalized(std::string name) {
  const std::size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '.') return name;
  for (char& c : name) {
    if (c == '.')
      c = '/';
    else if (c == '/')
      c = '.';
  }
  return name;
}

bool isAllowed(const std::string& name, const std::vector<std::string>& allowedUnsafe) {
  if (std::ranges::find(kSafe, name) != kSafe.end()) return true;
  return std::ranges::any_of(allowedUnsafe, [&](const std::string& pattern) {
    const std::string allowed = normalized(pattern);
    if (!allowed.ends_with('*')) return name == allowed;
    return name.starts_with(std::string_view(allowed).substr(0, allowed.size() - 1));
  });
}

}  // namespace

std::optional<std::string> forbiddenSysctl(const core::PodSpec& spec, const std::vector<std::string>& allowedUnsafe) {
  for (const core::Sysctl& sysctl : spec.securitycontext().sysctls()) {
    const std::string name = normalized(sysctl.name());
    const std::string quoted = "\"" + name + "\"";
    if (!isAllowed(name, allowedUnsafe)) return quoted + " not allowlisted";
    const Namespace where = namespaceOf(name);
    if (where == Namespace::kNet && spec.hostnetwork()) return quoted + " not allowed with host net enabled";
    if (where == Namespace::kIpc && spec.hostipc()) return quoted + " not allowed with host ipc enabled";
  }
  return std::nullopt;
}

}  // namespace cubelet::admission
