// SyncLoop: every pod that is wanted or found, one worker each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/task_group.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_admitter.h"
#include "kubelet/sync/pod_worker.h"
#include "kubelet/sync/successor_images.h"
#include "kubelet/sync/termination_record.h"

namespace cubelet::sync {

// The name of the source whose pods are objects of the API server; all others deliver static pods.
inline constexpr char kApiSource[] = "api";

// Merges the sets that the sources deliver (SRC-4), keeps one pod per namespace/name running at a time (STA-11,
// STA-12), and terminates what the runtime or the disk has and nobody wants (TRM-12, GC-2). What a source may still ask
// for is not terminated: before a source has delivered once, nothing that came from it, nor anything whose source is
// not known (SRC-5). Loop thread only.
//
// Pods of the API server (annotation kubernetes.io/config.source: api) differ from static ones in their end: a
// deletionTimestamp terminates the pod while its object is still there, and a UID that has come to an end never starts
// again, however long its object remains.
class SyncLoop {
 public:
  using PodPtr = std::shared_ptr<const core::Pod>;
  struct Listener {
    // After any change of the set of pods or of a pod's status.
    std::function<void()> changed = [] {};
    // What staticPods() answers may be another set.
    std::function<void()> setChanged = [] {};
    // uids() has an answer from now on. Once.
    std::function<void()> podsKnown = [] {};
    // The status of this pod is another one, or final (PodWorker::terminated()). Not while the runtime is not known.
    std::function<void(const PodWorker&)> statusChanged = [](const PodWorker&) {};
  };
  // `records` must outlive the loop.
  SyncLoop(Context& context, const TerminationRecords& records, Listener listener);
  SyncLoop(const SyncLoop&) = delete;
  SyncLoop& operator=(const SyncLoop&) = delete;

  // Before anything else: names a source that will deliver. Earlier named ones win when two want the same pod name.
  void expectSource(std::string source);
  // The complete set of that source. A pod whose pointer is the one that was delivered before has not changed.
  void setPods(const std::string& source, std::vector<PodPtr> pods);
  void setPods(const std::string& source, std::vector<core::Pod> pods);

  // Tells the status of every pod again, to a listener that has only begun to listen.
  void tellAll();

  // News from the observer.
  void podChanged(const std::string& uid);
  void runtimeSynced();
  void runtimeLost();
  // News from objects::Objects::onChange: the pods that refer to a ConfigMap or Secret of that name look again.
  void objectChanged(const std::string& ns, const std::string& name);

  // Pods that were admitted and have neither ended nor begun to end.
  std::vector<core::Pod> activePods() const;
  // Tells it as an event with these annotations, then PodWorker::fail(). Nothing when the pod is not active any more.
  void evict(const std::string& uid, status::FailedBy why, Duration grace,
             const std::map<std::string, std::string>& annotations);
  // The pod is to end, and something of it still runs.
  bool isEnding(const std::string& uid) const;
  // Admitted pods that have not come to their end: active ones, and those that are ending.
  std::vector<core::Pod> unendedPods() const;
  // The node goes down (SHD-3): an active pod fails for that reason within `grace`; one that is being stopped has no
  // more time than that either.
  void shutDown(const std::string& uid, status::FailedBy why, Duration grace);
  // The pod has come to its end and has given its volumes back, or there is none.
  bool hasLetGo(const std::string& uid) const;
  // Every dead container whose pod has a newer one is superfluous for now (GC-1). False: there are none.
  bool removeAllDead();
  // Volumes that could not be set up may be possible now, of whatever pod: a driver has come.
  void retryVolumes();
  // There are other devices, or fewer in use.
  void devicesChanged();

  // Ends all work and leaves every pod as it is.
  Task<void> close();

  // Wanted pods and those that wind down, with status, sorted by namespace and name.
  std::vector<core::Pod> pods() const;
  // Static pods that are wanted or wind down, of one name the newer last. Nothing before their sources have delivered.
  std::optional<std::vector<PodPtr>> staticPods() const;
  // Null when there is none of that name.
  const PodWorker* find(const std::string& fullName) const;
  std::size_t podCount() const { return slots_.size(); }
  // All pods that are wanted, wind down, or were found in the runtime or on disk. Nothing before every source has
  // delivered and the runtime is known.
  std::optional<std::set<std::string>> uids() const;
  // Images that these pods name. Nothing before every source has delivered.
  std::optional<std::set<std::string>> imageNames() const;

 private:
  struct Slot {
    std::unique_ptr<PodWorker> worker;
    PodPtr given;  // what the worker was told last
    PodPtr next;   // starts when the worker has finished
    // While an older version runs on until the images of the newer one are there.
    std::unique_ptr<SuccessorImages> successor;
  };

  void reconcile();
  std::map<std::string, PodPtr> wanted();
  void forgetEnded(const std::map<std::string, PodPtr>& wanted);
  void want(const std::string& fullName, const PodPtr& pod);
  void startWorker(Slot& slot, PodPtr pod);
  void stopDeleted(PodWorker& worker, const core::Pod& pod);
  void replace(const std::string& fullName, Slot& slot, const PodPtr& pod);
  bool waitsForSuccessor(const observe::ObservedPod& stray);
  void expectImages(const std::string& fullName, Slot& slot, const core::Pod& pod);
  void imagesArrived(const std::string& fullName);
  void forgetNext(Slot& slot);
  void dropSuccessor(Slot& slot);
  void terminateStrays();
  void terminate(core::Pod identity, std::optional<WallTime> deadline, std::vector<std::string> preStopsEnded = {});
  void sweepDisk();
  bool isKnown(const std::string& uid) const;
  void enforceNodeLimit();
  std::map<std::string, std::set<std::string>> deadBeyond(std::size_t most) const;
  void removeOrphanCgroups();
  bool mayStart(const PodWorker& worker) const;
  static bool isActive(const PodWorker& worker);
  std::vector<PodWorker*> wantedWorkers() const;
  void finished(PodWorker& worker);
  Task<void> reap(PodWorker* worker);
  void reaped(PodWorker* worker);
  std::unique_ptr<PodWorker> makeWorker(core::Pod pod, bool objectKnown);
  bool allSourcesReported() const;
  bool mayBeWanted(const observe::ObservedPod& stray) const;
  template <class Fn>
  void forEachWorker(Fn fn);

  Context& context_;
  const TerminationRecords& records_;
  Listener listener_;
  std::vector<std::string> sources_;
  std::map<std::string, std::vector<PodPtr>> bySource_;       // present once the source has delivered
  std::map<std::string, Slot> slots_;                         // by "namespace/name"
  std::map<std::string, std::unique_ptr<PodWorker>> strays_;  // by UID: found in the runtime, wanted by nobody
  std::unordered_map<std::string, PodWorker*> byUid_;
  std::map<std::string, TerminationRecord> resumed_;  // by UID: terminations that an earlier run of the agent had begun
  std::set<std::string> ended_;    // UIDs of the API server's pods that are over while their objects remain
  std::set<std::string> refused_;  // "source ns/name uid" that lost to another pod of that name, said once
  bool closing_ = false;
  bool sweptAtStart_ = false;
  std::set<std::string> swept_;  // UIDs whose leftovers on disk this run of the agent has tried to remove
  PodAdmitter admitter_;
  TaskGroup reaping_;
};

}  // namespace cubelet::sync
