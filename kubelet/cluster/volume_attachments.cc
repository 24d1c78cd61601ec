#include "kubelet/cluster/volume_attachments.h"

#include <algorithm>
#include <utility>

#include "csi/volumes/paths.h"
#include "kubelet/apiserver/resource.h"

namespace cubelet::cluster {
namespace {

namespace core = ::k8s::core::v1;
namespace storage = ::k8s::storage::v1;

constexpr Duration kFirstPause = std::chrono::milliseconds(100);
constexpr Duration kLongestPause = std::chrono::seconds(2);
constexpr int kResourceExhausted = 8;  // of gRPC

}  // namespace

std::string whyNotAttached(const std::set<std::string>& inUse, const std::set<std::string>& attached,
                           const std::string& volume) {
  if (!inUse.contains(volume))
    return "volume " + volume + " has not been added to the list of VolumesInUse in the node's volume status";
  if (!attached.contains(volume)) return "volume " + volume + " is not attached according to node status";
  return "";
}

Result<volumes::Attachment> readAttachment(const storage::VolumeAttachment& object) {
  const std::string name = object.metadata().name();
  const storage::VolumeAttachmentStatus& status = object.status();
  if (object.metadata().has_deletiontimestamp())
    return fail(Code::kUnavailable, "", "volume attachment " + name + " is being deleted");
  if (!status.attached()) {
    const std::string why = status.has_attacherror() ? ": " + status.attacherror().message() : "";
    const bool full = status.attacherror().errorcode() == kResourceExhausted;
    return fail(Code::kUnavailable, full ? volumes::kAttachLimitExceeded : "",
                "volume attachment " + name + " says that it is not attached yet" + why);
  }
  volumes::Attachment out;
  out.name = name;
  out.publishContext = {status.attachmentmetadata().begin(), status.attachmentmetadata().end()};
  return out;
}

void VolumeAttachments::nodeChanged(const core::Node& stored) {
  std::set<std::string> inUse(stored.status().volumesinuse().begin(), stored.status().volumesinuse().end());
  std::set<std::string> attached;
  for (const core::AttachedVolume& volume : stored.status().volumesattached()) attached.insert(volume.name());
  if (inUse == inUse_ && attached == attached_) return;
  inUse_ = std::move(inUse);
  attached_ = std::move(attached);
  for (Wake& wake : waiting_) wake.ring();
}

Task<Result<volumes::Attachment>> VolumeAttachments::ask(std::string name) {
  auto call = client_.get<storage::VolumeAttachment>(apiserver::kVolumeAttachments.object("", name));
  Result<storage::VolumeAttachment> found = co_await std::move(call);
  if (!found) co_return fail(found.error().within("read volume attachment " + name));
  co_return readAttachment(*found);
}

Task<Result<volumes::Attachment>> VolumeAttachments::await(std::string driver, std::string handle) {
  const std::string volume = csi::uniqueName(driver, handle);
  const std::string name = csi::attachmentName(handle, driver, nodeName_);
  const TimePoint until = clock_.now() + kPatience;
  struct Place {
    std::list<Wake>& all;
    std::list<Wake>::iterator mine;
    ~Place() { all.erase(mine); }
  };
  waiting_.emplace_back(clock_);
  Place place{waiting_, std::prev(waiting_.end())};
  Duration pause{0};
  for (;;) {
    std::string missing = whyNotAttached(inUse_, attached_, volume);
    TimePoint again = until;
    if (missing.empty()) {
      Result<volumes::Attachment> attached = co_await ask(name);
      if (attached) co_return attached;
      missing = attached.error().message;
      pause = std::clamp(pause * 2, kFirstPause, kLongestPause);
      again = std::min(until, clock_.now() + pause);
    }
    if (clock_.now() >= until) {
      Result<volumes::Attachment> last = co_await ask(name);
      const bool full = !last && last.error().reason == volumes::kAttachLimitExceeded;
      if (full) co_return last;
      co_return fail(Code::kTimedOut, "", std::move(missing));
    }
    const bool rung = co_await place.mine->waitUntil(again);
    (void)rung;  // either way: look again
  }
}

}  // namespace cubelet::cluster
