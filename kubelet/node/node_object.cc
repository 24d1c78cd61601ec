#include "kubelet/node/node_object.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kubelet/node/well_known.h"

namespace cubelet::node {
namespace {

using Quantities = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

// Labels that describe the machine: ours to correct when we give them. The later ones can come from --node-labels.
constexpr const char* kDescribingLabels[] = {kHostnameLabel,
                                             kOsLabel,
                                             kArchLabel,
                                             kOldOsLabel,
                                             kOldArchLabel,
                                             "topology.kubernetes.io/zone",
                                             "topology.kubernetes.io/region",
                                             "failure-domain.beta.kubernetes.io/zone",
                                             "failure-domain.beta.kubernetes.io/region",
                                             "node.kubernetes.io/instance-type",
                                             "beta.kubernetes.io/instance-type"};

void addLabels(core::Node& node, const NodeSettings& settings, const MachineFacts& machine) {
  auto& labels = *node.mutable_metadata()->mutable_labels();
  labels[kHostnameLabel] = settings.name();
  labels[kOsLabel] = machine.operatingSystem;
  labels[kArchLabel] = machine.architecture;
  labels[kOldOsLabel] = machine.operatingSystem;
  labels[kOldArchLabel] = machine.architecture;
  for (const auto& [key, value] : settings.labels) labels[key] = value;
}

void addTaints(core::NodeSpec& spec, const NodeSettings& settings) {
  for (const core::Taint& taint : settings.taints) *spec.add_taints() = taint;
  if (!settings.addresses.externalProvider) return;
  core::Taint& taint = *spec.add_taints();
  taint.set_key(kUninitializedTaint);
  taint.set_value("true");
  taint.set_effect("NoSchedule");
}

void reconcileHugePages(core::NodeStatus& status, const core::NodeStatus& fresh) {
  std::vector<std::string> gone;
  for (const auto& [name, amount] : status.capacity())
    if (isHugePages(name) && !fresh.capacity().contains(name)) gone.push_back(name);
  for (const std::string& name : gone) {
    status.mutable_capacity()->erase(name);
    status.mutable_allocatable()->erase(name);
  }
  for (const auto& [name, amount] : fresh.capacity()) {
    if (!isHugePages(name)) continue;
    (*status.mutable_capacity())[name] = amount;
    (*status.mutable_allocatable())[name] = fresh.allocatable().at(name);
  }
}

void zeroExtended(Quantities& quantities) {
  for (auto& [name, amount] : quantities)
    if (isExtended(name)) amount.set_string("0");
}

}  // namespace

WantedNode newNode(const NodeSettings& settings, const NodeFacts& facts, TimePoint now, WallTime wallNow) {
  core::Node node;
  node.mutable_metadata()->set_name(settings.name());
  addLabels(node, settings, facts.machine);
  if (settings.controllerAttaches) (*node.mutable_metadata()->mutable_annotations())[kAttachAnnotation] = "true";
  if (!settings.providerId.empty()) node.mutable_spec()->set_providerid(settings.providerId);
  addTaints(*node.mutable_spec(), settings);
  return wantedNode(std::move(node), settings, facts, now, wallNow);
}

core::Node reconciled(core::Node existing, const core::Node& fresh) {
  auto& labels = *existing.mutable_metadata()->mutable_labels();
  for (const char* label : kDescribingLabels)
    if (auto ours = fresh.metadata().labels().find(label); ours != fresh.metadata().labels().end())
      labels[label] = ours->second;

  auto& annotations = *existing.mutable_metadata()->mutable_annotations();
  const auto& freshAnnotations = fresh.metadata().annotations();
  if (auto ours = freshAnnotations.find(kAttachAnnotation); ours != freshAnnotations.end())
    annotations[kAttachAnnotation] = ours->second;
  else
    annotations.erase(kAttachAnnotation);

  core::NodeStatus& status = *existing.mutable_status();
  reconcileHugePages(status, fresh.status());
  zeroExtended(*status.mutable_capacity());
  zeroExtended(*status.mutable_allocatable());
  return existing;
}

}  // namespace cubelet::node
