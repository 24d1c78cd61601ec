// One kind of volume. To add one: copy empty_dir.h and .cc, and name the new class in pod_volumes.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/layout/layout.h"
#include "kubelet/objects/objects.h"
#include "kubelet/volumes/content.h"
#include "kubelet/volumes/selinux_mount.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::events {
class EventRecorder;
}  // namespace cubelet::events

namespace cubelet::csi {
class Drivers;
class Volumes;
}  // namespace cubelet::csi

namespace cubelet::volumes {

class Attachments;
class ClaimStatuses;
struct CsiRequest;

namespace core = ::k8s::core::v1;

// Reason of an error that says that a volume cannot even be planned: its claim is missing, not bound, being deleted.
// The message is then told as it is, within `Unable to attach or mount volumes: ...` (VOL-2).
inline constexpr char kNotProcessed[] = "VolumeNotProcessed";

struct VolumeRequest {
  core::Pod pod;
  core::Volume volume;
  layout::Directories dirs;
  std::shared_ptr<const Files> files = nullptr;       // for setUp: what files() answered; null for types without
  objects::PersistentVolumePtr persistent = nullptr;  // behind the volume's claim, once prepare() has found it
  objects::ClaimPtr claim = nullptr;                  // beside `persistent`
  std::shared_ptr<const CsiRequest> csi = nullptr;    // of a CSI volume, once prepare() has made it
  std::int64_t nodeMemory = 0;                        // that pods may use together, in bytes; 0: nobody knows
  bool projectQuotas = false;                         // volumes are counted by their file system where that can be
};

// A program that mounts something: its name, then its arguments.
using RunProgram = std::function<Task<Result<void>>(std::vector<std::string> command)>;
// Reason of its error when the program has ended with this status; kNotFound: there is no such program.
inline std::string exitReason(int status) {
  return "ExitStatus" + std::to_string(status);
}

// Where types get what they need beside the file system. Called on the loop thread.
struct Sources {
  objects::Objects* objects = nullptr;  // null: this node has no API server
  // Whether a volume's node affinity lets this node have it; empty: it is not asked.
  std::function<bool(const core::NodeSelector&)> nodeMatches = nullptr;
  // Ends with an Error that says what the program said, or that it had no more time; cancelling the task kills it.
  RunProgram runProgram = nullptr;
  csi::Volumes* csi = nullptr;         // null: no CSI volumes here
  csi::Drivers* csiDrivers = nullptr;  // beside `csi`
  Attachments* attachments = nullptr;  // null: nobody attaches volumes to this node
  ClaimStatuses* claims = nullptr;     // null: nobody keeps the statuses of claims
  events::EventRecorder* events = nullptr;
  SelinuxHost selinux = {};
  std::string nodeName = {};
  std::function<std::int64_t()> nodeMemory = nullptr;  // of VolumeRequest; empty: nobody knows
  bool projectQuotas = false;                          // feature LocalStorageCapacityIsolationFSQuotaMonitoring
  std::function<WallTime()> now = nullptr;             // PodVolumes sees to it
  // Values for the downward API, as for environment variables: metadata.name, metadata.labels['k'], ... and
  // limits.cpu, ... of the container that the selector names.
  std::function<Result<std::string>(const core::Pod&, std::string_view fieldPath)> fieldValue;
  std::function<Result<std::string>(const core::Pod&, const core::ResourceFieldSelector&)> resourceValue;
};

// Whether the runtime is to give the files in a volume the SELinux label of each container that mounts it (CSI-14), on
// a host with SELinux. Runtimes leave file systems without labels as they are.
enum class Relabel {
  kNever,
  kWhereLabelsAreKept,  // what is mounted there is asked first: it may have been mounted with one label for all files
  kAlways,
};

struct VolumeFiles {
  Files files;
  std::optional<WallTime> renewAt;  // when to ask again even if nobody says that something has changed: tokens
};

class VolumeType {
 public:
  virtual ~VolumeType() = default;
  // True when volumes of this source are this type's business.
  virtual bool handles(const core::VolumeSource& source) const = 0;
  // The same for what is behind a claim. Whatever a request's `persistent` says then counts instead of its volume's own
  // source, but for the claim's readOnly.
  virtual bool handles(const core::PersistentVolumeSource& source) const {
    (void)source;
    return false;
  }
  // First of all: the request with what has to be looked up elsewhere. Loop thread, may wait for the API server. A
  // volume behind a claim is prepared by the claim's type, then by its own.
  virtual Task<Result<VolumeRequest>> prepare(VolumeRequest request, Sources sources) const {
    (void)sources;
    co_return request;
  }
  // True for types that fill their volume with files and keep those up to date while the pod runs.
  virtual bool hasFiles() const { return false; }
  // For those: what the files should hold now. Loop thread, may wait for the API server. Error messages end up in
  // FailedMount events.
  virtual Task<Result<VolumeFiles>> files(VolumeRequest request, Sources sources) const {
    (void)request;
    (void)sources;
    co_return VolumeFiles();
  }
  // Makes the volume ready and answers the host path that containers get. Safe to repeat: what is there already stays,
  // with its content, apart from files that differ from request.files. Error messages end up in FailedMount events.
  // Blocks: it runs on a thread beside the loop and touches nothing but its argument and the file system.
  virtual Result<std::string> setUp(const VolumeRequest& request) const = 0;
  // For types whose volume somebody else mounts at the path that setUp has answered: a mount helper, a driver. Loop
  // thread, may wait. Safe to repeat.
  virtual Task<Result<void>> mount(VolumeRequest request, std::string path, Sources sources) const {
    (void)request;
    (void)path;
    (void)sources;
    co_return Result<void>();
  }
  // How often renew() is due while the pod runs; nothing: never.
  virtual std::optional<Duration> renewEvery(const VolumeRequest& request) const {
    (void)request;
    return std::nullopt;
  }
  // Brings a volume that is mounted up to date, for its request as it is prepared now (CSI-9). A failure changes
  // nothing. Loop thread, may wait.
  virtual Task<Result<void>> renew(VolumeRequest request, Sources sources) const {
    (void)request;
    (void)sources;
    co_return Result<void>();
  }
  // Whether the volume can become larger while the pod runs (CSI-15).
  virtual bool mayGrow(const VolumeRequest& request) const {
    (void)request;
    return false;
  }
  // Whether it should be by now, as far as that can be told from what is behind its claim: `request` is prepared by the
  // claim's type only.
  virtual bool hasGrown(const VolumeRequest& request, const Sources& sources) const {
    (void)request;
    (void)sources;
    return false;
  }
  // Makes it so. Whoever runs the pod is told by events. Loop thread, may wait.
  virtual Task<Result<void>> grow(VolumeRequest request, Sources sources) const {
    (void)request;
    (void)sources;
    co_return Result<void>();
  }
  // True when the files in the volume are given to the pod's fsGroup after setUp (VOL-11). Types that make their own
  // files see to that themselves.
  virtual bool takesFsGroup(const VolumeRequest& request) const {
    (void)request;
    return false;
  }
  virtual Relabel relabels(const VolumeRequest& request) const {
    (void)request;
    return Relabel::kNever;
  }
};

}  // namespace cubelet::volumes
