// The next step in the life of a volume: claimed, staged, published and back. Pure.
#pragma once

#include <string>
#include <string_view>

#include "csi/volumes/record.h"

namespace cubelet::csi {

enum class Step { kNone, kClaim, kStage, kPublish, kUnpublish, kDropClaim, kUnstage, kForget };
std::string_view toString(Step step);

// Towards a pod that can use the volume; kNone: it can. What was half undone is undone first, what was half done is
// done again: all calls may be repeated. `stages`: the driver stages this volume.
Step stepToPublish(const VolumeRecord& record, const std::string& podUid, bool stages);

// Before that, for a pod that wants it mounted with this SELinux label, or with none (CSI-14): what was mounted with
// another one is undone, unless the pod uses it already. kNone: nothing is in the way.
Step stepToLabel(const VolumeRecord& record, const std::string& podUid, const std::string& label);

// Towards a pod that does not use it; kNone: it does not. The last one takes the staging and the record along, unless
// another pod is about to use the volume. An empty UID only takes those.
Step stepToUnpublish(const VolumeRecord& record, const std::string& podUid, bool othersWant);

}  // namespace cubelet::csi
