#include "kubelet/metrics/text_writer.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace cubelet::metrics {
namespace {

// Whole numbers up to here are written with all their digits; a double holds each of them.
constexpr double kWhole = 1e15;
constexpr std::size_t kMostDigits = 32;

template <class Number>
void append(Number number, std::string& text) {
  char digits[kMostDigits];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void appendValue(double value, std::string& text) {
  if (std::isnan(value))
    text += "NaN";
  else if (std::isinf(value))
    text += value > 0 ? "+Inf" : "-Inf";
  else if (std::abs(value) < kWhole && value == std::trunc(value))
    append(static_cast<std::int64_t>(value), text);
  else
    append(value, text);
}

}  // namespace

std::string labelText(std::string_view name, std::string_view value) {
  std::string text;
  text.reserve(name.size() + value.size() + 3);
  text.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text += '"';
}

std::string labelText(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text += labelText(name, value);
  }
  return text;
}

void TextWriter::family(std::string_view name, std::string_view help, Kind kind) {
  name_ = name;
  heading_.clear();
  heading_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
  heading_ += kind == Kind::kCounter ? " counter\n" : " gauge\n";
}

void TextWriter::sample(std::string_view labels, double value, std::optional<WallTime> at, std::string_view more) {
  text_ += heading_;
  heading_.clear();
  text_ += name_;
  if (!labels.empty() || !more.empty()) {
    text_.append("{").append(labels);
    if (!labels.empty() && !more.empty()) text_ += ',';
    text_.append(more).append("}");
  }
  text_ += ' ';
  appendValue(value, text_);
  if (at) {
    text_ += ' ';
    append(std::chrono::duration_cast<std::chrono::milliseconds>(at->time_since_epoch()).count(), text_);
  }
  text_ += '\n';
}

}  // namespace cubelet::metrics
