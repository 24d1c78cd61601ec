#include <algorithm>

#include "kubelet/api/pod_resources.h"
#include "kubelet/api/pod_validation.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api::validation {
namespace {

using QuantityMap = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;
// Answers whether the resource may be named here.
using NameRule = void (*)(const std::string& name, const Field& field, FieldErrors& errors);

void checkContainerResourceName(const std::string& name, const Field& field, FieldErrors& errors) {
  Reasons reasons = whyNotLabelKey(name);
  if (!reasons.empty()) return errors.invalid(field, name, reasons);
  if (name.find('/') == std::string::npos) {
    bool isStandard = name == "cpu" || name == "memory" || name == "ephemeral-storage" || isHugePages(name);
    if (!isStandard) errors.invalid(field, name, "must be a standard resource for containers");
    return;
  }
  // Quota names it "requests.<name>", which has to be a valid name, too.
  bool isExtended = !name.starts_with("requests.") && whyNotLabelKey("requests." + name).empty();
  if (!isNativeResource(name) && !isExtended)
    errors.invalid(field, name, "doesn't follow extended resource name standard");
}

void checkPodResourceName(const std::string& name, const Field& field, FieldErrors& errors) {
  Reasons reasons = whyNotLabelKey(name);
  if (!reasons.empty()) return errors.invalid(field, name, reasons);
  if (!isPodLevelResource(name)) errors.unsupported(field, name, {"cpu", "hugepages-", "memory"});
}

// Devices are counted, not measured.
bool isCounted(const std::string& name) {
  return !isNativeResource(name) && !name.starts_with("requests.");
}

bool isMultipleOfPageSize(const std::string& name, const std::string& amount) {
  Result<std::int64_t> pageSize = quantityValue(std::string_view(name).substr(std::string_view("hugepages-").size()));
  Result<std::int64_t> value = quantityValue(amount);
  return pageSize && *pageSize > 0 && value && *value % *pageSize == 0;
}

// False when it is no quantity, so that it cannot be compared either.
bool checkAmount(const std::string& name, const std::string& amount, const Field& field, FieldErrors& errors) {
  Result<std::int64_t> milli = quantityMilliValue(amount);
  if (!milli) {
    errors.invalid(field, amount, milli.error().message);
    return false;
  }
  if (compareQuantities(amount, "0") < 0) errors.invalid(field, amount, kNotNegative);
  if (isCounted(name) && *milli % 1000 != 0) errors.invalid(field, amount, "must be an integer");
  if (isHugePages(name) && !isMultipleOfPageSize(name, amount))
    errors.invalid(field, amount, amount + " is not positive integer multiple of " + name);
  return true;
}

void checkRequestAgainstLimit(const std::string& name, const std::string& request, const QuantityMap& limits,
                              const Field& field, FieldErrors& errors) {
  auto limit = limits.find(name);
  Field place = field.child("requests").key(name);
  if (limit == limits.end()) {
    if (!isOvercommitAllowed(name))
      errors.required(field.child("limits").key(name), "limit must be set for a resource that cannot be overcommitted");
    return;
  }
  const std::string& most = limit->second.string();
  if (!quantityValue(most)) return;
  int order = compareQuantities(request, most);
  if (order != 0 && !isOvercommitAllowed(name))
    errors.invalid(place, request, "must be equal to " + name + " limit of " + most);
  else if (order > 0)
    errors.invalid(place, request, "must be less than or equal to " + name + " limit of " + most);
}

bool namesAny(const core::ResourceRequirements& resources, bool (*wanted)(std::string_view)) {
  auto any = [&](const QuantityMap& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return wanted(entry.first); });
  };
  return any(resources.limits()) || any(resources.requests());
}

