#include <algorithm>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isAlnum(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "iqn.2001-04.com.example:disk" (RFC 3720), "eui." with 16 or "naa." with 32 characters.
bool isInitiatorName(std::string_view name) {
  std::string_view rest = name.substr(std::min<std::size_t>(name.size(), 4));
  if (name.starts_with("eui.")) return rest.size() == 16 && std::all_of(rest.begin(), rest.end(), isAlnum);
  if (name.starts_with("naa.")) return rest.size() == 32 && std::all_of(rest.begin(), rest.end(), isAlnum);
  if (!name.starts_with("iqn.") || rest.size() < 9 || rest[4] != '-' || rest[7] != '.') return false;
  for (std::size_t i : {0, 1, 2, 3, 5, 6})
    if (!isDigit(rest[i])) return false;
  rest.remove_prefix(8);
  std::size_t colon = rest.find(':');
  std::string_view domain = rest.substr(0, colon);
  if (domain.empty() ||
      !std::all_of(domain.begin(), domain.end(), [](char c) { return isAlnum(c) || c == '-' || c == '.'; }))
    return false;
  return colon != std::string_view::npos && colon + 1 < rest.size() &&
         rest.find_first_of(",;*&$| \t\n\r\f\v", colon + 1) == std::string_view::npos;
}

void checkInitiatorName(const std::string& name, const Field& field, FieldErrors& errors) {
  if (!isInitiatorName(name)) errors.invalid(field, name, "must be valid format starting with iqn, eui, or naa");
}

void checkPartition(std::int32_t partition, const Field& field, FieldErrors& errors) {
  errors.invalid(field.child("partition"), partition, whyNotBetween(partition, 0, 255));
}

template <class Source>
void checkSecretRef(const Source& source, const Field& field, FieldErrors& errors) {
  if (source.has_secretref()) requireText(source.secretref().name(), field.child("secretRef").child("name"), errors);
}

void checkFlexVolume(const core::FlexVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.driver(), field.child("driver"), errors);
  for (const std::string& key : sortedKeys(source.options())) {
    std::string domain = "." + key.substr(0, key.find('/'));
    std::transform(domain.begin(), domain.end(), domain.begin(), [](unsigned char c) { return std::tolower(c); });
    if (domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io"))
      errors.invalid(field.child("options").key(key), key, "kubernetes.io and k8s.io namespaces are reserved");
  }
}

void checkAzureDisk(const core::AzureDiskVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.diskname(), field.child("diskName"), errors);
  requireText(source.diskuri(), field.child("diskURI"), errors);
  if (source.has_cachingmode())
    errors.oneOf(field.child("cachingMode"), source.cachingmode(), {"None", "ReadOnly", "ReadWrite"});
  if (!source.has_kind()) return;
  errors.oneOf(field.child("kind"), source.kind(), {"Dedicated", "Managed", "Shared"});
  std::string_view prefix = source.kind() == "Managed" ? "/subscriptions/" : "https://";
  if (!source.diskuri().starts_with(prefix))
    errors.invalid(field.child("diskURI"), source.diskuri(), "must start with " + std::string(prefix));
}

void checkQuobyte(const core::QuobyteVolumeSource& source, const Field& field, FieldErrors& errors) {
  constexpr std::string_view kDetail = "must be a host:port pair or multiple pairs separated by commas";
  if (source.registry().empty())
    errors.required(field.child("registry"), kDetail);
  else if (source.registry().find(':') == std::string::npos)
    errors.invalid(field.child("registry"), source.registry(), kDetail);
  if (source.tenant().size() > 64)
    errors.invalid(field.child("tenant"), source.tenant(),
                   "must be a UUID and may not exceed a length of 64 characters");
  requireText(source.volume(), field.child("volume"), errors);
}

void checkFlocker(const core::FlockerVolumeSource& source, const Field& field, FieldErrors& errors) {
  if (source.datasetname().empty() == source.datasetuuid().empty())
    errors.required(field, "exactly one of datasetName and datasetUUID is required");
  if (source.datasetname().find('/') != std::string::npos)
    errors.invalid(field.child("datasetName"), source.datasetname(), "must not contain '/'");
}

void checkStorageOs(const core::StorageOSVolumeSource& source, const Field& field, FieldErrors& errors) {
  checkName(source.volumename(), field.child("volumeName"), errors);
  if (!source.volumenamespace().empty()) checkName(source.volumenamespace(), field.child("volumeNamespace"), errors);
  checkSecretRef(source, field, errors);
}

}  // namespace

