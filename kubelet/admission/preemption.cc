#include "kubelet/admission/preemption.h"

#include <algorithm>

namespace cubelet::admission {
namespace {

using Pods = std::vector<const PodClaims*>;
using Needs = std::vector<Missing>;

bool mayPreempt(const PodClaims& critical, const PodClaims& other) {
  if (critical.critical && !other.critical) return true;
  return critical.priority && other.priority && *critical.priority > *other.priority;
}

Needs leftAfter(const Needs& needs, const Pods& gone) {
  Needs left;
  for (Missing need : needs) {
    for (const PodClaims* pod : gone) need.amount -= pod->of(need.resource);
    if (need.amount > 0) left.push_back(std::move(need));
  }
  return left;
}

// How far the needs stay from being met when only this pod goes: each counts with the square of what stays open of it.
double distance(const Needs& needs, const PodClaims& pod) {
  double sum = 0;
  for (const Missing& need : needs) {
    const auto open = static_cast<double>(need.amount - pod.of(need.resource));
    if (open <= 0) continue;
    const double share = open / static_cast<double>(need.amount);
    sum += share * share;
  }
  return sum;
}

bool asksForLess(const PodClaims& one, const PodClaims& other) {
  for (const char* resource : {"memory", "cpu"})
    if (one.of(resource) != other.of(resource)) return one.of(resource) < other.of(resource);
  return false;
}

// From one class, best fitting first, until the needs are met. The caller has seen to it that they can be.
Pods fewestOf(Pods pods, Needs needs) {
  Pods chosen;
  while (!needs.empty() && !pods.empty()) {
    const auto best = std::ranges::min_element(pods, [&](const PodClaims* one, const PodClaims* other) {
      const double ofOne = distance(needs, *one);
      const double ofOther = distance(needs, *other);
      return ofOne != ofOther ? ofOne < ofOther : asksForLess(*one, *other);
    });
    chosen.push_back(*best);
    needs = leftAfter(needs, {*best});
    pods.erase(best);
  }
  return chosen;
}

Pods together(Pods some, const Pods& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

std::string inWords(const Needs& needs) {
  std::string text = "[";
  for (const Missing& need : needs) text += "(res: " + need.resource + ", q: " + std::to_string(need.amount) + "), ";
  return text + "]";
}

}  // namespace

Result<std::vector<std::string>> chooseVictims(const PodClaims& critical, const std::vector<const PodClaims*>& running,
                                               const std::vector<Missing>& missing) {
  Pods bestEffort;
  Pods burstable;
  Pods guaranteed;
  for (const PodClaims* pod : running) {
    if (!mayPreempt(critical, *pod)) continue;
    (pod->qosClass == "Guaranteed" ? guaranteed : pod->qosClass == "Burstable" ? burstable : bestEffort).push_back(pod);
  }
  const Needs never = leftAfter(missing, together(together(bestEffort, burstable), guaranteed));
  if (!never.empty())
    return fail(Code::kInvalid, "", "no set of running pods found to reclaim resources: " + inWords(never));
  // From the most precious class on: what all lower ones together could not give.
  const Pods first = fewestOf(guaranteed, leftAfter(missing, together(bestEffort, burstable)));
  const Pods second = fewestOf(burstable, leftAfter(missing, together(bestEffort, first)));
  const Pods third = fewestOf(bestEffort, leftAfter(missing, together(second, first)));
  std::vector<std::string> uids;
  for (const PodClaims* pod : together(together(third, second), first)) uids.push_back(pod->uid);
  return uids;
}

}  // namespace cubelet::admission
