#include <algorithm>

#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api {
namespace {

using QuantityMap = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

constexpr int kFileMode = 0644;

bool isUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

// The path part of an image name without its registry.
std::string_view repositoryPath(std::string_view name) {
  std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return name;
  std::string_view first = name.substr(0, slash);
  bool isRegistry = first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                    std::any_of(first.begin(), first.end(), isUpper);
  return isRegistry ? name.substr(slash + 1) : name;
}

// Always for the tag latest, written or implied (CFG-17). A digest without a tag implies none; a name that cannot be
// parsed (upper-case letters in the path) has none either.
const char* defaultPullPolicy(std::string_view image) {
  std::size_t at = image.find('@');
  bool hasDigest = at != std::string_view::npos;
  std::string_view name = image.substr(0, at);
  std::size_t colon = name.rfind(':');
  std::string_view tag;
  if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  std::string_view path = repositoryPath(name);
  if (path.empty() || std::any_of(path.begin(), path.end(), isUpper)) return "IfNotPresent";
  if (tag.empty() && !hasDigest) tag = "latest";
  return tag == "latest" ? "Always" : "IfNotPresent";
}

void canonicalize(QuantityMap& quantities) {
  for (auto& [_, quantity] : quantities)
    if (auto text = canonicalResourceQuantity(quantity.string())) quantity.set_string(*text);
}

void canonicalize(core::ResourceRequirements& resources) {
  canonicalize(*resources.mutable_limits());
  canonicalize(*resources.mutable_requests());
}

void defaultFieldRef(k8s::core::v1::ObjectFieldSelector& fieldRef) {
  if (fieldRef.apiversion().empty()) fieldRef.set_apiversion("v1");
}

void defaultHttpGet(core::HTTPGetAction& httpGet) {
  if (httpGet.path().empty()) httpGet.set_path("/");
  if (httpGet.scheme().empty()) httpGet.set_scheme("HTTP");
}

void defaultProbe(core::Probe& probe) {
  if (probe.timeoutseconds() == 0) probe.set_timeoutseconds(1);
  if (probe.periodseconds() == 0) probe.set_periodseconds(10);
  if (probe.successthreshold() == 0) probe.set_successthreshold(1);
  if (probe.failurethreshold() == 0) probe.set_failurethreshold(3);
  if (!probe.has_handler()) return;
  if (probe.handler().has_httpget()) defaultHttpGet(*probe.mutable_handler()->mutable_httpget());
  if (probe.handler().has_grpc() && !probe.handler().grpc().has_service())
    probe.mutable_handler()->mutable_grpc()->set_service("");
}

void defaultEnv(core::EnvVar& variable) {
  if (!variable.has_valuefrom()) return;
  core::EnvVarSource& from = *variable.mutable_valuefrom();
  if (from.has_fieldref()) defaultFieldRef(*from.mutable_fieldref());
  if (from.has_filekeyref() && !from.filekeyref().has_optional()) from.mutable_filekeyref()->set_optional(false);
}

// For Container and EphemeralContainerCommon alike.
template <class AnyContainer>
void defaultContainer(AnyContainer& container) {
  if (container.imagepullpolicy().empty()) container.set_imagepullpolicy(defaultPullPolicy(container.image()));
  if (container.terminationmessagepath().empty()) container.set_terminationmessagepath("/dev/termination-log");
  if (container.terminationmessagepolicy().empty()) container.set_terminationmessagepolicy("File");
  for (core::ContainerPort& port : *container.mutable_ports())
    if (port.protocol().empty()) port.set_protocol("TCP");
  for (core::EnvVar& variable : *container.mutable_env()) defaultEnv(variable);
  if (container.has_resources()) canonicalize(*container.mutable_resources());
  if (container.has_livenessprobe()) defaultProbe(*container.mutable_livenessprobe());
  if (container.has_readinessprobe()) defaultProbe(*container.mutable_readinessprobe());
  if (container.has_startupprobe()) defaultProbe(*container.mutable_startupprobe());
  if (!container.has_lifecycle()) return;
  core::Lifecycle& lifecycle = *container.mutable_lifecycle();
  if (lifecycle.poststart().has_httpget()) defaultHttpGet(*lifecycle.mutable_poststart()->mutable_httpget());
  if (lifecycle.prestop().has_httpget()) defaultHttpGet(*lifecycle.mutable_prestop()->mutable_httpget());
}

template <class Source>
void defaultMode(Source& source) {
  if (!source.has_defaultmode()) source.set_defaultmode(kFileMode);
}

template <class Source>
void defaultDownwardItems(Source& source) {
  for (core::DownwardAPIVolumeFile& file : *source.mutable_items())
    if (file.has_fieldref()) defaultFieldRef(*file.mutable_fieldref());
}

void defaultProjected(core::ProjectedVolumeSource& projected) {
  defaultMode(projected);
  for (core::VolumeProjection& source : *projected.mutable_sources()) {
    if (source.has_downwardapi()) defaultDownwardItems(*source.mutable_downwardapi());
    if (source.has_serviceaccounttoken() && !source.serviceaccounttoken().has_expirationseconds())
      source.mutable_serviceaccounttoken()->set_expirationseconds(3600);
    if (source.has_podcertificate() && !source.podcertificate().has_maxexpirationseconds())
      source.mutable_podcertificate()->set_maxexpirationseconds(86400);
  }
}

void defaultClaimTemplate(core::PersistentVolumeClaimSpec& claim) {
  if (!claim.has_volumemode()) claim.set_volumemode("Filesystem");
  if (!claim.has_resources()) return;
  canonicalize(*claim.mutable_resources()->mutable_limits());
  canonicalize(*claim.mutable_resources()->mutable_requests());
}

// Members of drivers that live outside the tree today; their defaults stay part of the API.
void defaultOldDrivers(core::VolumeSource& source) {
  if (source.has_iscsi() && source.iscsi().iscsiinterface().empty())
    source.mutable_iscsi()->set_iscsiinterface("default");
  if (source.has_rbd()) {
    core::RBDVolumeSource& rbd = *source.mutable_rbd();
    if (rbd.pool().empty()) rbd.set_pool("rbd");
    if (rbd.user().empty()) rbd.set_user("admin");
    if (rbd.keyring().empty()) rbd.set_keyring("/etc/ceph/keyring");
  }
  if (source.has_azuredisk()) {
    core::AzureDiskVolumeSource& disk = *source.mutable_azuredisk();
    if (!disk.has_cachingmode()) disk.set_cachingmode("ReadWrite");
    if (!disk.has_kind()) disk.set_kind("Shared");
    if (!disk.has_fstype()) disk.set_fstype("ext4");
    if (!disk.has_readonly()) disk.set_readonly(false);
  }
  if (source.has_scaleio()) {
    core::ScaleIOVolumeSource& disk = *source.mutable_scaleio();
    if (disk.storagemode().empty()) disk.set_storagemode("ThinProvisioned");
    if (disk.fstype().empty()) disk.set_fstype("xfs");
  }
}

bool isEmpty(const google::protobuf::Message& message) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return fields.empty();
}

