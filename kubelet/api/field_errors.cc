#include "kubelet/api/field_errors.h"

#include <algorithm>

namespace cubelet::api {
namespace {

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

Field Field::child(std::string_view name) const {
  return Field(text_ + "." + std::string(name));
}

Field Field::index(int position) const {
  return Field(text_ + "[" + std::to_string(position) + "]");
}

Field Field::key(std::string_view key) const {
  return Field(text_ + "[" + std::string(key) + "]");
}

Shown::Shown(std::string_view text) : text_(quoted(text)) {}

void FieldErrors::add(const Field& field, std::string message, std::string_view detail) {
  if (!detail.empty()) message += ": " + std::string(detail);
  problems_.push_back({.line = 0, .path = field.text(), .message = std::move(message), .fatal = true});
}

void FieldErrors::required(const Field& field, std::string_view detail) {
  add(field, "Required value", detail);
}

void FieldErrors::invalid(const Field& field, const Shown& value, std::string_view detail) {
  add(field, "Invalid value: " + value.text(), detail);
}

void FieldErrors::invalid(const Field& field, const Shown& value, const std::vector<std::string>& reasons) {
  for (const std::string& reason : reasons) invalid(field, value, std::string_view(reason));
}

void FieldErrors::unsupported(const Field& field, std::string_view value,
                              std::initializer_list<std::string_view> supported) {
  std::string list;
  for (std::string_view one : supported) list += (list.empty() ? "" : ", ") + quoted(one);
  add(field, "Unsupported value: " + quoted(value), "supported values: " + list);
}

void FieldErrors::duplicate(const Field& field, const Shown& value) {
  add(field, "Duplicate value: " + value.text(), "");
}

void FieldErrors::notFound(const Field& field, std::string_view value, std::string_view detail) {
  add(field, "Not found: " + quoted(value), detail);
}

void FieldErrors::forbidden(const Field& field, std::string_view detail) {
  add(field, "Forbidden", detail);
}

void FieldErrors::tooLong(const Field& field, std::size_t maxBytes) {
  add(field, "Too long", "may not be more than " + std::to_string(maxBytes) + " bytes");
}

void FieldErrors::tooMany(const Field& field, int count, int maxItems) {
  add(field, "Too many: " + std::to_string(count), "must have at most " + std::to_string(maxItems) + " items");
}

void FieldErrors::oneOf(const Field& field, std::string_view value, std::initializer_list<std::string_view> supported) {
  if (value.empty()) return required(field);
  if (std::find(supported.begin(), supported.end(), value) == supported.end()) unsupported(field, value, supported);
}

}  // namespace cubelet::api
