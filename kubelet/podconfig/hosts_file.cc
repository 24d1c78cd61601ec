#include "kubelet/podconfig/hosts_file.h"

#include <algorithm>

#include "kubelet/podconfig/hostname.h"

namespace cubelet::podconfig {
namespace {

constexpr char kLocalNames[] =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n";

std::string aliases(const core::PodSpec& spec) {
  if (spec.hostaliases().empty()) return "";
  std::string out = "\n# Entries added by HostAliases.\n";
  for (const core::HostAlias& alias : spec.hostaliases()) {
    out += alias.ip();
    for (const std::string& name : alias.hostnames()) out += "\t" + name;
    out += '\n';
  }
  return out;
}

}  // namespace

std::string hostsFile(const core::Pod& pod, const std::vector<std::string>& podIps, const std::string& clusterDomain,
                      std::string_view nodeHosts) {
  if (pod.spec().hostnetwork())
    return std::string("# Kubernetes-managed hosts file (host network).\n").append(nodeHosts) + aliases(pod.spec());
  std::string out = std::string("# Kubernetes-managed hosts file.\n") + kLocalNames;
  const PodNames names = podNames(pod, clusterDomain);
  for (const std::string& ip : podIps) {
    out += ip;
    if (!names.domain.empty()) out += "\t" + names.fqdn();
    out += "\t" + names.hostname + "\n";
  }
  return out + aliases(pod.spec());
}

bool wantsHostsFile(const core::Container& container, const std::vector<std::string>& podIps) {
  const auto& mounts = container.volumemounts();
  return !podIps.empty() &&
         std::none_of(mounts.begin(), mounts.end(), [](const auto& mount) { return mount.mountpath() == kHostsPath; });
}

}  // namespace cubelet::podconfig
