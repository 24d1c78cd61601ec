#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

constexpr std::int64_t kMinTokenSeconds = 600;
constexpr std::int64_t kMaxCertificateSeconds = std::int64_t{91} * 86400;
constexpr std::int64_t kMaxTokenSeconds = std::int64_t{1} << 32;

bool isFileMode(std::int32_t mode) {
  return mode >= 0 && mode <= 0777;
}

template <class Source>
void checkDefaultMode(const Source& source, const Field& field, FieldErrors& errors) {
  if (source.has_defaultmode() && !isFileMode(source.defaultmode()))
    errors.invalid(field.child("defaultMode"), source.defaultmode(), kFileModeRange);
}

template <class Item>
void checkItemMode(const Item& item, const Field& field, FieldErrors& errors) {
  if (item.has_mode() && !isFileMode(item.mode())) errors.invalid(field.child("mode"), item.mode(), kFileModeRange);
}

template <class Source>
void checkKeys(const Source& source, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < source.items_size(); ++i) {
    const core::KeyToPath& item = source.items(i);
    Field place = field.child("items").index(i);
    requireText(item.key(), place.child("key"), errors);
    requireText(item.path(), place.child("path"), errors);
    checkLocalFile(item.path(), place.child("path"), errors);
    checkItemMode(item, place, errors);
  }
}

template <class Source>
void checkDownwardItems(const Source& source, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < source.items_size(); ++i) {
    const core::DownwardAPIVolumeFile& file = source.items(i);
    Field place = field.child("items").index(i);
    requireText(file.path(), place.child("path"), errors);
    checkLocalFile(file.path(), place.child("path"), errors);
    if (file.has_fieldref() && file.has_resourcefieldref())
      errors.invalid(place, file.path(), "fieldRef and resourceFieldRef can not be specified simultaneously");
    else if (file.has_fieldref())
      checkFieldRef(file.fieldref(), true, place.child("fieldRef"), errors);
    else if (file.has_resourcefieldref())
      checkResourceFieldRef(file.resourcefieldref(), true, place.child("resourceFieldRef"), errors);
    else
      errors.required(place, "one of fieldRef and resourceFieldRef is required");
    checkItemMode(file, place, errors);
  }
}

// Paths inside one projected volume: two sources must not write the same file.
class FileSet {
 public:
  void add(const std::string& path, const Field& field, FieldErrors& errors) {
    if (!path.empty() && !paths_.insert(path).second) errors.invalid(field, path, "conflicting duplicate paths");
  }

 private:
  std::set<std::string> paths_;
};

template <class Source>
void addItems(const Source& source, FileSet& files, const Field& field, FieldErrors& errors) {
  for (int i = 0; i < source.items_size(); ++i)
    files.add(source.items(i).path(), field.child("items").index(i).child("path"), errors);
}

void checkToken(const PodContext& context, const core::ServiceAccountTokenProjection& token, const Field& field,
                FieldErrors& errors) {
  Field seconds = field.child("expirationSeconds");
  if (token.expirationseconds() < kMinTokenSeconds)
    errors.invalid(seconds, token.expirationseconds(), "may not specify a duration less than 10 minutes");
  if (token.expirationseconds() > kMaxTokenSeconds)
    errors.invalid(seconds, token.expirationseconds(), "may not specify a duration larger than 2^32 seconds");
  requireText(token.path(), field.child("path"), errors);
  checkLocalFile(token.path(), field.child("path"), errors);
  if (context.spec.serviceaccountname().empty())
    errors.forbidden(field, "must not be specified when serviceAccountName is not set");
}

// Two parts joined by a slash: a domain of at least two labels and a path.
bool isSignerName(std::string_view name) {
  std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash + 1 == name.size()) return false;
  std::string_view domain = name.substr(0, slash);
  return domain.find('.') != std::string_view::npos && whyNotDnsSubdomain(domain).empty();
}

void checkSigner(const std::string& name, const Field& field, FieldErrors& errors) {
  if (name.empty())
    errors.required(field, "must be a valid signer name");
  else if (!isSignerName(name))
    errors.invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
}

