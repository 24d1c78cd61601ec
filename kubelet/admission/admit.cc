#include "kubelet/admission/admit.h"

#include <algorithm>
#include <utility>

#include "kubelet/admission/node_selection.h"
#include "kubelet/admission/preemption.h"
#include "kubelet/admission/sysctls.h"
#include "kubelet/admission/tolerations.h"
#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"

namespace cubelet::admission {
namespace {

constexpr char kOsLabel[] = "kubernetes.io/os";
constexpr char kOs[] = "linux";
constexpr char kNodeAffinity[] = "NodeAffinity";
constexpr char kMemoryPressure[] = "MemoryPressure";
constexpr char kNoSchedule[] = "NoSchedule";

struct Shortage {
  std::string resource;
  std::int64_t requested = 0;
  std::int64_t used = 0;
  std::int64_t capacity = 0;
};

Rejection outOf(const Shortage& shortage) {
  return {.reason = "OutOf" + shortage.resource,
          .message = "Node didn't have enough resource: " + shortage.resource +
                     ", requested: " + std::to_string(shortage.requested) + ", used: " + std::to_string(shortage.used) +
                     ", capacity: " + std::to_string(shortage.capacity)};
}

Rejection failedPredicate(const std::string& name, const std::string& why) {
  return {.reason = name, .message = "Predicate " + name + " failed: " + why};
}

bool isExtended(std::string_view resource) {
  return !api::isNativeResource(resource) && !resource.starts_with("requests.");
}

bool isMeasured(std::string_view resource) {
  return resource == "cpu" || resource == "memory" || resource == "ephemeral-storage" || resource == "pods";
}

// In upstream's order: pods, cpu, memory, storage, then the others by name. The first one is what the user sees.
std::vector<Shortage> shortages(const PodClaims& claims, const std::vector<const PodClaims*>& others,
                                const NodeView& node) {
  std::vector<std::string> resources = {"pods", "cpu", "memory", "ephemeral-storage"};
  for (const auto& [name, amount] : claims.requests)
    if (!isMeasured(name)) resources.push_back(name);
  std::vector<Shortage> out;
  for (const std::string& name : resources) {
    const auto allocatable = node.allocatable.find(name);
    const bool there = allocatable != node.allocatable.end();
    // One that no node has may be the cluster's business (ADM-9).
    if (!there && (isMeasured(name) || isExtended(name))) continue;
    Shortage one{.resource = name, .requested = claims.of(name), .capacity = there ? allocatable->second : 0};
    for (const PodClaims* other : others) one.used += other->of(name);
    if (one.requested > 0 && one.requested > one.capacity - one.used) out.push_back(std::move(one));
  }
  return out;
}

bool portsFree(const PodClaims& claims, const std::vector<const PodClaims*>& others) {
  return std::ranges::none_of(claims.ports, [&](const HostPort& wanted) {
    return std::ranges::any_of(others, [&](const PodClaims* other) {
      return std::ranges::any_of(other->ports, [&](const HostPort& taken) { return clashes(wanted, taken); });
    });
  });
}

bool wantsAppArmor(const core::AppArmorProfile& profile) {
  return !profile.type().empty() && profile.type() != "Unconfined";
}

bool wantsAppArmor(const core::Pod& pod) {
  auto any = [](const auto& containers) {
    return std::any_of(containers.begin(), containers.end(), [](const core::Container& container) {
      return wantsAppArmor(container.securitycontext().apparmorprofile());
    });
  };
  return wantsAppArmor(pod.spec().securitycontext().apparmorprofile()) || any(pod.spec().containers()) ||
         any(pod.spec().initcontainers());
}

// What no other pod's end would change.
std::optional<Rejection> ownRules(const core::Pod& pod, const NodeView& node) {
  const auto osLabel = pod.metadata().labels().find(kOsLabel);
  if (osLabel != pod.metadata().labels().end() && osLabel->second != kOs)
    return Rejection{"PodOSSelectorNodeLabelDoesNotMatch",
                     "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"};
  if (pod.spec().has_os() && pod.spec().os().name() != kOs)
    return Rejection{"PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"};
  if (pod.spec().securitycontext().supplementalgroupspolicy() == "Strict" && !node.supplementalGroupsPolicy)
    return Rejection{"SupplementalGroupsPolicyNotSupported",
                     "SupplementalGroupsPolicy=Strict is not supported in this node"};
  return std::nullopt;
}

std::optional<Rejection> securityRules(const core::Pod& pod, const NodeView& node) {
  if (std::optional<std::string> forbidden = forbiddenSysctl(pod.spec(), node.allowedUnsafeSysctls))
    return Rejection{"SysctlForbidden", "forbidden sysctl: " + *forbidden};
  const bool pending = pod.status().phase().empty() || pod.status().phase() == "Pending";
  if (pending && !node.appArmor && wantsAppArmor(pod))
    return Rejection{"AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"};
  return std::nullopt;
}

// In upstream's order.
std::vector<Rejection> generalRules(const core::Pod& pod, const PodClaims& claims,
                                    const std::vector<const PodClaims*>& others, const NodeView& node) {
  std::vector<Rejection> out;
  if (!selectsNode(pod.spec(), node))
    out.push_back(failedPredicate(kNodeAffinity, "node(s) didn't match Pod's node affinity/selector"));
  if (!pod.spec().nodename().empty() && pod.spec().nodename() != node.name)
    out.push_back(failedPredicate("NodeName", "node(s) didn't match the requested node name"));
  if (!portsFree(claims, others))
    out.push_back(failedPredicate("NodePorts", "node(s) didn't have free ports for the requested pod ports"));
  if (!api::isStaticPod(pod) && !toleratesAll(pod.spec(), node.taints, "NoExecute"))
    out.push_back(failedPredicate("TaintToleration", "node(s) had untolerated taint(s)"));
  return out;
}

Decision makeRoom(const PodClaims& claims, const std::vector<const PodClaims*>& others,
                  const std::vector<Shortage>& lacking) {
  std::vector<Missing> missing;
  for (const Shortage& one : lacking) missing.push_back({one.resource, one.requested - (one.capacity - one.used)});
  Result<std::vector<std::string>> victims = chooseVictims(claims, others, missing);
  Decision decision;
  if (victims)
    decision.victims = std::move(*victims);
  else
    decision.rejection = Rejection{
        "UnexpectedAdmissionError",
        "Unexpected error while attempting to recover from admission failure: preemption: error finding a set "
        "of pods to preempt: " +
            victims.error().message};
  return decision;
}

}  // namespace

Decision admit(const core::Pod& pod, const PodClaims& claims, const std::vector<const PodClaims*>& others,
               const NodeView& node) {
  Decision decision;
  decision.rejection = ownRules(pod, node);
  if (decision.rejection) return decision;

  const std::vector<Shortage> missing = shortages(claims, others, node);
  std::vector<Rejection> general = generalRules(pod, claims, others, node);
  if (general.empty() && !missing.empty() && claims.critical) {
    decision = makeRoom(claims, others, missing);
  } else if (!missing.empty() && !claims.critical) {
    decision.rejection = outOf(missing.front());
  } else if (!general.empty()) {
    decision.onlyLabels = missing.empty() && general.size() == 1 && general.front().reason == kNodeAffinity;
    decision.rejection = std::move(general.front());
  }
  if (decision.rejection) return decision;

  // Nobody makes room for a pod that could not start all the same.
  decision.rejection = securityRules(pod, node);
  if (decision.rejection) decision.victims.clear();
  return decision;
}

std::optional<Rejection> refusedByShutdown(const NodeView& node) {
  if (!node.shuttingDown) return std::nullopt;
  return Rejection{.reason = "NodeShutdown", .message = "Pod was rejected as the node is shutting down."};
}

// Pods that asked for memory have a claim on it; the others may say that they put up with too little.
std::optional<Rejection> refusedUnderPressure(const core::Pod& pod, const PodClaims& claims, const NodeView& node) {
  if (node.pressures.empty() || claims.critical) return std::nullopt;
  if (node.pressures == std::vector<std::string>{kMemoryPressure}) {
    if (claims.qosClass != "BestEffort") return std::nullopt;
    core::Taint taint;
    taint.set_key("node.kubernetes.io/memory-pressure");
    taint.set_effect(kNoSchedule);
    if (toleratesAll(pod.spec(), {taint}, kNoSchedule)) return std::nullopt;
  }
  std::string conditions;
  for (const std::string& condition : node.pressures) conditions += (conditions.empty() ? "" : " ") + condition;
  return Rejection{.reason = "Evicted", .message = "The node had condition: [" + conditions + "]. "};
}

std::optional<Rejection> lackOfResources(const PodClaims& claims, const std::vector<const PodClaims*>& others,
                                         const NodeView& node) {
  const std::vector<Shortage> missing = shortages(claims, others, node);
  if (missing.empty()) return std::nullopt;
  return outOf(missing.front());
}

}  // namespace cubelet::admission
