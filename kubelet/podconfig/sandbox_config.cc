#include "kubelet/podconfig/sandbox_config.h"

#include <algorithm>

#include "kubelet/observe/from_cri.h"
#include "kubelet/podconfig/dns.h"
#include "kubelet/podconfig/hostname.h"
#include "kubelet/podconfig/resources.h"
#include "kubelet/podconfig/security.h"

namespace cubelet::podconfig {
namespace {

void addPortMappings(const core::Pod& pod, cri::v1::PodSandboxConfig& config) {
  for (const core::Container& container : pod.spec().containers()) {
    for (const core::ContainerPort& port : container.ports()) {
      auto* mapping = config.add_port_mappings();
      mapping->set_container_port(port.containerport());
      mapping->set_host_port(port.hostport());
      mapping->set_host_ip(port.hostip());
      mapping->set_protocol(port.protocol() == "UDP"    ? cri::v1::UDP
                            : port.protocol() == "SCTP" ? cri::v1::SCTP
                                                        : cri::v1::TCP);
    }
  }
}

}  // namespace

cri::v1::PodSandboxConfig makeSandboxConfig(const core::Pod& pod, std::uint32_t attempt, const NodeFacts& node,
                                            const SandboxPlace& place) {
  const auto& meta = pod.metadata();
  cri::v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(meta.name());
  config.mutable_metadata()->set_namespace_(meta.namespace_());
  config.mutable_metadata()->set_uid(meta.uid());
  config.mutable_metadata()->set_attempt(attempt);
  // A name that is too long has been refused before (PodStarter); whoever only describes the pod needs none.
  config.set_hostname(kernelHostname(pod, node.dns.clusterDomain).value_or(""));
  config.set_log_directory(layout::podLogDirectory(node.dirs, meta.namespace_(), meta.name(), meta.uid()));
  *config.mutable_dns_config() = makeDnsConfig(pod, node.dns).config;
  addPortMappings(pod, config);

  auto& labels = *config.mutable_labels();
  for (const auto& [key, value] : meta.labels()) labels[key] = value;
  labels[observe::kPodNameLabel] = meta.name();
  labels[observe::kPodNamespaceLabel] = meta.namespace_();
  labels[observe::kPodUidLabel] = meta.uid();
  for (const auto& [key, value] : meta.annotations()) (*config.mutable_annotations())[key] = value;

  auto& sysctls = *config.mutable_linux()->mutable_sysctls();
  for (const core::Sysctl& sysctl : pod.spec().securitycontext().sysctls()) {
    std::string name = sysctl.name();
    std::replace(name.begin(), name.end(), '/', '.');
    sysctls[name] = sysctl.value();
  }
  *config.mutable_linux()->mutable_security_context() =
      sandboxSecurity(pod, {.users = place.users, .targetContainerId = {}}, place.volumeGroups);
  config.mutable_linux()->set_cgroup_parent(place.cgroupParent);
  *config.mutable_linux()->mutable_resources() = sandboxResources(pod, node);
  *config.mutable_linux()->mutable_overhead() = sandboxOverhead(pod, node);
  return config;
}

}  // namespace cubelet::podconfig
