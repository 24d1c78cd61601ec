#include "kubelet/client/find_pod.h"

#include <vector>

namespace cubelet::client {
namespace {

std::string listed(const std::vector<const core::Pod*>& pods) {
  std::string text;
  for (const core::Pod* pod : pods) {
    if (!text.empty()) text += ", ";
    text += pod->metadata().namespace_() + "/" + pod->metadata().name();
  }
  return text;
}

}  // namespace

Result<const core::Pod*> findPod(const core::PodList& pods, std::string_view wanted, std::string_view ns) {
  std::string_view name = wanted;
  if (std::size_t slash = wanted.find('/'); slash != std::string_view::npos) {
    ns = wanted.substr(0, slash);
    name = wanted.substr(slash + 1);
  }
  std::vector<const core::Pod*> exact;
  std::vector<const core::Pod*> begins;
  for (const core::Pod& pod : pods.items()) {
    if (!ns.empty() && pod.metadata().namespace_() != ns) continue;
    if (pod.metadata().name() == name || pod.metadata().uid() == name) exact.push_back(&pod);
    if (!name.empty() && pod.metadata().name().starts_with(name)) begins.push_back(&pod);
  }
  const auto& found = exact.empty() ? begins : exact;
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(Code::kNotFound, "", "there is no pod '" + std::string(wanted) + "' (cubelet pods lists them)");
  return fail(Code::kInvalid, "", "'" + std::string(wanted) + "' fits several pods, be more exact: " + listed(found));
}

}  // namespace cubelet::client
