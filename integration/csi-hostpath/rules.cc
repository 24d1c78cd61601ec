#include "integration/csi-hostpath/rules.h"

#include <algorithm>
#include <cctype>

#include "integration/csi-hostpath/status.h"

namespace cubelet::hostpath {
namespace {

using Mode = v1::VolumeCapability::AccessMode;
constexpr std::int64_t kDefaultCapacity = std::int64_t{64} << 20;
constexpr std::size_t kLongestString = 128;  // of the specification, for all but paths

}  // namespace

Status checkCapability(bool present, const v1::VolumeCapability& capability) {
  if (!present) return missing("volume_capability");
  if (!capability.has_block() && !capability.has_mount()) return missing("access type in its volume_capability");
  const auto mode = capability.access_mode().mode();
  if (mode == Mode::UNKNOWN) return missing("access_mode in its volume_capability");
  if (!Mode::Mode_IsValid(mode)) return invalid("access mode " + std::to_string(mode) + " is not supported");
  return Status::OK;
}

Status checkVolumeId(const std::string& id) {
  if (id.empty()) return missing("volume_id");
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  if (id.size() > kLongestString || id.front() == '.' || !std::ranges::all_of(id, good))
    return invalid("volume_id is not one of this driver's");
  return Status::OK;
}

Status checkPath(const std::string& path, const std::string& field) {
  if (path.empty()) return missing(field);
  if (!path.starts_with('/')) return invalid(field + " " + path + " is not absolute");
  return Status::OK;
}

bool isReadOnly(const v1::VolumeCapability& capability) {
  const auto mode = capability.access_mode().mode();
  return mode == Mode::SINGLE_NODE_READER_ONLY || mode == Mode::MULTI_NODE_READER_ONLY;
}

bool allowsSeveralNodes(const v1::VolumeCapability& capability) {
  const auto mode = capability.access_mode().mode();
  return mode == Mode::MULTI_NODE_READER_ONLY || mode == Mode::MULTI_NODE_SINGLE_WRITER ||
         mode == Mode::MULTI_NODE_MULTI_WRITER;
}

bool allowsSeveralTargets(const v1::VolumeCapability& capability) {
  return allowsSeveralNodes(capability) || capability.access_mode().mode() == Mode::SINGLE_NODE_MULTI_WRITER;
}

bool fits(const v1::VolumeCapability& capability, const csihostpath::Volume& volume) {
  return capability.has_block() == volume.block();
}

bool sameUse(const csihostpath::Volume::Use& left, const csihostpath::Volume::Use& right) {
  return left.SerializeAsString() == right.SerializeAsString();
}

Status chooseCapacity(const v1::CapacityRange& range, std::int64_t most, std::int64_t& chosen) {
  if (range.required_bytes() < 0 || range.limit_bytes() < 0) return outOfRange("a capacity is negative");
  if (range.limit_bytes() > 0 && range.required_bytes() > range.limit_bytes())
    return outOfRange("required_bytes is more than limit_bytes");
  if (range.required_bytes() > most) return outOfRange("at most " + std::to_string(most) + " bytes are left");
  chosen = range.required_bytes() > 0 ? range.required_bytes() : std::min(kDefaultCapacity, most);
  if (range.limit_bytes() > 0) chosen = std::min(chosen, range.limit_bytes());
  return Status::OK;
}

bool inRange(std::int64_t capacity, const v1::CapacityRange& range) {
  return capacity >= range.required_bytes() && (range.limit_bytes() == 0 || capacity <= range.limit_bytes());
}

}  // namespace cubelet::hostpath
