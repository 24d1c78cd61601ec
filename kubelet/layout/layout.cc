#include "kubelet/layout/layout.h"

#include <algorithm>

namespace cubelet::layout {
namespace {

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (std::string_view part : parts) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out;
}

}  // namespace

std::string podDirectory(const Directories& dirs, std::string_view uid) {
  return join({dirs.root, "pods", uid});
}

std::string podHostsFile(const Directories& dirs, std::string_view uid) {
  return join({podDirectory(dirs, uid), "etc-hosts"});
}

std::string userNamespaceFile(const Directories& dirs, std::string_view uid) {
  return join({podDirectory(dirs, uid), "userns"});
}

std::string podResourcesFile(const Directories& dirs, std::string_view uid) {
  return join({podDirectory(dirs, uid), "resources"});
}

std::string volumeDirectory(const Directories& dirs, std::string_view uid, std::string_view plugin,
                            std::string_view volume) {
  std::string escaped(plugin);
  std::replace(escaped.begin(), escaped.end(), '/', '~');
  return join({podDirectory(dirs, uid), "volumes", escaped, volume});
}

std::string subPathsDirectory(const Directories& dirs, std::string_view uid) {
  return join({podDirectory(dirs, uid), "volume-subpaths"});
}

std::string subPathTarget(const Directories& dirs, std::string_view uid, std::string_view volume,
                          std::string_view container, int index) {
  return join({subPathsDirectory(dirs, uid), volume, container, std::to_string(index)});
}

std::string containerDirectory(const Directories& dirs, std::string_view uid, std::string_view container) {
  return join({podDirectory(dirs, uid), "containers", container});
}

std::string podLogDirectory(const Directories& dirs, std::string_view ns, std::string_view name, std::string_view uid) {
  std::string leaf(ns);
  leaf.append("_").append(name).append("_").append(uid);
  return join({dirs.podLogs, leaf});
}

std::string containerLogFile(std::string_view container, std::uint32_t attempt) {
  return join({container, std::to_string(attempt) + ".log"});
}

std::string containerLogLink(const Directories& dirs, std::string_view pod, std::string_view ns,
                             std::string_view container, std::string_view containerId) {
  constexpr std::string_view kSuffix = ".log";
  constexpr std::size_t kNameMax = 255;
  std::string name(pod);
  name.append("_").append(ns).append("_").append(container).append("-").append(containerId);
  if (name.size() > kNameMax - kSuffix.size()) name.resize(kNameMax - kSuffix.size());
  return join({dirs.containerLogLinks, name + std::string(kSuffix)});
}

std::string devicePluginsDirectory(const Directories& dirs) {
  return join({dirs.root, "device-plugins"});
}

std::string podResourcesSocketDirectory(const Directories& dirs) {
  return join({dirs.root, "pod-resources"});
}

std::string ownStateDirectory(const Directories& dirs) {
  return join({dirs.root, "cubelet"});
}

}  // namespace cubelet::layout
