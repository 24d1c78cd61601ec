#include <map>
#include <optional>
#include <ostream>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "kubelet/api/codec.h"
#include "kubelet/client/commands.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/client/pod_columns.h"
#include "kubelet/client/text_table.h"

namespace cubelet::client {
namespace {

// Rows come one by one and must fit under each other all the same.
const std::vector<std::size_t> kWatchWidths{12, 36, 5, 17, 12, 9, 15};

// What the agent says of its own pods: as large as it needs to be.
template <class Message>
Result<Message> decoded(std::string_view text, const char* kind) {
  api::ParseLimits limits;
  limits.maxBytes = text.size();
  limits.maxNodes = text.size();
  std::vector<api::Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(text, limits, problems);
  Message message;
  if (documents.size() == 1 && api::decode(documents[0], api::UnknownFields::kWarn, message, problems)) return message;
  return fail(
      Code::kInternal, "",
      "cannot read the agent's answer: " + (problems.empty() ? std::string("no ") + kind : problems[0].text("answer")));
}

// Prints a row when something in it but the age is another than in the pod's last one.
class WatchedPods {
 public:
  WatchedPods(ClientIo& io, bool wide) : io_(io), wide_(wide) { print(podTableHead(wide_)); }

  Result<void> show(std::string_view line) {
    const auto change = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!change.is_object() || !change.contains("object"))
      return fail(Code::kInternal, "", "cannot read the agent's answer: no change of a pod");
    Result<core::Pod> pod = decoded<core::Pod>(change["object"].dump(), "Pod");
    if (!pod) return fail(pod.error());
    if (textAt(change, "type") == "DELETED") {
      rows_.erase(pod->metadata().uid());
      print({pod->metadata().namespace_(), pod->metadata().name(), "-", "Deleted", "-", "-"});
      return {};
    }
    std::vector<std::string> row = podRow(*pod, wide_, io_.now());
    std::vector<std::string> telling = row;
    telling[kAge].clear();
    std::vector<std::string>& last = rows_[pod->metadata().uid()];
    if (last == telling) return {};
    last = std::move(telling);
    print(row);
    return {};
  }

 private:
  static constexpr std::size_t kAge = 5;
  void print(const std::vector<std::string>& row) { io_.out << formatTable({row}, kWatchWidths) << std::flush; }

  ClientIo& io_;
  bool wide_;
  std::map<std::string, std::vector<std::string>> rows_;  // the last one of each pod, without its age; by UID
};

Result<void> watchPods(AgentClient& agent, ClientIo& io, const PodsOptions& options) {
  std::string target = "/pods?watch=true";
  if (!options.ns.empty()) target += "&namespace=" + urlEscape(options.ns);
  const bool json = options.output == "json";
  std::optional<WatchedPods> table;
  if (!json) table.emplace(io, options.output == "wide");
  std::optional<Error> broken;
  Result<void> watched = agent.follow(target, [&](std::string_view line) {
    if (json) {
      io.out << line << "\n" << std::flush;
    } else if (Result<void> shown = table->show(line); !shown) {
      broken = shown.error();
      return false;
    }
    return io.out.good();
  });
  if (broken) return fail(*broken);
  return watched;
}

}  // namespace

Result<core::PodList> fetchPods(AgentClient& agent, const std::string& target) {
  Result<std::string> body = agent.get(target);
  if (!body) return fail(body.error());
  return decoded<core::PodList>(*body, "PodList");
}

Result<void> showPods(AgentClient& agent, ClientIo& io, const PodsOptions& options) {
  if (options.watch) return watchPods(agent, io, options);
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
