// Growing a CSI volume on the node (CSI-15).
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

// Whether the volume's object or claim ask for more than the node has made of it; `request` is prepared as far as its
// claim.
bool hasGrown(const VolumeRequest& request, const Sources& sources);

// Has the driver bring a volume that is published for the pod to the size of its PersistentVolume, if that is due, and
// tells the claim. Nothing to do, or nothing that this node can do about it: no error. Success and failure are events
// of the pod. An error: try again.
Task<Result<void>> growCsi(VolumeRequest request, Sources sources);

}  // namespace cubelet::volumes
