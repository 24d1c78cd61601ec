// ClaimStatuses: where the statuses of claims are kept, for whoever changes the size of a volume.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "kubelet/objects/objects.h"

namespace cubelet::volumes {

// Loop thread only.
class ClaimStatuses {
 public:
  virtual ~ClaimStatuses() = default;
  // Changes the status of a claim by a strategic merge patch; answers the claim as it is then. What the patch says of
  // its metadata (uid, resourceVersion) has to be so still, else nothing is changed: read the claim again.
  virtual Task<Result<objects::ClaimPtr>> patch(std::string ns, std::string name, std::string patch) = 0;
};

}  // namespace cubelet::volumes
