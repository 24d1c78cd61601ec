#include "kubelet/api/pod_validation.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api::validation {
namespace {

// Labels and annotations only: the kubelet's controller names the claim.
void checkTemplateMetadata(const k8s::meta::v1::ObjectMeta& metadata, const Field& field, FieldErrors& errors) {
  checkLabels(metadata.labels(), field.child("labels"), errors);
  checkAnnotations(metadata.annotations(), field.child("annotations"), errors);
  std::vector<const google::protobuf::FieldDescriptor*> members;
  metadata.GetReflection()->ListFields(metadata, &members);
  for (const auto* member : members)
    if (member->name() != "labels" && member->name() != "annotations")
      errors.forbidden(field.child(member->name()), "cannot be set");
}

void checkAccessModes(const core::PersistentVolumeClaimSpec& spec, const Field& field, FieldErrors& errors) {
  if (spec.accessmodes().empty()) errors.required(field, "at least 1 access mode is required");
  bool oncePod = false;
  for (int i = 0; i < spec.accessmodes_size(); ++i) {
    errors.oneOf(field.index(i), spec.accessmodes(i),
                 {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    if (spec.accessmodes(i) == "ReadWriteOncePod") oncePod = true;
  }
  if (oncePod && spec.accessmodes_size() > 1)
    errors.forbidden(field, "may not use ReadWriteOncePod with other access modes");
}

void checkStorage(const core::PersistentVolumeClaimSpec& spec, const Field& field, FieldErrors& errors) {
  auto storage = spec.resources().requests().find("storage");
  if (storage == spec.resources().requests().end()) return errors.required(field);
  const std::string& amount = storage->second.string();
  if (!quantityValue(amount) || compareQuantities(amount, "0") <= 0) errors.invalid(field, amount, kPositive);
}

}  // namespace

void checkClaimTemplate(const core::PersistentVolumeClaimTemplate& claim, const Field& field, FieldErrors& errors) {
  const core::PersistentVolumeClaimSpec& spec = claim.spec();
  Field place = field.child("spec");
  checkTemplateMetadata(claim.metadata(), field.child("metadata"), errors);
  checkAccessModes(spec, place.child("accessModes"), errors);
  if (spec.has_selector()) checkLabelSelector(spec.selector(), place.child("selector"), errors);
  checkStorage(spec, place.child("resources").key("storage"), errors);
  if (!spec.storageclassname().empty())
    errors.invalid(place.child("storageClassName"), spec.storageclassname(),
                   whyNotDnsSubdomain(spec.storageclassname()));
  if (spec.has_volumemode()) errors.oneOf(place.child("volumeMode"), spec.volumemode(), {"Block", "Filesystem"});
}

}  // namespace cubelet::api::validation
