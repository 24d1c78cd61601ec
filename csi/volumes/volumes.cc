#include "csi/volumes/volumes.h"

#include <algorithm>
#include <utility>

#include "csi/client/outcome.h"
#include "csi/volumes/paths.h"
#include "csi/volumes/requests.h"

namespace cubelet::csi {
namespace {

std::string describe(const VolumeRecord& record) {
  return "volume " + record.name + " (" + record.driver + " " + record.handle + ")";
}

std::string directoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// By another pod, as far as anything may be there for it.
bool isInUseBeside(const VolumeRecord& record, const std::string& podUid) {
  return std::ranges::any_of(
      record.pods, [&](const auto& pod) { return pod.first != podUid && pod.second != PublishState::kClaimed; });
}

}  // namespace

// ---- Names ----

std::string Volumes::stagingOf(const VolumeRecord& record) const {
  return record.block ? blockStagingPath(options_.root, record.name)
                      : stagingPath(options_.root, record.driver, record.handle);
}

std::string Volumes::targetOf(const VolumeRecord& record, const std::string& podUid) const {
  return record.block ? blockPublishPath(options_.root, record.name, podUid)
                      : publishPath(options_.root, podUid, record.name);
}

std::string Volumes::dataFileOf(const VolumeRecord& record, const std::string& podUid) const {
  const std::string directory = record.block ? blockDataDirectory(options_.root, record.name)
                                             : publishDirectory(options_.root, podUid, record.name);
  return directory + "/vol_data.json";
}

DeviceMap Volumes::deviceMapOf(const VolumeRecord& record, const std::string& podUid) const {
  return {.device = targetOf(record, podUid),
          .bound = deviceMapPath(options_.root, record.name, podUid),
          .link = deviceLinkPath(options_.root, podUid, record.name)};
}

Semaphore& Volumes::limitOf(const std::string& driver) {
  std::unique_ptr<Semaphore>& limit = limits_[driver];
  if (!limit) limit = std::make_unique<Semaphore>(options_.callsPerDriver);
  return *limit;
}

Semaphore& Volumes::readLimitOf(const std::string& driver) {
  std::unique_ptr<Semaphore>& limit = readLimits_[driver];
  if (!limit) limit = std::make_unique<Semaphore>(options_.readsPerDriver);
  return *limit;
}

Volumes::EntryPtr Volumes::entryFor(const VolumeSpec& spec) {
  EntryPtr& entry = entries_[uniqueName(spec.driver, spec.handle)];
  if (!entry) entry = std::make_shared<Entry>();
  VolumeRecord& record = entry->record;
  record.bootId = options_.bootId;
  record.driver = spec.driver;
  record.handle = spec.handle;
  // Paths hang on these: they stay as they are while something is there.
  if (record.name.empty() || (record.stage == StageState::kNone && record.pods.empty())) {
    record.name = spec.name;
    record.block = spec.block;
    record.ephemeral = spec.ephemeral;
  }
  return entry;
}

Result<Volumes::EntryPtr> Volumes::published(const std::string& driver, const std::string& handle,
                                             const std::string& podUid) const {
  auto found = entries_.find(uniqueName(driver, handle));
  if (found != entries_.end()) {
    auto pod = found->second->record.pods.find(podUid);
    if (pod != found->second->record.pods.end() && pod->second == PublishState::kPublished) return found->second;
  }
  return fail(Code::kNotFound, "", "volume " + handle + " of " + driver + " is not published for pod " + podUid);
}

// ---- What others call ----

void Volumes::claim(const VolumeSpec& spec, const std::string& podUid) {
  EntryPtr entry = entryFor(spec);
  const bool known = std::exchange(entry->attachable, spec.attachable) == spec.attachable;
  if (!entry->users.insert(podUid).second && known) return;
  const bool begun = entry->record.stage != StageState::kNone || !entry->record.pods.empty();
  if (begun)
    changed_();
  else
    begin(entry, "attacher");
}

void Volumes::begin(const EntryPtr& entry, std::string waitsFor) {
  if (entry->waitsFor != waitsFor) entry->since = options_.now();
  entry->waitsFor = std::move(waitsFor);
  changed_();
}

bool Volumes::isPublished(const std::string& driver, const std::string& handle, const std::string& podUid) const {
  Result<EntryPtr> found = published(driver, handle, podUid);
  return found && !(*found)->unverified.contains(podUid);
}

std::optional<std::string> Volumes::pathOf(const std::string& driver, const std::string& handle,
                                           const std::string& podUid) const {
  Result<EntryPtr> found = published(driver, handle, podUid);
  return found ? std::optional(targetOf((*found)->record, podUid)) : std::nullopt;
}

bool Volumes::has(const std::string& podUid) const {
  return std::ranges::any_of(entries_, [&](const auto& named) {
    const Entry& entry = *named.second;
    return entry.users.contains(podUid) || entry.record.pods.contains(podUid);
  });
}

void Volumes::note(const EntryPtr& entry, const Result<void>& done) {
  std::string problem = done ? std::string() : done.error().message;
  if (!entry->waitsFor.empty() || entry->problem != problem) entry->since = options_.now();
  entry->waitsFor.clear();
  entry->problem = std::move(problem);
  changed_();
}

Task<Result<std::string>> Volumes::publish(VolumeSpec spec, PodUse use) {
  claim(spec, use.uid);
  EntryPtr entry = entryFor(spec);
  Semaphore::Permit turn = co_await entry->turn.acquire();
  Result<void> verified = co_await verify(entry, use.uid);
  if (!verified) co_return fail(verified.error().within(describe(entry->record)));
  Result<void> done = co_await towardsPublished(entry, spec, use);
  note(entry, done);
  if (!done) co_return fail(done.error().within(describe(entry->record)));
  co_return targetOf(entry->record, use.uid);
}

Task<Result<void>> Volumes::republish(VolumeSpec spec, PodUse use) {
  Result<EntryPtr> found = published(spec.driver, spec.handle, use.uid);
  if (!found) co_return fail(found.error());
  EntryPtr entry = *found;
  Semaphore::Permit turn = co_await entry->turn.acquire();
  // It may have been torn down while others had their turn.
  found = published(spec.driver, spec.handle, use.uid);
  if (!found) co_return fail(found.error());
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(spec.driver);
  if (!node) co_return fail(node.error());
  Result<NodeCapabilities> can = co_await (*node)->capabilities();
  if (!can) co_return fail(can.error());
  const std::string target = targetOf(entry->record, use.uid);
  auto call = (*node)->publish(publishRequest(spec, use, *can, stagingOf(entry->record), target));
  co_return co_await std::move(call);
}

Task<Result<void>> Volumes::unpublishPod(std::string podUid) {
  Result<void> first;
  std::vector<EntryPtr> mine;
  for (auto& [name, entry] : entries_) {
    const bool wanted = entry->users.erase(podUid) > 0;
    if (wanted || entry->record.pods.contains(podUid)) mine.push_back(entry);
  }
  for (const EntryPtr& entry : mine) {
    Result<void> done = co_await release(entry, podUid);
    // What is still staged is no longer this pod's business.
    if (!done && first && entry->record.pods.contains(podUid)) first = done;
  }
  co_return first;
}

bool Volumes::hasAbandoned() const {
  return std::ranges::any_of(entries_, [](const auto& named) {
    const Entry& entry = *named.second;
    return entry.users.empty() && entry.record.pods.empty() && !entry.problem.empty();
  });
}

Task<Result<void>> Volumes::settle(std::set<std::string> pods) {
  Result<void> first;
  std::vector<std::pair<EntryPtr, std::string>> left;
  for (auto& [name, entry] : entries_) {
    bool kept = !entry->users.empty();
    for (const auto& [uid, state] : entry->record.pods) {
      if (pods.contains(uid) || entry->users.contains(uid))
        kept = true;
      else
        left.emplace_back(entry, uid);
    }
    if (!kept && entry->record.pods.empty()) left.emplace_back(entry, "");
  }
  for (auto& [entry, uid] : left) {
    Result<void> done = co_await release(entry, uid);
    if (!done && first) first = done;
  }
  co_return first;
}

Task<Result<void>> Volumes::release(EntryPtr entry, std::string podUid) {
  Semaphore::Permit turn = co_await entry->turn.acquire();
  Result<void> done = co_await towardsUnpublished(entry, podUid);
  note(entry, done);
  if (!done) co_return fail(done.error().within(describe(entry->record)));
  co_return done;
}

Task<Result<std::int64_t>> Volumes::expand(VolumeSpec spec, PodUse use, std::int64_t bytes) {
  Result<EntryPtr> found = published(spec.driver, spec.handle, use.uid);
  if (!found) co_return fail(found.error());
  EntryPtr entry = *found;
  Semaphore::Permit turn = co_await entry->turn.acquire();
  found = published(spec.driver, spec.handle, use.uid);
  if (!found) co_return fail(found.error());
  // Another pod of the volume may have had it grown meanwhile.
  if (entry->record.size >= bytes) co_return entry->record.size;
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(spec.driver);
  if (!node) co_return fail(node.error());
  Result<NodeCapabilities> can = co_await (*node)->capabilities();
  if (!can) co_return fail(can.error());
  if (!can->expand)
    co_return fail(Code::kUnimplemented, "", "driver " + spec.driver + " does not expand volumes on the node");
  const std::string target = targetOf(entry->record, use.uid);
  Semaphore::Permit slot = co_await limitOf(spec.driver).acquire();
  auto call = (*node)->expand(expandRequest(spec, use, *can, stagingOf(entry->record), target, bytes));
  Result<v1::NodeExpandVolumeResponse> answer = co_await std::move(call);
  slot.release();
  if (!answer) co_return fail(answer.error().within("expand " + describe(entry->record)));
  entry->record.size = bytes;
  Result<void> saved = co_await save(entry, Flush::kYes);
  if (!saved) co_return fail(saved.error());
  co_return answer->capacity_bytes() > 0 ? answer->capacity_bytes() : bytes;
}

Volumes::Size Volumes::size(const std::string& driver, const std::string& handle) const {
  auto found = entries_.find(uniqueName(driver, handle));
  if (found == entries_.end()) return {};
  return {.known = found->second->record.size, .refused = found->second->refusedSize};
}

void Volumes::noteSize(const std::string& driver, const std::string& handle, Size size) {
  auto found = entries_.find(uniqueName(driver, handle));
  if (found == entries_.end()) return;
  found->second->record.size = size.known;  // on disk with whatever comes next
  found->second->refusedSize = size.refused;
}

Task<Result<v1::NodeGetVolumeStatsResponse>> Volumes::stats(std::string driver, std::string handle,
                                                            std::string podUid) {
  Result<EntryPtr> found = published(driver, handle, podUid);
  if (!found) co_return fail(found.error());
  // Reading waits for no turn: figures must come while a volume is worked on.
  const VolumeRecord record = (*found)->record;
  Semaphore::Permit slot = co_await readLimitOf(driver).acquire();
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(driver);
  if (!node) co_return fail(node.error());
  Result<NodeCapabilities> can = co_await (*node)->capabilities();
  if (!can) co_return fail(can.error());
  if (!can->volumeStats) co_return fail(Code::kUnimplemented, "", "driver " + driver + " tells nothing of its volumes");
  v1::NodeGetVolumeStatsRequest request;
  request.set_volume_id(handle);
  request.set_volume_path(targetOf(record, podUid));
  if (record.stage != StageState::kNone) request.set_staging_target_path(stagingOf(record));
  auto call = (*node)->volumeStats(std::move(request));
  Result<v1::NodeGetVolumeStatsResponse> answer = co_await std::move(call);
  if (answer && !can->volumeCondition) answer->clear_volume_condition();
  co_return answer;
}

std::vector<Volumes::Publication> Volumes::publishedFor(const std::string& podUid) const {
  std::vector<Publication> all;
  for (const auto& [name, entry] : entries_) {
    auto pod = entry->record.pods.find(podUid);
    if (pod == entry->record.pods.end() || pod->second != PublishState::kPublished) continue;
    all.push_back({entry->record.driver, entry->record.handle, targetOf(entry->record, podUid)});
  }
  return all;
}

std::vector<Volumes::View> Volumes::all() const {
  std::vector<View> views;
  for (const auto& [name, entry] : entries_)
    views.push_back({entry->record, entry->users, entry->problem, entry->waitsFor, entry->since});
  return views;
}

std::vector<std::string> Volumes::inUse() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_)
    if (entry->attachable || !entry->record.attachmentId.empty()) names.push_back(name);
  return names;
}

