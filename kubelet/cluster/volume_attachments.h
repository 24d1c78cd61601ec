// VolumeAttachments: waits until the cluster has attached a volume to this node. CSI-3, CSI-4.
#pragma once

#include <list>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/volumes/attachments.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::cluster {

// What stands in the way of mounting the volume, by its unique name, as far as the Node can tell: upstream's words;
// empty when nothing does. Pure.
std::string whyNotAttached(const std::set<std::string>& inUse, const std::set<std::string>& attached,
                           const std::string& volume);
// kUnavailable: not yet, and why; reason kAttachLimitExceeded: the storage has no room for it on this node. Pure.
Result<volumes::Attachment> readAttachment(const ::k8s::storage::v1::VolumeAttachment& object);

// Whether a volume is attached is told by the Node, which is watched. The VolumeAttachment of one that is must be asked
// for, since a node may not watch those: if it does not say so yet it is asked for again, after 100 ms and then at
// growing intervals up to 2 s. Loop thread only.
class VolumeAttachments final : public volumes::Attachments {
 public:
  // How long an answer is awaited: attaching takes its time, and is nobody's failure.
  static constexpr Duration kPatience = std::chrono::seconds(123);

  // References must outlive this object.
  VolumeAttachments(Clock& clock, apiserver::ApiClient& client, std::string nodeName)
      : clock_(clock), client_(client), nodeName_(std::move(nodeName)) {}

  // Our Node as the server has it; the first, and each newer one.
  void nodeChanged(const ::k8s::core::v1::Node& stored);

  // kTimedOut after kPatience: the message is what was missing last. Only then the attachment of a volume that is not
  // attached is asked for why that is so.
  Task<Result<volumes::Attachment>> await(std::string driver, std::string handle) override;

 private:
  Task<Result<volumes::Attachment>> ask(std::string name);

  Clock& clock_;
  apiserver::ApiClient& client_;
  std::string nodeName_;
  std::set<std::string> inUse_;
  std::set<std::string> attached_;
  std::list<Wake> waiting_;
};

}  // namespace cubelet::cluster
