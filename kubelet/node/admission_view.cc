#include "kubelet/node/admission_view.h"

#include "kubelet/node/node_object.h"

namespace cubelet::node {

admission::NodeView admissionView(const NodeSettings& settings, const MachineFacts& machine, const core::Node* stored) {
  NodeFacts facts;
  facts.machine = machine;
  // The times would stand in conditions, which nobody here looks at.
  admission::NodeView own = admission::viewOf(newNode(settings, facts, TimePoint(), WallTime()).node);
  own.fromServer = false;
  if (stored == nullptr) return own;
  admission::NodeView view = admission::viewOf(*stored);
  view.name = own.name;
  std::erase_if(view.allocatable, [](const auto& resource) { return !isExtended(resource.first); });
  view.allocatable.insert(own.allocatable.begin(), own.allocatable.end());
  return view;
}

}  // namespace cubelet::node
