#include "kubelet/plan/termination.h"

#include <algorithm>
#include <charconv>

#include "kubelet/api/codec.h"
#include "kubelet/api/pod.h"

namespace cubelet::plan {
namespace {

using observe::ContainerState;
using std::chrono::seconds;

constexpr char kPreStopAnnotation[] = "io.kubernetes.container.preStopHandler";
constexpr char kPortsAnnotation[] = "io.kubernetes.container.ports";
constexpr seconds kMinimumPodGrace{1};
constexpr seconds kDefaultPodGrace{30};

bool lives(const observe::ObservedContainer& instance) {
  return instance.state == ContainerState::kRunning || instance.state == ContainerState::kUnknown;
}

// The place of that sidecar among the init containers; nothing for all other containers.
std::optional<int> sidecarIndex(const k8s::core::v1::Pod* pod, const std::string& name) {
  if (pod == nullptr) return std::nullopt;
  const auto& containers = pod->spec().initcontainers();
  for (int i = 0; i < containers.size(); ++i) {
    if (containers[i].name() == name && api::isSidecar(containers[i])) return i;
  }
  return std::nullopt;
}

// Only the last sidecar still alive may go, and only after everyone who is not a sidecar. A plain init container counts
// among the latter: it may need the sidecars before it.
class Turns {
 public:
  Turns(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have) : pod_(pod) {
    for (const auto& instance : have.containers) {
      if (!lives(instance)) continue;
      const std::optional<int> index = sidecarIndex(pod, instance.name);
      if (index) {
        lastSidecar_ = std::max(lastSidecar_, *index);
      } else {
        othersLive_ = true;
      }
    }
  }
  bool hasCome(const std::string& name) const {
    const std::optional<int> index = sidecarIndex(pod_, name);
    return !index || (!othersLive_ && *index == lastSidecar_);
  }

 private:
  const k8s::core::v1::Pod* pod_;
  int lastSidecar_ = -1;
  bool othersLive_ = false;
};

std::optional<seconds> fromAnnotation(const observe::ObservedPod& have, const std::string& key) {
  for (const auto& instance : have.containers) {
    const auto found = instance.annotations.find(key);
    if (found == instance.annotations.end()) continue;
    const std::string& text = found->second;
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return seconds(value);
  }
  return std::nullopt;
}

seconds graceOf(const k8s::core::v1::Pod& pod) {
  if (pod.metadata().has_deletiongraceperiodseconds()) return seconds(pod.metadata().deletiongraceperiodseconds());
  if (pod.spec().has_terminationgraceperiodseconds()) return seconds(pod.spec().terminationgraceperiodseconds());
  return kDefaultPodGrace;
}

seconds graceOf(const observe::ObservedPod& have) {
  if (const auto grace = fromAnnotation(have, "io.kubernetes.pod.deletionGracePeriod")) return *grace;
  return fromAnnotation(have, "io.kubernetes.pod.terminationGracePeriod").value_or(kMinimumPodGrace);
}

const k8s::core::v1::Container* findSpec(const k8s::core::v1::Pod* pod, const std::string& name) {
  if (pod == nullptr) return nullptr;
  for (const auto* list : {&pod->spec().containers(), &pod->spec().initcontainers()})
    for (const auto& container : *list)
      if (container.name() == name) return &container;
  return nullptr;
}

bool isPlainInit(const k8s::core::v1::Pod* pod, const std::string& name) {
  if (pod == nullptr) return false;
  const auto& init = pod->spec().initcontainers();
  return std::any_of(init.begin(), init.end(),
                     [&](const auto& container) { return container.name() == name && !api::isSidecar(container); });
}

// JSON that an annotation carries, as the member `key` of the message; what cannot be read is left out.
void readAnnotation(const observe::ObservedContainer& instance, const char* annotation, const std::string& key,
                    google::protobuf::Message& into) {
  const auto found = instance.annotations.find(annotation);
  if (found == instance.annotations.end()) return;
  std::vector<api::Problem> problems;
  const std::vector<api::Document> documents =
      api::parseDocuments("{\"" + key + "\":" + found->second + "}", {}, problems);
  if (documents.size() == 1) api::decode(documents.front(), api::UnknownFields::kWarn, into, problems);
}

}  // namespace

k8s::core::v1::Container containerOf(const k8s::core::v1::Pod* pod, const observe::ObservedContainer& instance) {
  if (const auto* spec = findSpec(pod, instance.name)) return *spec;
  k8s::core::v1::Container container;
  readAnnotation(instance, kPortsAnnotation, "ports", container);
  readAnnotation(instance, kPreStopAnnotation, "preStop", *container.mutable_lifecycle());
  container.set_name(instance.name);
  return container;
}

bool hasPreStop(const k8s::core::v1::Pod* pod, const observe::ObservedContainer& instance) {
  if (instance.state != ContainerState::kRunning || isPlainInit(pod, instance.name)) return false;
  if (const auto* spec = findSpec(pod, instance.name)) return spec->lifecycle().has_prestop();
  return instance.annotations.contains(kPreStopAnnotation);
}

TerminationPlan planTermination(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have, TimePoint deadline,
                                const std::set<std::string>& stoppedSandboxes, TimePoint now,
                                const HookStates& preStops) {
  TerminationPlan plan;
  const Turns turns(pod, have);
  const bool over = now >= deadline;
  const Duration grace = std::max<Duration>(deadline - now, kMinimumStopGrace);
  bool anyLives = false;
  for (const auto& instance : have.containers) {
    if (!lives(instance)) continue;
    anyLives = true;
    const StopContainer stop{instance.id, instance.name, grace, "Stopping container " + instance.name};
    const auto hook = preStops.find(instance.id);
    const bool hookBegun = hook != preStops.end();
    const bool hookEnded = hookBegun ? hook->second == HookState::kEnded : !hasPreStop(pod, instance);
    if (over || (hookEnded && turns.hasCome(instance.name))) {
      plan.stop.push_back(stop);
      continue;
    }
    if (!hookEnded && !hookBegun) plan.preStop.push_back(stop);
    plan.wakeAt = deadline;
  }
  if (anyLives) return plan;

  for (const auto& sandbox : have.sandboxes) {
    if (!stoppedSandboxes.contains(sandbox.id)) plan.stopSandboxes.push_back(sandbox.id);
  }
  plan.done = plan.stopSandboxes.empty();
  return plan;
}

Duration terminationGrace(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have) {
  // A pod lives for years at most; what is beyond that (or negative) is nonsense from outside and must not overflow.
  constexpr seconds kMost = std::chrono::years(10);
  return std::clamp(pod != nullptr ? graceOf(*pod) : graceOf(have), kMinimumPodGrace, kMost);
}

}  // namespace cubelet::plan