// ---- Steps ----

// An intent is flushed: it is on disk before its call, whatever happens to the machine. A result is not: it outlives
// the agent, and after a power cut the kernel has no mounts, so that what was done counts as begun anyway.
Task<Result<void>> Volumes::save(EntryPtr entry, Flush flush) {
  auto noted = journal_.note(entry->record, flush);
  co_return co_await std::move(noted);
}

// What an earlier agent has published is still there, or is published again.
Task<Result<void>> Volumes::verify(EntryPtr entry, std::string podUid) {
  if (!entry->unverified.contains(podUid)) co_return Result<void>();
  auto pod = entry->record.pods.find(podUid);
  if (pod != entry->record.pods.end() && pod->second == PublishState::kPublished) {
    Result<bool> mounted = co_await host_.isMounted(targetOf(entry->record, podUid));
    if (!mounted) co_return fail(mounted.error());
    if (!*mounted) {
      // Whoever took that mount away may have taken the staging, too.
      entry->record.pods[podUid] = PublishState::kPublishing;
      if (entry->record.stage == StageState::kStaged) entry->record.stage = StageState::kStaging;
    }
  }
  entry->unverified.erase(podUid);
  co_return Result<void>();
}

Task<Result<void>> Volumes::towardsPublished(EntryPtr entry, VolumeSpec spec, PodUse use) {
  VolumeRecord& record = entry->record;
  if (record.name != spec.name || record.block != spec.block)
    co_return fail(Code::kInvalid, "", "it is in use under the name " + record.name + " or in the other volume mode");
  // Also while the driver is away: what is mounted stays usable.
  if (stepToPublish(record, use.uid, false) == Step::kNone) co_return Result<void>();
  if (spec.exclusive && isInUseBeside(record, use.uid))
    co_return fail(Code::kUnavailable, "",
                   "mount failed, volume uses the ReadWriteOncePod access mode and is already in use by another pod");
  begin(entry, "driver");
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(spec.driver);
  if (!node) co_return fail(node.error());
  Result<NodeCapabilities> can = co_await (*node)->capabilities();
  if (!can) co_return fail(can.error());
  const bool stages = can->stageUnstage && !spec.ephemeral;

  for (;;) {
    if (!entry->users.contains(use.uid)) co_return fail(Code::kCancelled, "", "pod " + use.name + " is going away");
    Result<void> done;
    switch (stepToPublish(record, use.uid, stages)) {
      case Step::kClaim:
        record.pods[use.uid] = PublishState::kClaimed;  // on disk with the next intent; nothing is done before
        break;
      case Step::kStage:
        done = co_await stage(entry, spec, use, *node, *can);
        break;
      case Step::kPublish:
        done = co_await publishTo(entry, spec, use, *node, *can);
        break;
      case Step::kUnpublish:
        done = co_await unpublish(entry, use.uid);
        break;
      case Step::kUnstage:
        done = co_await unstage(entry);
        break;
      case Step::kDropClaim:
      case Step::kForget:
      case Step::kNone:
        co_return Result<void>();
    }
    if (!done) co_return done;
  }
}

