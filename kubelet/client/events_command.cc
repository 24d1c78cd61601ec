#include <optional>
#include <ostream>
#include <vector>

#include <nlohmann/json.hpp>

#include "kubelet/client/commands.h"
#include "kubelet/client/event_rows.h"
#include "kubelet/client/text_table.h"

namespace cubelet::client {
namespace {

const std::vector<std::string> kHead{"LAST SEEN", "NAMESPACE", "TYPE", "REASON", "OBJECT", "MESSAGE"};
// While following, rows come one by one and must fit under each other all the same.
const std::vector<std::size_t> kFollowWidths{20, 12, 7, 18, 32};

std::vector<std::string> cells(const EventRow& row) {
  return {row.age, row.ns.empty() ? "-" : row.ns, row.type, row.reason, row.object, row.message};
}

Result<void> followEvents(AgentClient& agent, ClientIo& io, const EventsOptions& options) {
  bool json = options.output == "json";
  if (!json) io.out << formatTable({kHead}, kFollowWidths) << std::flush;
  std::optional<Error> broken;
  Result<void> followed = agent.follow("/events?follow=true", [&](std::string_view line) {
    Result<EventRow> row = eventRow(line, io.now());
    if (!row) {
      broken = row.error();
      return false;
    }
    if (!isWanted(*row, options.ns, options.pod)) return true;
    if (json) {
      io.out << line << "\n" << std::flush;
    } else {
      io.out << formatTable({cells(*row)}, kFollowWidths) << std::flush;
    }
    return io.out.good();
  });
  if (broken) return fail(*broken);
  return followed;
}

}  // namespace

Result<void> showEvents(AgentClient& agent, ClientIo& io, const EventsOptions& options) {
  if (options.follow) return followEvents(agent, io, options);
  Result<std::string> body = agent.get("/events");
  if (!body) return fail(body.error());
  Result<std::vector<std::string>> texts = eventTexts(*body);
  if (!texts) return fail(texts.error());

  std::vector<std::vector<std::string>> rows{kHead};
  auto list = nlohmann::ordered_json::object(
      {{"apiVersion", "v1"}, {"kind", "List"}, {"metadata", nlohmann::ordered_json::object()}});
  list["items"] = nlohmann::ordered_json::array();
  for (const std::string& text : *texts) {
    Result<EventRow> row = eventRow(text, io.now());
    if (!row) return fail(row.error());
    if (!isWanted(*row, options.ns, options.pod)) continue;
    rows.push_back(cells(*row));
    list["items"].push_back(nlohmann::ordered_json::parse(text));
  }
  if (options.output == "json") {
    io.out << list.dump(2) << "\n";
  } else if (rows.size() == 1) {
    io.err << "no events\n";
  } else {
    io.out << formatTable(rows);
  }
  return {};
}

}  // namespace cubelet::client
