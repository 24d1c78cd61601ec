#include "kubelet/config/feature_gates.h"

#include <algorithm>

#include "kubelet/config/feature_gate_table.h"
#include "kubelet/config/suggest.h"

namespace cubelet::config {
namespace {

std::string onOff(bool value) {
  return value ? "true" : "false";
}

std::string unknownGate(std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(kFeatureGates.size());
  for (const FeatureGate& gate : kFeatureGates) names.push_back(gate.name);
  std::string near = nearestName(name, names);
  return "featureGates: unknown feature gate " + std::string(name) +
         (near.empty() ? "" : ", did you mean " + near + "?");
}

bool breaksLock(const FeatureGate& gate, bool value) {
  return gate.locked && value != gate.enabledByDefault;
}

// The gates are in no useful order in the message's hash map.
std::map<std::string, bool> sorted(const KubeletConfiguration& config) {
  return {config.featuregates().begin(), config.featuregates().end()};
}

}  // namespace

std::span<const FeatureGate> knownFeatureGates() {
  return kFeatureGates;
}

const FeatureGate* findFeatureGate(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kFeatureGates, name, {}, &FeatureGate::name);
  return found != kFeatureGates.end() && found->name == name ? found : nullptr;
}

FeatureGates FeatureGates::lenient(const KubeletConfiguration& config) {
  std::map<std::string, bool, std::less<>> given;
  for (const auto& [name, value] : config.featuregates()) {
    const FeatureGate* gate = findFeatureGate(name);
    if (gate != nullptr && !breaksLock(*gate, value)) given[name] = value;
  }
  return FeatureGates(std::move(given));
}

Result<FeatureGates> FeatureGates::from(const KubeletConfiguration& config) {
  std::vector<std::string> wrong;
  for (const auto& [name, value] : sorted(config)) {
    const FeatureGate* gate = findFeatureGate(name);
    if (gate == nullptr)
      wrong.push_back(unknownGate(name));
    else if (breaksLock(*gate, value))
      wrong.push_back("featureGates: " + name + " cannot be " + onOff(value) + ", it is locked to " +
                      onOff(gate->enabledByDefault));
  }
  FeatureGates gates = lenient(config);
  for (const GateDependency& dependency : kGateDependencies)
    if (gates.enabled(dependency.gate) && !gates.enabled(dependency.needs))
      wrong.push_back("featureGates: " + std::string(dependency.gate) + " is on but needs " +
                      std::string(dependency.needs) + ", which is off");
  if (wrong.empty()) return gates;

  std::string message;
  for (const std::string& line : wrong) message += (message.empty() ? "" : "\n") + line;
  return fail(Code::kInvalid, "", message);
}

bool FeatureGates::enabled(std::string_view name) const {
  const FeatureGate* gate = findFeatureGate(name);
  if (gate == nullptr) return false;
  if (auto given = given_.find(name); given != given_.end()) return given->second;
  std::string_view group = gate->stage == Stage::kAlpha ? "AllAlpha" : gate->stage == Stage::kBeta ? "AllBeta" : "";
  if (auto given = given_.find(group); given != given_.end()) return given->second;
  return gate->enabledByDefault;
}

std::vector<std::string> gateWarnings(const KubeletConfiguration& config) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : sorted(config)) {
    const FeatureGate* gate = findFeatureGate(name);
    if (gate == nullptr) continue;
    if (gate->stage == Stage::kDeprecated)
      warnings.push_back("feature gate " + name + " is deprecated and will be removed");
    else if (gate->stage == Stage::kGa)
      warnings.push_back("feature gate " + name + " is generally available: setting it will become an error");
  }
  return warnings;
}

}  // namespace cubelet::config
