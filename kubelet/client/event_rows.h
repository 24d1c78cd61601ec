// Events as people read them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::client {

struct EventRow {
  std::string ns;
  std::string object;  // "pod/web", with the container behind it: "pod/web (app)"
  std::string name;    // of the object
  std::string kind;
  std::string type;
  std::string reason;
  std::string message;
  std::string age;  // "12s", "12s (x4 over 2m)"
};

// One Event as JSON. kInternal: it is none.
Result<EventRow> eventRow(std::string_view json, WallTime now);
// The Events of a List as JSON texts.
Result<std::vector<std::string>> eventTexts(std::string_view list);

// With `ns` or `pod` given, only events about that namespace, and about a pod whose name begins so.
bool isWanted(const EventRow& row, std::string_view ns, std::string_view pod);

}  // namespace cubelet::client
