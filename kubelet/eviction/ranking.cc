#include "kubelet/eviction/ranking.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::eviction {
namespace {

// Nothing: it is not known.
std::optional<std::int64_t> used(const PodUsage& usage, Signal signal, const FsLayout& layout) {
  switch (resourceOf(signal)) {
    case Resource::kMemory:
      return usage.memory;
    case Resource::kPids:
      return usage.processes;
    case Resource::kStorage:
      return storageOf(usage, partsOn(signal, layout)).bytes;
    case Resource::kInodes:
      return storageOf(usage, partsOn(signal, layout)).inodes;
  }
  return std::nullopt;
}

// The smaller one goes first. What uses an amount that nobody knows goes before all others.
using Place = std::tuple<bool, bool, std::int32_t, std::int64_t>;
Place placeOf(const Candidate& candidate, Signal signal, const FsLayout& layout) {
  const Resource resource = resourceOf(signal);
  const std::optional<std::int64_t> usage = used(candidate.usage, signal, layout);
  const std::int64_t beyond = usage.value_or(0) - requestOf(candidate.pod, resource);
  const bool within = resource != Resource::kPids && beyond <= 0;
  const bool known = resource == Resource::kPids || usage.has_value();
  return {known, within, candidate.pod.spec().priority(), -beyond};
}

}  // namespace

std::int64_t requestOf(const core::Pod& pod, Resource resource) {
  if (resource != Resource::kMemory && resource != Resource::kStorage) return 0;
  const api::ResourceAmounts requests = api::podRequests(pod.spec());
  const auto found = requests.find(nameOf(resource));
  return found == requests.end() ? 0 : api::quantityValue(found->second).value_or(0);
}

std::vector<Candidate> ranked(std::vector<Candidate> candidates, Signal signal, const FsLayout& layout) {
  std::vector<std::pair<Place, std::size_t>> order;
  for (std::size_t i = 0; i < candidates.size(); ++i) order.emplace_back(placeOf(candidates[i], signal, layout), i);
  std::ranges::sort(order);
  std::vector<Candidate> out;
  out.reserve(candidates.size());
  for (const auto& [place, index] : order) out.push_back(std::move(candidates[index]));
  return out;
}

}  // namespace cubelet::eviction
