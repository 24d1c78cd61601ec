#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

constexpr int kMaxRestartRules = 20;
constexpr int kMaxExitCodes = 255;

bool isSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

void checkImage(const std::string& image, const Field& field, FieldErrors& errors) {
  if (image.empty())
    errors.required(field);
  else if (isSpace(image.front()) || isSpace(image.back()))
    errors.invalid(field, image, "must not have leading or trailing whitespace");
}

void checkPorts(const core::Container& container, const Field& field, FieldErrors& errors) {
  std::set<std::string> names;
  for (int i = 0; i < container.ports_size(); ++i) {
    const core::ContainerPort& port = container.ports(i);
    Field place = field.index(i);
    if (!port.name().empty()) {
      Reasons reasons = whyNotPortName(port.name());
      errors.invalid(place.child("name"), port.name(), reasons);
      if (reasons.empty() && !names.insert(port.name()).second) errors.duplicate(place.child("name"), port.name());
    }
    if (port.containerport() == 0)
      errors.required(place.child("containerPort"));
    else
      errors.invalid(place.child("containerPort"), port.containerport(), whyNotPortNumber(port.containerport()));
    if (port.hostport() != 0)
      errors.invalid(place.child("hostPort"), port.hostport(), whyNotPortNumber(port.hostport()));
    errors.oneOf(place.child("protocol"), port.protocol(), {"SCTP", "TCP", "UDP"});
  }
}

// `taken`: "TCP/<host ip>/80" of all containers that run at the same time.
void checkHostPorts(const core::Container& container, std::set<std::string>& taken, const Field& field,
                    FieldErrors& errors) {
  for (int i = 0; i < container.ports_size(); ++i) {
    const core::ContainerPort& port = container.ports(i);
    if (port.hostport() == 0) continue;
    std::string name = port.protocol() + "/" + port.hostip() + "/" + std::to_string(port.hostport());
    if (!taken.insert(name).second) errors.duplicate(field.child("ports").index(i).child("hostPort"), name);
  }
}

void checkResizePolicy(const PodContext& context, const core::Container& container, const Field& field,
                       FieldErrors& errors) {
  std::set<std::string> resources;
  for (int i = 0; i < container.resizepolicy_size(); ++i) {
    const core::ContainerResizePolicy& policy = container.resizepolicy(i);
    Field place = field.index(i);
    if (!resources.insert(policy.resourcename()).second) errors.duplicate(place, policy.resourcename());
    errors.oneOf(place.child("resourceName"), policy.resourcename(), {"cpu", "memory"});
    errors.oneOf(place.child("restartPolicy"), policy.restartpolicy(), {"NotRequired", "RestartContainer"});
    if (context.spec.restartpolicy() == "Never" && policy.restartpolicy() != "NotRequired")
      errors.invalid(place.child("restartPolicy"), policy.restartpolicy(),
                     "must be 'NotRequired' when `restartPolicy` is 'Never'");
  }
}

void checkRestartRule(const core::ContainerRestartRule& rule, const Field& field, FieldErrors& errors) {
  errors.oneOf(field.child("action"), rule.action(), {"Restart", "RestartAllContainers"});
  Field exitCodes = field.child("exitCodes");
  if (!rule.has_exitcodes()) return errors.required(exitCodes, "must be specified");
  errors.oneOf(exitCodes.child("operator"), rule.exitcodes().operator_(), {"In", "NotIn"});
  if (rule.exitcodes().values_size() > kMaxExitCodes)
    errors.tooMany(exitCodes.child("values"), rule.exitcodes().values_size(), kMaxExitCodes);
}

// A container's own policy, which goes before the pod's (RST-2).
void checkRestartPolicy(const core::Container& container, const Field& field, FieldErrors& errors) {
  Field rules = field.child("restartPolicyRules");
  if (container.has_restartpolicy())
    errors.oneOf(field.child("restartPolicy"), container.restartpolicy(), {"Always", "Never", "OnFailure"});
  else if (container.restartpolicyrules_size() > 0)
    errors.required(field.child("restartPolicy"), "must be set when `restartPolicyRules` is");
  if (container.restartpolicyrules_size() > kMaxRestartRules)
    errors.tooMany(rules, container.restartpolicyrules_size(), kMaxRestartRules);
  for (int i = 0; i < container.restartpolicyrules_size(); ++i)
    checkRestartRule(container.restartpolicyrules(i), rules.index(i), errors);
}

// What holds for every kind of container.
void checkCommon(const PodContext& context, const core::Container& container, const Field& field, FieldErrors& errors) {
  checkName(container.name(), field.child("name"), errors);
  checkImage(container.image(), field.child("image"), errors);
  errors.oneOf(field.child("terminationMessagePolicy"), container.terminationmessagepolicy(),
               {"File", "FallbackToLogsOnError"});
  errors.oneOf(field.child("imagePullPolicy"), container.imagepullpolicy(), {"Always", "IfNotPresent", "Never"});
  checkPorts(container, field.child("ports"), errors);
  checkEnv(container, field, errors);
  checkMounts(context, container, field, errors);
  checkResources(context, container.resources(), field.child("resources"), errors);
  checkResizePolicy(context, container, field.child("resizePolicy"), errors);
  checkContainerSecurity(context, container.securitycontext(), field.child("securityContext"), errors);
}

