// What a pod was granted and what its containers have: as it stands on disk (RSZ-1, REC-6). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "kubelet/resize/resources.h"

namespace cubelet::resize {

struct Record {
  PodResources allocated;
  PodResources actuated;
  bool settled = true;          // the last resize that was granted is carried out, down to the pod's cgroup
  std::int64_t generation = 0;  // of the object whose resources were granted last
};

std::string toText(const Record& record);
// kInvalid: no such record, or of a schema that this agent does not know.
Result<Record> fromText(const std::string& text);

}  // namespace cubelet::resize
