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

std::string orDash(std::string text) {
  return text.empty() ? "-" : text;
}

std::string ageOf(const Json& volume, WallTime now) {
  auto since = logs::parseRfc3339(textAt(volume, "since"));
  return since ? humanDuration(now - *since) : "-";
}

// A line for each pod that uses the volume.
void addVolume(Rows& rows, const Json& volume, WallTime now) {
  const auto add = [&](const std::string& pod, const std::string& state) {
    rows.push_back({textAt(volume, "name"), textAt(volume, "driver"), textAt(volume, "kind"), orDash(pod), state,
                    ageOf(volume, now), orDash(textAt(volume, "waitsFor")), orDash(textAt(volume, "problem"))});
  };
  const Json pods = volume.value("pods", Json::array());
  for (const Json& use : pods) add(textAt(use, "pod"), textAt(use, "state"));
  if (pods.empty()) add("", textAt(volume, "stage"));
}

}  // namespace

Result<void> showVolumes(AgentClient& agent, ClientIo& io, const VolumesOptions& options) {
  Result<Json> answer = fetchJson(agent, "/volumes");
  if (!answer) return fail(answer.error());
  const Json volumes = answer->value("volumes", Json::array());
  if (options.output == "json") {
    io.out << answer->dump(2) << "\n";
    return {};
  }
  if (volumes.empty()) {
    io.err << "no CSI volumes\n";
    return {};
  }
  Rows rows = {{"VOLUME", "DRIVER", "KIND", "POD", "STATE", "SINCE", "WAITS FOR", "PROBLEM"}};
  for (const Json& volume : volumes)
    if (volume.is_object()) addVolume(rows, volume, io.now());
  io.out << formatTable(rows);
  return {};
}

Result<int> checkVolumes(AgentClient& agent, ClientIo& io, const VolumesOptions& options) {
  Result<Json> answer = fetchJson(agent, options.repair ? "/volumes/check?repair=true" : "/volumes/check");
  if (!answer) return fail(answer.error());
  const Json found = answer->value("found", Json::array());
  const Json repaired = answer->value("repaired", Json::array());
  const int code = found.empty() ? kDone : kFailed;
  if (options.output == "json") {
    io.out << answer->dump(2) << "\n";
    return code;
  }
  if (found.empty() && repaired.empty()) {
    io.err << "journal, mounts and pods agree\n";
    return code;
  }
  Rows rows = {{"VOLUME", "PATH", "PROBLEM", "WHAT NOW"}};
  const auto add = [&](const Json& one, const std::string& next) {
    rows.push_back({orDash(textAt(one, "volume")), orDash(textAt(one, "path")), textAt(one, "problem"), next});
  };
  for (const Json& one : repaired) add(one, "repaired");
  for (const Json& one : found) {
    const bool leak = one.value("leak", false);
    add(one, !leak ? "-" : options.repair ? "not repaired: see the agent's log" : "cubelet volumes --repair");
  }
  io.out << formatTable(rows);
  return code;
}

}  // namespace cubelet::client
