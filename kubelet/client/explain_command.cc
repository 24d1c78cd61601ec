#include <optional>
#include <ostream>
#include <vector>

#include "kubelet/client/commands.h"
#include "kubelet/client/event_rows.h"
#include "kubelet/client/find_pod.h"
#include "kubelet/client/human_time.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/client/pod_columns.h"
#include "kubelet/client/text_table.h"
#include "kubelet/logs/cri_log.h"

namespace cubelet::client {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string agoText(const std::optional<WallTime>& at, WallTime now) {
  return at ? humanDuration(now - *at) + " ago" : "at an unknown time";
}

// What the agent is doing for the pod, from its /explain.
void addStep(Rows& rows, const std::string& body, WallTime now) {
  auto step = nlohmann::json::parse(body, nullptr, false);
  auto text = [&step](const char* name) { return textAt(step, name); };
  if (text("step").empty()) return;
  std::optional<WallTime> since = logs::parseRfc3339(text("since"));
  rows.push_back({"Step:", text("step") + (since ? ", since " + humanDuration(now - *since) : "")});
  if (!text("waitingFor").empty()) rows.push_back({"Waits for:", text("waitingFor")});
  if (!text("message").empty()) rows.push_back({"Last failure:", text("message")});
  if (auto next = logs::parseRfc3339(text("nextTry")))
    rows.push_back({"Next try:", *next > now ? "in " + humanDuration(*next - now) : "now"});
}

std::string reasonText(const std::string& reason, const std::string& message) {
  if (reason.empty()) return message;
  return message.empty() ? reason : reason + ": " + message;
}

void addConditions(Rows& rows, const core::Pod& pod) {
  for (const core::PodCondition& condition : pod.status().conditions())
    if (condition.status() != "True")
      rows.push_back({"", "not " + condition.type(), reasonText(condition.reason(), condition.message())});
}

std::string endText(const core::ContainerStateTerminated& end, WallTime now) {
  std::string text =
      "ended " + agoText(wallTime(end.finishedat()), now) + " with exit code " + std::to_string(end.exitcode());
  std::string reason = reasonText(end.reason(), end.message());
  return reason.empty() ? text : text + " (" + reason + ")";
}

std::string stateText(const core::ContainerStatus& status, WallTime now) {
  if (status.state().has_running()) {
    std::optional<WallTime> started = wallTime(status.state().running().startedat());
    std::string text = started ? "runs for " + humanDuration(now - *started) : "runs";
    return status.ready() ? text + ", ready" : text + ", not ready";
  }
  if (status.state().has_terminated()) return endText(status.state().terminated(), now);
  return "waits: " + reasonText(status.state().waiting().reason(), status.state().waiting().message());
}

void addContainers(Rows& rows, const core::Pod& pod, WallTime now) {
  for (const auto* statuses : {&pod.status().initcontainerstatuses(), &pod.status().containerstatuses()})
    for (const core::ContainerStatus& status : *statuses) {
      rows.push_back({"", status.name(), stateText(status, now)});
      if (status.laststate().has_terminated())
        rows.push_back({"", "", "before that " + endText(status.laststate().terminated(), now)});
    }
}

Result<Rows> eventsOf(AgentClient& agent, const core::Pod& pod, WallTime now) {
  Result<std::string> body = agent.get("/events");
  if (!body) return fail(body.error());
  Result<std::vector<std::string>> texts = eventTexts(*body);
  if (!texts) return fail(texts.error());
  Rows rows;
  for (const std::string& text : *texts) {
    Result<EventRow> row = eventRow(text, now);
    if (row && row->kind == "Pod" && row->ns == pod.metadata().namespace_() && row->name == pod.metadata().name())
      rows.push_back({"", row->age, row->type, row->reason, row->message});
  }
  return rows;
}

void printSection(std::ostream& out, std::string_view title, const Rows& rows) {
  if (rows.empty()) return;
  out << title << "\n" << formatTable(rows);
}

}  // namespace

Result<void> explainPod(AgentClient& agent, ClientIo& io, const ExplainOptions& options) {
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Result<const core::Pod*> found = findPod(*pods, options.pod, options.ns);
  if (!found) return fail(found.error());
  const core::Pod& pod = **found;
  std::string name = pod.metadata().namespace_() + "/" + pod.metadata().name();
  Result<std::string> step = agent.get("/explain?pod=" + urlEscape(name));
  if (!step && step.error().code != Code::kNotFound) return fail(step.error());
  WallTime now = io.now();
  Result<Rows> events = eventsOf(agent, pod, now);
  if (!events) return fail(events.error());

  PodColumns columns = podColumns(pod, now);
  Rows head{{"Pod:", name + " (uid " + pod.metadata().uid() + ")"},
            {"Status:", columns.status + ", " + columns.ready + " ready, restarts: " + columns.restarts}};
  if (std::string why = reasonText(pod.status().reason(), pod.status().message()); !why.empty())
    head.push_back({"Because:", why});
  if (step) addStep(head, *step, now);
  io.out << formatTable(head);
  Rows conditions;
  addConditions(conditions, pod);
  Rows containers;
  addContainers(containers, pod, now);
  printSection(io.out, "Conditions:", conditions);
  printSection(io.out, "Containers:", containers);
  printSection(io.out, "Events:", *events);
  return {};
}

}  // namespace cubelet::client
