// Attachments: volumes that somebody in the cluster attaches to this node before it may mount them.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "base/task.h"

namespace cubelet::volumes {

// Reason of an error: the storage has no room for another volume on this node (CSI-19).
inline constexpr char kAttachLimitExceeded[] = "VolumeAttachmentLimitExceeded";

struct Attachment {
  std::string name;                                   // of the VolumeAttachment
  std::map<std::string, std::string> publishContext;  // what the driver's controller tells the driver on the node
};

// Loop thread only.
class Attachments {
 public:
  virtual ~Attachments() = default;
  // Returns once the volume of that driver and handle is attached to this node, and the cluster knows that the node
  // uses it (CSI-4). Nobody here attaches anything. An error says how far it has come: call it again, unless
  // its reason is kAttachLimitExceeded.
  virtual Task<Result<Attachment>> await(std::string driver, std::string handle) = 0;
};

}  // namespace cubelet::volumes
