#include "kubelet/web/router.h"

#include <algorithm>
#include <optional>

namespace cubelet::web {
namespace {

using Parameters = std::map<std::string, std::string>;

// Takes the segment before the next slash off `path`.
std::string_view takeSegment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

std::optional<Parameters> matched(std::string_view pattern, std::string_view path) {
  Parameters parameters;
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  while (!pattern.empty()) {
    const std::string_view wanted = takeSegment(pattern);
    if (wanted.ends_with("...}")) {
      parameters[std::string(wanted.substr(1, wanted.size() - 5))] = std::string(path);
      return parameters;
    }
    const std::string_view have = takeSegment(path);
    if (wanted.starts_with('{')) {
      if (have.empty()) return std::nullopt;
      parameters[std::string(wanted.substr(1, wanted.size() - 2))] = std::string(have);
    } else if (wanted != have) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return parameters;
}

}  // namespace

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  match.status = 404;
  for (const Route& route : routes_) {
    std::optional<Parameters> parameters = matched(route.pattern, path);
    if (!parameters) continue;
    if (std::ranges::find(route.methods, method) == route.methods.end()) {
      match.status = 405;
      continue;
    }
    match.route = &route;
    match.parameters = *std::move(parameters);
    match.status = 200;
    return match;
  }
  return match;
}

}  // namespace cubelet::web
