#include "kubelet/admission/pod_claims.h"

#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"

namespace cubelet::admission {
namespace {

constexpr char kAllAddresses[] = "0.0.0.0";
constexpr char kMirrorAnnotation[] = "kubernetes.io/config.mirror";
constexpr std::int32_t kSystemPriority = 2'000'000'000;

Amounts requestsOf(const core::PodSpec& spec) {
  Amounts out;
  for (const auto& [name, amount] : api::sumOfRequests(spec)) out[name] = amountOf(name, amount);
  // What the pod asks for as a whole counts instead of the sum.
  for (const auto& [name, amount] : spec.resources().requests()) out[name] = amountOf(name, amount.string());
  for (const auto& [name, amount] : spec.overhead()) out[name] += amountOf(name, amount.string());
  return out;
}

void addPorts(const core::Container& container, std::vector<HostPort>& ports) {
  for (const core::ContainerPort& port : container.ports())
    if (port.hostport() > 0)
      ports.push_back({.ip = port.hostip().empty() ? kAllAddresses : port.hostip(),
                       .protocol = port.protocol().empty() ? "TCP" : port.protocol(),
                       .port = port.hostport()});
}

}  // namespace

bool clashes(const HostPort& one, const HostPort& other) {
  if (one.port != other.port || one.protocol != other.protocol) return false;
  return one.ip == other.ip || one.ip == kAllAddresses || other.ip == kAllAddresses;
}

std::int64_t PodClaims::of(std::string_view resource) const {
  if (resource == "pods") return 1;
  auto found = requests.find(resource);
  return found == requests.end() ? 0 : found->second;
}

PodClaims claimsOf(const core::Pod& pod) {
  PodClaims claims;
  claims.uid = pod.metadata().uid();
  claims.requests = requestsOf(pod.spec());
  for (const core::Container& container : pod.spec().containers()) addPorts(container, claims.ports);
  for (const core::Container& container : pod.spec().initcontainers())
    if (api::isSidecar(container)) addPorts(container, claims.ports);
  claims.qosClass = api::qosClass(pod);
  claims.critical = isCritical(pod);
  if (pod.spec().has_priority()) claims.priority = pod.spec().priority();
  return claims;
}

bool isCritical(const core::Pod& pod) {
  return api::isStaticPod(pod) || pod.metadata().annotations().contains(kMirrorAnnotation) ||
         pod.spec().priority() >= kSystemPriority;
}

}  // namespace cubelet::admission
