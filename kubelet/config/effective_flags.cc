#include "kubelet/config/effective_flags.h"

#include <algorithm>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "kubelet/config/flag_table.h"

namespace cubelet::config {
namespace {

using nlohmann::json;

std::string textOf(bool value) {
  return value ? "true" : "false";
}
std::string textOf(const std::string& value) {
  return value;
}
std::string textOf(std::int32_t value) {
  return std::to_string(value);
}
std::string textOf(std::chrono::nanoseconds value) {
  return durationText(value);
}
std::string textOf(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [name, value] : values) text += (text.empty() ? "" : ",") + name + "=" + value;
  return text;
}

std::string scalar(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string textOf(const json& value) {
  if (value.is_null()) return "";
  if (!value.is_structured()) return scalar(value);
  std::string text;
  for (const auto& [name, one] : value.items())
    text += (text.empty() ? "" : ",") + (value.is_object() ? name + "=" : "") + scalar(one);
  return value.is_object() ? text : "[" + text + "]";
}

json valueAt(const json& root, std::string_view field) {
  std::string path = "/" + std::string(field);
  std::ranges::replace(path, '.', '/');
  const json::json_pointer pointer(path);
  return root.contains(pointer) ? root[pointer] : json();
}

struct Value {
  const CommandLine& commandLine;
  const json& config;

  std::optional<std::string> operator()(Nothing) const { return std::nullopt; }
  std::optional<std::string> operator()(ConfigField field) const { return textOf(valueAt(config, field.path)); }
  template <class T>
  std::optional<std::string> operator()(T CommandLine::* member) const {
    return textOf(commandLine.*member);
  }
};

}  // namespace

std::map<std::string, std::string> effectiveFlags(const Effective& effective) {
  const json config = json::parse(effectiveJson(effective.config));
  std::map<std::string, std::string> flags;
  for (const Flag& flag : flagTable()) {
    std::optional<std::string> value = std::visit(Value{effective.commandLine, config}, flag.target);
    if (value) flags.emplace(std::string(flag.name), *std::move(value));
  }
  return flags;
}

}  // namespace cubelet::config