Task<Result<void>> Volumes::towardsUnpublished(EntryPtr entry, std::string podUid) {
  for (;;) {
    // Wanted again meanwhile, or by another pod: then it is kept for them.
    if (entry->users.contains(podUid)) co_return Result<void>();
    Result<void> done;
    switch (stepToUnpublish(entry->record, podUid, !entry->users.empty())) {
      case Step::kUnpublish:
        done = co_await unpublish(entry, podUid);
        break;
      case Step::kDropClaim:
        entry->record.pods.erase(podUid);
        break;
      case Step::kUnstage:
        done = co_await unstage(entry);
        break;
      case Step::kForget:
        done = co_await forget(entry);
        co_return done;
      case Step::kClaim:
      case Step::kStage:
      case Step::kPublish:
      case Step::kNone:
        // Others use it on: the disk learns that this pod does not.
        done = co_await save(entry, Flush::kNo);
        co_return done;
    }
    if (!done) co_return done;
  }
}

Task<Result<void>> Volumes::stage(EntryPtr entry, VolumeSpec spec, PodUse use, std::shared_ptr<NodeService> node,
                                  NodeCapabilities can) {
  VolumeRecord& record = entry->record;
  const std::string path = stagingOf(record);
  const bool first = record.stage == StageState::kNone;
  if (first && !record.block) {
    Result<bool> mounted = co_await host_.isMounted(path);
    if (!mounted) co_return fail(mounted.error());
    if (*mounted)
      co_return fail(Code::kAlreadyExists, "", "something that cubelet did not mount is at " + path + ": unmount it");
  }
  record.stage = StageState::kStaging;
  record.attachmentId = spec.attachmentId;
  Result<void> noted = co_await save(entry, Flush::kYes);
  if (!noted) co_return noted;
  std::string data = record.block ? dataFileOf(record, "") : directoryOf(path) + "/vol_data.json";
  std::string content = record.block ? publishData(record, options_.nodeName) : stagingData(record);
  Result<void> prepared = co_await prepare(path, std::move(data), std::move(content));
  if (!prepared) co_return prepared;

  Semaphore::Permit slot = co_await limitOf(record.driver).acquire();
  auto call = node->stage(stageRequest(spec, use, can, path));
  Result<void> staged = co_await std::move(call);
  slot.release();
  if (staged) {
    record.stage = StageState::kStaged;  // on disk with the next intent
    co_return staged;
  }
  // After an open outcome a refusal does not say that nothing is there.
  if (first && outcomeOf(staged.error()) == Outcome::kFinal) {
    Result<void> removed = co_await removeStaging(record);
    if (removed) record.stage = StageState::kNone;
    Result<void> saved = co_await save(entry, Flush::kNo);
    if (!saved) co_return saved;
  }
  co_return staged;
}

