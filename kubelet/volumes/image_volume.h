// image: the content of an image, which the container runtime mounts itself (CFG-24).
#pragma once

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

class ImageVolume final : public VolumeType {
 public:
  bool handles(const core::VolumeSource& source) const override { return source.has_image(); }
  // There is nothing on the host: the path is empty. Pulling belongs to the start of each container.
  Result<std::string> setUp(const VolumeRequest&) const override { return std::string(); }
};

}  // namespace cubelet::volumes
