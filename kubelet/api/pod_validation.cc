#include "kubelet/api/pod_validation.h"

#include <limits>

namespace cubelet::api {
namespace validation {

PodContext::PodContext(const core::Pod& thePod)
    : pod(thePod), spec(thePod.spec()), hostUsers(!thePod.spec().has_hostusers() || thePod.spec().hostusers()) {
  for (const core::Volume& volume : spec.volumes()) volumes.emplace(volume.name(), &volume.volumesource());
  for (const core::PodResourceClaim& claim : spec.resourceclaims())
    if (!claim.name().empty()) claims.insert(claim.name());
  if (spec.has_terminationgraceperiodseconds() && spec.terminationgraceperiodseconds() >= 0)
    gracePeriod = spec.terminationgraceperiodseconds();
}

std::vector<PlacedContainer> allContainers(const core::PodSpec& spec) {
  std::vector<PlacedContainer> all;
  int count = spec.initcontainers_size() + spec.containers_size() + spec.ephemeralcontainers_size();
  all.reserve(static_cast<std::size_t>(count));
  Field field("spec");
  for (int i = 0; i < spec.initcontainers_size(); ++i)
    all.push_back({spec.initcontainers(i), field.child("initContainers").index(i)});
  for (int i = 0; i < spec.containers_size(); ++i)
    all.push_back({spec.containers(i), field.child("containers").index(i)});
  for (int i = 0; i < spec.ephemeralcontainers_size(); ++i)
    all.push_back({asContainer(spec.ephemeralcontainers(i).ephemeralcontainercommon()),
                   field.child("ephemeralContainers").index(i)});
  return all;
}

namespace {

void checkTimes(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  Field grace = field.child("terminationGracePeriodSeconds");
  if (!spec.has_terminationgraceperiodseconds())
    errors.required(grace);
  else if (spec.terminationgraceperiodseconds() < 0)
    errors.invalid(grace, spec.terminationgraceperiodseconds(), kNotNegative);
  if (spec.has_activedeadlineseconds())
    errors.invalid(field.child("activeDeadlineSeconds"), spec.activedeadlineseconds(),
                   whyNotBetween(spec.activedeadlineseconds(), 1, std::numeric_limits<std::int32_t>::max()));
}

void checkReferencedNames(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  auto subdomain = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) errors.invalid(field.child(name), value, whyNotDnsSubdomain(value));
  };
  subdomain("serviceAccountName", spec.serviceaccountname());
  subdomain("nodeName", spec.nodename());
  subdomain("priorityClassName", spec.priorityclassname());
  if (spec.has_runtimeclassname())
    errors.invalid(field.child("runtimeClassName"), spec.runtimeclassname(),
                   whyNotDnsSubdomain(spec.runtimeclassname()));
}

void checkResourceClaim(const core::PodResourceClaim& claim, std::set<std::string>& seen, const Field& field,
                        FieldErrors& errors) {
  if (!seen.insert(claim.name()).second && !claim.name().empty())
    errors.duplicate(field.child("name"), claim.name());
  else
    checkName(claim.name(), field.child("name"), errors);
  if (claim.has_resourceclaimname() && claim.has_resourceclaimtemplatename())
    errors.invalid(field, claim.name(),
                   "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
  if (!claim.has_resourceclaimname() && !claim.has_resourceclaimtemplatename())
    errors.invalid(field, claim.name(), "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
  if (claim.has_resourceclaimname())
    errors.invalid(field.child("resourceClaimName"), claim.resourceclaimname(),
                   whyNotDnsSubdomain(claim.resourceclaimname()));
  if (claim.has_resourceclaimtemplatename())
    errors.invalid(field.child("resourceClaimTemplateName"), claim.resourceclaimtemplatename(),
                   whyNotDnsSubdomain(claim.resourceclaimtemplatename()));
}

void checkOs(const core::PodSpec& spec, const Field& field, FieldErrors& errors) {
  if (!spec.has_os()) return;
  errors.oneOf(field.child("os").child("name"), spec.os().name(), {"linux", "windows"});
  if (spec.os().name() != "linux") return;
  constexpr std::string_view kDetail = "windows options cannot be set for a linux pod";
  if (spec.securitycontext().has_windowsoptions())
    errors.forbidden(field.child("securityContext").child("windowsOptions"), kDetail);
  for (const auto& [container, place] : allContainers(spec))
    if (container.securitycontext().has_windowsoptions())
      errors.forbidden(place.child("securityContext").child("windowsOptions"), kDetail);
}

void checkSpec(const PodContext& context, FieldErrors& errors) {
  const core::PodSpec& spec = context.spec;
  Field field("spec");
  checkTimes(spec, field, errors);
  checkVolumes(context, errors);
  std::set<std::string> claims;
  for (int i = 0; i < spec.resourceclaims_size(); ++i)
    checkResourceClaim(spec.resourceclaims(i), claims, field.child("resourceClaims").index(i), errors);
  checkContainers(context, errors);
  checkPodResources(context, errors);
  errors.oneOf(field.child("restartPolicy"), spec.restartpolicy(), {"Always", "OnFailure", "Never"});
  checkNetwork(context, errors);
  checkPodSecurity(context, errors);
  checkScheduling(context, errors);
  checkReferencedNames(spec, field, errors);
  checkOverhead(context, errors);
  checkOs(spec, field, errors);
}

}  // namespace
}  // namespace validation

std::vector<Problem> validate(const core::Pod& pod) {
  FieldErrors errors;
  validation::PodContext context(pod);
  validation::checkMetadata(pod, errors);
  validation::checkSpec(context, errors);
  return errors.take();
}

}  // namespace cubelet::api
