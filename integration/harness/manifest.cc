#include "integration/harness/manifest.h"

#include "integration/harness/containerd.h"

namespace cubelet::integration {

json container(const std::string& name, std::vector<std::string> command) {
  json mounts = json::array();
  mounts.push_back({{"name", "out"}, {"mountPath", "/out"}});
  return {{"name", name}, {"image", kImage}, {"command", command}, {"volumeMounts", mounts}};
}

json marker(const std::string& name, const std::string& record) {
  return container(name, {"mark", "/out/" + record});
}

json shell(const std::string& name, const std::string& record, const std::string& script) {
  return container(name, {"mark", "/out/" + record, "sh", "-c", script});
}

json pod(const std::string& name, std::vector<json> containers) {
  json spec = {{"terminationGracePeriodSeconds", 2}, {"containers", containers}};
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", name}}}, {"spec", spec}};
}

}  // namespace cubelet::integration
