// Where a container's log lies, made ready for its runtime and for log collectors (LOG-1).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "kubelet/layout/layout.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::sync {

// Before the container is made: its runtime writes there. `pod` has uid, name and namespace.
Result<void> makeLogDirectory(const layout::Directories& dirs, const k8s::meta::v1::ObjectMeta& pod,
                              const std::string& container);

// The link to the log of one instance, under the name that log collectors look for. An error is logged: a missing link
// must not fail a start.
void linkLog(const layout::Directories& dirs, const k8s::meta::v1::ObjectMeta& pod, const std::string& container,
             const std::string& id, std::uint32_t attempt);

}  // namespace cubelet::sync
