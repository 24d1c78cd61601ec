#include "kubelet/podconfig/sub_paths.h"

#include <set>

namespace cubelet::podconfig {
namespace {

std::unexpected<Error> configError(std::string message) {
  return fail(Code::kInvalid, "CreateContainerConfigError", std::move(message));
}

Result<std::string> expanded(const std::string& expression, const Environment& environment) {
  std::set<std::string> unset;
  std::string path = expand(expression, environment, unset);
  if (unset.empty()) return path;
  std::string names;
  for (const std::string& name : unset) names += (names.empty() ? "" : ", ") + name;
  return configError("missing value for " + names);
}

bool hasBackstep(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool hasSubPath(const core::VolumeMount& mount) {
  return !mount.subpath().empty() || !mount.subpathexpr().empty();
}

Result<std::vector<SubPathMount>> subPathMounts(const core::Container& container, const Environment& environment) {
  std::vector<SubPathMount> out;
  for (int i = 0; i < container.volumemounts_size(); ++i) {
    const core::VolumeMount& mount = container.volumemounts(i);
    if (!hasSubPath(mount)) continue;
    std::string path = mount.subpath();
    if (!mount.subpathexpr().empty()) {
      Result<std::string> text = expanded(mount.subpathexpr(), environment);
      if (!text) return fail(text.error());
      path = std::move(*text);
    }
    if (path.starts_with('/')) return configError("error SubPath `" + path + "` must not be an absolute path");
    if (hasBackstep(path)) return configError("unable to provision SubPath `" + path + "`: must not contain '..'");
    out.push_back({i, mount.name(), std::move(path)});
  }
  return out;
}

std::string subPathFailure(std::string_view verb, const core::Container& container, int index) {
  const std::string directory = verb == "create" ? " directory" : "";
  return "failed to " + std::string(verb) + " subPath" + directory + " for volumeMount \"" +
         container.volumemounts(index).name() + "\" of container \"" + container.name() + "\"";
}

}  // namespace cubelet::podconfig
