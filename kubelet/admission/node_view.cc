#include "kubelet/admission/node_view.h"

#include "kubelet/api/quantity.h"

namespace cubelet::admission {

std::int64_t amountOf(std::string_view resource, std::string_view amount) {
  const Result<std::int64_t> value = resource == "cpu" ? api::quantityMilliValue(amount) : api::quantityValue(amount);
  return value.value_or(0);
}

NodeView viewOf(const core::Node& node) {
  NodeView view;
  view.name = node.metadata().name();
  view.labels = {node.metadata().labels().begin(), node.metadata().labels().end()};
  view.taints = {node.spec().taints().begin(), node.spec().taints().end()};
  for (const auto& [name, amount] : node.status().allocatable())
    view.allocatable[name] = amountOf(name, amount.string());
  view.supplementalGroupsPolicy = node.status().features().supplementalgroupspolicy();
  return view;
}

}  // namespace cubelet::admission