void checkNfsVolume(const core::NFSVolumeSource& source, const Field& field, FieldErrors& errors) {
  requireText(source.server(), field.child("server"), errors);
  if (source.path().empty())
    errors.required(field.child("path"));
  else if (!source.path().starts_with('/'))
    errors.invalid(field.child("path"), source.path(), "must be an absolute path");
}

void checkIscsiVolume(const core::ISCSIVolumeSource& source, std::string_view volume, const Field& field,
                      FieldErrors& errors) {
  requireText(source.targetportal(), field.child("targetPortal"), errors);
  if (source.iqn().empty())
    errors.required(field.child("iqn"));
  else
    checkInitiatorName(source.iqn(), field.child("iqn"), errors);
  errors.invalid(field.child("lun"), source.lun(), whyNotBetween(source.lun(), 0, 255));
  if ((source.chapauthdiscovery() || source.chapauthsession()) && !source.has_secretref())
    errors.required(field.child("secretRef"));
  if (!source.has_initiatorname()) return;
  checkInitiatorName(source.initiatorname(), field.child("initiatorName"), errors);
  if (volume.size() + 1 + source.targetportal().size() > 64)
    errors.invalid(field.child("targetPortal"), source.targetportal(),
                   "<volume name>:<targetPortal> must have at most 64 characters when initiatorName is set");
}

void checkFcVolume(const core::FCVolumeSource& source, const Field& field, FieldErrors& errors) {
  if (source.targetwwns().empty() == source.wwids().empty())
    errors.required(field.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both");
  if (source.targetwwns().empty()) return;
  if (!source.has_lun())
    errors.required(field.child("lun"), "lun is required if targetWWNs is specified");
  else
    errors.invalid(field.child("lun"), source.lun(), whyNotBetween(source.lun(), 0, 255));
}

void checkOldVolume(const core::VolumeSource& source, const Field& volume, FieldErrors& errors) {
  auto require = [&](std::string_view type, std::string_view name, std::string_view value) {
    requireText(value, volume.child(type).child(name), errors);
  };
  if (source.has_gcepersistentdisk()) {
    require("gcePersistentDisk", "pdName", source.gcepersistentdisk().pdname());
    checkPartition(source.gcepersistentdisk().partition(), volume.child("gcePersistentDisk"), errors);
  }
  if (source.has_awselasticblockstore()) {
    require("awsElasticBlockStore", "volumeID", source.awselasticblockstore().volumeid());
    checkPartition(source.awselasticblockstore().partition(), volume.child("awsElasticBlockStore"), errors);
  }
  if (source.has_gitrepo()) {
    require("gitRepo", "repository", source.gitrepo().repository());
    checkRelativePath(source.gitrepo().directory(), volume.child("gitRepo").child("directory"), errors);
  }
  if (source.has_glusterfs()) {
    require("glusterfs", "endpoints", source.glusterfs().endpoints());
    require("glusterfs", "path", source.glusterfs().path());
  }
  if (source.has_rbd()) {
    if (source.rbd().monitors().empty()) errors.required(volume.child("rbd").child("monitors"));
    require("rbd", "image", source.rbd().image());
  }
  if (source.has_cephfs() && source.cephfs().monitors().empty())
    errors.required(volume.child("cephfs").child("monitors"));
  if (source.has_cinder()) {
    require("cinder", "volumeID", source.cinder().volumeid());
    checkSecretRef(source.cinder(), volume.child("cinder"), errors);
  }
  if (source.has_azurefile()) {
    require("azureFile", "secretName", source.azurefile().secretname());
    require("azureFile", "shareName", source.azurefile().sharename());
  }
  if (source.has_vspherevolume()) require("vsphereVolume", "volumePath", source.vspherevolume().volumepath());
  if (source.has_photonpersistentdisk()) require("photonPersistentDisk", "pdID", source.photonpersistentdisk().pdid());
  if (source.has_portworxvolume()) require("portworxVolume", "volumeID", source.portworxvolume().volumeid());
  if (source.has_scaleio()) {
    require("scaleIO", "gateway", source.scaleio().gateway());
    require("scaleIO", "system", source.scaleio().system());
    require("scaleIO", "volumeName", source.scaleio().volumename());
  }
  if (source.has_flexvolume()) checkFlexVolume(source.flexvolume(), volume.child("flexVolume"), errors);
  if (source.has_azuredisk()) checkAzureDisk(source.azuredisk(), volume.child("azureDisk"), errors);
  if (source.has_quobyte()) checkQuobyte(source.quobyte(), volume.child("quobyte"), errors);
  if (source.has_flocker()) checkFlocker(source.flocker(), volume.child("flocker"), errors);
  if (source.has_storageos()) checkStorageOs(source.storageos(), volume.child("storageos"), errors);
}

}  // namespace cubelet::api::validation
