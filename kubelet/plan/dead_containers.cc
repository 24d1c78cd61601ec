#include "kubelet/plan/dead_containers.h"

#include <algorithm>
#include <tuple>

namespace cubelet::plan {

std::map<std::string, std::set<std::string>> beyondNodeLimit(const std::vector<const observe::ObservedPod*>& pods,
                                                             std::size_t most) {
  struct Candidate {
    WallTime createdAt;
    std::string id;
    std::string uid;
  };
  std::vector<Candidate> candidates;
  std::size_t dead = 0;
  for (const observe::ObservedPod* pod : pods)
    for (const observe::ObservedContainer& container : pod->containers) {
      if (container.state != observe::ContainerState::kExited) continue;
      ++dead;
      if (pod->newest(container.name) != &container)
        candidates.push_back({.createdAt = container.createdAt, .id = container.id, .uid = pod->uid});
    }
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::tie(a.createdAt, a.id) < std::tie(b.createdAt, b.id);
  });
  std::map<std::string, std::set<std::string>> beyond;
  for (const Candidate& candidate : candidates) {
    if (dead <= most) break;
    beyond[candidate.uid].insert(candidate.id);
    --dead;
  }
  return beyond;
}

}  // namespace cubelet::plan
