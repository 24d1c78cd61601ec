// Reading JSON that may be anything.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace cubelet::client {

// The text of that member; empty when it is missing or no text.
template <class Json>
std::string textAt(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->template get<std::string>() : "";
}

// The object in that member; an empty one when it is missing or no object.
template <class Json>
Json objectAt(const Json& object, const char* name) {
  if (!object.is_object()) return Json::object();
  auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

template <class Json>
bool isTrueAt(const Json& object, const char* name) {
  if (!object.is_object()) return false;
  auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->template get<bool>();
}

}  // namespace cubelet::client
