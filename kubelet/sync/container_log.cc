#include "kubelet/sync/container_log.h"

#include <cerrno>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::sync {
namespace {

constexpr mode_t kLogDirectoryMode = 0755;

std::string podLogs(const layout::Directories& dirs, const k8s::meta::v1::ObjectMeta& pod) {
  return layout::podLogDirectory(dirs, pod.namespace_(), pod.name(), pod.uid());
}

}  // namespace

Result<void> makeLogDirectory(const layout::Directories& dirs, const k8s::meta::v1::ObjectMeta& pod,
                              const std::string& container) {
  return makeDirectories(joinPath(podLogs(dirs, pod), container), kLogDirectoryMode);
}

void linkLog(const layout::Directories& dirs, const k8s::meta::v1::ObjectMeta& pod, const std::string& container,
             const std::string& id, std::uint32_t attempt) {
  const std::string link = layout::containerLogLink(dirs, pod.name(), pod.namespace_(), container, id);
  const std::string target = joinPath(podLogs(dirs, pod), layout::containerLogFile(container, attempt));
  if (::symlink(target.c_str(), link.c_str()) != 0 && errno != EEXIST)
    log::warning("cannot link the container's log", {{"pod", pod.namespace_() + "/" + pod.name()},
                                                     {"container", container},
                                                     {"file", link},
                                                     {"error", errnoError(errno, "symlink").message}});
}

}  // namespace cubelet::sync
