#include "kubelet/cluster/mirror_rules.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cubelet::cluster {
namespace {

using ObjectMeta = k8s::meta::v1::ObjectMeta;
using OwnerReference = k8s::meta::v1::OwnerReference;

const std::string& annotationOf(const core::Pod& pod, const char* key) {
  static const std::string none;
  const auto& annotations = pod.metadata().annotations();
  const auto found = annotations.find(key);
  return found == annotations.end() ? none : found->second;
}

bool showsOneOf(const std::vector<PodPtr>& wanted, const core::Pod& mirror) {
  const std::string& hash = mirroredHash(mirror);
  return std::ranges::any_of(wanted, [&](const PodPtr& pod) { return staticPodHash(*pod) == hash; });
}

// Mirrors made by agents before Kubernetes 1.17 have no owner; nothing is wrong with them.
bool belongsToAnother(const core::Pod& mirror, const NodeIdentity& node) {
  const auto& owners = mirror.metadata().ownerreferences();
  if (owners.empty() || !node.known()) return false;
  return std::ranges::none_of(
      owners, [&](const OwnerReference& owner) { return owner.kind() == "Node" && owner.uid() == node.uid; });
}

OwnerReference ownerOf(const NodeIdentity& node) {
  OwnerReference owner;
  owner.set_apiversion("v1");
  owner.set_kind("Node");
  owner.set_name(node.name);
  owner.set_uid(node.uid);
  owner.set_controller(true);
  return owner;
}

std::optional<std::uint64_t> versionOf(const core::Pod& pod) {
  const std::string_view text = pod.metadata().resourceversion();
  std::uint64_t version = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return version;
}

}  // namespace

bool isMirrorPod(const core::Pod& pod) {
  return pod.metadata().annotations().contains(kMirrorAnnotation);
}

const std::string& mirroredHash(const core::Pod& mirror) {
  return annotationOf(mirror, kMirrorAnnotation);
}

const std::string& staticPodHash(const core::Pod& staticPod) {
  return annotationOf(staticPod, kHashAnnotation);
}

core::Pod makeMirror(const core::Pod& staticPod, const NodeIdentity& node) {
  core::Pod mirror;
  *mirror.mutable_spec() = staticPod.spec();
  // Only what a manifest may say. The server gives the rest, and a finalizer would keep a deleted mirror for ever:
  // nobody takes it off.
  ObjectMeta& meta = *mirror.mutable_metadata();
  meta.set_name(staticPod.metadata().name());
  meta.set_namespace_(staticPod.metadata().namespace_());
  *meta.mutable_labels() = staticPod.metadata().labels();
  *meta.mutable_annotations() = staticPod.metadata().annotations();
  (*meta.mutable_annotations())[kMirrorAnnotation] = staticPodHash(staticPod);
  *meta.add_ownerreferences() = ownerOf(node);
  return mirror;
}

MirrorStep nextMirrorStep(const std::vector<PodPtr>& wanted, const core::Pod* mirror, const NodeIdentity& node) {
  if (mirror != nullptr) {
    const bool right =
        showsOneOf(wanted, *mirror) && !mirror->metadata().has_deletiontimestamp() && !belongsToAnother(*mirror, node);
    if (right) return {};
    return {.kind = MirrorStep::Kind::kDelete, .pod = nullptr, .uid = mirror->metadata().uid()};
  }
  if (wanted.empty() || !node.known()) return {};
  return {.kind = MirrorStep::Kind::kCreate, .pod = wanted.back(), .uid = {}};
}

bool isOlder(const core::Pod& left, const core::Pod& right) {
  const std::optional<std::uint64_t> leftVersion = versionOf(left);
  const std::optional<std::uint64_t> rightVersion = versionOf(right);
  return leftVersion && rightVersion && *leftVersion < *rightVersion;
}

}  // namespace cubelet::cluster
