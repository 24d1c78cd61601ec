// When a volume is to be grown on this node, and what its claim says of it then: upstream's rules (CSI-15). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "csi/volumes/volumes.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

struct Growth {
  std::int64_t bytes = 0;  // the size that the volume should have
  bool tellClaim = false;  // its claim does not say so yet
  bool stepwise = false;   // the claim also tells how far it is: whoever resizes volumes in the cluster wants that
};

// What its object promises, in bytes; 0: nothing.
std::int64_t sizeOf(const core::PersistentVolume& volume);
// What the claim's status says that it has, in bytes; 0: nothing, as on a node without API server.
std::int64_t sizeOf(const core::PersistentVolumeClaim& claim);

// Nothing: the volume is as large as it should be, the driver has refused that size here, or it is not the node's turn.
// Without a status of the claim that tells a size, a volume is brought to the size that its object promises.
std::optional<Growth> growthOf(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume,
                               csi::Volumes::Size size);

// Patches of the claim's status (strategic merge), each for the claim in just this version.
bool isResizing(const core::PersistentVolumeClaim& claim);  // patchResizing() would change nothing
std::string patchResizing(const core::PersistentVolumeClaim& claim);
std::string patchResized(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume);
// `forGood`: no repetition will help, the size of the claim has to be another one.
std::string patchNotResized(const core::PersistentVolumeClaim& claim, std::string_view why, bool forGood, WallTime now);

}  // namespace cubelet::volumes
