// The parts of validate(), one file for each subject. Not for use outside this folder.
#pragma once

#include <cstdint>
#include <google/protobuf/map.h>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/api/field_errors.h"
#include "kubelet/api/names.h"
#include "kubelet/api/pod.h"

namespace cubelet::api::validation {

inline constexpr std::string_view kFileModeRange = "must be a number between 0 and 0777 (octal), both inclusive";
inline constexpr std::string_view kNotNegative = "must be greater than or equal to 0";
inline constexpr std::string_view kPositive = "must be greater than zero";

// What the rules of one part have to know of the rest of the pod.
struct PodContext {
  explicit PodContext(const core::Pod& pod);

  const core::Pod& pod;
  const core::PodSpec& spec;
  std::map<std::string, const core::VolumeSource*> volumes;  // by name; broken ones too, to report each mistake once
  std::set<std::string> claims;
  // Absent when it is wrong itself.
  std::optional<std::int64_t> gracePeriod;
  bool hostUsers;
};

// A container of any kind with its place.
struct PlacedContainer {
  core::Container container;
  Field field;
};
// Init containers, containers, ephemeral containers.
std::vector<PlacedContainer> allContainers(const core::PodSpec& spec);

// pod_validation_metadata.cc
void checkMetadata(const core::Pod& pod, FieldErrors& errors);
void checkLabels(const google::protobuf::Map<std::string, std::string>& labels, const Field& field,
                 FieldErrors& errors);
void checkAnnotations(const google::protobuf::Map<std::string, std::string>& annotations, const Field& field,
                      FieldErrors& errors);

// pod_validation_containers.cc
void checkContainers(const PodContext& context, FieldErrors& errors);

// pod_validation_handlers.cc
void checkLifecycle(const PodContext& context, const core::Lifecycle& lifecycle, const Field& field,
                    FieldErrors& errors);
void checkProbes(const PodContext& context, const core::Container& container, const Field& field, FieldErrors& errors);

// pod_validation_env.cc
void checkEnv(const core::Container& container, const Field& field, FieldErrors& errors);
// `forVolume`: an item of a downward API volume, which allows other paths than a variable.
void checkFieldRef(const core::ObjectFieldSelector& fieldRef, bool forVolume, const Field& field, FieldErrors& errors);
void checkResourceFieldRef(const core::ResourceFieldSelector& reference, bool forVolume, const Field& field,
                           FieldErrors& errors);

// pod_validation_mounts.cc
void checkMounts(const PodContext& context, const core::Container& container, const Field& field, FieldErrors& errors);

// pod_validation_resources.cc
void checkResources(const PodContext& context, const core::ResourceRequirements& resources, const Field& field,
                    FieldErrors& errors);
void checkPodResources(const PodContext& context, FieldErrors& errors);
void checkOverhead(const PodContext& context, FieldErrors& errors);

// pod_validation_security.cc
void checkPodSecurity(const PodContext& context, FieldErrors& errors);
void checkContainerSecurity(const PodContext& context, const core::SecurityContext& security, const Field& field,
                            FieldErrors& errors);

// pod_validation_volumes.cc
void checkVolumes(const PodContext& context, FieldErrors& errors);
void checkName(std::string_view name, const Field& field, FieldErrors& errors);  // a required DNS label
void checkNoBacksteps(std::string_view path, const Field& field, FieldErrors& errors);
void checkRelativePath(std::string_view path, const Field& field, FieldErrors& errors);
// A relative path that does not begin with ".." either: those names belong to the kubelet's atomic writer.
void checkLocalFile(std::string_view path, const Field& field, FieldErrors& errors);
void requireText(std::string_view value, const Field& field, FieldErrors& errors);

// pod_validation_projected.cc
void checkConfigMapVolume(const core::ConfigMapVolumeSource& source, const Field& field, FieldErrors& errors);
void checkSecretVolume(const core::SecretVolumeSource& source, const Field& field, FieldErrors& errors);
void checkDownwardApiVolume(const core::DownwardAPIVolumeSource& source, const Field& field, FieldErrors& errors);
void checkProjectedVolume(const PodContext& context, const core::ProjectedVolumeSource& source, const Field& field,
                          FieldErrors& errors);

// pod_validation_old_volumes.cc: network volumes and drivers that moved out of the tree.
void checkIscsiVolume(const core::ISCSIVolumeSource& source, std::string_view volume, const Field& field,
                      FieldErrors& errors);
void checkFcVolume(const core::FCVolumeSource& source, const Field& field, FieldErrors& errors);
void checkNfsVolume(const core::NFSVolumeSource& source, const Field& field, FieldErrors& errors);
void checkOldVolume(const core::VolumeSource& source, const Field& volume, FieldErrors& errors);

// pod_validation_claim.cc
void checkClaimTemplate(const core::PersistentVolumeClaimTemplate& claim, const Field& field, FieldErrors& errors);

// pod_validation_scheduling.cc
void checkScheduling(const PodContext& context, FieldErrors& errors);
void checkLabelSelector(const k8s::meta::v1::LabelSelector& selector, const Field& field, FieldErrors& errors);

// pod_validation_network.cc
void checkNetwork(const PodContext& context, FieldErrors& errors);

// Keys in order: protobuf maps have none, and messages must come out the same every time.
template <class Value>
std::vector<std::string> sortedKeys(const google::protobuf::Map<std::string, Value>& map) {
  std::set<std::string> keys;
  for (const auto& [key, _] : map) keys.insert(key);
  return {keys.begin(), keys.end()};
}

}  // namespace cubelet::api::validation
