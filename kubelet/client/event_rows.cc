#include "kubelet/client/event_rows.h"

#include <optional>

#include "kubelet/client/human_time.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/logs/cri_log.h"

namespace cubelet::client {
namespace {

using Json = nlohmann::json;

std::string ageText(const Json& event, WallTime now) {
  std::optional<WallTime> last = logs::parseRfc3339(textAt(event, "lastTimestamp"));
  std::optional<WallTime> first = logs::parseRfc3339(textAt(event, "firstTimestamp"));
  if (!last) return "<unknown>";
  std::string age = humanDuration(now - *last);
  auto count = event.find("count");
  if (count == event.end() || !count->is_number_integer() || count->get<int>() < 2 || !first) return age;
  return age + " (x" + std::to_string(count->get<int>()) + " over " + humanDuration(now - *first) + ")";
}

std::string lowered(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

Result<EventRow> eventRow(std::string_view json, WallTime now) {
  Json event = Json::parse(json, nullptr, false);
  if (!event.is_object()) return fail(Code::kInternal, "", "the agent sent something else than an event");
  Json object = objectAt(event, "involvedObject");
  EventRow row;
  row.ns = textAt(object, "namespace");
  row.kind = textAt(object, "kind");
  row.name = textAt(object, "name");
  row.object = lowered(row.kind) + "/" + row.name;
  std::string field = textAt(object, "fieldPath");
  if (auto open = field.find('{'); open != std::string::npos && field.back() == '}')
    row.object += " (" + field.substr(open + 1, field.size() - open - 2) + ")";
  row.type = textAt(event, "type");
  row.reason = textAt(event, "reason");
  row.message = textAt(event, "message");
  row.age = ageText(event, now);
  return row;
}

Result<std::vector<std::string>> eventTexts(std::string_view list) {
  Json json = Json::parse(list, nullptr, false);
  if (!json.is_object() || !json.value("items", Json()).is_array())
    return fail(Code::kInternal, "", "the agent sent something else than a list of events");
  std::vector<std::string> texts;
  for (const Json& item : json["items"]) texts.push_back(item.dump());
  return texts;
}

bool isWanted(const EventRow& row, std::string_view ns, std::string_view pod) {
  std::string_view name = pod;
  if (std::size_t slash = pod.find('/'); slash != std::string_view::npos) {
    ns = pod.substr(0, slash);
    name = pod.substr(slash + 1);
  }
  if (!ns.empty() && row.ns != ns) return false;
  return name.empty() || (row.kind == "Pod" && row.name.starts_with(name));
}

}  // namespace cubelet::client
