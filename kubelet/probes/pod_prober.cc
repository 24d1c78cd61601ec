#include "kubelet/probes/pod_prober.h"

#include <algorithm>

#include "kubelet/api/pod.h"

namespace cubelet::probes {
namespace {

using std::chrono::seconds;

constexpr int kTries = 3;  // PRB-9

const core::Probe* specOf(const core::Container& container, Kind kind) {
  switch (kind) {
    case Kind::kStartup:
      return container.has_startupprobe() ? &container.startupprobe() : nullptr;
    case Kind::kLiveness:
      return container.has_livenessprobe() ? &container.livenessprobe() : nullptr;
    case Kind::kReadiness:
      return container.has_readinessprobe() ? &container.readinessprobe() : nullptr;
  }
  return nullptr;
}

// Plain init containers have no probes (INI-7).
const core::Container* findProbed(const core::Pod& pod, const std::string& name) {
  for (const core::Container& container : pod.spec().containers())
    if (container.name() == name) return &container;
  for (const core::Container& container : pod.spec().initcontainers())
    if (container.name() == name && api::isSidecar(container)) return &container;
  return nullptr;
}

// PRB-4, PRB-17.
bool isTurnOf(Kind kind, bool started, bool terminating) {
  if (kind == Kind::kStartup) return !started && !terminating;
  return started && !(kind == Kind::kLiveness && terminating);
}

Duration periodOf(const core::Probe& probe) {
  return seconds(std::max(probe.periodseconds(), 1));
}

}  // namespace

Duration firstDelay(const core::Probe& probe, const RunningContainer& running, Duration sinceStart, double random) {
  Duration delay{0};
  if (running.adopted) {
    const Duration spread = running.hasVerdict ? periodOf(probe) : seconds(1);
    delay = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::nano>(static_cast<double>(spread.count()) * random));
  }
  const Duration initial = seconds(std::max(probe.initialdelayseconds(), 0));
  return std::max(delay, initial - sinceStart);
}

TimePoint nextDue(TimePoint due, Duration period, TimePoint now) {
  const auto passed = now > due ? (now - due) / period : 0;
  return due + std::max<std::int64_t>(passed, 1) * period;
}

PodProber::PodProber(Loop& loop, Clock& clock, Runner& runner, const core::Pod& pod, Callbacks callbacks)
    : clock_(clock), runner_(runner), pod_(pod), callbacks_(std::move(callbacks)), runs_(loop) {}

bool PodProber::wanted(const core::Pod& pod) {
  const auto any = [](const core::Container& container) {
    return container.has_startupprobe() || container.has_livenessprobe() || container.has_readinessprobe();
  };
  return std::ranges::any_of(pod.spec().containers(), any) || std::ranges::any_of(pod.spec().initcontainers(), any);
}

void PodProber::sync(const std::vector<RunningContainer>& running, const std::string& podIp, bool terminating) {
  podIp_ = podIp;
  for (auto& [key, probe] : probes_) probe.seen = false;
  for (const RunningContainer& instance : running) {
    const core::Container* container = findProbed(pod_, instance.name);
    if (container == nullptr) continue;
    for (Kind kind : {Kind::kStartup, Kind::kLiveness, Kind::kReadiness}) {
      const core::Probe* spec = specOf(*container, kind);
      if (spec != nullptr && isTurnOf(kind, instance.started, terminating)) want(instance, kind, *spec);
    }
  }
  std::erase_if(probes_, [](const auto& entry) { return !entry.second.seen; });
}

void PodProber::want(const RunningContainer& running, Kind kind, const core::Probe& spec) {
  const Key key(running.name, kind);
  auto found = probes_.find(key);
  if (found != probes_.end() && found->second.id == running.id) {
    found->second.seen = true;
    return;
  }
  if (found != probes_.end()) probes_.erase(found);
  Probe& probe = probes_.try_emplace(key, running.id, ++serials_, spec).first->second;
  const Duration age = std::chrono::duration_cast<Duration>(clock_.wallNow() - running.startedAt);
  const double random = running.adopted && callbacks_.random ? callbacks_.random() : 0;
  probe.due = clock_.now() + std::max(firstDelay(spec, running, age, random), Duration(0));
  arm(key, probe);
}

void PodProber::arm(const Key& key, Probe& probe) {
  probe.timer = clock_.at(probe.due, [this, key] { fire(key); });
}

void PodProber::fire(const Key& key) {
  auto found = probes_.find(key);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  const core::Container* container = findProbed(pod_, key.first);
  const core::Probe* spec = container != nullptr ? specOf(*container, key.second) : nullptr;
  if (spec == nullptr) return;  // the next sync() takes the entry away
  ActionContext context;
  context.podIp = podIp_;
  context.userAgent = runner_.userAgent();
  context.expand = callbacks_.expand;
  Result<Action> action = makeAction(spec->handler(), *container, context);
  if (!action) {
    answered(key, probe.serial, Answer{Answer::Outcome::kUnknown, action.error().message});
    return;
  }
  const Duration timeout = seconds(std::max(spec->timeoutseconds(), 1));
  runs_.spawn("probe " + key.first, runOnce(key, probe.serial, std::move(*action), probe.id, timeout));
}

Task<void> PodProber::runOnce(Key key, std::uint64_t serial, Action action, std::string id, Duration timeout) {
  const TimePoint began = clock_.now();
  Answer answer;
  for (int tries = 0; tries < kTries; ++tries) {
    answer = co_await runner_.run(action, id, timeout);
    if (answer.outcome != Answer::Outcome::kUnknown) break;
  }
  if (callbacks_.ran) callbacks_.ran(key.first, key.second, answer, clock_.now() - began);
  answered(key, serial, answer);
}

void PodProber::answered(const Key& key, std::uint64_t serial, const Answer& answer) {
  auto found = probes_.find(key);
  if (found == probes_.end() || found->second.serial != serial) return;
  Probe& probe = found->second;
  const bool known = answer.outcome != Answer::Outcome::kUnknown;
  const bool success = known && answer.outcome != Answer::Outcome::kFailure;
  const std::optional<bool> verdict = known ? probe.counter.count(success) : std::nullopt;
  const bool isNew = verdict && probe.told != verdict;
  if (isNew) probe.told = verdict;

  // After a verdict about the instance's life there is nothing more to ask it.
  const bool over = verdict && (key.second == Kind::kStartup || (key.second == Kind::kLiveness && !*verdict));
  if (!over) {
    const core::Container* container = findProbed(pod_, key.first);
    const core::Probe* spec = container != nullptr ? specOf(*container, key.second) : nullptr;
    if (spec != nullptr) {
      probe.due = nextDue(probe.due, periodOf(*spec), clock_.now());
      arm(key, probe);
    }
  }
  // Last: these may call sync(), which may take the entry away.
  const Verdict told{key.first, probe.id, key.second, success};
  const std::string container = key.first;
  const Kind kind = key.second;
  if (std::optional<ProbeEvent> event = eventOf(kind, answer)) callbacks_.warn(container, *event);
  if (isNew) callbacks_.verdict(told);
}

Task<void> PodProber::close() {
  probes_.clear();
  co_await runs_.close();
}

}  // namespace cubelet::probes
