// The volumes of one pod: each set up on its own before its first container, torn down after its last.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/layout/layout.h"
#include "kubelet/volumes/fs_group.h"
#include "kubelet/volumes/sub_path.h"
#include "kubelet/volumes/volume_type.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// Every type that the agent knows.
std::span<const VolumeType* const> builtInTypes();

// Loop thread only. What may hang runs in the blocking pool, so that a hung mount costs one thread and one pod. Who
// tries again, and when, is up to the caller. `sources` has both functions; what it names outlives this object.
class PodVolumes {
 public:
  PodVolumes(BlockingPool& pool, Clock& clock, layout::Directories dirs, Sources sources,
             std::span<const VolumeType* const> types = builtInTypes())
      : pool_(pool), clock_(clock), dirs_(std::move(dirs)), sources_(std::move(sources)), types_(types) {
    sources_.now = [&clock] { return clock.wallNow(); };
  }

  // From now on volumes may name objects of the API server. Null: as without one.
  void useObjects(objects::Objects* objects) { sources_.objects = objects; }
  // The same for volumes that are attached before they are mounted.
  void useAttachments(Attachments* attachments) { sources_.attachments = attachments; }
  // The same for claims whose statuses tell what their volumes have.
  void useClaimStatuses(ClaimStatuses* claims) { sources_.claims = claims; }

  using HostPaths = std::map<std::string, std::string>;  // volume name -> path on the host
  // One try to make one volume ready; answers its path on the host. Safe to repeat, and to run for several volumes side
  // by side. Waits for objects that the volume refers to; Objects::use comes before, by whoever owns the pod. `walk`
  // tells how far giving the files to the pod's fsGroup has come; cancelling the task stops that. Error messages read
  // `MountVolume.SetUp failed for volume "v" : ...` (VOL-2), but for reason kNotProcessed; reason kAttachLimitExceeded:
  // this node cannot have it; kNotFound when an object is missing. kUnavailable: an earlier call for this volume hangs.
  Task<Result<std::string>> setUp(core::Pod pod, core::Volume volume, std::shared_ptr<OwnershipWalk> walk);
  // For a pod that runs: brings the files of its configMap, secret, downwardAPI and projected volumes up to date, after
  // an object or the pod itself has changed, or when refreshDue() has come; has CSI drivers that want it publish again
  // when that is due. Writes only what differs. A volume that fails keeps its files and does not stop the others; the
  // first error is answered, as by setUp.
  Task<Result<void>> refresh(core::Pod pod);
  // When refresh() is due because of tokens: nothing for a pod without any, and before its first setUp or refresh.
  // Never less than a minute after the last try.
  std::optional<WallTime> refreshDue(const std::string& uid) const;
  // For a pod that runs: looks whether volumes behind claims should be larger by now, and has them grown (CSI-15).
  // Failures are told by events of the pod, and tried again. One at a time for each pod.
  Task<void> grow(core::Pod pod);
  // When grow() is due even if nobody says that something has changed: a node may not watch claims. Nothing: never.
  std::optional<WallTime> growthDue(const std::string& uid) const;
  // Where volumes of CSI drivers lie that are mounted for the pod; those of an earlier run of the agent, once grow()
  // has looked at them.
  HostPaths csiPaths(const std::string& uid) const;
  // What the configuration of containers has of the pod's volumes beside their paths, once setUp() has answered those.
  struct Traits {
    std::set<std::int64_t> groups;     // of persistent volumes: their users have them (SEC-4)
    std::set<std::string> relabelled;  // volumes whose files get the label of the containers (CSI-14)
  };
  Traits traits(const std::string& uid) const;
  // Mounts a part of a volume that is ready, see sub_path.h; reasons of errors are those. One at a time for each pod.
  Task<Result<void>> bindSubPath(std::string uid, SubPath subPath);
  // For a pod that has come to its end and stays for others to see: has CSI drivers take their volumes back, so that
  // pods of other nodes can have them. Safe to repeat.
  Task<Result<void>> release(std::string uid);
  // Has CSI drivers take their volumes back, then unmounts and removes the pod's directory. kInvalid or kInternal while
  // something is still mounted there: nothing behind a mount is ever deleted. kUnavailable while an earlier call still
  // works there. Safe to repeat, also for a pod that never had one.
  Task<Result<void>> tearDown(std::string uid);

 private:
  struct Filled {
    VolumeRequest request;  // as it was prepared
    std::string path;
    std::optional<WallTime> renewAt;
  };
  struct OneTraits {
    std::optional<std::int64_t> group;
    bool relabelled = false;
  };
  const VolumeType* typeOf(const core::Volume& volume) const;
  // The same for a prepared request: what is behind a claim has its own type.
  const VolumeType* typeOf(const VolumeRequest& request) const;
  Task<Result<VolumeRequest>> prepare(core::Pod pod, core::Volume volume);
  Task<Result<Filled>> fill(core::Pod pod, core::Volume volume);
  Task<Result<void>> renewIfDue(core::Pod pod, core::Volume volume);
  Task<bool> growOne(core::Pod pod, core::Volume volume);
  Task<Result<void>> releaseCsi(std::string uid);
  void noteCsiPath(const core::Pod& pod, const core::Volume& volume, const core::PersistentVolume* persistent);
  Task<Result<void>> noteTraits(VolumeRequest request, std::string path);
  void forgetRenewals(const std::string& uid);
  Task<Result<void>> giveToGroup(VolumeRequest request, std::string path, std::shared_ptr<OwnershipWalk> walk);
  Task<Result<std::string>> runSetUp(VolumeRequest request);
  WallTime inTime(Duration after) const;
  void noteRenewal(const std::string& uid, const std::string& volume, std::optional<WallTime> renewAt);

  // Marks a call that works in a pod's directory. One whose caller has given up may still run, and nobody else must
  // work in its place meanwhile.
  using Work = std::shared_ptr<std::promise<void>>;
  using WorkPlace =
      std::pair<std::string, std::string>;  // pod UID and volume, "" for subPaths, "/" for the end of the pod
  Result<Work> beginWork(const WorkPlace& place);
  std::vector<std::shared_future<void>> worksOf(const std::string& uid);

  BlockingPool& pool_;
  Clock& clock_;
  layout::Directories dirs_;
  Sources sources_;
  std::span<const VolumeType* const> types_;
  std::map<WorkPlace, WallTime> renewAt_;
  std::map<WorkPlace, std::string> csiPaths_;
  std::map<WorkPlace, OneTraits> traits_;
  std::map<std::string, WallTime> growAt_;               // by UID
  std::set<WorkPlace> neverRenewed_;                     // volumes that are known to need none
  std::map<WorkPlace, std::shared_future<void>> works_;  // ready once the call has ended
};

}  // namespace cubelet::volumes
