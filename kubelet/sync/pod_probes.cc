#include "kubelet/sync/pod_probes.h"

#include <set>
#include <utility>

#include "kubelet/podconfig/environment.h"

namespace cubelet::sync {
namespace {

// $(NAME) in the command of a probe: what the spec says in so many words, nothing that would have to be looked up.
std::string expandStatic(const core::Container& container, const std::string& word) {
  podconfig::Environment environment;
  for (const core::EnvVar& variable : container.env()) {
    std::erase_if(environment, [&](const auto& entry) { return entry.first == variable.name(); });
    environment.emplace_back(variable.name(), variable.value());
  }
  return podconfig::expand(word, environment);
}

}  // namespace

PodProbes::PodProbes(Context& context, PodState& state, const PodAdoption& adoption, Hooks hooks)
    : context_(context),
      state_(state),
      adoption_(adoption),
      hooks_(std::move(hooks)),
      prober_(
          context.loop, context.clock, context.probes, state_.pod,
          {.verdict = [this](const probes::Verdict& verdict) { heed(verdict); },
           .warn =
               [this](const std::string& container, const probes::ProbeEvent& event) {
                 context_.events.warning(events::containerRef(state_.pod, container), event.reason, event.message);
               },
           .expand = expandStatic,
           .random = context.random,
           .ran = [this](const std::string& container, probes::Kind kind, const probes::Answer& answer,
                         Duration took) { context_.milestones.probed(state_.pod, container, kind, answer, took); }}) {}

void PodProbes::sync() {
  if (!adoption_.adopted() || !probes::PodProber::wanted(state_.pod)) return;
  prober_.sync(running(), podIp(context_, state_), hooks_.stopping());
}

std::vector<probes::RunningContainer> PodProbes::running() const {
  std::vector<probes::RunningContainer> running;
  const observe::ObservedPod* pod = context_.observer.find(state_.uid());
  if (pod == nullptr) return running;
  std::set<std::string> seen;
  for (const observe::ObservedContainer& instance : pod->containers) {
    if (!seen.insert(instance.name).second) continue;  // only the newest of that name
    const core::Container* spec = findContainer(state_.pod, instance.name);
    const plan::ContainerMemory& memory = state_.memory.of(instance.name);
    if (spec == nullptr || instance.state != observe::ContainerState::kRunning || memory.postStartRuns) continue;
    probes::RunningContainer& one = running.emplace_back();
    one.name = instance.name;
    one.id = instance.id;
    one.startedAt = instance.startedAt;
    one.started = plan::hasStarted(*spec, memory);
    one.adopted = adoption_.ranBefore(instance.id);
    one.hasVerdict = memory.ready.has_value();
  }
  return running;
}

// Remembered if it is still about the instance that runs.
void PodProbes::heed(const probes::Verdict& verdict) {
  const observe::ObservedPod* pod = context_.observer.find(state_.uid());
  const observe::ObservedContainer* newest = pod != nullptr ? pod->newest(verdict.container) : nullptr;
  const core::Container* spec = findContainer(state_.pod, verdict.container);
  if (newest == nullptr || newest->id != verdict.id || spec == nullptr) return;
  plan::ContainerMemory& memory = state_.memory.containers[verdict.container];
  const bool startup = verdict.kind == probes::Kind::kStartup;
  if (verdict.kind == probes::Kind::kReadiness) {
    memory.ready = verdict.success;
  } else if (startup && verdict.success) {
    memory.startupPassed = true;
  } else if (!verdict.success && !hooks_.stopping()) {
    const core::Probe& probe = startup ? spec->startupprobe() : spec->livenessprobe();
    memory.unhealthyMessage =
        "Container " + verdict.container + " failed " + (startup ? "startup" : "liveness") + " probe";
    if (probe.has_terminationgraceperiodseconds())
      memory.unhealthyGrace = std::chrono::seconds(probe.terminationgraceperiodseconds());
  }
  hooks_.changed();
}

}  // namespace cubelet::sync
