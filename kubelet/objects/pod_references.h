// Which objects a pod refers to. Pure.
#pragma once

#include <set>
#include <string>

#include "proto/k8s/core.pb.h"

namespace cubelet::objects {

namespace core = ::k8s::core::v1;

// Names in the pod's own namespace, but for the RuntimeClass, which has none; a pod cannot refer to another one.
struct PodReferences {
  std::set<std::string> configMaps;
  std::set<std::string> secrets;
  std::string runtimeClass = "";  // empty: none
  std::set<std::string> claims = {};
  bool trustBundles = false;
  bool operator==(const PodReferences&) const = default;
};

// The claim behind a volume: the one that it names, or that of a generic ephemeral volume (CSI-11); empty: it has none.
std::string claimOf(const core::Pod& pod, const core::Volume& volume);

// From the environment of all its containers, from its volumes and its imagePullSecrets, those that are optional too.
PodReferences referencesOf(const core::Pod& pod);

// True when the pod refers to a ConfigMap, Secret or claim of that name, or, for an empty `ns`, to the RuntimeClass, in
// an inline volume to the CSI driver, or, for kTrustBundles, to any ClusterTrustBundle.
bool refersTo(const core::Pod& pod, const std::string& ns, const std::string& name);

}  // namespace cubelet::objects
