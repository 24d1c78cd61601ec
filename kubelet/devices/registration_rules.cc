#include "kubelet/devices/registration_rules.h"

#include "kubelet/api/names.h"
#include "kubelet/api/pod_resources.h"

namespace cubelet::devices {
namespace {

bool isExtendedName(const std::string& name) {
  if (api::isNativeResource(name) || name.starts_with("requests.")) return false;
  return api::whyNotLabelKey("requests." + name).empty();  // what quotas will call it
}

}  // namespace

Result<void> check(const ::v1beta1::RegisterRequest& request) {
  if (request.version() != kApiVersion)
    return fail(Code::kInvalid, "",
                "requested API version \"" + request.version() +
                    "\" is not supported by kubelet. Supported version is \"" + kApiVersion + "\"");
  if (!isExtendedName(request.resource_name()))
    return fail(Code::kInvalid, "", "the ResourceName \"" + request.resource_name() + "\" is invalid");
  const std::string& socket = request.endpoint();
  if (socket.empty() || socket == "." || socket == ".." || socket == kKubeletSocket ||
      socket.find('/') != std::string::npos || socket.find('\0') != std::string::npos)
    return fail(Code::kInvalid, "",
                "the endpoint \"" + socket + "\" of " + request.resource_name() +
                    " is no name of a socket in the directory of device plug-ins");
  return {};
}

}  // namespace cubelet::devices
