#include <charconv>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

void checkLabelKey(const std::string& key, const Field& field, FieldErrors& errors) {
  errors.invalid(field, key, whyNotLabelKey(key));
}

bool isInteger(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

void checkTolerationValue(const core::Toleration& toleration, const Field& field, FieldErrors& errors) {
  const std::string& operation = toleration.operator_();
  if (operation.empty() || operation == "Equal")
    errors.invalid(field.child("value"), toleration.value(), whyNotLabelValue(toleration.value()));
  else if (operation == "Exists") {
    if (!toleration.value().empty())
      errors.invalid(field.child("value"), toleration.value(), "value must be empty when `operator` is 'Exists'");
  } else if (operation == "Lt" || operation == "Gt") {
    if (!isInteger(toleration.value()))
      errors.invalid(field.child("value"), toleration.value(),
                     "value must be an integer when `operator` is 'Lt' or 'Gt'");
  } else {
    errors.unsupported(field.child("operator"), operation, {"Equal", "Exists", "Gt", "Lt"});
  }
}

void checkToleration(const core::Toleration& toleration, const Field& field, FieldErrors& errors) {
  if (!toleration.key().empty())
    checkLabelKey(toleration.key(), field.child("key"), errors);
  else if (toleration.operator_() != "Exists")
    errors.invalid(field.child("operator"), toleration.operator_(),
                   "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  if (toleration.has_tolerationseconds() && toleration.effect() != "NoExecute")
    errors.invalid(field.child("effect"), toleration.effect(),
                   "effect must be 'NoExecute' when `tolerationSeconds` is set");
  checkTolerationValue(toleration, field, errors);
  if (!toleration.effect().empty())
    errors.oneOf(field.child("effect"), toleration.effect(), {"NoSchedule", "PreferNoSchedule", "NoExecute"});
}

// For requirements on labels of nodes and of objects; Gt and Lt exist for nodes only.
template <class Requirement>
void checkRequirement(const Requirement& requirement, bool ofNode, bool strictValues, const Field& field,
                      FieldErrors& errors) {
  const std::string& operation = requirement.operator_();
  Field values = field.child("values");
  if (operation == "In" || operation == "NotIn") {
    if (requirement.values().empty()) errors.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (operation == "Exists" || operation == "DoesNotExist") {
    if (!requirement.values().empty())
      errors.forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (ofNode && (operation == "Gt" || operation == "Lt")) {
    if (requirement.values_size() != 1)
      errors.required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    errors.invalid(field.child("operator"), operation, "not a valid selector operator");
  }
  checkLabelKey(requirement.key(), field.child("key"), errors);
  for (int i = 0; strictValues && i < requirement.values_size(); ++i)
    errors.invalid(values.index(i), requirement.values(i), whyNotLabelValue(requirement.values(i)));
}

void checkFieldRequirement(const core::NodeSelectorRequirement& requirement, const Field& field, FieldErrors& errors) {
  if (requirement.operator_() != "In" && requirement.operator_() != "NotIn")
    errors.invalid(field.child("operator"), requirement.operator_(), "not a valid selector operator");
  else if (requirement.values_size() != 1)
    errors.required(field.child("values"),
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (requirement.key() != "metadata.name")
    return errors.invalid(field.child("key"), requirement.key(), "not a valid field selector key");
  for (int i = 0; i < requirement.values_size(); ++i)
    errors.invalid(field.child("values").index(i), requirement.values(i), whyNotDnsSubdomain(requirement.values(i)));
}

void checkNodeTerm(const core::NodeSelectorTerm& term, bool strictValues, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < term.matchexpressions_size(); ++i)
    checkRequirement(term.matchexpressions(i), true, strictValues, field.child("matchExpressions").index(i), errors);
  for (int i = 0; i < term.matchfields_size(); ++i)
    checkFieldRequirement(term.matchfields(i), field.child("matchFields").index(i), errors);
}

void checkWeight(std::int32_t weight, const Field& field, FieldErrors& errors) {
  if (weight < 1 || weight > 100) errors.invalid(field.child("weight"), weight, "must be in the range 1-100");
}

void checkNodeAffinity(const core::NodeAffinity& affinity, const Field& field, FieldErrors& errors) {
  if (affinity.has_requiredduringschedulingignoredduringexecution()) {
    const core::NodeSelector& selector = affinity.requiredduringschedulingignoredduringexecution();
    Field terms = field.child("requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
    if (selector.nodeselectorterms().empty()) errors.required(terms, "must have at least one node selector term");
    for (int i = 0; i < selector.nodeselectorterms_size(); ++i)
      checkNodeTerm(selector.nodeselectorterms(i), true, terms.index(i), errors);
  }
  for (int i = 0; i < affinity.preferredduringschedulingignoredduringexecution_size(); ++i) {
    const core::PreferredSchedulingTerm& term = affinity.preferredduringschedulingignoredduringexecution(i);
    Field place = field.child("preferredDuringSchedulingIgnoredDuringExecution").index(i);
    checkWeight(term.weight(), place, errors);
    checkNodeTerm(term.preference(), false, place.child("preference"), errors);
  }
}

template <class Keys>
void checkMatchKeys(const Keys& keys, bool hasSelector, const Field& field, FieldErrors& errors) {
  if (!keys.empty() && !hasSelector) errors.forbidden(field, "must not be specified when labelSelector is not set");
  for (int i = 0; i < keys.size(); ++i) checkLabelKey(keys[i], field.index(i), errors);
}

void checkPodTerm(const core::PodAffinityTerm& term, const Field& field, FieldErrors& errors) {
  if (term.has_labelselector()) checkLabelSelector(term.labelselector(), field.child("labelSelector"), errors);
  if (term.has_namespaceselector())
    checkLabelSelector(term.namespaceselector(), field.child("namespaceSelector"), errors);
  for (int i = 0; i < term.namespaces_size(); ++i)
    errors.invalid(field.child("namespaces").index(i), term.namespaces(i), whyNotDnsLabel(term.namespaces(i)));
  checkMatchKeys(term.matchlabelkeys(), term.has_labelselector(), field.child("matchLabelKeys"), errors);
  checkMatchKeys(term.mismatchlabelkeys(), term.has_labelselector(), field.child("mismatchLabelKeys"), errors);
  std::set<std::string> mismatch(term.mismatchlabelkeys().begin(), term.mismatchlabelkeys().end());
  for (int i = 0; i < term.matchlabelkeys_size(); ++i)
    if (mismatch.contains(term.matchlabelkeys(i)))
      errors.invalid(field.child("matchLabelKeys").index(i), term.matchlabelkeys(i),
                     "exists in both matchLabelKeys and mismatchLabelKeys");
  if (term.topologykey().empty())
    errors.required(field.child("topologyKey"), "can not be empty");
  else
    checkLabelKey(term.topologykey(), field.child("topologyKey"), errors);
}

// For PodAffinity and PodAntiAffinity, which have the same members.
template <class Affinity>
void checkPodTerms(const Affinity& affinity, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < affinity.requiredduringschedulingignoredduringexecution_size(); ++i)
    checkPodTerm(affinity.requiredduringschedulingignoredduringexecution(i),
                 field.child("requiredDuringSchedulingIgnoredDuringExecution").index(i), errors);
  for (int i = 0; i < affinity.preferredduringschedulingignoredduringexecution_size(); ++i) {
    const core::WeightedPodAffinityTerm& term = affinity.preferredduringschedulingignoredduringexecution(i);
    Field place = field.child("preferredDuringSchedulingIgnoredDuringExecution").index(i);
    checkWeight(term.weight(), place, errors);
    checkPodTerm(term.podaffinityterm(), place.child("podAffinityTerm"), errors);
  }
}

void checkSpreadKeys(const core::TopologySpreadConstraint& constraint, const Field& field, FieldErrors& errors) {
  Field place = field.child("matchLabelKeys");
  checkMatchKeys(constraint.matchlabelkeys(), constraint.has_labelselector(), place, errors);
  std::set<std::string> selected;
  for (const auto& [key, _] : constraint.labelselector().matchlabels()) selected.insert(key);
  for (const auto& expression : constraint.labelselector().matchexpressions()) selected.insert(expression.key());
  for (int i = 0; i < constraint.matchlabelkeys_size(); ++i)
    if (selected.contains(constraint.matchlabelkeys(i)))
      errors.invalid(place.index(i), constraint.matchlabelkeys(i), "exists in both matchLabelKeys and labelSelector");
}

void checkSpread(const core::TopologySpreadConstraint& constraint, const Field& field, FieldErrors& errors) {
  if (constraint.maxskew() <= 0) errors.invalid(field.child("maxSkew"), constraint.maxskew(), kPositive);
  if (constraint.topologykey().empty()) errors.required(field.child("topologyKey"), "can not be empty");
  errors.oneOf(field.child("whenUnsatisfiable"), constraint.whenunsatisfiable(), {"DoNotSchedule", "ScheduleAnyway"});
  if (constraint.has_mindomains()) {
    Field domains = field.child("minDomains");
    if (constraint.mindomains() <= 0) errors.invalid(domains, constraint.mindomains(), kPositive);
    if (constraint.whenunsatisfiable() != "DoNotSchedule")
      errors.invalid(domains, constraint.mindomains(), "can only use minDomains if whenUnsatisfiable=DoNotSchedule");
  }
  if (constraint.has_nodeaffinitypolicy())
    errors.oneOf(field.child("nodeAffinityPolicy"), constraint.nodeaffinitypolicy(), {"Honor", "Ignore"});
  if (constraint.has_nodetaintspolicy())
    errors.oneOf(field.child("nodeTaintsPolicy"), constraint.nodetaintspolicy(), {"Honor", "Ignore"});
  if (constraint.has_labelselector())
    checkLabelSelector(constraint.labelselector(), field.child("labelSelector"), errors);
  checkSpreadKeys(constraint, field, errors);
}

void checkSpreads(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  std::set<std::string> seen;
  for (int i = 0; i < spec.topologyspreadconstraints_size(); ++i) {
    const core::TopologySpreadConstraint& constraint = spec.topologyspreadconstraints(i);
    checkSpread(constraint, field.index(i), errors);
    std::string pair = "{" + constraint.topologykey() + ", " + constraint.whenunsatisfiable() + "}";
    if (!seen.insert(pair).second) errors.duplicate(field.index(i), pair);
  }
}

void checkGates(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < spec.readinessgates_size(); ++i)
    checkLabelKey(spec.readinessgates(i).conditiontype(), field.child("readinessGates").index(i).child("conditionType"),
                  errors);
  std::set<std::string> seen;
  for (int i = 0; i < spec.schedulinggates_size(); ++i) {
    const std::string& name = spec.schedulinggates(i).name();
    Field place = field.child("schedulingGates").index(i).child("name");
    checkLabelKey(name, place, errors);
    if (!seen.insert(name).second) errors.duplicate(place, name);
  }
  if (!spec.nodename().empty() && spec.schedulinggates_size() > 0)
    errors.forbidden(field.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
}

}  // namespace

void checkLabelSelector(const k8s::meta::v1::LabelSelector& selector, const Field& field, FieldErrors& errors) {
  checkLabels(selector.matchlabels(), field.child("matchLabels"), errors);
  for (int i = 0; i < selector.matchexpressions_size(); ++i)
    checkRequirement(selector.matchexpressions(i), false, true, field.child("matchExpressions").index(i), errors);
}

void checkScheduling(const PodContext& context, FieldErrors& errors) {
  const core::PodSpec& spec = context.spec;
  Field field("spec");
  checkLabels(spec.nodeselector(), field.child("nodeSelector"), errors);
  Field affinity = field.child("affinity");
  if (spec.affinity().has_nodeaffinity())
    checkNodeAffinity(spec.affinity().nodeaffinity(), affinity.child("nodeAffinity"), errors);
  checkPodTerms(spec.affinity().podaffinity(), affinity.child("podAffinity"), errors);
  checkPodTerms(spec.affinity().podantiaffinity(), affinity.child("podAntiAffinity"), errors);
  checkGates(spec, field, errors);
  checkSpreads(spec, field.child("topologySpreadConstraints"), errors);
  for (int i = 0; i < spec.tolerations_size(); ++i)
    checkToleration(spec.tolerations(i), field.child("tolerations").index(i), errors);
  if (spec.has_preemptionpolicy())
    errors.oneOf(field.child("preemptionPolicy"), spec.preemptionpolicy(), {"PreemptLowerPriority", "Never"});
}

}  // namespace cubelet::api::validation
