#include "kubelet/devices/registration_rules.h"

#include <algorithm>

#include "kubelet/api/names.h"
#include "kubelet/api/pod_resources.h"

namespace cubelet::devices {
namespace {

bool isExtendedName(const std::string& name) {
  if (api::isNativeResource(name) || name.starts_with("requests.")) return false;
  return api::whyNotLabelKey("requests." + name).empty();  // what quotas will call it
}

}  // namespace

Result<void> check(const std::string& resource, const std::vector<std::string>& versions) {
  if (std::ranges::find(versions, kApiVersion) == versions.end()) {
    std::string asked;
    for (const std::string& version : versions) asked += (asked.empty() ? "" : ", ") + version;
    return fail(Code::kInvalid, "",
                "requested API version \"" + asked + "\" is not supported by kubelet. Supported version is \"" +
                    kApiVersion + "\"");
  }
  if (!isExtendedName(resource)) return fail(Code::kInvalid, "", "the ResourceName \"" + resource + "\" is invalid");
  return {};
}

Result<void> check(const ::v1beta1::RegisterRequest& request) {
  if (Result<void> known = check(request.resource_name(), {request.version()}); !known) return known;
  const std::string& socket = request.endpoint();
  if (socket.empty() || socket == "." || socket == ".." || socket == kKubeletSocket ||
      socket.find('/') != std::string::npos || socket.find('\0') != std::string::npos)
    return fail(Code::kInvalid, "",
                "the endpoint \"" + socket + "\" of " + request.resource_name() +
                    " is no name of a socket in the directory of device plug-ins");
  return {};
}

}  // namespace cubelet::devices