Task<Result<void>> Volumes::publishTo(EntryPtr entry, VolumeSpec spec, PodUse use, std::shared_ptr<NodeService> node,
                                      NodeCapabilities can) {
  VolumeRecord& record = entry->record;
  const std::string path = targetOf(record, use.uid);
  const bool first = record.pods[use.uid] == PublishState::kClaimed;
  if (first) {
    Result<bool> mounted = co_await host_.isMounted(path);
    if (!mounted) co_return fail(mounted.error());
    if (*mounted)
      co_return fail(Code::kAlreadyExists, "", "something that cubelet did not mount is at " + path + ": unmount it");
  }
  record.pods[use.uid] = PublishState::kPublishing;
  if (!spec.attachmentId.empty()) record.attachmentId = spec.attachmentId;
  Result<void> noted = co_await save(entry, Flush::kYes);
  if (!noted) co_return noted;
  std::string data = dataFileOf(record, use.uid);
  Result<void> prepared = co_await prepare(directoryOf(path), std::move(data), publishData(record, options_.nodeName));
  if (!prepared) co_return prepared;

  Semaphore::Permit slot = co_await limitOf(record.driver).acquire();
  auto call = node->publish(publishRequest(spec, use, can, stagingOf(record), path));
  Result<void> published = co_await std::move(call);
  slot.release();
  if (published && record.block) {
    Result<void> mapped = co_await host_.mapDevice(deviceMapOf(record, use.uid));
    if (!mapped) co_return mapped;  // it stays an intent: the next try publishes again, which changes nothing
  }
  if (published) {
    record.pods[use.uid] = PublishState::kPublished;
    co_return co_await save(entry, Flush::kNo);
  }
  // The driver may have lost what it had staged: the next try stages again, which changes nothing if it has not.
  if (published.error().reason == "FailedPrecondition" && record.stage == StageState::kStaged)
    record.stage = StageState::kStaging;
  if (first && outcomeOf(published.error()) == Outcome::kFinal) {
    Result<void> removed = co_await removeTarget(record, use.uid);
    if (removed) record.pods[use.uid] = PublishState::kClaimed;
    Result<void> saved = co_await save(entry, Flush::kNo);
    if (!saved) co_return saved;
  }
  co_return published;
}

