// What a runtime's event stream says, as RuntimeEvents. Pure.
#pragma once

#include <optional>

#include "cri/client/runtime_service.h"
#include "proto/containerd/types.pb.h"

namespace cubelet::cri {

// Nothing for what tells nothing about a container's or sandbox's life: execs, updates, image and snapshot events,
// other namespaces. An event that cannot be read becomes nothing too.
std::optional<RuntimeEvent> fromContainerd(const ::containerd::types::Envelope& envelope);

RuntimeEvent fromCri(const v1::ContainerEventResponse& response);

}  // namespace cubelet::cri
