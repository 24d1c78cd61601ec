#include "kubelet/status/explain.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "kubelet/api/pod.h"
#include "kubelet/plan/backoff.h"
#include "kubelet/plan/restart_policy.h"
#include "kubelet/plan/sandbox.h"

namespace cubelet::status {
namespace {

namespace core = ::k8s::core::v1;
using observe::ContainerState;
using Instance = observe::ObservedContainer;

std::string timeText(WallTime when) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::optional<WallTime> known(WallTime when) {
  return when == WallTime() ? std::nullopt : std::optional<WallTime>(when);
}

bool isImageReason(const std::string& reason) {
  static constexpr std::array kReasons = {
      "ErrImagePull",      "ImagePullBackOff",    "ErrImageNeverPull",        "InvalidImageName",
      "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  return std::ranges::find(kReasons, std::string_view(reason)) != kReasons.end();
}

// "ConfigMap web" or "Secret web" when the message says that it, or a key of it, is missing; otherwise nothing. The
// words are the API's own and those of kubelet/podconfig.
std::optional<std::string> missingObject(const std::string& message) {
  struct Words {
    const char* before;
    const char* after;
    const char* kind;
  };
  static constexpr std::array kWords = {Words{"configmap \"", "\" not found", "ConfigMap "},
                                        Words{"secret \"", "\" not found", "Secret "},
                                        Words{" in ConfigMap ", "", "ConfigMap "}, Words{" in Secret ", "", "Secret "}};
  for (const Words& words : kWords) {
    const std::size_t found = message.find(words.before);
    if (found == std::string::npos) continue;
    const std::size_t begin = found + std::string_view(words.before).size();
    const std::string_view after = words.after;
    const std::size_t end = after.empty() ? message.find_first_of(" ,;:", begin) : message.find(after, begin);
    if (end == std::string::npos && !after.empty()) continue;
    return words.kind + message.substr(begin, end == std::string::npos ? end : end - begin);
  }
  return std::nullopt;
}

class Explainer {
 public:
  Explainer(const core::Pod& pod, const observe::ObservedPod& have, const plan::PodMemory& memory,
            const plan::PodPlan& plan, WallTime now, std::span<const WaitingVolume> volumes)
      : pod_(pod), have_(have), memory_(memory), plan_(plan), now_(now), volumes_(volumes) {}

  std::vector<Obstacle> run() {
    if (plan_.finished) return {};
    for (const WaitingVolume& volume : volumes_) explainVolume(volume);
    if (!found_.empty()) return std::move(found_);
    if (plan_.sandboxId.empty()) {
      explainSandbox();
      return std::move(found_);
    }
    for (const core::Container& container : pod_.spec().initcontainers()) explainInit(container);
    // Regular containers that were not to be started yet wait for the init containers, which have been named.
    const bool initializing = initPending_;
    for (const core::Container& container : pod_.spec().containers()) {
      const Instance* instance = inSandbox(container.name());
      if (initializing && instance == nullptr && memory_.of(container.name()).failureReason.empty()) continue;
      const bool over = instance != nullptr && instance->state == ContainerState::kExited &&
                        !plan::mayRestart(pod_.spec(), container, instance->exitCode);
      if (!over) explainContainer(container, instance);
    }
    if (found_.empty()) explainGates();
    return std::move(found_);
  }

 private:
  void add(std::string step, std::string object, std::optional<WallTime> since, std::string waitingOn,
           std::string detail) {
    found_.push_back({std::move(step), std::move(object), since, std::move(waitingOn), std::move(detail)});
  }

  // Nothing starts before all are ready (VOL-1).
  void explainVolume(const WaitingVolume& volume) {
    std::string detail;
    if (volume.filesGiven)
      detail = "its files are being given to the fsGroup, " + std::to_string(*volume.filesGiven) + " so far";
    else if (volume.failure.empty())
      detail = "it is being set up";
    else
      detail =
          volume.failure + (volume.nextTry > now_ ? ", next try at " + timeText(volume.nextTry) : ", trying again");
    add("volume", "volume " + volume.name, known(volume.since), missingObject(volume.failure).value_or("storage"),
        detail);
  }

  void explainSandbox() {
    std::string detail = plan::judgeSandbox(pod_, have_).reason;
    if (memory_.sandboxRetryAt > now_) {
      detail += ", creating one failed, next try at " + timeText(memory_.sandboxRetryAt);
    } else {
      detail += ", one is being created";
    }
    const auto since = have_.sandboxes.empty() ? std::optional<WallTime>() : known(have_.sandboxes.front().createdAt);
    add("sandbox", "pod", since, "runtime", detail);
  }

  void explainInit(const core::Container& container) {
    const bool sidecar = api::isSidecar(container);
    const std::string& name = container.name();
    const Instance* newest = inSandbox(name);
    if (!sidecar && newest != nullptr && newest->state == ContainerState::kRunning) {
      initPending_ = true;
      add("init", "container " + name, known(newest->startedAt), "program",
          "the init container runs, the next ones wait for its end");
      return;
    }
    const bool completed = !sidecar && newest != nullptr && newest->state == ContainerState::kExited &&
                           !plan::initFailed(*newest) && !isStarting(name) && !backingOff(name);
    const bool turnNotCome = newest == nullptr && !isStarting(name) && memory_.of(name).failureReason.empty();
    if (completed || turnNotCome) return;
    const std::size_t before = found_.size();
    explainContainer(container, newest);
    // Readiness of a sidecar holds nobody back (SID-1).
    if (found_.size() > before && found_.back().step != "readiness") initPending_ = true;
  }

  // `newest` is the newest instance in the sandbox that stays: only that one can be up.
  void explainContainer(const core::Container& container, const Instance* newest) {
    const std::string& name = container.name();
    const std::string object = "container " + name;
    if (const plan::BackingOff* backoff = backingOff(name)) {
      if (newest == nullptr) newest = have_.newest(name);  // its end counts, wherever it ran
      std::string detail = "back-off " + plan::goDuration(backoff->backoff) + " until " + timeText(backoff->until);
      if (newest != nullptr && newest->state == ContainerState::kExited) detail += lastExit(*newest);
      add("back-off", object, newest != nullptr ? known(newest->finishedAt) : std::nullopt, "clock", detail);
      return;
    }
    const bool running = newest != nullptr && newest->state == ContainerState::kRunning;
    if (!running) {
      explainFailure(container, object);
      return;
    }
    const plan::ContainerMemory& memory = memory_.of(name);
    if (memory.postStartRuns) {
      add("start", object, known(newest->startedAt), "program", "its postStart hook has not ended yet");
    } else if (!memory.unhealthyMessage.empty()) {
      add("startup", object, known(newest->startedAt), "runtime", memory.unhealthyMessage + ", it is being stopped");
    } else if (!plan::hasStarted(container, memory)) {
      add("startup", object, known(newest->startedAt), "probe", "the startup probe has not succeeded yet");
    } else if (container.has_readinessprobe() && !memory.ready.value_or(false)) {
      add("readiness", object, known(newest->startedAt), "probe", "the readiness probe has not succeeded");
    }
  }

  void explainFailure(const core::Container& container, const std::string& object) {
    const plan::ContainerMemory& memory = memory_.of(container.name());
    if (memory.failureReason.empty()) {
      if (isStarting(container.name())) add("start", object, {}, "runtime", "it is being started");
      return;
    }
    const bool image = isImageReason(memory.failureReason);
    std::string detail = image ? "image " + container.image() + ": " : "";
    detail += memory.failureReason;
    if (!memory.failureMessage.empty()) detail += ": " + memory.failureMessage;
    if (memory.retryAt > now_) detail += ", next try at " + timeText(memory.retryAt);
    const bool config = memory.failureReason == "CreateContainerConfigError";
    const std::string ofConfig = missingObject(memory.failureMessage).value_or("manifest");
    add(image ? "image" : "create", object, {}, image ? "registry" : (config ? ofConfig : "runtime"), detail);
  }

  void explainGates() {
    for (const core::PodReadinessGate& gate : pod_.spec().readinessgates()) {
      const auto& list = pod_.status().conditions();
      const bool open = std::any_of(list.begin(), list.end(), [&](const auto& condition) {
        return condition.type() == gate.conditiontype() && condition.status() == "True";
      });
      if (!open) add("gate", "pod", {}, "controller", "readiness gate " + gate.conditiontype() + " is not True");
    }
  }

  static std::string lastExit(const Instance& instance) {
    std::string text = ", last exit code " + std::to_string(instance.exitCode);
    const bool telling = !instance.reason.empty() && instance.reason != "Error" && instance.reason != "Completed";
    return telling ? text + " (" + instance.reason + ")" : text;
  }

  // An instance in an older sandbox has not done the work that is due in this one (INI-3).
  const Instance* inSandbox(const std::string& name) const {
    const auto found = std::ranges::find_if(have_.containers, [&](const Instance& instance) {
      return instance.sandboxId == plan_.sandboxId && instance.name == name;
    });
    return found == have_.containers.end() ? nullptr : &*found;
  }
  const plan::BackingOff* backingOff(const std::string& name) const {
    const auto found = std::ranges::find_if(plan_.backingOff, [&](const auto& entry) { return entry.name == name; });
    return found == plan_.backingOff.end() ? nullptr : &*found;
  }
  bool isStarting(const std::string& name) const {
    return std::ranges::any_of(plan_.start, [&](const auto& start) { return start.name == name; });
  }

  const core::Pod& pod_;
  const observe::ObservedPod& have_;
  const plan::PodMemory& memory_;
  const plan::PodPlan& plan_;
  const WallTime now_;
  const std::span<const WaitingVolume> volumes_;
  bool initPending_ = false;
  std::vector<Obstacle> found_;
};

}  // namespace

std::vector<Obstacle> explain(const core::Pod& pod, const observe::ObservedPod& have, const plan::PodMemory& memory,
                              const plan::PodPlan& plan, WallTime now, std::span<const WaitingVolume> volumes) {
  return Explainer(pod, have, memory, plan, now, volumes).run();
}

std::string toText(const Obstacle& obstacle) {
  return obstacle.object + ": " + obstacle.detail;
}

}  // namespace cubelet::status
