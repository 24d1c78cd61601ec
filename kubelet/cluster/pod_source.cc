#include "kubelet/cluster/pod_source.h"

#include <algorithm>
#include <cctype>
#include <google/protobuf/util/message_differencer.h>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/time_text.h"
#include "kubelet/api/names.h"
#include "kubelet/api/pod.h"
#include "kubelet/status/pod_status.h"

namespace cubelet::cluster {
namespace {

constexpr char kSourceAnnotation[] = "kubernetes.io/config.source";
constexpr std::size_t kMaxUid = 128;
constexpr std::size_t kMaxSaid = 1000;
constexpr char kSeenAnnotation[] = "kubernetes.io/config.seen";

apiserver::ReflectorOptions podsOf(const PodSource::Options& options) {
  apiserver::ReflectorOptions out;
  out.resource = apiserver::kPods;
  out.fieldSelector = "spec.nodeName=" + options.nodeName;
  out.random = options.random;
  return out;
}

}  // namespace

core::Pod podToRun(const core::Pod& stored, const core::PodStatus& first, const std::string& seen) {
  core::Pod pod = stored;
  k8s::meta::v1::ObjectMeta& meta = *pod.mutable_metadata();
  meta.clear_resourceversion();
  meta.clear_managedfields();
  (*meta.mutable_annotations())[kSourceAnnotation] = "api";
  (*meta.mutable_annotations())[kSeenAnnotation] = seen;
  *pod.mutable_status() = first;
  pod.mutable_status()->clear_conditions();
  for (const core::PodCondition& condition : first.conditions())
    if (status::isOwnCondition(condition.type())) *pod.mutable_status()->add_conditions() = condition;
  for (const core::PodCondition& condition : stored.status().conditions())
    if (!status::isOwnCondition(condition.type())) *pod.mutable_status()->add_conditions() = condition;
  return pod;
}

std::optional<std::string> whyMalformed(const core::Pod& stored) {
  const k8s::meta::v1::ObjectMeta& meta = stored.metadata();
  auto isUid = [](const std::string& uid) {
    return !uid.empty() && uid.size() <= kMaxUid && uid.front() != '.' && std::ranges::all_of(uid, [](unsigned char c) {
      return std::isalnum(c) || c == '-' || c == '_' || c == '.';
    });
  };
  if (!api::whyNotDnsSubdomain(meta.name()).empty()) return "its name is none";
  if (!api::whyNotDnsLabel(meta.namespace_()).empty()) return "its namespace's name is none";
  if (!isUid(meta.uid())) return "its UID is none";
  if (stored.spec().containers().empty()) return "it has no containers";
  std::set<std::string> containers;
  auto isNew = [&](const std::string& name) {
    return api::whyNotDnsLabel(name).empty() && containers.insert(name).second;
  };
  bool good = true;
  for (const core::Container& container : stored.spec().initcontainers()) good &= isNew(container.name());
  for (const core::Container& container : stored.spec().containers()) good &= isNew(container.name());
  for (const core::EphemeralContainer& container : stored.spec().ephemeralcontainers())
    good &= isNew(container.ephemeralcontainercommon().name());
  if (!good) return "a container's name is none, or given twice";
  for (const core::Volume& volume : stored.spec().volumes())
    if (!api::whyNotDnsLabel(volume.name()).empty()) return "a volume's name is none";
  return std::nullopt;
}

PodSource::PodSource(Loop& loop, Clock& clock, apiserver::ApiClient& client, Options options, Listener listener)
    : clock_(clock),
      listener_(std::move(listener)),
      reflector_(loop, client, podsOf(options),
                 {.synced = [this] { allChanged(); },
                  .changed = [this](apiserver::ChangeKind, PodPtr now, PodPtr before) { oneChanged(now, before); },
                  .failed = [this](const Error& error) { listener_.failed(error); }}) {}

std::vector<PodSource::PodPtr> PodSource::mirrors() const {
  std::vector<PodPtr> mirrors;
  for (PodPtr& pod : reflector_.objects())
    if (isMirrorPod(*pod)) mirrors.push_back(std::move(pod));
  return mirrors;
}

void PodSource::allChanged() {
  std::set<Key> there;
  for (const PodPtr& pod : reflector_.objects()) {
    if (isMirrorPod(*pod)) continue;
    there.emplace(pod->metadata().namespace_(), pod->metadata().name());
    take(*pod);
  }
  std::erase_if(known_, [&](const auto& entry) { return !there.contains(entry.first); });
  deliver();
  listener_.synced();
}

void PodSource::oneChanged(const PodPtr& now, const PodPtr& before) {
  const core::Pod& pod = now ? *now : *before;
  const Key key(pod.metadata().namespace_(), pod.metadata().name());
  bool differs = false;
  if (now && !isMirrorPod(*now))
    differs = take(*now);
  else
    differs = known_.erase(key) > 0;
  if (differs) deliver();
  listener_.storedChanged(key.first, key.second);
}

// True when the pod is new or is to be run in another way.
bool PodSource::take(const core::Pod& stored) {
  if (!isWellFormed(stored)) return false;
  const k8s::meta::v1::ObjectMeta& meta = stored.metadata();
  Known& known = known_[{meta.namespace_(), meta.name()}];
  if (known.uid != meta.uid()) {
    known = {.uid = meta.uid(), .seen = rfc3339Nano(clock_.wallNow()), .first = stored.status(), .given = nullptr};
  }
  core::Pod pod = podToRun(stored, known.first, known.seen);
  if (known.given && google::protobuf::util::MessageDifferencer::Equals(pod, *known.given)) return false;
  known.given = std::make_shared<const core::Pod>(std::move(pod));
  return true;
}

bool PodSource::isWellFormed(const core::Pod& stored) {
  const std::optional<std::string> why = whyMalformed(stored);
  if (!why) {
    malformed_.erase(stored.metadata().uid());
    return true;
  }
  if (malformed_.size() >= kMaxSaid) malformed_.clear();
  if (malformed_.insert(stored.metadata().uid()).second)
    log::warning("the API server has a pod for this node that makes no sense; it is left as it is",
                 {{"pod", api::podRef(stored)}, {"uid", stored.metadata().uid()}, {"why", *why}});
  return false;
}

void PodSource::deliver() {
  std::vector<PodPtr> pods;
  pods.reserve(known_.size());
  for (const auto& [key, known] : known_) pods.push_back(known.given);
  listener_.pods(std::move(pods));
}

}  // namespace cubelet::cluster
