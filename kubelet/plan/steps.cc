// What all kinds of containers share: starting with back-off, replacing, killing.
#include <algorithm>
#include <utility>

#include "kubelet/plan/backoff.h"
#include "kubelet/plan/container_hash.h"
#include "kubelet/plan/planner.h"
#include "kubelet/plan/restart_policy.h"

namespace cubelet::plan {

using observe::ContainerState;

const observe::ObservedContainer* Planner::inSandbox(const std::string& name) const {
  for (const Instance& instance : have_.containers) {
    if (instance.sandboxId == sandbox_.id && instance.name == name) return &instance;
  }
  return nullptr;
}

const observe::ObservedContainer* Planner::newestDead(const std::string& name) const {
  for (const Instance& instance : have_.containers) {
    if (instance.state == ContainerState::kExited && instance.name == name) return &instance;
  }
  return nullptr;
}

void Planner::killStrays(const std::string& name, const Instance* keep) {
  for (const Instance& instance : have_.containers) {
    const bool lives = instance.state == ContainerState::kRunning || instance.state == ContainerState::kUnknown;
    if (lives && &instance != keep && instance.name == name) {
      kill(instance, "Container " + name + " has more than one instance, the older one is stopped");
    }
  }
}

void Planner::kill(const Instance& instance, std::string message, std::optional<Duration> grace) {
  plan_.kill.push_back({instance.id, instance.name, std::move(message), grace});
}

void Planner::startOrWait(const core::Container& container, ContainerKind kind) {
  const ContainerMemory& memory = memory_.of(container.name());
  const Instance* last = newestDead(container.name());
  // Its back-off was waited for before all containers were removed.
  const bool carried = last == nullptr && memory.startsOver && memory.backoff > Duration::zero();
  std::string key = last != nullptr || carried ? backoffKey(container) : std::string();
  BackoffDecision backoff = decideBackoff(memory, key, last, options_, now_);
  if (carried && memory.backoffKey == key) backoff.next = memory.backoff;
  if (backoff.until) {
    plan_.backingOff.push_back({container.name(), backoff.wait, *backoff.until});
    wakeAt(std::max(*backoff.until, memory.retryAt));
  } else if (memory.retryAt > now_) {
    wakeAt(memory.retryAt);
  } else {
    addStart(container.name(), kind, backoff.next, std::move(key));
  }
}

bool Planner::replaceIfNeeded(const core::Container& container, ContainerKind kind, const Instance& running) {
  const std::string& name = container.name();
  // No hash: made by someone who writes none. A restart would not tell more.
  if (!running.hash.empty() && running.hash != containerHash(name, container.image())) {
    kill(running, "Container " + name + " definition changed, will be restarted");
    // Whatever the policy says (RST-5), and at once: another image has no back-off yet.
    addStart(name, kind, Duration::zero(), {});
    return true;
  }
  const ContainerMemory& memory = memory_.of(name);
  if (memory.resizeNeedsRestart) {
    kill(running, "Container " + name + " resize requires restart");
    addStart(name, kind, Duration::zero(), {});
    return true;
  }
  if (memory.unhealthyMessage.empty()) return false;

  const bool again = kind == ContainerKind::kSidecar || mayRestartAfterKill(spec_, container);
  kill(running, memory.unhealthyMessage + (again ? ", will be restarted" : ""), memory.unhealthyGrace);
  // The instance ends about now, so that is where its back-off counts from. If there is one to wait for, the next plan
  // takes it from the real end.
  if (again) {
    Instance ended = running;
    ended.finishedAt = now_;
    std::string key = backoffKey(container);
    const BackoffDecision backoff = decideBackoff(memory, key, &ended, options_, now_);
    if (!backoff.until) addStart(name, kind, backoff.next, std::move(key));
  }
  return true;
}

void Planner::replaceUnknown(const core::Container& container, ContainerKind kind, const Instance& unknown) {
  // It may still run: starting the next one beside it could give two (RST-3).
  kill(unknown, "Container " + container.name() + " is in an unknown state, try killing it before restart");
  startOrWait(container, kind);
}

void Planner::addStart(const std::string& name, ContainerKind kind, Duration backoff, std::string key) {
  std::optional<std::uint32_t> attempt;
  for (const Instance& instance : have_.containers) {
    if (instance.name != name) continue;
    // One that was created but never ran makes room for another try with the same attempt: nothing was restarted.
    const bool ran = instance.state != ContainerState::kCreated;
    if (!ran) plan_.prune.push_back(instance.id);
    attempt = std::max(attempt.value_or(0), instance.attempt + (ran ? 1 : 0));
  }
  plan_.start.push_back({
      .name = name,
      .kind = kind,
      .attempt = attempt.value_or(memory_.of(name).attemptFromLogs),
      .backoff = backoff,
      .backoffKey = std::move(key),
  });
}

// Old dead instances, and created ones that a newer instance has overtaken.
void Planner::pruneDead() {
  if (plan_.killPod) return;  // what dies now is counted in the next plan
  for (std::size_t i = 0; i < have_.containers.size(); ++i) {
    const Instance& instance = have_.containers[i];
    const bool dead = instance.state == ContainerState::kExited;
    if (!isSuperfluous(i) || std::ranges::find(plan_.prune, instance.id) != plan_.prune.end()) continue;
    const WallTime oldEnough =
        instance.createdAt + std::chrono::duration_cast<WallTime::duration>(options_.minimumDeadAge);
    if (dead && oldEnough > now_)
      wakeAt(oldEnough);
    else
      plan_.prune.push_back(instance.id);
  }
}

// The newest instance stays whatever the limits say: without it nobody would know that the container has run. Names are
// few: comparing all pairs is cheaper than a map.
bool Planner::isSuperfluous(std::size_t index) const {
  const Instance& instance = have_.containers[index];
  const bool dead = instance.state == ContainerState::kExited;
  if (!dead && instance.state != ContainerState::kCreated) return false;
  std::size_t newer = 0;
  std::size_t newerDead = 0;
  for (std::size_t i = 0; i < index; ++i) {
    const Instance& other = have_.containers[i];
    if (other.name != instance.name) continue;
    ++newer;
    newerDead += other.state == ContainerState::kExited ? 1 : 0;
  }
  if (newer == 0) return false;
  return !dead || newerDead >= options_.keepDead || memory_.superfluous.contains(instance.id);
}

void Planner::removeOldSandboxes() {
  if (plan_.killPod) return;  // what it stops is counted in the next plan
  for (std::size_t i = 1; i < have_.sandboxes.size(); ++i) {
    const observe::ObservedSandbox& sandbox = have_.sandboxes[i];
    const bool inhabited = std::ranges::any_of(
        have_.containers, [&](const Instance& instance) { return instance.sandboxId == sandbox.id; });
    if (!sandbox.ready && !inhabited) plan_.removeSandboxes.push_back(sandbox.id);
  }
}

void Planner::wakeAt(WallTime when) {
  if (!plan_.wakeAt || when < *plan_.wakeAt) plan_.wakeAt = when;
}

}  // namespace cubelet::plan
