#include "kubelet/resize/judge.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "kubelet/admission/admit.h"
#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::resize {
namespace {

constexpr char kSwap[] = "In-place resize of containers with swap is not supported.";
constexpr char kQosClass[] = "Pod QOS Class may not change as a result of resizing";

std::optional<std::string> beyondNode(const admission::PodClaims& claims, const admission::NodeView& node) {
  for (const char* resource : {"memory", "cpu"}) {
    const auto allocatable = node.allocatable.find(resource);
    if (allocatable == node.allocatable.end() || claims.of(resource) <= allocatable->second) continue;
    return "Node didn't have enough capacity: " + std::string(resource) +
           ", requested: " + std::to_string(claims.of(resource)) + ", capacity: " + std::to_string(allocatable->second);
  }
  return std::nullopt;
}

}  // namespace

Verdict judge(const core::Pod& desired, const core::Pod& allocated, bool swaps,
              const std::vector<const admission::PodClaims*>& others, const admission::NodeView& node) {
  if (api::qosClass(desired) != api::qosClass(allocated)) return {Outcome::kInfeasible, kQosClass};
  if (swaps) return {Outcome::kInfeasible, kSwap};
  const admission::PodClaims claims = admission::claimsOf(desired);
  if (std::optional<std::string> why = beyondNode(claims, node)) return {Outcome::kInfeasible, std::move(*why)};
  if (std::optional<admission::Rejection> lack = admission::lackOfResources(claims, others, node))
    return {Outcome::kDeferred, std::move(lack->message)};
  return {};
}

const char* reasonOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kGranted:
      return "";
    case Outcome::kDeferred:
      return "Deferred";
    case Outcome::kInfeasible:
      break;
  }
  return "Infeasible";
}

Waiting waitingFor(const core::Pod& desired, const core::Pod& allocated, WallTime since) {
  const api::ResourceAmounts now = api::podRequests(allocated.spec());
  const api::ResourceAmounts then = api::podRequests(desired.spec());
  auto rises = [&](const auto& request) {
    auto before = now.find(request.first);
    return api::compareQuantities(request.second, before == now.end() ? "0" : before->second) > 0;
  };
  return {.uid = desired.metadata().uid(),
          .raisesRequests = std::ranges::any_of(then, rises),
          .priority = desired.spec().priority(),
          .guaranteed = api::qosClass(allocated) == "Guaranteed",
          .since = since};
}

bool comesBefore(const Waiting& one, const Waiting& other) {
  auto rank = [](const Waiting& waiting) {
    return std::tuple(waiting.raisesRequests, -std::int64_t{waiting.priority}, !waiting.guaranteed, waiting.since,
                      std::string_view(waiting.uid));
  };
  return rank(one) < rank(other);
}

}  // namespace cubelet::resize
