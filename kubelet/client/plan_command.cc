#include <climits>
#include <filesystem>
#include <ostream>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "kubelet/client/commands.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/client/manifest_plan.h"
#include "kubelet/client/text_table.h"
#include "staticpods/source/manifest_set.h"
#include "staticpods/source/scan.h"

namespace cubelet::client {
namespace {

using Json = nlohmann::ordered_json;

// What the agent would do depends on where it reads, and on whose node it is.
struct Node {
  std::string name;
  std::string manifestPath;
  bool standalone = true;
  std::vector<core::Pod> running;
};

std::string hostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, HOST_NAME_MAX) == 0 ? name : "localhost";
}

Result<Node> askNode(AgentClient& agent) {
  Result<nlohmann::ordered_json> status = fetchJson(agent, "/status");
  if (!status) return fail(status.error());
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Node node{.name = textAt(*status, "nodeName"),
            .manifestPath = textAt(*status, "manifestPath"),
            .standalone = objectAt(*status, "cluster").empty(),
            .running = {}};
  for (core::Pod& pod : *pods->mutable_items()) {
    const auto source = pod.metadata().annotations().find("kubernetes.io/config.source");
    const bool isFile = source != pod.metadata().annotations().end() && source->second == "file";
    if (isFile && !pod.metadata().has_deletiontimestamp()) node.running.push_back(std::move(pod));
  }
  return node;
}

// Where the agent would see this file: its path is part of a pod's identity.
std::string pathForAgent(const Node& node, const std::string& file, bool isDirectory) {
  if (node.manifestPath.empty()) return file;
  return isDirectory ? (std::filesystem::path(node.manifestPath) / std::filesystem::path(file).filename()).string()
                     : node.manifestPath;
}

Result<staticpods::PodSet> readManifests(const std::string& path, const Node& node, WallTime now) {
  staticpods::ScanRequest request;
  request.path = std::filesystem::absolute(path).lexically_normal().string();
  if (request.path.size() > 1 && request.path.ends_with('/')) request.path.pop_back();
  const staticpods::Scan scan = staticpods::scanManifests(request);
  using Place = staticpods::Scan::Place;
  if (scan.place != Place::kDirectory && scan.place != Place::kFile)
    return fail(Code::kNotFound, "", request.path + ": " + scan.problem);
  const staticpods::ManifestOptions options{
      .nodeName = node.name,
      .source = staticpods::Source::kFile,
      .seen = now,
      .references = node.standalone ? staticpods::References::kLocal : staticpods::References::kRefused};
  staticpods::ManifestSet set;
  for (const auto& [file, found] : scan.files) {
    if (found.state != staticpods::FoundFile::State::kRead) {
      set.bad(file, {file + ": " + (found.problem.empty() ? "somebody is writing it" : found.problem)}, now);
      continue;
    }
    staticpods::Manifest manifest =
        staticpods::parseManifest(pathForAgent(node, file, scan.place == Place::kDirectory), found.text, options);
    if (manifest.valid())
      set.good(file, found.text, std::move(manifest.pods), now);
    else
      set.bad(file, manifest.problemTexts(file), now);
  }
  set.settle(now);
  return set.podSet();
}

void printSteps(ClientIo& io, const std::vector<PlannedStep>& steps, const std::string& output) {
  if (output == "json") {
    Json list = Json::array();
    for (const PlannedStep& step : steps)
      list.push_back(
          {{"action", textOf(step.action)}, {"pod", step.pod}, {"file", step.file}, {"reasons", step.reasons}});
    io.out << Json{{"steps", list}}.dump(2) << "\n";
    return;
  }
  std::vector<std::vector<std::string>> rows{{"ACTION", "POD", "FILE", "WHY"}};
  for (const PlannedStep& step : steps) {
    std::string file = std::filesystem::path(step.file).filename().string();
    rows.push_back({std::string(textOf(step.action)), step.pod.empty() ? "-" : step.pod, file.empty() ? "-" : file,
                    step.reasons.empty() ? "" : step.reasons.front()});
    for (std::size_t i = 1; i < step.reasons.size(); ++i) rows.push_back({"", "", "", step.reasons[i]});
  }
  io.out << formatTable(rows);
}

}  // namespace

Result<int> planDirectory(AgentClient& agent, ClientIo& io, const PlanOptions& options) {
  Result<Node> asked = askNode(agent);
  Node node = asked ? *asked : Node{.name = hostName(), .manifestPath = "", .standalone = true, .running = {}};
  if (!asked) io.err << "no agent answers, so every pod counts as new: " << asked.error().message << "\n";
  const std::string path = options.path.empty() ? node.manifestPath : options.path;
  if (path.empty()) return fail(Code::kInvalid, "", "name the directory or the file with the manifests");
  Result<staticpods::PodSet> wanted = readManifests(path, node, io.now());
  if (!wanted) return fail(wanted.error());
  const std::vector<PlannedStep> steps = planManifests(*wanted, node.running);
  printSteps(io, steps, options.output);
  return wanted->problems.empty() ? kDone : kFailed;
}

}  // namespace cubelet::client
