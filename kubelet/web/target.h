// The target of an HTTP request ("/pods?namespace=a%20b") taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cubelet::web {

struct Target {
  std::string path;                                        // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in its order

  // The first of that name; empty when the name is missing.
  std::string_view get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const;
  // Present and not "false" or "0", as Go's handlers read booleans.
  bool flag(std::string_view name) const;
};

// Empty when it does not start with a slash or an escape is broken.
std::optional<Target> parseTarget(std::string_view text);

// No "." or "..", nothing empty between two slashes, no NUL: such a path means the same to whoever authorizes it and to
// whoever serves it. A slash at the end is allowed.
bool isPlainPath(std::string_view path);

}  // namespace cubelet::web
