// Which plug-ins are taken. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "proto/deviceplugin/deviceplugin.pb.h"

namespace cubelet::devices {

inline constexpr char kApiVersion[] = "v1beta1";
// The kubelet's own socket in the directory of plug-ins.
inline constexpr char kKubeletSocket[] = "kubelet.sock";

// kInvalid: another version, no name of an extended resource, or a socket that is not one of the directory's.
Result<void> check(const ::v1beta1::RegisterRequest& request);
// The same for one that registers in the directory of all plug-ins (plugins_registry): its name is its resource, and it
// says which versions it knows.
Result<void> check(const std::string& resource, const std::vector<std::string>& versions);

}  // namespace cubelet::devices
