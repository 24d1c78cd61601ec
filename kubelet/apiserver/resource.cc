#include "kubelet/apiserver/resource.h"

namespace cubelet::apiserver {
namespace {

bool isPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (isPlain(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xf]);
  }
  return out;
}

std::string withQuery(std::string path, const Query& query) {
  char separator = path.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : query) {
    path.push_back(std::exchange(separator, '&'));
    path.append(name).append("=").append(escaped(value));
  }
  return path;
}

std::string Resource::collection(std::string_view ns) const {
  std::string path = group.empty() ? "/api/" : "/apis/" + std::string(group) + "/";
  path.append(version);
  if (namespaced && !ns.empty()) path.append("/namespaces/").append(escaped(ns));
  return path.append("/").append(plural);
}

std::string Resource::object(std::string_view ns, std::string_view name, std::string_view subresource) const {
  std::string path = collection(ns) + "/" + escaped(name);
  if (!subresource.empty()) path.append("/").append(subresource);
  return path;
}

}  // namespace cubelet::apiserver
