#include "kubelet/access/attributes.h"

namespace cubelet::access {
namespace {

std::string verbOf(std::string_view method) {
  if (method == "GET") return "get";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

bool isAtOrBelow(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/');
}

struct Rule {
  std::string_view prefix;
  std::string_view subresource;
  bool proxyToo;  // nodes/proxy, which covered all of these once, is still enough
};

constexpr Rule kRules[] = {
    {"/metrics", "metrics", false}, {"/stats", "stats", false},
    {"/logs", "log", false},        {"/checkpoint", "checkpoint", false},
    {"/statusz", "statusz", false}, {"/flagz", "configz", false},
    {"/pods", "pods", true},        {"/runningpods", "pods", true},
    {"/healthz", "healthz", true},  {"/configz", "configz", true},
};

}  // namespace

Attributes attributesOf(std::string_view method, std::string_view path) {
  Attributes attributes;
  attributes.verb = verbOf(method);
  for (const Rule& rule : kRules) {
    if (!isAtOrBelow(path, rule.prefix)) continue;
    attributes.subresources.emplace_back(rule.subresource);
    if (!rule.proxyToo) return attributes;
  }
  attributes.subresources.emplace_back("proxy");
  return attributes;
}

}  // namespace cubelet::access
