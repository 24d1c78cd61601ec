// The target of an HTTP request ("/pods?namespace=a%20b") taken apart.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cubelet::server {

struct Target {
  std::string path;                          // decoded
  std::map<std::string, std::string> query;  // decoded; of a name given twice, the first counts

  // Empty when the name is missing.
  std::string_view get(const std::string& name) const;
  // Present and not "false" or "0", as Go's handlers read booleans.
  bool flag(const std::string& name) const;
};

// Empty when it does not start with a slash or an escape is broken.
std::optional<Target> parseTarget(std::string_view text);

}  // namespace cubelet::server