Task<Result<void>> Volumes::unpublish(EntryPtr entry, std::string podUid) {
  VolumeRecord& record = entry->record;
  const std::string path = targetOf(record, podUid);
  record.pods[podUid] = PublishState::kUnpublishing;
  Result<void> noted = co_await save(entry, Flush::kYes);
  if (!noted) co_return noted;
  if (record.block) {
    Result<void> unmapped = co_await host_.unmapDevice(deviceMapOf(record, podUid));
    if (!unmapped) co_return unmapped;
  }
  begin(entry, "driver");
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(record.driver);
  if (!node) co_return fail(node.error());

  v1::NodeUnpublishVolumeRequest request;
  request.set_volume_id(record.handle);
  request.set_target_path(path);
  Semaphore::Permit slot = co_await limitOf(record.driver).acquire();
  auto call = (*node)->unpublish(std::move(request));
  Result<void> undone = co_await std::move(call);
  slot.release();
  // A volume that the driver does not know any more has nothing left to undo, if nothing is mounted.
  if (!undone && undone.error().code != Code::kNotFound) co_return undone;
  Result<void> removed = co_await removeTarget(record, podUid);
  if (!removed) co_return undone ? fail(removed.error().within("NodeUnpublishVolume succeeded")) : undone;
  record.pods.erase(podUid);
  entry->unverified.erase(podUid);
  co_return Result<void>();
}

