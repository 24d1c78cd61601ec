// What the agent answers on its local socket (server::AgentView).
#include "kubelet/main/agent.h"
#include "kubelet/main/version.h"
#include "kubelet/stats/summary_json.h"
#include "kubelet/status/explain.h"
#include "kubelet/sync/volume_step.h"

namespace cubelet {
namespace {

Task<Result<nodeapi::StreamUrl>> askForStream(nodeapi::Streaming& streaming, server::StreamRequest::Kind kind,
                                              nodeapi::StreamAsked asked) {
  switch (kind) {
    case server::StreamRequest::Kind::kExec:
      return streaming.execUrl(std::move(asked));
    case server::StreamRequest::Kind::kAttach:
      return streaming.attachUrl(std::move(asked));
    case server::StreamRequest::Kind::kPortForward:
      break;
  }
  return streaming.portForwardUrl(std::move(asked));
}

server::VolumeView volumeView(const csi::Volumes::View& view, const std::map<std::string, std::string>& podNames) {
  const csi::VolumeRecord& record = view.record;
  server::VolumeView out;
  out.name = record.name;
  out.driver = record.driver;
  out.handle = record.handle;
  out.kind = record.ephemeral ? "inline" : record.block ? "block" : "persistent";
  out.stage = csi::toString(record.stage);
  const auto addUse = [&](const std::string& uid, std::string_view state) {
    auto name = podNames.find(uid);
    out.uses.push_back({name != podNames.end() ? name->second : uid, std::string(state)});
  };
  for (const auto& [uid, state] : record.pods) addUse(uid, csi::toString(state));
  for (const std::string& uid : view.users)
    if (!record.pods.contains(uid)) addUse(uid, "waiting");
  if (view.since != WallTime()) out.since = view.since;
  out.waitsFor = view.waitsFor;
  out.problem = view.problem;
  return out;
}

std::vector<server::VolumeFinding> findings(const std::vector<csi::Finding>& from) {
  std::vector<server::VolumeFinding> out;
  for (const csi::Finding& one : from) out.push_back({one.volume, one.path, one.problem, one.leak});
  return out;
}

}  // namespace

std::vector<server::core::Pod> Agent::pods() const {
  return sync_.pods();
}

Result<server::Explanation> Agent::explain(std::string_view ns, std::string_view name) const {
  const std::string fullName = std::string(ns) + "/" + std::string(name);
  const sync::PodWorker* worker = sync_.find(fullName);
  if (worker == nullptr) return fail(Code::kNotFound, "", "no pod " + fullName);
  server::Explanation out;
  if (!runtimeView_.reachable) {
    out.step = "waiting for the container runtime";
    out.waitingFor = "runtime";
    out.message = runtimeView_.problem;
    return out;
  }
  if (const std::optional<status::FailedBy>& failed = worker->failedBy()) {
    out.step = "failed: " + failed->reason;
    out.message = failed->message;
    return out;
  }
  if (worker->stopping() || worker->waitsForName()) {
    out.step = worker->stopping() ? "stopping" : "waiting until an older pod of this name is gone";
    out.waitingFor = "runtime";
    return out;
  }
  if (!worker->decided()) {
    out.step = "waiting for its place on the node";
    out.waitingFor = "runtime";
    out.message = "other pods make room for it, or the node is read again";
    return out;
  }
  const observe::ObservedPod* have = observer_.find(worker->uid());
  const observe::ObservedPod none;
  const std::vector<status::WaitingVolume> volumes = sync::waitingVolumes(worker->state());
  const std::vector<status::Obstacle> obstacles = status::explain(
      worker->pod(), have != nullptr ? *have : none, worker->state().memory, worker->plan(), clock_.wallNow(), volumes);
  if (obstacles.empty()) {
    out.step = worker->status().phase() == "Running" ? "running" : "finished";
    return out;
  }
  out.step = obstacles.front().object + ": " + obstacles.front().step;
  out.since = obstacles.front().since;
  out.waitingFor = obstacles.front().waitingOn;
  for (const status::Obstacle& obstacle : obstacles) {
    if (!out.message.empty()) out.message += "; ";
    out.message += toText(obstacle);
  }
  out.nextTry = worker->plan().wakeAt;
  return out;
}

server::AgentStatus Agent::status() const {
  server::AgentStatus out;
  out.version = kCubeletVersion;
  out.kubernetesVersion = kKubernetesVersion;
  out.nodeName = effective_.nodeName;
  out.startedAt = startedAt_;
  out.manifestPath = effective_.config.staticpodpath();
  out.rootDir = context_.node.dirs.root;
  out.podLogsDir = context_.node.dirs.podLogs;
  out.runtime = runtimeView_;
  if (cluster_) out.cluster = cluster_->view();
  for (const auto& [source, problems] : staticSources_.problems())
    for (const staticpods::FileProblem& problem : problems)
      for (const std::string& line : problem.problems) out.manifestProblems.push_back(line);
  if (observer_.lastAudit())
    out.lastAudit =
        server::AuditView{*observer_.lastAudit(), observer_.lastAuditDifferences(), observer_.auditDifferences()};
  return out;
}

std::vector<server::VolumeView> Agent::volumes() const {
  std::map<std::string, std::string> names;  // by UID
  for (const sync::core::Pod& pod : sync_.pods())
    names[pod.metadata().uid()] = pod.metadata().namespace_() + "/" + pod.metadata().name();
  std::vector<server::VolumeView> out;
  for (const csi::Volumes::View& view : storage_.volumes().all()) out.push_back(volumeView(view, names));
  return out;
}

Task<Result<server::VolumeCheck>> Agent::checkVolumes(bool repair) {
  Result<Storage::Check> check = co_await storage_.check(repair);
  if (!check) co_return fail(check.error());
  co_return server::VolumeCheck{.found = findings(check->found), .repaired = findings(check->repaired)};
}

// The loop itself answers: that it does is the answer. A runtime that is away is told by status(), it is no reason to
// restart the agent.
Result<void> Agent::healthy() const {
  return {};
}

Task<Result<server::StreamPlace>> Agent::streamPlace(server::StreamRequest request) {
  nodeapi::StreamAsked asked;
  asked.ns = std::move(request.ns);
  asked.pod = std::move(request.pod);
  asked.container = std::move(request.container);
  asked.command = std::move(request.command);
  asked.streams = {.input = request.input, .output = request.output, .error = request.error, .tty = request.tty};
  Task<Result<nodeapi::StreamUrl>> asking = askForStream(nodeApi_->streaming(), request.kind, std::move(asked));
  Result<nodeapi::StreamUrl> url = co_await std::move(asking);
  if (!url) co_return fail(url.error());
  co_return server::StreamPlace{.address = std::move(url->host), .port = url->port, .path = std::move(url->path)};
}

Task<Result<std::string>> Agent::usage() {
  const Result<stats::SummaryPtr> figures = co_await stats_->collector().usageNow();
  if (!figures) co_return fail(figures.error());
  co_return stats::summaryJson(**figures, true);
}

}  // namespace cubelet