void checkAmounts(const core::ResourceRequirements& resources, NameRule checkResourceName, const Field& field,
                  FieldErrors& errors) {
  for (const std::string& name : sortedKeys(resources.limits())) {
    Field place = field.child("limits").key(name);
    checkResourceName(name, place, errors);
    checkAmount(name, resources.limits().at(name).string(), place, errors);
  }
  for (const std::string& name : sortedKeys(resources.requests())) {
    Field place = field.child("requests").key(name);
    const std::string& request = resources.requests().at(name).string();
    checkResourceName(name, place, errors);
    if (checkAmount(name, request, place, errors))
      checkRequestAgainstLimit(name, request, resources.limits(), field, errors);
  }
  bool hasCompute = namesAny(resources, [](std::string_view name) { return name == "cpu" || name == "memory"; });
  if (namesAny(resources, isHugePages) && !hasCompute) errors.forbidden(field, "HugePages require cpu or memory");
}

void checkClaims(const PodContext& context, const core::ResourceRequirements& resources, const Field& field,
                 FieldErrors& errors) {
  std::set<std::string> whole;  // claims named without a request
  std::set<std::string> seen;
  for (int i = 0; i < resources.claims_size(); ++i) {
    const core::ResourceClaim& claim = resources.claims(i);
    Field place = field.index(i);
    if (claim.name().empty()) {
      errors.required(place.child("name"));
      continue;
    }
    std::string key = claim.request().empty() ? claim.name() : claim.name() + "/" + claim.request();
    if (!claim.request().empty())
      errors.invalid(place.child("request"), claim.request(), whyNotDnsLabel(claim.request()));
    bool overlaps =
        whole.contains(claim.name()) || seen.contains(key) ||
        (claim.request().empty() && seen.lower_bound(claim.name() + "/") != seen.lower_bound(claim.name() + "0"));
    if (overlaps) errors.duplicate(place, key);
    seen.insert(key);
    if (claim.request().empty()) whole.insert(claim.name());
    if (!context.claims.contains(claim.name()))
      errors.notFound(place.child("name"), claim.name(), "must be one of the names in pod.spec.resourceClaims");
  }
}

// The containers together must fit into what the pod asks for, and each one below the pod's limit.
void checkConsistency(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  for (const auto& [name, sum] : sumOfRequests(spec)) {
    auto request = spec.resources().requests().find(name);
    std::string wanted = request == spec.resources().requests().end() ? "0" : request->second.string();
    if (compareQuantities(sum, wanted) > 0)
      errors.invalid(field.child("requests").key(name), wanted,
                     "must be greater than or equal to aggregate container requests of " + sum);
  }
  for (int i = 0; i < spec.containers_size(); ++i) {
    const QuantityMap& limits = spec.containers(i).resources().limits();
    for (const std::string& name : sortedKeys(limits)) {
      auto most = spec.resources().limits().find(name);
      if (most == spec.resources().limits().end()) continue;
      if (compareQuantities(limits.at(name).string(), most->second.string()) > 0)
        errors.invalid(Field("spec").child("containers").index(i).child("resources").child("limits").key(name),
                       limits.at(name).string(),
                       "must be less than or equal to pod limits of " + most->second.string());
    }
  }
}

}  // namespace

void checkResources(const PodContext& context, const core::ResourceRequirements& resources, const Field& field,
                    FieldErrors& errors) {
  checkAmounts(resources, checkContainerResourceName, field, errors);
  checkClaims(context, resources, field.child("claims"), errors);
}

void checkPodResources(const PodContext& context, FieldErrors& errors) {
  if (!context.spec.has_resources()) return;
  const core::ResourceRequirements& resources = context.spec.resources();
  Field field = Field("spec").child("resources");
  if (resources.claims_size() > 0)
    errors.forbidden(field.child("claims"), "claims cannot be set for Resources at pod-level");
  checkAmounts(resources, checkPodResourceName, field, errors);
  checkConsistency(context.spec, field, errors);
}

void checkOverhead(const PodContext& context, FieldErrors& errors) {
  Field field = Field("spec").child("overhead");
  for (const std::string& name : sortedKeys(context.spec.overhead())) {
    checkContainerResourceName(name, field.key(name), errors);
    checkAmount(name, context.spec.overhead().at(name).string(), field.key(name), errors);
  }
}

}  // namespace cubelet::api::validation
