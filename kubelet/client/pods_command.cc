#include <ostream>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/client/commands.h"
#include "kubelet/client/pod_columns.h"

namespace cubelet::client {

Result<core::PodList> fetchPods(AgentClient& agent, const std::string& target) {
  Result<std::string> body = agent.get(target);
  if (!body) return fail(body.error());
  api::ParseLimits limits;  // our own agent's answer: as large as it needs to be
  limits.maxBytes = body->size();
  limits.maxNodes = body->size();
  std::vector<api::Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(*body, limits, problems);
  core::PodList pods;
  if (documents.size() == 1 && api::decode(documents[0], api::UnknownFields::kWarn, pods, problems)) return pods;
  return fail(Code::kInternal, "",
              "cannot read the agent's answer: " + (problems.empty() ? "no PodList" : problems[0].text("answer")));
}

Result<void> showPods(AgentClient& agent, ClientIo& io, const PodsOptions& options) {
  std::string target = options.ns.empty() ? "/pods" : "/pods?namespace=" + urlEscape(options.ns);
  Result<core::PodList> pods = fetchPods(agent, target);
  if (!pods) return fail(pods.error());
  api::EncodeOptions encode{.apiVersion = "v1", .kind = "PodList", .pretty = true};
  if (options.output == "json") {
    io.out << api::toJson(*pods, encode) << "\n";
  } else if (options.output == "yaml") {
    io.out << api::toYaml(*pods, encode);
  } else if (pods->items().empty()) {
    io.err << "no pods" << (options.ns.empty() ? "" : " in namespace " + options.ns) << "\n";
  } else {
    std::vector<const core::Pod*> rows;
    for (const core::Pod& pod : pods->items()) rows.push_back(&pod);
    io.out << podTable(std::move(rows), options.output == "wide", io.now());
  }
  return {};
}

}  // namespace cubelet::client
