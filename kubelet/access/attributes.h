// What a request wants to do, in the words of RBAC. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cubelet::access {

// Always about the resource `nodes`, this one by name. It is enough to be allowed one of the subresources; they are
// asked for in this order (SRV-9, KEP-2862).
struct Attributes {
  std::string verb;  // get, create, update, patch, delete; empty for any other method
  std::vector<std::string> subresources;
  bool operator==(const Attributes&) const = default;
};

// `path` as the router sees it: decoded.
Attributes attributesOf(std::string_view method, std::string_view path);

}  // namespace cubelet::access
