#include <algorithm>
#include <cctype>
#include <charconv>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

using StringMap = google::protobuf::Map<std::string, std::string>;
using k8s::meta::v1::ObjectMeta;
using k8s::meta::v1::OwnerReference;

constexpr std::size_t kMaxAnnotationBytes = std::size_t{256} * 1024;
constexpr std::string_view kMirror = "kubernetes.io/config.mirror";
constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr std::string_view kSeccompPod = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccompContainer = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kAppArmorContainer = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kLocalhost = "localhost/";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// A prefix to which the server appends characters may end in a dash.
std::string maskedPrefix(std::string prefix) {
  if (prefix.size() > 1 && prefix.back() == '-') prefix.back() = 'a';
  return prefix;
}

void checkOwners(const ObjectMeta& metadata, const Field& field, FieldErrors& errors) {
  std::string controller;
  for (int i = 0; i < metadata.ownerreferences_size(); ++i) {
    const OwnerReference& owner = metadata.ownerreferences(i);
    Field place = field.index(i);
    if (owner.apiversion().empty()) errors.invalid(place.child("apiVersion"), "", "version must not be empty");
    if (owner.kind().empty()) errors.invalid(place.child("kind"), "", "must not be empty");
    if (owner.name().empty()) errors.invalid(place.child("name"), "", "must not be empty");
    if (owner.uid().empty()) errors.invalid(place.child("uid"), "", "must not be empty");
    if (!owner.controller()) continue;
    std::string name = owner.kind() + "/" + owner.name();
    if (!controller.empty())
      errors.invalid(place.child("controller"), true,
                     "only one owner may be the controller, " + controller + " is it already");
    else
      controller = name;
  }
}

void checkFinalizers(const ObjectMeta& metadata, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < metadata.finalizers_size(); ++i) {
    const std::string& name = metadata.finalizers(i);
    Reasons reasons = whyNotLabelKey(name);
    errors.invalid(field.index(i), name, reasons);
    bool isStandard = name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
    if (reasons.empty() && name.find('/') == std::string::npos && !isStandard)
      errors.invalid(field.index(i), name, "name is neither a standard finalizer name nor is it fully qualified");
  }
}

void checkObjectMeta(const ObjectMeta& metadata, const Field& field, FieldErrors& errors) {
  if (!metadata.generatename().empty())
    errors.invalid(field.child("generateName"), metadata.generatename(),
                   whyNotDnsSubdomain(maskedPrefix(metadata.generatename())));
  if (metadata.name().empty())
    errors.required(field.child("name"), "name or generateName is required");
  else
    errors.invalid(field.child("name"), metadata.name(), whyNotDnsSubdomain(metadata.name()));
  if (metadata.namespace_().empty())
    errors.required(field.child("namespace"));
  else
    errors.invalid(field.child("namespace"), metadata.namespace_(), whyNotDnsLabel(metadata.namespace_()));
  if (metadata.generation() < 0) errors.invalid(field.child("generation"), metadata.generation(), kNotNegative);
  checkLabels(metadata.labels(), field.child("labels"), errors);
  checkAnnotations(metadata.annotations(), field.child("annotations"), errors);
  checkOwners(metadata, field.child("ownerReferences"), errors);
  checkFinalizers(metadata, field.child("finalizers"), errors);
}

void checkSeccompAnnotation(std::string_view profile, const Field& field, FieldErrors& errors) {
  if (profile == "runtime/default" || profile == "docker/default" || profile == "unconfined") return;
  if (profile.starts_with(kLocalhost))
    checkRelativePath(profile.substr(kLocalhost.size()), field, errors);
  else
    errors.invalid(field, profile, "must be a valid seccomp profile");
}

void checkAppArmorAnnotation(const core::Pod& pod, std::string_view container, std::string_view profile,
                             const Field& field, FieldErrors& errors) {
  std::vector<PlacedContainer> all = allContainers(pod.spec());
  bool exists = std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.container.name() == container; });
  if (!exists) errors.invalid(field, container, "container not found");
  bool isProfile =
      profile.empty() || profile == "runtime/default" || profile == "unconfined" || profile.starts_with(kLocalhost);
  if (!isProfile) errors.invalid(field, profile, "invalid AppArmor profile name");
}

// Annotations that have a meaning for pods.
void checkPodAnnotations(const core::Pod& pod, const Field& field, FieldErrors& errors) {
  const StringMap& annotations = pod.metadata().annotations();
  for (const std::string& key : sortedKeys(annotations)) {
    const std::string& value = annotations.at(key);
    Field place = field.key(key);
    if (key == kMirror && pod.spec().nodename().empty())
      errors.invalid(place, value, "must set spec.nodeName if mirror pod annotation is set");
    if (key == kDeletionCost) {
      std::int32_t cost = 0;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), cost);
      if (error != std::errc() || end != value.data() + value.size())
        errors.invalid(place, value, "must be a 32bit integer");
    }
    if (key == kSeccompPod || key.starts_with(kSeccompContainer)) checkSeccompAnnotation(value, place, errors);
    if (key.starts_with(kAppArmorContainer))
      checkAppArmorAnnotation(pod, key.substr(kAppArmorContainer.size()), value, place, errors);
  }
}

}  // namespace

void checkLabels(const StringMap& labels, const Field& field, FieldErrors& errors) {
  for (const std::string& key : sortedKeys(labels)) {
    errors.invalid(field.key(key), key, whyNotLabelKey(key));
    errors.invalid(field.key(key), labels.at(key), whyNotLabelValue(labels.at(key)));
  }
}

void checkAnnotations(const StringMap& annotations, const Field& field, FieldErrors& errors) {
  std::size_t bytes = 0;
  for (const std::string& key : sortedKeys(annotations)) {
    errors.invalid(field.key(key), key, whyNotLabelKey(lower(key)));
    bytes += key.size() + annotations.at(key).size();
  }
  if (bytes > kMaxAnnotationBytes) errors.tooLong(field, kMaxAnnotationBytes);
}

void checkMetadata(const core::Pod& pod, FieldErrors& errors) {
  Field field("metadata");
  checkObjectMeta(pod.metadata(), field, errors);
  checkPodAnnotations(pod, field.child("annotations"), errors);
}

}  // namespace cubelet::api::validation
