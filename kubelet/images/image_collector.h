// ImageCollector: removes images that nobody needs, for want of disk space or because of their age (GC-4, GC-5).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/wake.h"
#include "cri/client/runtime_service.h"
#include "kubelet/images/image_gc.h"

namespace cubelet::images {

// statvfs(2); may hang on a network file system.
Result<DiskSpace> diskSpaceAt(const std::string& path);

// Looks when images or the pods may have changed (look()), when an image has come to an age that counts, and every five
// minutes while there are pods: what containers write fills the same disk. An idle node without pods has no timer. What
// goes is the decision of planImageGc(). Loop thread only.
class ImageCollector {
 public:
  struct Hooks {
    // Names of the images that pods of this node ask for. Nothing before every source of pods has delivered: no image
    // is removed then.
    std::function<std::optional<std::set<std::string>>()> wanted;
    std::function<void(std::string_view reason, std::string message)> warn;      // an event of the node
    std::function<Result<DiskSpace>(const std::string&)> spaceAt = diskSpaceAt;  // called on a thread
    // The runtime no longer has the image of this id.
    std::function<void(const std::string& imageId)> removed = [](const std::string&) {};
  };
  // All of them outlive this object.
  ImageCollector(Clock& clock, BlockingPool& pool, cri::RuntimeService& runtime, cri::ImageService& service,
                 ImageGcPolicy policy, Hooks hooks);
  ImageCollector(const ImageCollector&) = delete;
  ImageCollector& operator=(const ImageCollector&) = delete;

  // Until cancelled; ends at once when the policy switches everything off.
  Task<void> run();
  // Something may have changed: an image was pulled, the runtime is there again. Looks within ten seconds.
  void look();
  // Removes every image that nobody needs and that is old enough to go, now: eviction reclaims disk so (EVI-5).
  Task<Result<void>> removeUnused();
  // The set of pods is another one. Looks only when nothing would make it look otherwise.
  void podsChanged();

 private:
  struct World {
    std::vector<KnownImage> images;
    std::map<std::string, std::string> idOf;  // of every id, tag and digest
    std::set<std::string> inUse;              // ids
    std::optional<DiskSpace> space;
  };
  Task<Result<void>> collect();
  Task<Result<World>> readWorld();
  Task<Result<std::optional<DiskSpace>>> readSpace();
  Task<Result<void>> protect(World* world, std::set<std::string> names);
  Task<Result<void>> remove(ImageGcPlan plan, std::set<std::string> wanted);
  void remember(World& world);
  void scheduleNext(const std::optional<TimePoint>& again);

  Clock& clock_;
  BlockingPool& pool_;
  cri::RuntimeService& runtime_;
  cri::ImageService& service_;
  const ImageGcPolicy policy_;
  const Hooks hooks_;
  std::map<std::string, KnownImage> known_;  // by id
  Wake wake_;
  TimePoint due_ = TimePoint::max();
  std::optional<TimePoint> lookedAt_;
  bool failedBefore_ = false;
};

}  // namespace cubelet::images
