#include "kubelet/server/target.h"

namespace cubelet::server {
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

std::string_view Target::get(const std::string& name) const {
  auto found = query.find(name);
  return found == query.end() ? std::string_view() : found->second;
}

bool Target::flag(const std::string& name) const {
  auto found = query.find(name);
  return found != query.end() && found->second != "false" && found->second != "0";
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
    target.query.emplace(*std::move(name), *std::move(value));
  }
  return target;
}

}  // namespace cubelet::server
