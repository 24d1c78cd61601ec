// What the specification says about requests. Pure.
#pragma once

#include <cstdint>
#include <grpcpp/support/status.h>
#include <string>

#include "integration/csi-hostpath/state.pb.h"
#include "proto/csi/csi.pb.h"

namespace cubelet::hostpath {

namespace v1 = ::csi::v1;

// INVALID_ARGUMENT when the capability is absent, or has no access type or mode.
grpc::Status checkCapability(bool present, const v1::VolumeCapability& capability);
// INVALID_ARGUMENT unless the id may be the name of a directory.
grpc::Status checkVolumeId(const std::string& id);
// INVALID_ARGUMENT unless the path is there and absolute.
grpc::Status checkPath(const std::string& path, const std::string& field);

bool isReadOnly(const v1::VolumeCapability& capability);
bool allowsSeveralNodes(const v1::VolumeCapability& capability);
// A second target on one node.
bool allowsSeveralTargets(const v1::VolumeCapability& capability);
// The volume is of the kind that the capability wants.
bool fits(const v1::VolumeCapability& capability, const csihostpath::Volume& volume);
bool sameUse(const csihostpath::Volume::Use& left, const csihostpath::Volume::Use& right);

// The size for a new volume; OUT_OF_RANGE when none fits.
grpc::Status chooseCapacity(const v1::CapacityRange& range, std::int64_t most, std::int64_t& chosen);
bool inRange(std::int64_t capacity, const v1::CapacityRange& range);

}  // namespace cubelet::hostpath
