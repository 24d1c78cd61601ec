#include "kubelet/sync/pod_termination.h"

#include "base/log.h"

namespace cubelet::sync {

void PodTermination::ask(std::optional<WallTime> deadline) {
  askedAt_ = context_.clock.wallNow();
  deadline_ = deadline;
}

bool PodTermination::shorten(WallTime deadline) {
  if (deadline_ && deadline >= *deadline_) return false;
  deadline_ = deadline;
  if (recorded_) save();
  return true;
}

WallTime PodTermination::begin(Duration grace) {
  if (!deadline_) deadline_ = context_.clock.wallNow() + std::chrono::duration_cast<WallTime::duration>(grace);
  recorded_ = true;
  save();
  return *deadline_;
}

void PodTermination::hookEnded() {
  if (recorded_) save();
}

void PodTermination::end() {
  recorded_ = false;
  if (Result<void> removed = records_.remove(state_.uid()); !removed)
    log::warning("cannot remove the termination record", {{"pod", state_.ref()}, {"error", removed.error().message}});
}

void PodTermination::save() {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  TerminationRecord record{meta.uid(), meta.name(), meta.namespace_(), *deadline_, {}};
  for (const auto& [id, hook] : preStops_.states())
    if (hook == plan::HookState::kEnded) record.preStopsEnded.push_back(id);
  if (Result<void> saved = records_.save(record); !saved)
    log::error("cannot note the termination on disk; a restart of the agent would begin it anew",
               {{"pod", state_.ref()}, {"error", saved.error().message}});
}

}  // namespace cubelet::sync
