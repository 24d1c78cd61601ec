#include "kubelet/sync/hook_tasks.h"

#include <algorithm>

namespace cubelet::sync {

void HookTasks::begin(const std::string& id, core::LifecycleHandler handler, core::Container container) {
  if (!states_.try_emplace(id, plan::HookState::kRunning).second) return;
  hooks::HookTarget target;
  target.containerId = id;
  target.podIp = podIp(context_, state_);
  const std::string name = "hook of " + container.name();
  target.container = std::move(container);
  tasks_.spawn(name, run(id, std::move(handler), std::move(target)));
}

bool HookTasks::runs(const std::string& id) const {
  const auto found = states_.find(id);
  return found != states_.end() && found->second == plan::HookState::kRunning;
}

std::optional<Result<void>> HookTasks::result(const std::string& id) const {
  const auto found = results_.find(id);
  if (found != results_.end()) return found->second;
  if (!states_.contains(id) || runs(id)) return std::nullopt;
  return fail(Code::kCancelled, "", "the hook was given up");
}

void HookTasks::forget(const std::string& id) {
  if (runs(id)) return;
  states_.erase(id);
  results_.erase(id);
}

bool HookTasks::containerLives(const std::string& id) const {
  const observe::ObservedPod* pod = context_.observer.find(state_.uid());
  return pod != nullptr && std::any_of(pod->containers.begin(), pod->containers.end(), [&](const auto& container) {
           return container.id == id && container.state != observe::ContainerState::kExited;
         });
}

Task<void> HookTasks::waitFor(std::string id, TimePoint until) {
  struct Awaited {
    explicit Awaited(bool* f) : flag(f) { *flag = true; }
    Awaited(const Awaited&) = delete;
    Awaited& operator=(const Awaited&) = delete;
    ~Awaited() { *flag = false; }
    bool* flag;
  };
  const Awaited awaited(&awaited_);
  bool inTime = true;
  while (inTime && runs(id) && containerLives(id)) inTime = co_await wake_.waitUntil(until);
  if (runs(id)) {
    cancel();
    co_await drain();
  }
  wake_.ring();  // what has rung meanwhile may have been about something else
}

void HookTasks::cancel() {
  for (auto& [id, state] : states_) state = plan::HookState::kEnded;
  tasks_.cancel();
}

Task<void> HookTasks::run(std::string id, core::LifecycleHandler handler, hooks::HookTarget target) {
  const events::ObjectRef about = events::containerRef(state_.pod, target.container.name());
  std::function<void(const std::string&)> warn = [this, about](const std::string& message) {
    context_.events.warning(about, "LifecycleHTTPFallback", message);
  };
  Result<void> done = co_await context_.hooks.run(std::move(handler), std::move(target), std::move(warn));
  if (!runs(id)) co_return;  // given up
  results_.insert_or_assign(id, std::move(done));
  states_[id] = plan::HookState::kEnded;
  wake_.ring();
}

}  // namespace cubelet::sync