Task<Result<void>> Volumes::unstage(EntryPtr entry) {
  VolumeRecord& record = entry->record;
  const std::string path = stagingOf(record);
  record.stage = StageState::kUnstaging;
  Result<void> noted = co_await save(entry, Flush::kYes);
  if (!noted) co_return noted;
  if (!record.block) {
    Result<std::vector<std::string>> others = co_await host_.otherMounts(path);
    if (!others) co_return fail(others.error());
    if (!others->empty())
      co_return fail(Code::kUnavailable, "", "it is still mounted at " + others->front() + ", so it stays staged");
  }
  begin(entry, "driver");
  Result<std::shared_ptr<NodeService>> node = co_await drivers_.find(record.driver);
  if (!node) co_return fail(node.error());

  v1::NodeUnstageVolumeRequest request;
  request.set_volume_id(record.handle);
  request.set_staging_target_path(path);
  Semaphore::Permit slot = co_await limitOf(record.driver).acquire();
  auto call = (*node)->unstage(std::move(request));
  Result<void> undone = co_await std::move(call);
  slot.release();
  const bool nothingToUndo = !undone && (undone.error().code == Code::kNotFound ||
                                         undone.error().code == Code::kUnimplemented);  // it does not stage any more
  if (!undone && !nothingToUndo) co_return undone;
  Result<void> removed = co_await removeStaging(record);
  if (!removed) co_return undone ? fail(removed.error().within("NodeUnstageVolume succeeded")) : undone;
  record.stage = StageState::kNone;
  co_return Result<void>();
}

Task<Result<void>> Volumes::forget(EntryPtr entry) {
  // A block volume's data file outlives its publications.
  if (entry->record.block) {
    Result<void> removed = co_await removeStaging(entry->record);
    if (!removed) co_return removed;
  }
  // Nothing is left of it: the journal forgets it.
  Result<void> noted = co_await save(entry, Flush::kNo);
  if (!noted) co_return noted;
  // Whoever waits for its turn has this entry in hand and goes on with it.
  if (entry->users.empty() && entry->turn.waiting() == 0)
    entries_.erase(uniqueName(entry->record.driver, entry->record.handle));
  co_return Result<void>();
}

// A directory for the driver, and the file that tells of the volume.
Task<Result<void>> Volumes::prepare(std::string directory, std::string dataFile, std::string content) {
  std::vector<std::string> directories = {std::move(directory)};
  if (directoryOf(dataFile) != directories.front()) directories.push_back(directoryOf(dataFile));
  auto prepared = host_.prepare(std::move(directories), std::move(dataFile), std::move(content));
  co_return co_await std::move(prepared);
}

Task<Result<void>> Volumes::removeStaging(VolumeRecord record) {
  std::string path = stagingOf(record);
  const std::string data = record.block ? dataFileOf(record, "") : directoryOf(path) + "/vol_data.json";
  std::vector<std::string> rest = {data, directoryOf(data)};
  // <root>/plugins/kubernetes.io/csi/volumeDevices/<name>
  if (record.block) rest.push_back(directoryOf(directoryOf(data)));
  auto removed = clear(std::move(path), std::move(rest));
  co_return co_await std::move(removed);
}

// A block volume's data file outlives its publications.
Task<Result<void>> Volumes::removeTarget(VolumeRecord record, std::string podUid) {
  std::string path = targetOf(record, podUid);
  std::vector<std::string> rest = {directoryOf(path)};
  if (!record.block) rest.insert(rest.begin(), dataFileOf(record, podUid));
  auto removed = clear(std::move(path), std::move(rest));
  co_return co_await std::move(removed);
}

Task<Result<void>> Volumes::clear(std::string target, std::vector<std::string> rest) {
  Result<bool> mounted = co_await host_.clear(target, std::move(rest));
  if (!mounted) co_return fail(mounted.error());
  if (*mounted) co_return fail(Code::kInternal, "", target + " is still mounted");
  co_return Result<void>();
}

}  // namespace cubelet::csi
