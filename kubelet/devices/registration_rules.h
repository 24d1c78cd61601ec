// Which plug-ins are taken. Pure.
#pragma once

#include "base/result.h"
#include "proto/deviceplugin/deviceplugin.pb.h"

namespace cubelet::devices {

inline constexpr char kApiVersion[] = "v1beta1";
// The kubelet's own socket in the directory of plug-ins.
inline constexpr char kKubeletSocket[] = "kubelet.sock";

// kInvalid: another version, no name of an extended resource, or a socket that is not one of the directory's.
Result<void> check(const ::v1beta1::RegisterRequest& request);

}  // namespace cubelet::devices
