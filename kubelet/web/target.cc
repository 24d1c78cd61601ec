#include "kubelet/web/target.h"

#include <algorithm>

namespace cubelet::web {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// In a query, "+" stands for a space.
std::optional<std::string> unescape(std::string_view text, bool query) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = hexDigit(text[i + 1]);
      int low = hexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      plain.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      plain.push_back(query && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return plain;
}

}  // namespace

std::string_view Target::get(std::string_view name) const {
  for (const auto& [known, value] : query)
    if (known == name) return value;
  return {};
}

std::vector<std::string> Target::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [known, value] : query)
    if (known == name) values.push_back(value);
  return values;
}

bool Target::has(std::string_view name) const {
  return std::ranges::any_of(query, [&](const auto& one) { return one.first == name; });
}

bool Target::flag(std::string_view name) const {
  return has(name) && get(name) != "false" && get(name) != "0";
}

std::optional<Target> parseTarget(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  Target target;
  std::size_t question = text.find('?');
  std::optional<std::string> path = unescape(text.substr(0, question), false);
  if (!path) return std::nullopt;
  target.path = *std::move(path);
  if (question == std::string_view::npos) return target;

  std::string_view rest = text.substr(question + 1);
  while (!rest.empty()) {
    std::size_t end = rest.find('&');
    std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    std::size_t equals = pair.find('=');
    std::optional<std::string> name = unescape(pair.substr(0, equals), true);
    std::optional<std::string> value =
        unescape(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    target.query.emplace_back(*std::move(name), *std::move(value));
  }
  return target;
}

bool isPlainPath(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return true;
}

}  // namespace cubelet::web
