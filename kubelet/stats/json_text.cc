#include "kubelet/stats/json_text.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

namespace cubelet::stats {
namespace {

constexpr std::size_t kMostDigits = 32;

template <class Number>
void append(Number number, std::string& text) {
  char digits[kMostDigits];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

bool isPlain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

// Whatever follows a value needs a comma; inside of a text no bracket is the last byte, for it ends with a quote.
void JsonText::separate() {
  if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':') text_ += ',';
}

void JsonText::begin(char bracket) {
  separate();
  text_ += bracket;
}

JsonText& JsonText::key(std::string_view name) {
  separate();
  text_ += '"';
  text_ += name;
  text_ += "\":";
  return *this;
}

void JsonText::value(std::string_view text) {
  separate();
  if (std::ranges::all_of(text, isPlain)) {
    text_ += '"';
    text_ += text;
    text_ += '"';
    return;
  }
  text_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void JsonText::value(std::uint64_t number) {
  separate();
  append(number, text_);
}

void JsonText::value(double number) {
  separate();
  append(number, text_);
}

void JsonText::value(bool truth) {
  separate();
  text_ += truth ? "true" : "false";
}

}  // namespace cubelet::stats
