// What a mirror pod looks like, and what is due about one. Pure. STA-15 to STA-20.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::cluster {

namespace core = ::k8s::core::v1;

using PodPtr = std::shared_ptr<const core::Pod>;

// Of a static pod: its UID. Of its mirror: the same, because the mirror's own UID is given by the server.
inline constexpr char kHashAnnotation[] = "kubernetes.io/config.hash";
// Of a mirror: the hash of the static pod that it shows. Whatever carries it is not run (STA-20).
inline constexpr char kMirrorAnnotation[] = "kubernetes.io/config.mirror";

bool isMirrorPod(const core::Pod& pod);
// The two annotations; empty when there is none.
const std::string& mirroredHash(const core::Pod& mirror);
const std::string& staticPodHash(const core::Pod& staticPod);

// The Node object that mirrors belong to.
struct NodeIdentity {
  std::string name;
  std::string uid;  // empty: the object is not known
  bool known() const { return !uid.empty(); }
  bool operator==(const NodeIdentity&) const = default;
};

// The object to create: what NodeRestriction lets a node create, a pod bound to the node `node` with that Node as its
// only owner. It is refused when the static pod refers to a service account, Secret, ConfigMap, claim or the like;
// STA-8 keeps such manifests out.
core::Pod makeMirror(const core::Pod& staticPod, const NodeIdentity& node);

struct MirrorStep {
  enum class Kind { kNothing, kCreate, kDelete };
  Kind kind = Kind::kNothing;
  PodPtr pod;       // kCreate: the static pod to mirror
  std::string uid;  // kDelete: of the mirror
};

// The next step for one namespace and name. `wanted`: the static pods of that name which run or shall run, the newest
// last; more than one while an edited pod's predecessor still stops. `mirror`: what the API server has, null for
// nothing.
// - A mirror of none of them, one that is being deleted, and one that belongs to another owner (to a Node of that name
//   that was deleted and made again: the server's garbage collector would take the mirror away at any time) goes.
// - The predecessor's mirror stays until the predecessor is gone: its status is posted there (STA-18).
// - Without a Node nothing is created (STA-15), but what is wrong goes all the same.
MirrorStep nextMirrorStep(const std::vector<PodPtr>& wanted, const core::Pod* mirror, const NodeIdentity& node);

// True when both resource versions are numbers and `left` is the smaller: it shows an earlier state of the server.
bool isOlder(const core::Pod& left, const core::Pod& right);

}  // namespace cubelet::cluster