void defaultVolume(core::Volume& volume) {
  core::VolumeSource& source = *volume.mutable_volumesource();
  if (isEmpty(source)) source.mutable_emptydir();
  if (source.has_image() && source.image().pullpolicy().empty())
    source.mutable_image()->set_pullpolicy(defaultPullPolicy(source.image().reference()));
  if (source.has_hostpath() && !source.hostpath().has_type()) source.mutable_hostpath()->set_type("");
  if (source.has_secret()) defaultMode(*source.mutable_secret());
  if (source.has_configmap()) defaultMode(*source.mutable_configmap());
  if (source.has_downwardapi()) {
    defaultMode(*source.mutable_downwardapi());
    defaultDownwardItems(*source.mutable_downwardapi());
  }
  if (source.has_projected()) defaultProjected(*source.mutable_projected());
  if (source.has_ephemeral() && source.ephemeral().has_volumeclaimtemplate())
    defaultClaimTemplate(*source.mutable_ephemeral()->mutable_volumeclaimtemplate()->mutable_spec());
  defaultOldDrivers(source);
}

void defaultRequestsToLimits(core::Container& container) {
  if (container.resources().limits().empty()) return;
  core::ResourceRequirements& resources = *container.mutable_resources();
  for (const auto& [name, limit] : resources.limits()) resources.mutable_requests()->insert({name, limit});
}

