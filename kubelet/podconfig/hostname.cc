#include "kubelet/podconfig/hostname.h"

#include <cstddef>

namespace cubelet::podconfig {
namespace {

constexpr std::size_t kMaxHostname = 63;
constexpr std::size_t kMaxKernelHostname = 64;

std::string cut(std::string name) {
  if (name.size() <= kMaxHostname) return name;
  name.resize(kMaxHostname);
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

PodNames podNames(const core::Pod& pod, const std::string& clusterDomain) {
  const core::PodSpec& spec = pod.spec();
  if (!spec.hostnameoverride().empty()) return {cut(spec.hostnameoverride()), ""};
  PodNames names;
  names.hostname = cut(spec.hostname().empty() ? pod.metadata().name() : spec.hostname());
  if (!spec.subdomain().empty())
    names.domain = spec.subdomain() + "." + pod.metadata().namespace_() + ".svc." + clusterDomain;
  return names;
}

Result<std::string> kernelHostname(const core::Pod& pod, const std::string& clusterDomain) {
  if (pod.spec().hostnetwork()) return std::string();
  const PodNames names = podNames(pod, clusterDomain);
  if (!pod.spec().sethostnameasfqdn() || names.domain.empty()) return names.hostname;
  std::string fqdn = names.fqdn();
  if (fqdn.size() <= kMaxKernelHostname) return fqdn;
  return fail(Code::kInvalid, "",
              "failed to construct FQDN from pod hostname and cluster domain, FQDN " + fqdn + " is too long (" +
                  std::to_string(kMaxKernelHostname) + " characters is the max, " + std::to_string(fqdn.size()) +
                  " characters requested)");
}

}  // namespace cubelet::podconfig
