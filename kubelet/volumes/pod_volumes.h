// All volumes of one pod, set up before its first container and torn down after its last.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/layout/layout.h"
#include "kubelet/volumes/volume_type.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// Loop thread only. What may hang runs in the blocking pool, so that a hung mount costs one thread and one pod.
// Calls for one pod come one after the other. `sources` has both functions; what it names outlives this object.
class PodVolumes {
 public:
  PodVolumes(BlockingPool& pool, Clock& clock, layout::Directories dirs, Sources sources)
      : pool_(pool), clock_(clock), dirs_(std::move(dirs)), sources_(std::move(sources)) {}

  // From now on volumes may name objects of the API server. Null: as without one.
  void useObjects(objects::Objects* objects) { sources_.objects = objects; }

  using HostPaths = std::map<std::string, std::string>;  // volume name -> path on the host
  // Safe to repeat. Waits for objects that the pod refers to; Objects::use comes before, by whoever owns the pod. Error
  // messages read `MountVolume.SetUp failed for volume "v" : ...` (VOL-2); kNotFound when an object is missing.
  Task<Result<HostPaths>> setUp(core::Pod pod);
  // For a pod that runs: brings the files of its configMap, secret, downwardAPI and projected volumes up to date, after
  // an object or the pod itself has changed, or when refreshDue() has come. Writes only what differs. A volume that
  // fails keeps its files and does not stop the others; the first error is answered, as by setUp.
  Task<Result<void>> refresh(core::Pod pod);
  // When refresh() is due because of tokens: nothing for a pod without any, and before its first setUp or refresh.
  // Never less than a minute after the last try.
  std::optional<WallTime> refreshDue(const std::string& uid) const;
  // Unmounts and removes the pod's directory. kInvalid or kInternal while something is still mounted there: nothing
  // behind a mount is ever deleted. Safe to repeat, also for a pod that never had one.
  Task<Result<void>> tearDown(std::string uid);

 private:
  struct Filled {
    std::string path;
    std::optional<WallTime> renewAt;
  };
  Task<Result<HostPaths>> setUpWithoutFiles(core::Pod pod);
  Task<Result<Filled>> fill(core::Pod pod, core::Volume volume);
  Task<Result<std::string>> write(VolumeRequest request);
  bool isWriting(const std::string& uid) const;
  void noteRenewal(const std::string& uid, std::optional<WallTime> earliest);

  BlockingPool& pool_;
  Clock& clock_;
  layout::Directories dirs_;
  Sources sources_;
  std::map<std::string, WallTime> renewAt_;  // by pod UID
  // By pod UID, alive as long as a call that writes files runs: one whose deadline has passed may hang on, and nobody
  // else must work in its directory meanwhile.
  std::map<std::string, std::weak_ptr<void>> writing_;
};

}  // namespace cubelet::volumes