void checkRegular(const PodContext& context, std::set<std::string>& names, FieldErrors& errors) {
  Field list = Field("spec").child("containers");
  if (context.spec.containers().empty()) errors.required(list);
  std::set<std::string> hostPorts;
  for (int i = 0; i < context.spec.containers_size(); ++i) {
    const core::Container& container = context.spec.containers(i);
    Field field = list.index(i);
    checkCommon(context, container, field, errors);
    if (!names.insert(container.name()).second && !container.name().empty())
      errors.duplicate(field.child("name"), container.name());
    checkRestartPolicy(container, field, errors);
    checkLifecycle(context, container.lifecycle(), field.child("lifecycle"), errors);
    checkProbes(context, container, field, errors);
    checkHostPorts(container, hostPorts, field, errors);
  }
}

void checkInitOnly(const PodContext& context, const core::Container& container, const Field& field,
                   FieldErrors& errors) {
  if (isSidecar(container)) {
    checkLifecycle(context, container.lifecycle(), field.child("lifecycle"), errors);
    checkProbes(context, container, field, errors);
    if (container.restartpolicyrules_size() > 0)
      errors.forbidden(field.child("restartPolicyRules"),
                       "may not be set for init containers with restartPolicy=Always");
    return;
  }
  constexpr std::string_view kDetail = "may not be set for init containers without restartPolicy=Always";
  if (container.has_lifecycle()) errors.forbidden(field.child("lifecycle"), kDetail);
  if (container.has_livenessprobe()) errors.forbidden(field.child("livenessProbe"), kDetail);
  if (container.has_readinessprobe()) errors.forbidden(field.child("readinessProbe"), kDetail);
  if (container.has_startupprobe()) errors.forbidden(field.child("startupProbe"), kDetail);
}

void checkInit(const PodContext& context, std::set<std::string>& names, FieldErrors& errors) {
  for (int i = 0; i < context.spec.initcontainers_size(); ++i) {
    const core::Container& container = context.spec.initcontainers(i);
    Field field = Field("spec").child("initContainers").index(i);
    checkCommon(context, container, field, errors);
    if (!names.insert(container.name()).second && !container.name().empty())
      errors.duplicate(field.child("name"), container.name());
    checkRestartPolicy(container, field, errors);
    checkInitOnly(context, container, field, errors);
    // They run one by one, so ports conflict only within one of them.
    std::set<std::string> hostPorts;
    checkHostPorts(container, hostPorts, field, errors);
  }
}

void checkEphemeralOnly(const core::Container& container, const Field& field, FieldErrors& errors) {
  auto refuse = [&](bool isSet, std::string_view name) {
    if (isSet) errors.forbidden(field.child(name), "cannot be set for an Ephemeral Container");
  };
  refuse(container.ports_size() > 0, "ports");
  refuse(container.has_resources() && container.resources().ByteSizeLong() > 0, "resources");
  refuse(container.has_livenessprobe(), "livenessProbe");
  refuse(container.has_readinessprobe(), "readinessProbe");
  refuse(container.has_startupprobe(), "startupProbe");
  refuse(container.has_lifecycle(), "lifecycle");
  refuse(container.has_restartpolicy(), "restartPolicy");
  refuse(container.restartpolicyrules_size() > 0, "restartPolicyRules");
  refuse(container.resizepolicy_size() > 0, "resizePolicy");
  for (int i = 0; i < container.volumemounts_size(); ++i) {
    std::string mount = "volumeMounts[" + std::to_string(i) + "].";
    refuse(!container.volumemounts(i).subpath().empty(), mount + "subPath");
    refuse(!container.volumemounts(i).subpathexpr().empty(), mount + "subPathExpr");
  }
}

// The API takes them only by the ephemeralcontainers subresource of a pod that exists.
void checkEphemeral(const PodContext& context, std::set<std::string> names, FieldErrors& errors) {
  const std::set<std::string> others = names;
  Field list = Field("spec").child("ephemeralContainers");
  if (context.spec.ephemeralcontainers_size() > 0) errors.forbidden(list, "cannot be set on create");
  for (int i = 0; i < context.spec.ephemeralcontainers_size(); ++i) {
    const core::EphemeralContainer& ephemeral = context.spec.ephemeralcontainers(i);
    core::Container container = asContainer(ephemeral.ephemeralcontainercommon());
    Field field = list.index(i);
    checkCommon(context, container, field, errors);
    if (!names.insert(container.name()).second && !container.name().empty())
      errors.duplicate(field.child("name"), container.name());
    const std::string& target = ephemeral.targetcontainername();
    if (!target.empty() && !others.contains(target)) errors.notFound(field.child("targetContainerName"), target);
    checkEphemeralOnly(container, field, errors);
  }
}

}  // namespace

void checkContainers(const PodContext& context, FieldErrors& errors) {
  std::set<std::string> names;
  checkRegular(context, names, errors);
  checkInit(context, names, errors);
  checkEphemeral(context, names, errors);
}

}  // namespace cubelet::api::validation
