// The arguments of CSI calls. Pure. CSI-7, CSI-8, CSI-9, surface 6.3 and 6.4.
#pragma once

#include <cstdint>
#include <string>

#include "csi/client/node_service.h"
#include "csi/volumes/volume_spec.h"

namespace cubelet::csi {

v1::VolumeCapability::AccessMode::Mode accessModeOf(const VolumeSpec& spec, const NodeCapabilities& can);

// `fsGroup` goes into the capability only when the driver wants it.
v1::VolumeCapability capabilityOf(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can);

v1::NodeStageVolumeRequest stageRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                        const std::string& stagingPath);

// `stagingPath` is sent for drivers that stage, and for block volumes always.
v1::NodePublishVolumeRequest publishRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                            const std::string& stagingPath, const std::string& target);

v1::NodeExpandVolumeRequest expandRequest(const VolumeSpec& spec, const PodUse& use, const NodeCapabilities& can,
                                          const std::string& stagingPath, const std::string& volumePath,
                                          std::int64_t bytes);

}  // namespace cubelet::csi
