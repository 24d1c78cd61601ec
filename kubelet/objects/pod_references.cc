#include "kubelet/objects/pod_references.h"

#include <algorithm>

#include "kubelet/objects/objects.h"

namespace cubelet::objects {
namespace {

// Old API servers let empty names pass.
void add(std::set<std::string>& names, const std::string& name) {
  if (!name.empty()) names.insert(name);
}

// Containers and ephemeral containers are different types with the same two members.
template <class C>
void addEnvironment(const C& container, PodReferences& out) {
  for (const core::EnvFromSource& from : container.envfrom()) {
    add(out.configMaps, from.configmapref().localobjectreference().name());
    add(out.secrets, from.secretref().localobjectreference().name());
  }
  for (const core::EnvVar& variable : container.env()) {
    add(out.configMaps, variable.valuefrom().configmapkeyref().localobjectreference().name());
    add(out.secrets, variable.valuefrom().secretkeyref().localobjectreference().name());
  }
}

void addVolume(const core::VolumeSource& volume, PodReferences& out) {
  add(out.configMaps, volume.configmap().localobjectreference().name());
  add(out.secrets, volume.secret().secretname());
  add(out.secrets, volume.csi().nodepublishsecretref().name());
  for (const core::VolumeProjection& source : volume.projected().sources()) {
    add(out.configMaps, source.configmap().localobjectreference().name());
    add(out.secrets, source.secret().localobjectreference().name());
    out.trustBundles = out.trustBundles || source.has_clustertrustbundle();
  }
}

// Of inline volumes; what is behind a claim is not known here.
bool hasDriver(const core::Pod& pod, const std::string& driver) {
  return std::ranges::any_of(pod.spec().volumes(), [&](const core::Volume& volume) {
    return volume.volumesource().has_csi() && volume.volumesource().csi().driver() == driver;
  });
}

}  // namespace

std::string claimOf(const core::Pod& pod, const core::Volume& volume) {
  if (volume.volumesource().has_ephemeral()) return pod.metadata().name() + "-" + volume.name();
  return volume.volumesource().persistentvolumeclaim().claimname();
}

PodReferences referencesOf(const core::Pod& pod) {
  PodReferences out;
  for (const core::Container& container : pod.spec().initcontainers()) addEnvironment(container, out);
  for (const core::Container& container : pod.spec().containers()) addEnvironment(container, out);
  for (const core::EphemeralContainer& container : pod.spec().ephemeralcontainers())
    addEnvironment(container.ephemeralcontainercommon(), out);
  for (const core::Volume& volume : pod.spec().volumes()) {
    addVolume(volume.volumesource(), out);
    add(out.claims, claimOf(pod, volume));
  }
  for (const core::LocalObjectReference& secret : pod.spec().imagepullsecrets()) add(out.secrets, secret.name());
  out.runtimeClass = pod.spec().runtimeclassname();
  return out;
}

bool refersTo(const core::Pod& pod, const std::string& ns, const std::string& name) {
  if (ns.empty() && name == kTrustBundles) return referencesOf(pod).trustBundles;
  if (ns.empty()) return pod.spec().runtimeclassname() == name || hasDriver(pod, name);
  if (pod.metadata().namespace_() != ns) return false;
  const PodReferences references = referencesOf(pod);
  return references.configMaps.contains(name) || references.secrets.contains(name) || references.claims.contains(name);
}

}  // namespace cubelet::objects
