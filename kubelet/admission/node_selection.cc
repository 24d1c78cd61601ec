#include "kubelet/admission/node_selection.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace cubelet::admission {
namespace {

using Labels = std::map<std::string, std::string>;

std::optional<std::int64_t> wholeNumber(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool compares(const std::string& have, const core::NodeSelectorRequirement& wanted, bool greater) {
  if (wanted.values_size() != 1) return false;
  const std::optional<std::int64_t> left = wholeNumber(have);
  const std::optional<std::int64_t> right = wholeNumber(wanted.values(0));
  return left && right && (greater ? *left > *right : *left < *right);
}

bool holds(const core::NodeSelectorRequirement& wanted, const Labels& labels) {
  const auto label = labels.find(wanted.key());
  const bool there = label != labels.end();
  const std::string& how = wanted.operator_();
  const auto& values = wanted.values();
  auto listed = [&] { return there && std::find(values.begin(), values.end(), label->second) != values.end(); };
  if (how == "In") return listed();
  if (how == "NotIn") return !values.empty() && !listed();
  if (how == "Exists") return there;
  if (how == "DoesNotExist") return !there;
  if (how == "Gt" || how == "Lt") return there && compares(label->second, wanted, how == "Gt");
  return false;
}

bool holds(const core::NodeSelectorTerm& term, const NodeView& node) {
  if (term.matchexpressions().empty() && term.matchfields().empty()) return false;
  const Labels fields = {{"metadata.name", node.name}};
  auto all = [](const auto& wanted, const Labels& labels) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) { return holds(one, labels); });
  };
  return all(term.matchexpressions(), node.labels) && all(term.matchfields(), fields);
}

}  // namespace

bool selectsNode(const core::PodSpec& spec, const NodeView& node) {
  for (const auto& [name, value] : spec.nodeselector()) {
    const auto label = node.labels.find(name);
    if (label == node.labels.end() || label->second != value) return false;
  }
  const core::NodeAffinity& affinity = spec.affinity().nodeaffinity();
  if (!affinity.has_requiredduringschedulingignoredduringexecution()) return true;
  const auto& terms = affinity.requiredduringschedulingignoredduringexecution().nodeselectorterms();
  return std::any_of(terms.begin(), terms.end(), [&](const auto& term) { return holds(term, node); });
}

}  // namespace cubelet::admission