void checkTrustBundle(const core::ClusterTrustBundleProjection& bundle, const Field& field, FieldErrors& errors) {
  if (bundle.has_name() && bundle.has_signername())
    errors.invalid(field, bundle.name(), "only one of name and signerName may be used");
  else if (!bundle.has_name() && !bundle.has_signername())
    errors.required(field, "either name or signerName must be specified");
  else if (bundle.has_signername())
    checkSigner(bundle.signername(), field.child("signerName"), errors);
  else if (bundle.name().empty())
    errors.required(field.child("name"), "must be a valid object name");
  if (bundle.has_labelselector()) {
    if (bundle.has_name() && !bundle.has_signername())
      errors.forbidden(field.child("labelSelector"), "labelSelector must be unset if name is specified");
    checkLabelSelector(bundle.labelselector(), field.child("labelSelector"), errors);
  }
  requireText(bundle.path(), field.child("path"), errors);
  checkLocalFile(bundle.path(), field.child("path"), errors);
}

void checkPodCertificate(const core::PodCertificateProjection& certificate, FileSet& files, const Field& field,
                         FieldErrors& errors) {
  checkSigner(certificate.signername(), field.child("signerName"), errors);
  errors.oneOf(field.child("keyType"), certificate.keytype(),
               {"RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"});
  errors.invalid(field.child("maxExpirationSeconds"), certificate.maxexpirationseconds(),
                 whyNotBetween(certificate.maxexpirationseconds(), 3600, kMaxCertificateSeconds));
  int paths = 0;
  auto checkPath = [&](std::string_view name, const std::string& path) {
    if (path.empty()) return;
    ++paths;
    checkLocalFile(path, field.child(name), errors);
    files.add(path, field.child(name), errors);
  };
  checkPath("credentialBundlePath", certificate.credentialbundlepath());
  checkPath("keyPath", certificate.keypath());
  checkPath("certificateChainPath", certificate.certificatechainpath());
  if (paths == 0)
    errors.required(field, "specify at least one of credentialBundlePath, keyPath and certificateChainPath");
}

template <class Source>
void checkNamedKeys(const Source& source, FileSet& files, const Field& field, FieldErrors& errors) {
  requireText(source.localobjectreference().name(), field.child("name"), errors);
  checkKeys(source, field, errors);
  addItems(source, files, field, errors);
}

void checkSource(const PodContext& context, const core::VolumeProjection& source, FileSet& files, const Field& field,
                 FieldErrors& errors) {
  int count = source.has_secret() + source.has_configmap() + source.has_downwardapi() +
              source.has_serviceaccounttoken() + source.has_clustertrustbundle() + source.has_podcertificate();
  if (source.has_secret()) checkNamedKeys(source.secret(), files, field.child("secret"), errors);
  if (source.has_configmap()) checkNamedKeys(source.configmap(), files, field.child("configMap"), errors);
  if (source.has_downwardapi()) {
    checkDownwardItems(source.downwardapi(), field.child("downwardAPI"), errors);
    addItems(source.downwardapi(), files, field.child("downwardAPI"), errors);
  }
  if (source.has_serviceaccounttoken()) {
    Field place = field.child("serviceAccountToken");
    checkToken(context, source.serviceaccounttoken(), place, errors);
  }
  if (source.has_clustertrustbundle()) {
    Field place = field.child("clusterTrustBundle");
    checkTrustBundle(source.clustertrustbundle(), place, errors);
    files.add(source.clustertrustbundle().path(), place.child("path"), errors);
  }
  if (source.has_podcertificate())
    checkPodCertificate(source.podcertificate(), files, field.child("podCertificate"), errors);
  if (count > 1) errors.forbidden(field, "may not specify more than 1 volume type per source");
}

}  // namespace

void checkConfigMapVolume(const core::ConfigMapVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.localobjectreference().name(), field.child("name"), errors);
  checkDefaultMode(source, field, errors);
  checkKeys(source, field, errors);
}

void checkSecretVolume(const core::SecretVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.secretname(), field.child("secretName"), errors);
  checkDefaultMode(source, field, errors);
  checkKeys(source, field, errors);
}

void checkDownwardApiVolume(const core::DownwardAPIVolumeSource& source, const Field& field, FieldErrors& errors) {
  checkDefaultMode(source, field, errors);
  checkDownwardItems(source, field, errors);
}

void checkProjectedVolume(const PodContext& context, const core::ProjectedVolumeSource& source, const Field& field,
                          FieldErrors& errors) {
  checkDefaultMode(source, field, errors);
  FileSet files;
  for (int i = 0; i < source.sources_size(); ++i)
    checkSource(context, source.sources(i), files, field.child("sources").index(i), errors);
}

}  // namespace cubelet::api::validation
