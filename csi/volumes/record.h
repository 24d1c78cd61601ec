// The journal entry of one volume: what has been begun and what is done. Pure. CSI-20.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::csi {

// An intent ("-ing") is on disk before its call; after a crash it says that the call may have had an effect.
enum class StageState { kNone, kStaging, kStaged, kUnstaging };
enum class PublishState { kClaimed, kPublishing, kPublished, kUnpublishing };
std::string_view toString(StageState state);
std::string_view toString(PublishState state);

struct VolumeRecord {
  std::string bootId;  // of the kernel that has the mounts
  std::string driver;
  std::string handle;
  std::string name;  // of the PersistentVolume or of the inline volume
  bool block = false;
  bool ephemeral = false;
  std::string attachmentId;
  std::int64_t size = 0;     // bytes that it is known to have; 0: nobody has said anything
  std::string selinuxLabel;  // it is mounted with, for all files (CSI-14); empty: with none
  StageState stage = StageState::kNone;
  std::map<std::string, PublishState> pods;  // by UID
  bool operator==(const VolumeRecord&) const = default;
};

std::string toJson(const VolumeRecord& record);
// kInvalid: not a record of this version.
Result<VolumeRecord> readRecord(std::string_view json);

// After a boot the kernel has no mounts: what was done counts as begun, so that it is done again for whoever wants it
// and undone for nobody's sake. The same when the agent cannot know.
VolumeRecord madeUncertain(VolumeRecord record);

// vol_data.json, in upstream's form.
struct VolumeData {
  std::string driver;
  std::string handle;
  std::string name;  // specVolID; empty in the file of a staging directory
  std::string node;
  std::string attachmentId;
  std::string selinuxLabel;  // seLinuxMountContext
  bool ephemeral = false;
};
std::string stagingData(const VolumeRecord& record);
std::string publishData(const VolumeRecord& record, const std::string& node);
Result<VolumeData> readVolumeData(std::string_view json);

}  // namespace cubelet::csi
