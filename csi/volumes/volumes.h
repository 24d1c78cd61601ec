// The CSI volumes of this node: staged once, published for each pod, and never forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "csi/client/node_service.h"
#include "csi/volumes/audit.h"
#include "csi/volumes/host.h"
#include "csi/volumes/journal.h"
#include "csi/volumes/plan.h"
#include "csi/volumes/record.h"
#include "csi/volumes/volume_spec.h"

namespace cubelet::csi {

// Where drivers are found. Loop thread only.
class Drivers {
 public:
  virtual ~Drivers() = default;
  // May wait for a registration; kUnavailable (CSI-17) when there is none.
  virtual Task<Result<std::shared_ptr<NodeService>>> find(std::string driver) = 0;
  // What the driver has said about this node is no longer true: it is asked, and the cluster told (CSI-19).
  virtual void askAgain(const std::string& driver) = 0;
};

// Carries out what plan.h decides, one step at a time per volume, several volumes side by side. Each intent is on disk
// before its call (<root>/cubelet/volumes, CSI-20), so that the agent may be killed at any instant: load() knows what
// may have been done, and repeats or undoes it. A call whose outcome is open (CSI-18) leaves its intent: repeating the
// request repeats the call, tearing down undoes it. Errors name the volume; nothing here retries. Loop thread only.
class Volumes {
 public:
  struct Options {
    std::string root;                 // --root-dir
    std::string nodeName;             // for vol_data.json
    std::string bootId;               // of the running kernel
    std::size_t callsPerDriver = 20;  // under way at once
    std::size_t readsPerDriver = 5;   // of stats(), beside these
    std::function<WallTime()> now = [] { return WallTime(); };
  };
  // All must outlive this object.
  Volumes(Host& host, Drivers& drivers, Options options)
      : host_(host),
        drivers_(drivers),
        options_(std::move(options)),
        journal_(host, joinPath(options_.root, "cubelet/volumes")) {}

  // Once, before all else: the journal, and what upstream's kubelet or a lost journal has left in vol_data.json.
  // Answers what cannot be read; that is left alone. Blocks for small local files.
  std::vector<Error> load();

  // `fn` is called after inUse() or all() may have come to another answer, within the calls below; it must not call
  // back. One function.
  void onChange(std::function<void()> fn) { changed_ = std::move(fn); }

  // From now on the pod is a user of the volume, without anything being done for it yet: inUse() has it, and
  // unpublishPod() ends it.
  void claim(const VolumeSpec& spec, const std::string& podUid);
  // By this run of the agent, or seen by it to be there.
  bool isPublished(const std::string& driver, const std::string& handle, const std::string& podUid) const;
  // Where the pod finds it; nothing: it is not published for the pod, by this run of the agent or an earlier one.
  std::optional<std::string> pathOf(const std::string& driver, const std::string& handle,
                                    const std::string& podUid) const;
  // Anything of it may be there for the pod, or is wanted.
  bool has(const std::string& podUid) const;
  // The path where the pod finds the volume. From now on the pod is its user, also when this fails.
  Task<Result<std::string>> publish(VolumeSpec spec, PodUse use);
  // Publishes again what is published, with fresh arguments (requiresRepublish, CSI-9). A failure leaves the mount.
  Task<Result<void>> republish(VolumeSpec spec, PodUse use);
  // The pod uses none of its volumes any more. An error: something of them is still published for it, call it again.
  // Done for a pod that has none. What could not be unstaged is left for settle(): see hasAbandoned().
  Task<Result<void>> unpublishPod(std::string podUid);
  // Once all pods are known, and again while hasAbandoned(): tears down what belongs to none of them. The first error;
  // the others go on.
  Task<Result<void>> settle(std::set<std::string> pods);

  // A volume that no pod uses is still there, because taking it down has failed.
  bool hasAbandoned() const;

  // Compares the journal with the mount table and with the pods there are. What is on its way at the moment is no
  // finding.
  Task<Result<std::vector<Finding>>> check(std::set<std::string> pods);
  // Takes down what check() calls a leak: by its driver where that is known, else it is unmounted. What remains is up
  // to check().
  Task<void> repair(std::set<std::string> pods, std::vector<Finding> findings);