void defaultHostPorts(core::Container& container) {
  for (core::ContainerPort& port : *container.mutable_ports())
    if (port.hostport() == 0) port.set_hostport(port.containerport());
}

void setIfAbsent(QuantityMap& quantities, const std::string& name, const std::string& amount) {
  k8s::meta::v1::Quantity quantity;
  quantity.set_string(amount);
  quantities.insert({name, quantity});
}

// Fills the gaps of spec.resources from the containers; only when it is set at least in part. Huge pages first: their
// limit then serves as their request.
void defaultPodResources(core::PodSpec& spec) {
  if (!spec.has_resources()) return;
  core::ResourceRequirements& pod = *spec.mutable_resources();
  if (pod.limits().empty() && pod.requests().empty()) return;
  for (const auto& [name, amount] : sumOfLimits(spec))
    if (isHugePages(name) && !pod.requests().contains(name)) setIfAbsent(*pod.mutable_limits(), name, amount);
  if (pod.limits().empty()) return;
  for (const auto& [name, amount] : sumOfRequests(spec))
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) setIfAbsent(*pod.mutable_requests(), name, amount);
  for (const auto& [name, limit] : pod.limits())
    if (isPodLevelResource(name)) pod.mutable_requests()->insert({name, limit});
}

// serviceAccount is the old name; the API server keeps both equal, the new name wins.
void defaultServiceAccount(core::PodSpec& spec) {
  if (spec.serviceaccountname().empty() && !spec.serviceaccount().empty())
    spec.set_serviceaccountname(spec.serviceaccount());
  if (!spec.serviceaccountname().empty()) spec.set_serviceaccount(spec.serviceaccountname());
}

void defaultSpecFields(core::PodSpec& spec) {
  if (spec.dnspolicy().empty()) spec.set_dnspolicy("ClusterFirst");
  if (spec.restartpolicy().empty()) spec.set_restartpolicy("Always");
  if (!spec.has_securitycontext()) spec.mutable_securitycontext();
  if (!spec.has_terminationgraceperiodseconds()) spec.set_terminationgraceperiodseconds(30);
  if (spec.schedulername().empty()) spec.set_schedulername("default-scheduler");
  if (!spec.has_enableservicelinks()) spec.set_enableservicelinks(true);
  defaultServiceAccount(spec);
}

}  // namespace

void setDefaults(core::Pod& pod) {
  core::PodSpec& spec = *pod.mutable_spec();
  // Sums of requests are built from what the containers have after this.
  for (core::Container& container : *spec.mutable_containers()) defaultRequestsToLimits(container);
  for (core::Container& container : *spec.mutable_initcontainers()) defaultRequestsToLimits(container);
  defaultPodResources(spec);
  if (spec.hostnetwork()) {
    for (core::Container& container : *spec.mutable_containers()) defaultHostPorts(container);
    for (core::Container& container : *spec.mutable_initcontainers()) defaultHostPorts(container);
  }
  defaultSpecFields(spec);
  for (core::Volume& volume : *spec.mutable_volumes()) defaultVolume(volume);
  for (core::Container& container : *spec.mutable_initcontainers()) defaultContainer(container);
  for (core::Container& container : *spec.mutable_containers()) defaultContainer(container);
  for (core::EphemeralContainer& container : *spec.mutable_ephemeralcontainers())
    defaultContainer(*container.mutable_ephemeralcontainercommon());
  canonicalize(*spec.mutable_overhead());
  if (spec.has_resources()) canonicalize(*spec.mutable_resources());
}

}  // namespace cubelet::api
