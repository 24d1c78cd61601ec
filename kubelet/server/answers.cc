#include "kubelet/server/answers.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "kubelet/api/codec.h"

namespace cubelet::server {
namespace {

const api::EncodeOptions kEvent{.apiVersion = "v1", .kind = "Event"};

using Json = nlohmann::ordered_json;

// Messages come from outside and may hold anything: bytes that are no UTF-8 become U+FFFD instead of an exception.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Answer jsonAnswer(const Json& json) {
  return Answer{.body = dump(json)};
}

Answer pods(const AgentView& view, std::string_view ns, std::string_view name) {
  core::PodList list;
  list.mutable_metadata();
  std::vector<core::Pod> all = view.pods();
  for (core::Pod& pod : all) {
    if (!ns.empty() && pod.metadata().namespace_() != ns) continue;
    if (!name.empty() && pod.metadata().name() != name) continue;
    list.add_items()->Swap(&pod);
  }
  return Answer{.body = api::toJson(list, {.apiVersion = "v1", .kind = "PodList"}) + "\n"};
}

Answer events(const events::EventRecorder& recorder) {
  std::string body = R"({"apiVersion":"v1","kind":"List","metadata":{},"items":[)";
  bool first = true;
  for (const core::Event& event : recorder.list()) {
    if (!std::exchange(first, false)) body.push_back(',');
    body += api::toJson(event, kEvent);
  }
  return Answer{.body = body + "]}\n"};
}

struct PodName {
  std::string_view ns;
  std::string_view name;
};

PodName podName(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {"default", text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

Answer explain(const AgentView& view, std::string_view pod) {
  if (pod.empty()) return textAnswer(400, "which pod? ask for /explain?pod=NAMESPACE/NAME");
  const auto [ns, name] = podName(pod);
  Result<Explanation> found = view.explain(ns, name);
  if (!found) return textAnswer(found.error().code == Code::kNotFound ? 404 : 500, found.error().message);
  Json json;
  json["pod"] = std::string(ns) + "/" + std::string(name);
  json["step"] = found->step;
  if (found->since) json["since"] = rfc3339Nano(*found->since);
  if (!found->waitingFor.empty()) json["waitingFor"] = found->waitingFor;
  if (!found->message.empty()) json["message"] = found->message;
  if (found->nextTry) json["nextTry"] = rfc3339Nano(*found->nextTry);
  return jsonAnswer(json);
}

Json runtimeJson(const RuntimeView& runtime) {
  Json json;
  json["endpoint"] = runtime.endpoint;
  json["name"] = runtime.name;
  json["version"] = runtime.version;
  json["reachable"] = runtime.reachable;
  if (!runtime.problem.empty()) json["problem"] = runtime.problem;
  return json;
}

Json clusterJson(const ClusterView& cluster) {
  Json json;
  json["server"] = cluster.server;
  json["registered"] = cluster.registered;
  if (!cluster.problem.empty()) json["problem"] = cluster.problem;
  if (cluster.lastAnswer) json["lastAnswer"] = rfc3339Nano(*cluster.lastAnswer);
  if (cluster.leaseRenewedAt) json["leaseRenewedAt"] = rfc3339Nano(*cluster.leaseRenewedAt);
  if (cluster.certificateExpires) json["certificateExpires"] = rfc3339Nano(*cluster.certificateExpires);
  json["notReady"] = cluster.notReady;
  json["unsentStatuses"] = cluster.unsentStatuses;
  json["unsentEvents"] = cluster.unsentEvents;
  return json;
}

Json podsByPhase(const AgentView& view) {
  std::map<std::string, int> phases;
  for (const core::Pod& pod : view.pods()) ++phases[pod.status().phase().empty() ? "Pending" : pod.status().phase()];
  Json json = Json::object();
  for (const auto& [phase, count] : phases) json[phase] = count;
  return json;
}

Answer status(const AgentView& view) {
  AgentStatus status = view.status();
  Json json;
  json["version"] = status.version;
  json["kubernetesVersion"] = status.kubernetesVersion;
  json["nodeName"] = status.nodeName;
  json["startedAt"] = rfc3339Nano(status.startedAt);
  Result<void> healthy = view.healthy();
  json["healthy"] = healthy.has_value();
  if (!healthy) json["problem"] = healthy.error().message;
  json["pods"] = podsByPhase(view);
  json["runtime"] = runtimeJson(status.runtime);
  if (status.cluster) json["cluster"] = clusterJson(*status.cluster);
  json["manifestPath"] = status.manifestPath;
  json["manifestProblems"] = status.manifestProblems;
  json["rootDir"] = status.rootDir;
  json["podLogsDir"] = status.podLogsDir;
  if (status.lastAudit) {
    Json audit;
    audit["at"] = rfc3339Nano(status.lastAudit->at);
    audit["differences"] = status.lastAudit->differences;
    audit["total"] = status.lastAudit->total;
    json["lastAudit"] = std::move(audit);
  }
  return jsonAnswer(json);
}

Answer volumes(const AgentView& view) {
  Json list = Json::array();
  for (const VolumeView& volume : view.volumes()) {
    Json json;
    json["name"] = volume.name;
    json["driver"] = volume.driver;
    json["handle"] = volume.handle;
    json["kind"] = volume.kind;
    json["stage"] = volume.stage;
    json["pods"] = Json::array();
    for (const VolumeView::Use& use : volume.uses) json["pods"].push_back({{"pod", use.pod}, {"state", use.state}});
    if (volume.since) json["since"] = rfc3339Nano(*volume.since);
    if (!volume.waitsFor.empty()) json["waitsFor"] = volume.waitsFor;
    if (!volume.problem.empty()) json["problem"] = volume.problem;
    list.push_back(std::move(json));
  }
  Json json;
  json["volumes"] = std::move(list);
  return jsonAnswer(json);
}

Json findingsJson(const std::vector<VolumeFinding>& findings) {
  Json list = Json::array();
  for (const VolumeFinding& one : findings)
    list.push_back({{"volume", one.volume}, {"path", one.path}, {"problem", one.problem}, {"leak", one.leak}});
  return list;
}

Answer version(const AgentView& view) {
  AgentStatus status = view.status();
  Json json;
  json["version"] = status.version;
  json["kubernetesVersion"] = status.kubernetesVersion;
  return jsonAnswer(json);
}

Answer healthz(const AgentView& view) {
  Result<void> healthy = view.healthy();
  return healthy ? textAnswer(200, "ok") : textAnswer(500, healthy.error().message);
}

}  // namespace

Answer textAnswer(int status, std::string message) {
  return Answer{.status = status, .contentType = "text/plain; charset=utf-8", .body = std::move(message) + "\n"};
}

Answer answerGet(AgentView& view, const web::Target& target) {
  if (target.path == "/pods") return pods(view, target.get("namespace"), target.get("name"));
  if (target.path == "/events") return events(view.events());
  if (target.path == "/explain") return explain(view, target.get("pod"));
  if (target.path == "/status") return status(view);
  if (target.path == "/volumes") return volumes(view);
  if (target.path == "/version") return version(view);
  if (target.path == "/healthz") return healthz(view);
  return textAnswer(
      404,
      "no such page; there are /pods, /volumes, /volumes/check, /events, /explain, /stats, /exec, /attach, "
      "/portforward, /status, /version and /healthz");
}

std::optional<StreamRequest> streamAsked(const web::Target& target) {
  StreamRequest asked;
  if (target.path == "/exec")
    asked.kind = StreamRequest::Kind::kExec;
  else if (target.path == "/attach")
    asked.kind = StreamRequest::Kind::kAttach;
  else if (target.path == "/portforward")
    asked.kind = StreamRequest::Kind::kPortForward;
  else
    return std::nullopt;
  const auto [ns, name] = podName(target.get("pod"));
  asked.ns = ns;
  asked.pod = name;
  asked.container = target.get("container");
  asked.command = target.all("command");
  asked.input = target.flag("stdin");
  asked.output = target.flag("stdout");
  asked.error = target.flag("stderr");
  asked.tty = target.flag("tty");
  return asked;
}

Answer streamAnswer(const Result<StreamPlace>& place) {
  if (!place) {
    const bool retry = isRetryable(place.error().code);
    return textAnswer(place.error().code == Code::kNotFound ? 404 : retry ? 503 : 500, place.error().message);
  }
  Json json;
  json["address"] = place->address;
  json["port"] = place->port;
  json["path"] = place->path;
  return jsonAnswer(json);
}

bool isVolumeCheck(const web::Target& target) {
  return target.path == "/volumes/check";
}

Answer checkAnswer(const Result<VolumeCheck>& check) {
  if (!check) return textAnswer(isRetryable(check.error().code) ? 503 : 500, check.error().message);
  return jsonAnswer({{"found", findingsJson(check->found)}, {"repaired", findingsJson(check->repaired)}});
}

bool isStats(const web::Target& target) {
  return target.path == "/stats";
}

Answer statsAnswer(const Result<std::string>& usage) {
  if (!usage) return textAnswer(isRetryable(usage.error().code) ? 503 : 500, usage.error().message);
  return Answer{.body = *usage + "\n"};
}

bool isWatch(const web::Target& target) {
  return target.path == "/pods" && target.flag("watch");
}

bool isFollow(const web::Target& target) {
  return target.path == "/events" && target.flag("follow");
}

std::string eventLine(const core::Event& event) {
  return api::toJson(event, kEvent) + "\n";
}

}  // namespace cubelet::server
