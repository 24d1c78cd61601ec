#include <algorithm>
#include <cctype>

#include "kubelet/api/pod_validation.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api::validation {
namespace {

constexpr std::size_t kMaxFileKey = 128;

template <class Selector>
void checkKeySelector(const Selector& selector, const Field& field, FieldErrors& errors) {
  const std::string& name = selector.localobjectreference().name();
  errors.invalid(field.child("name"), name, whyNotDnsSubdomain(name));
  if (selector.key().empty())
    errors.required(field.child("key"));
  else
    errors.invalid(field.child("key"), selector.key(), whyNotConfigKey(selector.key()));
}

void checkFileKeyRef(const core::FileKeySelector& selector, const Field& field, FieldErrors& errors) {
  checkName(selector.volumename(), field.child("volumeName"), errors);
  requireText(selector.path(), field.child("path"), errors);
  checkLocalFile(selector.path(), field.child("path"), errors);
  if (selector.key().empty()) return errors.required(field.child("key"));
  errors.invalid(field.child("key"), selector.key(), whyNotEnvName(selector.key()));
  if (selector.key().size() > kMaxFileKey) errors.tooLong(field.child("key"), kMaxFileKey);
}

void checkValueFrom(const core::EnvVar& variable, const Field& field, FieldErrors& errors) {
  const core::EnvVarSource& from = variable.valuefrom();
  int count = from.has_fieldref() + from.has_resourcefieldref() + from.has_configmapkeyref() + from.has_secretkeyref() +
              from.has_filekeyref();
  if (from.has_fieldref()) checkFieldRef(from.fieldref(), false, field.child("fieldRef"), errors);
  if (from.has_resourcefieldref())
    checkResourceFieldRef(from.resourcefieldref(), false, field.child("resourceFieldRef"), errors);
  if (from.has_configmapkeyref()) checkKeySelector(from.configmapkeyref(), field.child("configMapKeyRef"), errors);
  if (from.has_secretkeyref()) checkKeySelector(from.secretkeyref(), field.child("secretKeyRef"), errors);
  if (from.has_filekeyref()) checkFileKeyRef(from.filekeyref(), field.child("fileKeyRef"), errors);
  if (count == 0)
    errors.invalid(
        field, "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
  else if (!variable.value().empty())
    errors.invalid(field, "", "may not be specified when `value` is not empty");
  else if (count > 1)
    errors.invalid(field, "", "may not have more than one field specified at a time");
}

void checkVariable(const core::EnvVar& variable, const Field& field, FieldErrors& errors) {
  if (variable.name().empty())
    errors.required(field.child("name"));
  else
    errors.invalid(field.child("name"), variable.name(), whyNotEnvName(variable.name()));
  if (variable.has_valuefrom()) checkValueFrom(variable, field.child("valueFrom"), errors);
}

template <class Source>
void checkObjectName(const Source& source, const Field& field, FieldErrors& errors) {
  const std::string& name = source.localobjectreference().name();
  if (name.empty())
    errors.required(field.child("name"));
  else
    errors.invalid(field.child("name"), name, whyNotDnsSubdomain(name));
}

void checkEnvFrom(const core::EnvFromSource& source, const Field& field, FieldErrors& errors) {
  if (!source.prefix().empty()) errors.invalid(field.child("prefix"), source.prefix(), whyNotEnvName(source.prefix()));
  if (source.has_configmapref()) checkObjectName(source.configmapref(), field.child("configMapRef"), errors);
  if (source.has_secretref()) checkObjectName(source.secretref(), field.child("secretRef"), errors);
  if (!source.has_configmapref() && !source.has_secretref())
    errors.invalid(field, "", "must specify one of: `configMapRef` or `secretRef`");
  if (source.has_configmapref() && source.has_secretref())
    errors.invalid(field, "", "may not have more than one field specified at a time");
}

struct Subscripted {
  std::string_view path;
  std::string subscript;
};

// metadata.labels['app'] in its two parts; no value when the text has no such subscript.
std::optional<Subscripted> splitSubscript(std::string_view text) {
  std::size_t open = text.find("['");
  if (open == std::string_view::npos || open == 0 || !text.ends_with("']") || text.size() < open + 4)
    return std::nullopt;
  return Subscripted{text.substr(0, open), std::string(text.substr(open + 2, text.size() - open - 4))};
}

void checkSubscript(const Subscripted& parts, const Field& field, FieldErrors& errors) {
  if (parts.path == "metadata.labels") return errors.invalid(field, parts.subscript, whyNotLabelKey(parts.subscript));
  if (parts.path != "metadata.annotations") return errors.invalid(field, parts.path, "does not support subscript");
  std::string lower = parts.subscript;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  errors.invalid(field, parts.subscript, whyNotLabelKey(lower));
}

bool isHugePagesField(std::string_view resource) {
  return resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
}

void checkDivisor(const core::ResourceFieldSelector& reference, const Field& field, FieldErrors& errors) {
  const std::string& divisor = reference.divisor().string();
  if (divisor.empty()) return;
  Result<std::string> canonical = canonicalQuantity(divisor);
  if (!canonical) return errors.invalid(field, divisor, canonical.error().message);
  if (*canonical == "0") return;
  if (reference.resource().ends_with(".cpu")) {
    if (*canonical != "1m" && *canonical != "1")
      errors.invalid(field, divisor, "only divisor's values 1m and 1 are supported with the cpu resource");
    return;
  }
  constexpr std::string_view kAllowed[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                           "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
  if (std::find(std::begin(kAllowed), std::end(kAllowed), *canonical) == std::end(kAllowed))
    errors.invalid(
        field, divisor,
        "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the " +
            reference.resource() + " resource");
}

}  // namespace

void checkEnv(const core::Container& container, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < container.env_size(); ++i) checkVariable(container.env(i), field.child("env").index(i), errors);
  for (int i = 0; i < container.envfrom_size(); ++i)
    checkEnvFrom(container.envfrom(i), field.child("envFrom").index(i), errors);
}

void checkFieldRef(const core::ObjectFieldSelector& fieldRef, bool forVolume, const Field& field, FieldErrors& errors) {
  Field path = field.child("fieldPath");
  if (fieldRef.apiversion() != "v1")
    return errors.invalid(field.child("apiVersion"), fieldRef.apiversion(), "unsupported pod version, must be v1");
  if (fieldRef.fieldpath().empty()) return errors.required(path);
  if (std::optional<Subscripted> parts = splitSubscript(fieldRef.fieldpath()))
    return checkSubscript(*parts, path, errors);
  if (forVolume)
    errors.oneOf(path, fieldRef.fieldpath(),
                 {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"});
  else if (fieldRef.fieldpath() != "spec.host")  // the old name of spec.nodeName
    errors.oneOf(path, fieldRef.fieldpath(),
                 {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
                  "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"});
}

void checkResourceFieldRef(const core::ResourceFieldSelector& reference, bool forVolume, const Field& field,
                           FieldErrors& errors) {
  Field resource = field.child("resource");
  if (forVolume && reference.containername().empty())
    errors.required(field.child("containerName"));
  else if (!isHugePagesField(reference.resource()))
    errors.oneOf(resource, reference.resource(),
                 {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                  "requests.ephemeral-storage", "requests.memory"});
  checkDivisor(reference, field.child("divisor"), errors);
}

}  // namespace cubelet::api::validation