  // Grows the volume where this pod has it; answers its size. One that is known to be as large already is left alone.
  // outcome.h says what an error asks for; kUnimplemented: the driver does not do that on the node.
  Task<Result<std::int64_t>> expand(VolumeSpec spec, PodUse use, std::int64_t bytes);
  // What is known of the size of a volume for as long as it is on this node; in bytes.
  struct Size {
    std::int64_t known = 0;    // it has at least this; 0: nobody has said anything
    std::int64_t refused = 0;  // the driver has refused this to this run of the agent; 0: it has refused nothing
  };
  Size size(const std::string& driver, const std::string& handle) const;
  void noteSize(const std::string& driver, const std::string& handle, Size size);
  // What the driver tells of the volume. kUnimplemented: it tells nothing. Waits for no other call of the volume, and
  // of the driver only for others of this kind.
  Task<Result<v1::NodeGetVolumeStatsResponse>> stats(std::string driver, std::string handle, std::string podUid);

  struct Publication {
    std::string driver;
    std::string handle;
    std::string path;  // where the pod finds it
  };
  std::vector<Publication> publishedFor(const std::string& podUid) const;

  struct View {
    VolumeRecord record;
    std::set<std::string> users;  // UIDs of pods that want it
    std::string problem;          // of the last step; empty: none
    std::string waitsFor;         // who has to move next: "attacher", "driver"; empty: nobody
    WallTime since;               // when this began
  };
  std::vector<View> all() const;  // by driver and handle
  // Unique names for node.status.volumesInUse: of those that are attached to the node, or are to be.
  std::vector<std::string> inUse() const;

 private:
  struct Entry {
    VolumeRecord record;
    std::set<std::string> users;       // UIDs of pods that want it
    std::set<std::string> unverified;  // publications of an earlier run of the agent
    std::string problem;
    std::string waitsFor;
    WallTime since;
    std::int64_t refusedSize = 0;
    bool attachable = false;  // as this run of the agent has been told
    Semaphore turn{1};
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr entryFor(const VolumeSpec& spec);
  void begin(const EntryPtr& entry, std::string waitsFor);
  void note(const EntryPtr& entry, const Result<void>& done);
  Result<EntryPtr> published(const std::string& driver, const std::string& handle, const std::string& podUid) const;
  void adopt(const VolumeData& data, const std::string& podUid, bool staged, bool block = false);
  Task<Result<std::vector<Finding>>> auditOnce(std::set<std::string> pods);
  Task<void> takeDown(std::string path);
  void loadJournal(std::vector<Error>& problems);
  void loadPods(std::vector<Error>& problems);
  void loadStaged(std::vector<Error>& problems);
  void loadDevices(std::vector<Error>& problems);

  std::string stagingOf(const VolumeRecord& record) const;
  std::string targetOf(const VolumeRecord& record, const std::string& podUid) const;
  std::string dataFileOf(const VolumeRecord& record, const std::string& podUid) const;

  Task<Result<void>> save(EntryPtr entry, Flush flush);
  Task<Result<void>> verify(EntryPtr entry, std::string podUid);
  Task<Result<void>> towardsPublished(EntryPtr entry, VolumeSpec spec, PodUse use);
  Task<Result<void>> towardsUnpublished(EntryPtr entry, std::string podUid);
  Task<Result<void>> release(EntryPtr entry, std::string podUid);
  Task<Result<void>> stage(EntryPtr entry, VolumeSpec spec, PodUse use, std::shared_ptr<NodeService> node,
                           NodeCapabilities can);
  Task<Result<void>> publishTo(EntryPtr entry, VolumeSpec spec, PodUse use, std::shared_ptr<NodeService> node,
                               NodeCapabilities can);
  Task<Result<void>> unpublish(EntryPtr entry, std::string podUid);
  Task<Result<void>> unstage(EntryPtr entry);
  Task<Result<void>> forget(EntryPtr entry);
  Task<Result<void>> removeStaging(VolumeRecord record);
  DeviceMap deviceMapOf(const VolumeRecord& record, const std::string& podUid) const;
  Task<Result<void>> removeTarget(VolumeRecord record, std::string podUid);
  Task<Result<void>> prepare(std::string directory, std::string dataFile, std::string content);
  Task<Result<void>> clear(std::string target, std::vector<std::string> rest);
  Semaphore& limitOf(const std::string& driver);
  Semaphore& readLimitOf(const std::string& driver);

  Host& host_;
  Drivers& drivers_;
  Options options_;
  Journal journal_;
  std::function<void()> changed_ = [] {};
  std::map<std::string, EntryPtr> entries_;                       // by unique name
  std::vector<Error> unreadable_;                                 // what load() could not read
  std::map<std::string, std::unique_ptr<Semaphore>> limits_;      // by driver
  std::map<std::string, std::unique_ptr<Semaphore>> readLimits_;  // by driver
};

}  // namespace cubelet::csi
