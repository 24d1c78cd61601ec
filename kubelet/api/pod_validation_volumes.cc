#include "kubelet/api/pod_validation.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api::validation {
namespace {

constexpr std::size_t kMaxDriverName = 63;

void checkHostPath(const core::HostPathVolumeSource& source, const Field& field, FieldErrors& errors) {
  if (source.path().empty()) return errors.required(field.child("path"));
  checkNoBacksteps(source.path(), field.child("path"), errors);
  if (source.type().empty()) return;
  errors.oneOf(field.child("type"), source.type(),
               {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"});
}

void checkEmptyDir(const core::EmptyDirVolumeSource& source, const Field& field, FieldErrors& errors) {
  if (!source.has_sizelimit()) return;
  const std::string& limit = source.sizelimit().string();
  if (!quantityValue(limit) || compareQuantities(limit, "0") < 0)
    errors.invalid(field.child("sizeLimit"), limit, "must be a valid resource quantity");
}

void checkCsi(const core::CSIVolumeSource& source, const Field& field, FieldErrors& errors) {
  Field driver = field.child("driver");
  requireText(source.driver(), driver, errors);
  if (source.driver().size() > kMaxDriverName) errors.tooLong(driver, kMaxDriverName);
  std::string lower = source.driver();
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (!lower.empty()) errors.invalid(driver, source.driver(), whyNotDnsSubdomain(lower));
  if (!source.has_nodepublishsecretref()) return;
  const std::string& secret = source.nodepublishsecretref().name();
  Field name = field.child("nodePublishSecretRef").child("name");
  if (secret.empty())
    errors.required(name);
  else
    errors.invalid(name, secret, whyNotDnsSubdomain(secret));
}

void checkEphemeral(const PodContext& context, const core::Volume& volume, const Field& field, FieldErrors& errors) {
  const core::EphemeralVolumeSource& source = volume.volumesource().ephemeral();
  Field place = field.child("ephemeral");
  if (source.has_volumeclaimtemplate())
    checkClaimTemplate(source.volumeclaimtemplate(), place.child("volumeClaimTemplate"), errors);
  else
    errors.required(place.child("volumeClaimTemplate"));
  const std::string& pod = context.pod.metadata().name();
  if (pod.empty() || volume.name().empty()) return;
  std::string claim = pod + "-" + volume.name();
  for (const std::string& reason : whyNotDnsSubdomain(claim))
    errors.invalid(field.child("name"), volume.name(),
                   std::string("PVC name \"").append(claim).append("\": ").append(reason));
}

void checkClaim(const PodContext& context, const core::PersistentVolumeClaimVolumeSource& source, const Field& field,
                FieldErrors& errors) {
  Field name = field.child("claimName");
  requireText(source.claimname(), name, errors);
  // Claims of ephemeral volumes belong to those.
  const std::string prefix = context.pod.metadata().name() + "-";
  for (const core::Volume& volume : context.spec.volumes())
    if (volume.volumesource().has_ephemeral() && source.claimname().starts_with(prefix) &&
        source.claimname().substr(prefix.size()) == volume.name())
      errors.invalid(name, source.claimname(), "must not reference a PVC that gets created for an ephemeral volume");
}

void checkImage(const core::ImageVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.reference(), field.child("reference"), errors);
  errors.oneOf(field.child("pullPolicy"), source.pullpolicy(), {"Always", "IfNotPresent", "Never"});
}

// The set members of a source, by JSON name.
std::vector<std::string> typesOf(const core::VolumeSource& source) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  source.GetReflection()->ListFields(source, &fields);
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const auto* field : fields) names.push_back(field->name());
  return names;
}

void checkSource(const PodContext& context, const core::Volume& volume, const Field& field, FieldErrors& errors) {
  const core::VolumeSource& source = volume.volumesource();
  std::vector<std::string> types = typesOf(source);
  if (types.empty()) return errors.required(field, "must specify a volume type");
  for (std::size_t i = 1; i < types.size(); ++i)
    errors.forbidden(field.child(types[i]), "may not specify more than 1 volume type");
  Field place = field.child(types[0]);
  if (source.has_hostpath()) return checkHostPath(source.hostpath(), place, errors);
  if (source.has_emptydir()) return checkEmptyDir(source.emptydir(), place, errors);
  if (source.has_secret()) return checkSecretVolume(source.secret(), place, errors);
  if (source.has_nfs()) return checkNfsVolume(source.nfs(), place, errors);
  if (source.has_iscsi()) return checkIscsiVolume(source.iscsi(), volume.name(), place, errors);
  if (source.has_persistentvolumeclaim()) return checkClaim(context, source.persistentvolumeclaim(), place, errors);
  if (source.has_downwardapi()) return checkDownwardApiVolume(source.downwardapi(), place, errors);
  if (source.has_fc()) return checkFcVolume(source.fc(), place, errors);
  if (source.has_configmap()) return checkConfigMapVolume(source.configmap(), place, errors);
  if (source.has_projected()) return checkProjectedVolume(context, source.projected(), place, errors);
  if (source.has_csi()) return checkCsi(source.csi(), place, errors);
  if (source.has_ephemeral()) return checkEphemeral(context, volume, field, errors);
  if (source.has_image()) return checkImage(source.image(), place, errors);
  checkOldVolume(source, field, errors);
}

bool hasBackstep(std::string_view path) {
  for (;;) {
    std::size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

void requireText(std::string_view value, const Field& field, FieldErrors& errors) {
  if (value.empty()) errors.required(field);
}

void checkName(std::string_view name, const Field& field, FieldErrors& errors) {
  if (name.empty())
    errors.required(field);
  else
    errors.invalid(field, name, whyNotDnsLabel(name));
}

void checkNoBacksteps(std::string_view path, const Field& field, FieldErrors& errors) {
  if (hasBackstep(path)) errors.invalid(field, path, "must not contain '..'");
}

void checkRelativePath(std::string_view path, const Field& field, FieldErrors& errors) {
  if (path.starts_with('/')) errors.invalid(field, path, "must be a relative path");
  checkNoBacksteps(path, field, errors);
}

void checkLocalFile(std::string_view path, const Field& field, FieldErrors& errors) {
  checkRelativePath(path, field, errors);
  if (path.starts_with("..") && !hasBackstep(path)) errors.invalid(field, path, "must not start with '..'");
}

void checkVolumes(const PodContext& context, FieldErrors& errors) {
  std::set<std::string> names;
  for (int i = 0; i < context.spec.volumes_size(); ++i) {
    const core::Volume& volume = context.spec.volumes(i);
    Field field = Field("spec").child("volumes").index(i);
    checkName(volume.name(), field.child("name"), errors);
    if (!volume.name().empty() && !names.insert(volume.name()).second)
      errors.duplicate(field.child("name"), volume.name());
    checkSource(context, volume, field, errors);
  }
}

}  // namespace cubelet::api::validation
