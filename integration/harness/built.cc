#include "integration/harness/built.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "integration/harness/process.h"

namespace cubelet::integration::built {

std::string agent() {
  const char* given = std::getenv("CUBELET");
  return given != nullptr ? given : CUBELET_BUILD_DIR "/kubelet/main/cubelet";
}

std::string hostpathDriver() {
  return CUBELET_BUILD_DIR "/integration/csi-hostpath/csi-hostpath";
}

std::string script(const std::string& name) {
  return CUBELET_SOURCE_DIR "/scripts/" + name;
}

std::string image(const std::string& name) {
  return CUBELET_BUILD_DIR "/integration/images/" + name + ".tar";
}

std::filesystem::path controlPlane() {
  Finished where = run({script("build-control-plane"), "--where"});
  if (!where.ok()) return {};
  return where.output.substr(0, where.output.find('\n'));
}

std::filesystem::path keptLogs() {
  return CUBELET_BUILD_DIR "/integration/logs";
}

std::string missing() {
  if (geteuid() != 0) return "not root";
  for (const char* program : {"/usr/bin/containerd", "/usr/sbin/runc", "/usr/lib/cni/bridge"})
    if (!std::filesystem::exists(program)) return std::string(program) + " is not there (scripts/install-packages run)";
  for (const char* name : {"pause", "test", "user"})
    if (!std::filesystem::exists(image(name))) return image(name) + " was not built";
  if (access(agent().c_str(), X_OK) != 0) return agent() + " was not built";
  return "";
}

}  // namespace cubelet::integration::built
