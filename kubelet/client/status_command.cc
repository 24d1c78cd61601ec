#include <ostream>
#include <vector>

#include "kubelet/client/commands.h"
#include "kubelet/client/human_time.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/client/text_table.h"
#include "kubelet/logs/cri_log.h"

namespace cubelet::client {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::string agoText(const std::string& time, WallTime now) {
  auto at = logs::parseRfc3339(time);
  return at ? humanDuration(now - *at) + " ago" : "at an unknown time";
}

std::string podsText(const Json& phases) {
  std::string text;
  long long all = 0;
  for (const auto& [phase, count] : phases.items()) {
    if (!count.is_number_integer()) continue;
    all += count.get<long long>();
    text += (text.empty() ? "" : ", ") + std::to_string(count.get<long long>()) + " " + phase;
  }
  return text.empty() ? "none" : std::to_string(all) + " (" + text + ")";
}

std::string runtimeText(const Json& runtime) {
  std::string text = textAt(runtime, "name");
  text = text.empty() ? "unknown" : text + " " + textAt(runtime, "version");
  text += " at " + textAt(runtime, "endpoint");
  if (isTrueAt(runtime, "reachable")) return text;
  return text + ", NOT REACHABLE: " + textAt(runtime, "problem");
}

std::string expiryText(const std::string& time, WallTime now) {
  auto at = logs::parseRfc3339(time);
  if (!at) return "at an unknown time";
  return *at > now ? "expires in " + humanDuration(*at - now) : "EXPIRED " + humanDuration(now - *at) + " ago";
}

std::string serverText(const Json& cluster, WallTime now) {
  std::string text = textAt(cluster, "server");
  const std::string answered = textAt(cluster, "lastAnswer");
  text += answered.empty() ? ", has not answered yet" : ", last answer " + agoText(answered, now);
  const std::string problem = textAt(cluster, "problem");
  return problem.empty() ? text : text + ", PROBLEM: " + problem;
}

std::string registrationText(const Json& cluster) {
  if (!isTrueAt(cluster, "registered")) return "not registered";
  std::string causes;
  for (const Json& cause : cluster.value("notReady", Json::array()))
    if (cause.is_string()) causes += (causes.empty() ? "" : "; ") + cause.get<std::string>();
  return causes.empty() ? "registered, ready" : "registered, NOT READY: " + causes;
}

void addCluster(Rows& rows, const Json& status, WallTime now) {
  const Json cluster = objectAt(status, "cluster");
  if (cluster.empty()) {
    rows.push_back({"Cluster:", "none, static pods only"});
    return;
  }
  rows.push_back({"Cluster:", serverText(cluster, now)});
  rows.push_back({"", registrationText(cluster)});
  const std::string renewed = textAt(cluster, "leaseRenewedAt");
  rows.push_back({"", renewed.empty() ? "no lease yet" : "lease renewed " + agoText(renewed, now)});
  if (const std::string expires = textAt(cluster, "certificateExpires"); !expires.empty())
    rows.push_back({"", "certificate " + expiryText(expires, now)});
  rows.push_back({"", "waiting to be sent: " + cluster.value("unsentStatuses", Json(0)).dump() + " pod statuses, " +
                          cluster.value("unsentEvents", Json(0)).dump() + " events"});
}

void addManifests(Rows& rows, const Json& status) {
  std::string path = textAt(status, "manifestPath");
  rows.push_back({"Manifests:", path.empty() ? "none" : path});
  auto problems = status.find("manifestProblems");
  if (problems == status.end()) return;
  for (const Json& problem : *problems)
    if (problem.is_string()) rows.push_back({"", "problem: " + problem.get<std::string>()});
}

void addAudit(Rows& rows, const Json& status, WallTime now) {
  auto audit = status.find("lastAudit");
  if (audit == status.end() || !audit->is_object()) return;
  rows.push_back({"Last audit:", agoText(textAt(*audit, "at"), now) + ", " +
                                     audit->value("differences", Json(0)).dump() + " differences (" +
                                     audit->value("total", Json(0)).dump() + " since start)"});
}

std::string statusText(const Json& status, WallTime now) {
  Rows rows{{"Node:", textAt(status, "nodeName")},
            {"Agent:", "cubelet " + textAt(status, "version") + " (Kubernetes " + textAt(status, "kubernetesVersion") +
                           "), started " + agoText(textAt(status, "startedAt"), now)}};
  rows.push_back({"Health:", isTrueAt(status, "healthy") ? "ok" : "NOT OK: " + textAt(status, "problem")});
  rows.push_back({"Runtime:", runtimeText(objectAt(status, "runtime"))});
  addCluster(rows, status, now);
  rows.push_back({"Pods:", podsText(objectAt(status, "pods"))});
  addManifests(rows, status);
  rows.push_back({"Pod logs:", textAt(status, "podLogsDir")});
  addAudit(rows, status, now);
  return formatTable(rows);
}

}  // namespace

Result<Json> fetchJson(AgentClient& agent, const std::string& target) {
  Result<std::string> body = agent.get(target);
  if (!body) return fail(body.error());
  Json json = Json::parse(*body, nullptr, false);
  if (!json.is_object()) return fail(Code::kInternal, "", "the agent's answer to " + target + " cannot be read");
  return json;
}

Result<void> showStatus(AgentClient& agent, ClientIo& io, const std::string& output) {
  Result<Json> status = fetchJson(agent, "/status");
  if (!status) return fail(status.error());
  if (output == "json") {
    io.out << status->dump(2) << "\n";
  } else {
    io.out << statusText(*status, io.now());
  }
  return {};
}

Result<void> showVersion(AgentClient& agent, ClientIo& io) {
  io.out << "command: cubelet " << io.version << "\n";
  Result<Json> version = fetchJson(agent, "/version");
  if (!version) return fail(version.error());
  io.out << "agent:   cubelet " << textAt(*version, "version") << " (Kubernetes "
         << textAt(*version, "kubernetesVersion") << ")\n";
  return {};
}

}  // namespace cubelet::client
