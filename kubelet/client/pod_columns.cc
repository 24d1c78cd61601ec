#include "kubelet/client/pod_columns.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "kubelet/client/human_time.h"
#include "kubelet/client/text_table.h"

namespace cubelet::client {
namespace {

bool isSidecar(const core::Container& container) {
  return container.restartpolicy() == "Always";
}

const core::PodCondition* conditionOf(const core::Pod& pod, std::string_view type) {
  for (const core::PodCondition& condition : pod.status().conditions())
    if (condition.type() == type) return &condition;
  return nullptr;
}

bool isTrue(const core::Pod& pod, std::string_view type) {
  const core::PodCondition* condition = conditionOf(pod, type);
  return condition && condition->status() == "True";
}

// Restarts of some containers and the time of the last one.
struct Restarts {
  int count = 0;
  std::optional<WallTime> last;

  void add(const core::ContainerStatus& status) {
    count += status.restartcount();
    if (!status.laststate().has_terminated()) return;
    std::optional<WallTime> finished = wallTime(status.laststate().terminated().finishedat());
    if (finished && (!last || *finished > *last)) last = finished;
  }
  std::string text(WallTime now) const {
    std::string shown = std::to_string(count);
    if (count > 0 && last) shown += " (" + humanDuration(now - *last) + " ago)";
    return shown;
  }
};

// "Signal:9" or "ExitCode:1" for a termination that has no reason.
std::string endText(const core::ContainerStateTerminated& end) {
  if (!end.reason().empty()) return end.reason();
  if (end.signal() != 0) return "Signal:" + std::to_string(end.signal());
  return "ExitCode:" + std::to_string(end.exitcode());
}

// What kubectl gathers in one pass over the statuses (pkg/printers/internalversion, printPod).
struct Summary {
  std::string reason;
  Restarts restarts;
  Restarts sidecarRestarts;
  int ready = 0;
  bool initializing = false;
};

const core::Container* initContainerOf(const core::Pod& pod, const std::string& name) {
  for (const core::Container& container : pod.spec().initcontainers())
    if (container.name() == name) return &container;
  return nullptr;
}

// Looks at init containers up to the first that is not done.
void summarizeInit(const core::Pod& pod, Summary& summary) {
  for (int i = 0; i < pod.status().initcontainerstatuses_size(); ++i) {
    const core::ContainerStatus& status = pod.status().initcontainerstatuses(i);
    summary.restarts.add(status);
    const core::Container* container = initContainerOf(pod, status.name());
    bool sidecar = container && isSidecar(*container);
    if (sidecar) summary.sidecarRestarts.add(status);
    const core::ContainerState& state = status.state();
    if (state.has_terminated() && state.terminated().exitcode() == 0) continue;
    if (sidecar && status.started()) {
      if (status.ready()) ++summary.ready;
      continue;
    }
    summary.initializing = true;
    if (state.has_terminated()) {
      summary.reason = "Init:" + endText(state.terminated());
    } else if (!state.waiting().reason().empty() && state.waiting().reason() != "PodInitializing") {
      summary.reason = "Init:" + state.waiting().reason();
    } else {
      summary.reason = "Init:" + std::to_string(i) + "/" + std::to_string(pod.spec().initcontainers_size());
    }
    return;
  }
}

void summarizeContainers(const core::Pod& pod, Summary& summary) {
  summary.restarts = summary.sidecarRestarts;
  bool anyRuns = false;
  // From the last to the first: the first container that has something to tell wins.
  for (int i = pod.status().containerstatuses_size() - 1; i >= 0; --i) {
    const core::ContainerStatus& status = pod.status().containerstatuses(i);
    summary.restarts.add(status);
    const core::ContainerState& state = status.state();
    if (!state.waiting().reason().empty()) {
      summary.reason = state.waiting().reason();
    } else if (state.has_terminated()) {
      summary.reason = endText(state.terminated());
    } else if (status.ready() && state.has_running()) {
      anyRuns = true;
      ++summary.ready;
    }
  }
  if (summary.reason == "Completed" && anyRuns) summary.reason = isTrue(pod, "Ready") ? "Running" : "NotReady";
}

Summary summarize(const core::Pod& pod) {
  Summary summary;
  summary.reason = pod.status().phase().empty() ? "Pending" : pod.status().phase();
  if (!pod.status().reason().empty()) summary.reason = pod.status().reason();
  const core::PodCondition* scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled && scheduled->reason() == "SchedulingGated") summary.reason = "SchedulingGated";
  summarizeInit(pod, summary);
  if (!summary.initializing || isTrue(pod, "Initialized")) summarizeContainers(pod, summary);
  bool ended = pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
  if (pod.metadata().has_deletiontimestamp() && !ended) summary.reason = "Terminating";
  return summary;
}

// A static pod has no creation time of its own until an API server has seen it; then the start counts.
std::string ageOf(const core::Pod& pod, WallTime now) {
  std::optional<WallTime> since = wallTime(pod.metadata().creationtimestamp());
  if (!since) since = wallTime(pod.status().starttime());
  return since ? humanDuration(now - *since) : "<unknown>";
}

}  // namespace

PodColumns podColumns(const core::Pod& pod, WallTime now) {
  Summary summary = summarize(pod);
  auto sidecars = std::count_if(pod.spec().initcontainers().begin(), pod.spec().initcontainers().end(), isSidecar);
  PodColumns columns;
  columns.ready = std::to_string(summary.ready) + "/" + std::to_string(pod.spec().containers_size() + sidecars);
  columns.status = summary.reason;
  columns.restarts = summary.restarts.text(now);
  columns.age = ageOf(pod, now);
  columns.ip = pod.status().podip().empty() ? "<none>" : pod.status().podip();
  return columns;
}

std::vector<std::string> podTableHead(bool wide) {
  std::vector<std::string> head{"NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"};
  if (wide) head.insert(head.end(), {"IP", "NODE"});
  return head;
}

std::vector<std::string> podRow(const core::Pod& pod, bool wide, WallTime now) {
  const PodColumns columns = podColumns(pod, now);
  std::vector<std::string> row{
      pod.metadata().namespace_(), pod.metadata().name(), columns.ready, columns.status, columns.restarts, columns.age};
  if (wide) row.insert(row.end(), {columns.ip, pod.spec().nodename()});
  return row;
}

std::string podTable(std::vector<const core::Pod*> pods, bool wide, WallTime now) {
  auto key = [](const core::Pod* pod) { return std::tie(pod->metadata().namespace_(), pod->metadata().name()); };
  std::sort(pods.begin(), pods.end(), [key](auto* left, auto* right) { return key(left) < key(right); });
  std::vector<std::vector<std::string>> rows{podTableHead(wide)};
  for (const core::Pod* pod : pods) rows.push_back(podRow(*pod, wide, now));
  return formatTable(rows);
}

}  // namespace cubelet::client
