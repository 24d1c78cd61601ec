#include <algorithm>
#include <ostream>

#include <nlohmann/json.hpp>

#include "kubelet/client/commands.h"
#include "kubelet/client/top_rows.h"

namespace cubelet::client {

Result<void> showTop(AgentClient& agent, ClientIo& io, const TopOptions& options) {
  Result<nlohmann::ordered_json> stats = fetchJson(agent, "/stats");
  if (!stats) return fail(stats.error());
  Top top = readTop(*stats);
  if (!options.ns.empty()) std::erase_if(top.pods, [&](const TopPod& pod) { return pod.ns != options.ns; });
  sortTop(top, options.sortBy == "memory" ? TopKey::kMemory : TopKey::kCpu);
  if (options.output == "json")
    io.out << topJson(top).dump(2) << "\n";
  else
    io.out << topTable(top, options.containers);
  return {};
}

}  // namespace cubelet::client
