#include "kubelet/volumes/pod_volumes.h"

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/log.h"
#include "csi/volumes/paths.h"
#include "csi/volumes/volumes.h"
#include "kubelet/volumes/attachments.h"
#include "kubelet/volumes/claim_rules.h"
#include "kubelet/volumes/claim_volume.h"
#include "kubelet/volumes/config_map.h"
#include "kubelet/volumes/csi_volume.h"
#include "kubelet/volumes/downward_api.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/host_path.h"
#include "kubelet/volumes/image_volume.h"
#include "kubelet/volumes/local_volume.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/nfs.h"
#include "kubelet/volumes/projected.h"
#include "kubelet/volumes/secret.h"

namespace cubelet::volumes {
namespace {

constexpr Duration kDeadline = std::chrono::seconds(123);  // VOL-1
constexpr Duration kRenewalRetry = std::chrono::minutes(1);
constexpr Duration kLookForGrowth = std::chrono::seconds(75);  // as often as upstream reads the claims of a pod
constexpr char kTearDown[] = "/";                              // no volume has this name
// How long the end of a pod waits for calls of its own that have been told to stop.
constexpr std::chrono::seconds kLetWorkEnd(5);
// A walk over all files of a volume takes as long as it takes.
constexpr Duration kWalkDeadline = std::chrono::hours(240);

bool hasToken(const core::Volume& volume) {
  return std::ranges::any_of(volume.volumesource().projected().sources(),
                             [](const core::VolumeProjection& source) { return source.has_serviceaccounttoken(); });
}

std::unexpected<Error> mountFailed(const core::Volume& volume, Error why) {
  if (why.reason == kNotProcessed) return fail(std::move(why));
  return fail(why.code, why.reason == kAttachLimitExceeded ? kAttachLimitExceeded : "FailedMount",
              "MountVolume.SetUp failed for volume \"" + volume.name() + "\" : " + why.message);
}

Result<void> letEnd(const std::vector<std::shared_future<void>>& works, const std::string& directory) {
  const auto until = std::chrono::steady_clock::now() + kLetWorkEnd;
  for (const std::shared_future<void>& work : works)
    if (work.wait_until(until) != std::future_status::ready)
      return fail(Code::kUnavailable, "", "remove " + directory + ": an earlier call still works there");
  return {};
}

Result<void> tearDownAll(const std::string& podDirectory, const std::vector<std::shared_future<void>>& works) {
  if (Result<void> ended = letEnd(works, podDirectory); !ended) return ended;
  if (Result<void> unmounted = unmountBelow(podDirectory); !unmounted) return unmounted;
  return removeTree(podDirectory);
}

}  // namespace

std::span<const VolumeType* const> builtInTypes() {
  static const EmptyDir emptyDir;
  static const HostPath hostPath;
  static const ConfigMapVolume configMap;
  static const SecretVolume secret;
  static const DownwardApiVolume downwardApi;
  static const ProjectedVolume projected;
  static const LocalVolume local;
  static const Nfs nfs;
  static const ClaimVolume claim;
  static const ImageVolume image;
  static const CsiVolume csi;
  static const std::array<const VolumeType*, 11> types = {
      &emptyDir, &hostPath, &configMap, &secret, &downwardApi, &projected, &local, &nfs, &claim, &image, &csi};
  return types;
}

const VolumeType* PodVolumes::typeOf(const core::Volume& volume) const {
  for (const VolumeType* type : types_)
    if (type->handles(volume.volumesource())) return type;
  return nullptr;
}

const VolumeType* PodVolumes::typeOf(const VolumeRequest& request) const {
  if (!request.persistent) return typeOf(request.volume);
  for (const VolumeType* type : types_)
    if (type->handles(request.persistent->spec().persistentvolumesource())) return type;
  return nullptr;
}

Task<Result<std::string>> PodVolumes::setUp(core::Pod pod, core::Volume volume, std::shared_ptr<OwnershipWalk> walk) {
  if (typeOf(volume) == nullptr)
    co_return mountFailed(volume, Error(Code::kUnimplemented, "", "this volume type is not supported yet"));
  const std::string uid = pod.metadata().uid();
  Result<Filled> filled = co_await fill(pod, volume);
  if (!filled) co_return fail(filled.error());
  noteRenewal(uid, volume.name(), filled->renewAt);
  if (!filled->renewAt) neverRenewed_.insert({uid, volume.name()});
  noteCsiPath(pod, volume, filled->request.persistent.get());
  const VolumeType* type = typeOf(filled->request);
  if (type->mayGrow(filled->request) && (sources_.claims != nullptr || type->hasGrown(filled->request, sources_)))
    growAt_.try_emplace(uid, inTime(kLookForGrowth));
  if (filled->request.persistent || sources_.selinux.keepsLabels) {
    Result<void> noted = co_await noteTraits(filled->request, filled->path);
    if (!noted) co_return mountFailed(volume, noted.error());
  }
  Result<void> given = co_await giveToGroup(std::move(filled->request), filled->path, std::move(walk));
  if (!given) co_return mountFailed(volume, given.error());
  co_return std::move(filled->path);
}

// Whether its files are relabelled is asked each time: the file system may be another one.
Task<Result<void>> PodVolumes::noteTraits(VolumeRequest request, std::string path) {
  OneTraits traits;
  if (request.persistent) traits.group = groupOf(*request.persistent);
  if (sources_.selinux.keepsLabels && typeOf(request)->relabels(request)) {
    std::function<Result<bool>()> look = [keeps = sources_.selinux.keepsLabels, path] { return keeps(path); };
    Result<bool> keeps = co_await pool_.run<bool>("look whether its files have labels", kDeadline, std::move(look));
    if (!keeps) co_return fail(keeps.error());
    traits.relabelled = *keeps;
  }
  const WorkPlace place(request.pod.metadata().uid(), request.volume.name());
  if (traits.group || traits.relabelled)
    traits_[place] = traits;
  else
    traits_.erase(place);
  co_return Result<void>();
}

PodVolumes::Traits PodVolumes::traits(const std::string& uid) const {
  Traits all;
  for (auto one = traits_.lower_bound({uid, ""}); one != traits_.end() && one->first.first == uid; ++one) {
    if (one->second.group) all.groups.insert(*one->second.group);
    if (one->second.relabelled) all.relabelled.insert(one->first.second);
  }
  return all;
}

Task<Result<void>> PodVolumes::refresh(core::Pod pod) {
  const std::string uid = pod.metadata().uid();
  std::optional<Error> first;
  for (const core::Volume& volume : pod.spec().volumes()) {
    const VolumeType* type = typeOf(volume);
    if (type == nullptr) continue;
    if (!type->hasFiles()) {
      Result<void> renewed = co_await renewIfDue(pod, volume);
      if (!renewed && !first) first = renewed.error();
      continue;
    }
    Result<Filled> filled = co_await fill(pod, volume);
    if (filled) {
      noteRenewal(uid, volume.name(), filled->renewAt);
      continue;
    }
    if (!first) first = filled.error();
    if (hasToken(volume)) noteRenewal(uid, volume.name(), clock_.wallNow());
  }
  if (first) co_return fail(*first);
  co_return Result<void>();
}

Task<void> PodVolumes::grow(core::Pod pod) {
  const std::string uid = pod.metadata().uid();
  growAt_.erase(uid);
  if (sources_.csi == nullptr || !sources_.csi->has(uid)) co_return;
  bool again = false;
  for (const core::Volume& volume : pod.spec().volumes()) {
    const core::VolumeSource& source = volume.volumesource();
    if (source.has_csi()) noteCsiPath(pod, volume, nullptr);
    if ((!source.has_persistentvolumeclaim() && !source.has_ephemeral())) continue;
    auto one = growOne(pod, volume);
    const bool more = co_await std::move(one);
    again = again || more;
  }
  // Its volumes may have been released meanwhile.
  if (again && sources_.csi->has(uid)) growAt_[uid] = inTime(kLookForGrowth);
}

// Whether it is to be looked at again by itself.
Task<bool> PodVolumes::growOne(core::Pod pod, core::Volume volume) {
  VolumeRequest asked{pod, volume, dirs_};
  const VolumeType* type = typeOf(volume);
  Result<VolumeRequest> request = co_await type->prepare(std::move(asked), sources_);
  // A claim that cannot be read now is read another time; the pod does not need it.
  if (!request) co_return true;
  const VolumeType* behind = typeOf(*request);
  if (behind == nullptr || !request->persistent) co_return false;
  noteCsiPath(pod, volume, request->persistent.get());
  if (isReadOnly(volume.volumesource())) co_return false;
  const bool watched = sources_.claims != nullptr && request->persistent->spec().persistentvolumesource().has_csi();
  if (!behind->hasGrown(*request, sources_)) co_return watched;
  VolumeRequest found = std::move(*request);
  request = co_await behind->prepare(std::move(found), sources_);
  if (!request) {
    log::warning("a volume cannot be grown yet", {{"volume", volume.name()}, {"error", request.error().message}});
    co_return true;
  }
  if (!behind->mayGrow(*request)) co_return watched;
  Result<void> grown = co_await behind->grow(std::move(*request), sources_);
  if (!grown) log::warning("a volume was not grown", {{"volume", volume.name()}, {"error", grown.error().message}});
  co_return watched || !grown;
}

// Of an inline volume when there is no persistent one.
void PodVolumes::noteCsiPath(const core::Pod& pod, const core::Volume& volume,
                             const core::PersistentVolume* persistent) {
  if (sources_.csi == nullptr) return;
  const std::string& uid = pod.metadata().uid();
  std::optional<std::string> path;
  if (persistent != nullptr) {
    const core::CSIPersistentVolumeSource& source = persistent->spec().persistentvolumesource().csi();
    path = sources_.csi->pathOf(source.driver(), source.volumehandle(), uid);
  } else if (volume.volumesource().has_csi()) {
    path = sources_.csi->pathOf(volume.volumesource().csi().driver(), csi::ephemeralHandle(uid, volume.name()), uid);
  }
  if (path) csiPaths_[{uid, volume.name()}] = *path;
}

PodVolumes::HostPaths PodVolumes::csiPaths(const std::string& uid) const {
  HostPaths paths;
  for (auto one = csiPaths_.lower_bound({uid, ""}); one != csiPaths_.end() && one->first.first == uid; ++one)
    paths[one->first.second] = one->second;
  return paths;
}

std::optional<WallTime> PodVolumes::growthDue(const std::string& uid) const {
  auto due = growAt_.find(uid);
  return due != growAt_.end() ? std::optional(due->second) : std::nullopt;
}

std::optional<WallTime> PodVolumes::refreshDue(const std::string& uid) const {
  std::optional<WallTime> earliest;
  for (auto due = renewAt_.lower_bound({uid, ""}); due != renewAt_.end() && due->first.first == uid; ++due)
    if (!earliest || due->second < *earliest) earliest = due->second;
  return earliest;
}

Task<Result<void>> PodVolumes::bindSubPath(std::string uid, SubPath subPath) {
  Result<Work> work = beginWork({uid, ""});
  if (!work) co_return fail(work.error());
  std::function<Result<void>()> job = [work = std::move(*work), subPath = std::move(subPath)] {
    Result<void> done = volumes::bindSubPath(subPath);
    work->set_value();
    return done;
  };
  co_return co_await pool_.run<void>("prepare a subPath", kDeadline, std::move(job));
}

void PodVolumes::forgetRenewals(const std::string& uid) {
  std::erase_if(renewAt_, [&](const auto& entry) { return entry.first.first == uid; });
  std::erase_if(neverRenewed_, [&](const WorkPlace& place) { return place.first == uid; });
  std::erase_if(traits_, [&](const auto& entry) { return entry.first.first == uid; });
  std::erase_if(csiPaths_, [&](const auto& entry) { return entry.first.first == uid; });
  growAt_.erase(uid);
}

Task<Result<void>> PodVolumes::release(std::string uid) {
  if (sources_.csi == nullptr || !sources_.csi->has(uid)) co_return Result<void>();
  forgetRenewals(uid);
  Result<void> released = co_await releaseCsi(std::move(uid));
  co_return released;
}

Task<Result<void>> PodVolumes::tearDown(std::string uid) {
  Result<void> released = co_await release(uid);
  if (!released) co_return released;
  forgetRenewals(uid);
  const std::string directory = layout::podDirectory(dirs_, uid);
  std::vector<std::shared_future<void>> works = worksOf(uid);
  Result<Work> work = beginWork({uid, kTearDown});
  if (!work) co_return fail(work.error().within("remove " + directory));
  std::function<Result<void>()> job = [directory, works = std::move(works), work = std::move(*work)] {
    Result<void> done = tearDownAll(directory, works);
    work->set_value();
    return done;
  };
  Result<void> done = co_await pool_.run<void>("remove " + directory, kDeadline, std::move(job));
  if (done || done.error().code != Code::kTimedOut) co_return done;
  // It may be a server that does not answer. The next try finds the way free.
  std::function<Result<void>()> detach = [directory] { return detachNetworkBelow(directory); };
  Result<void> detached = co_await pool_.run<void>("detach mounts below " + directory, kDeadline, std::move(detach));
  if (!detached) co_return detached;
  co_return done;
}

// What its driver has mounted, its driver unmounts. Before that goes what was mounted from within it: a volume that is
// still in use is not let go.
Task<Result<void>> PodVolumes::releaseCsi(std::string uid) {
  const std::string subPaths = layout::subPathsDirectory(dirs_, uid);
  const std::string csiVolumes = layout::volumeDirectory(dirs_, uid, "kubernetes.io/csi", "");
  std::vector<std::shared_future<void>> works = worksOf(uid);
  Result<Work> work = beginWork({uid, kTearDown});
  if (!work) co_return fail(work.error().within("unmount what is below " + subPaths));
  std::function<Result<void>()> job = [subPaths, csiVolumes, works = std::move(works), work = std::move(*work)] {
    Result<void> done = letEnd(works, subPaths);
    if (done) done = unmountBelow(subPaths);
    if (done) done = unmountInsideEach(csiVolumes, "mount");
    work->set_value();
    return done;
  };
  Result<void> unmounted = co_await pool_.run<void>("unmount what is below " + subPaths, kDeadline, std::move(job));
  if (!unmounted) co_return unmounted;
  co_return co_await sources_.csi->unpublishPod(std::move(uid));
}

// By the volume's type, then by that of what is behind it.
Task<Result<VolumeRequest>> PodVolumes::prepare(core::Pod pod, core::Volume volume) {
  const VolumeType* type = typeOf(volume);
  VolumeRequest asked{std::move(pod), volume, dirs_};
  if (sources_.nodeMemory) asked.nodeMemory = sources_.nodeMemory();
  asked.projectQuotas = sources_.projectQuotas;
  Result<VolumeRequest> request = co_await type->prepare(std::move(asked), sources_);
  if (!request) co_return mountFailed(volume, request.error());
  const VolumeType* behind = typeOf(*request);
  if (behind == nullptr)
    co_return mountFailed(volume, Error(Code::kUnimplemented, "",
                                        "persistent volume " + request->persistent->metadata().name() +
                                            " is of a type that is not supported yet"));
  if (behind == type) co_return request;
  VolumeRequest found = std::move(*request);
  request = co_await behind->prepare(std::move(found), sources_);
  if (!request) co_return mountFailed(volume, request.error());
  co_return request;
}

// The volume ready, with its files if its type has any.
Task<Result<PodVolumes::Filled>> PodVolumes::fill(core::Pod pod, core::Volume volume) {
  Result<VolumeRequest> request = co_await prepare(std::move(pod), volume);
  if (!request) co_return fail(request.error());
  const VolumeType* type = typeOf(*request);
  std::optional<WallTime> renewAt;
  if (type->hasFiles()) {
    Result<VolumeFiles> content = co_await type->files(*request, sources_);
    if (!content) co_return mountFailed(volume, content.error());
    request->files = std::make_shared<const Files>(std::move(content->files));
    renewAt = content->renewAt;
  }
  Result<std::string> path = co_await runSetUp(*request);
  if (!path) co_return mountFailed(volume, path.error());
  Result<void> mounted = co_await type->mount(*request, *path, sources_);
  if (!mounted) co_return mountFailed(volume, mounted.error());
  if (std::optional<Duration> every = type->renewEvery(*request)) renewAt = inTime(*every);
  co_return Filled{std::move(*request), std::move(*path), renewAt};
}

// A volume that an earlier run of the agent has mounted is looked at once.
Task<Result<void>> PodVolumes::renewIfDue(core::Pod pod, core::Volume volume) {
  const std::string uid = pod.metadata().uid();
  const WorkPlace place(uid, volume.name());
  if (sources_.csi == nullptr || !sources_.csi->has(uid) || neverRenewed_.contains(place)) co_return Result<void>();
  if (auto due = renewAt_.find(place); due != renewAt_.end() && due->second > clock_.wallNow())
    co_return Result<void>();
  noteRenewal(uid, volume.name(), clock_.wallNow());  // the next try, should this one fail
  Result<VolumeRequest> request = co_await prepare(std::move(pod), volume);
  if (!request) co_return fail(request.error());
  const VolumeType* type = typeOf(*request);
  const std::optional<Duration> every = type->renewEvery(*request);
  if (!every) {
    renewAt_.erase(place);
    neverRenewed_.insert(place);
    co_return Result<void>();
  }
  noteRenewal(uid, volume.name(), inTime(*every));
  Result<void> renewed = co_await type->renew(std::move(*request), sources_);
  if (!renewed) co_return mountFailed(volume, renewed.error());
  co_return renewed;
}

Task<Result<std::string>> PodVolumes::runSetUp(VolumeRequest request) {
  Result<Work> work = beginWork({request.pod.metadata().uid(), request.volume.name()});
  if (!work) co_return fail(work.error());
  const VolumeType* type = typeOf(request);
  std::function<Result<std::string>()> job = [work = std::move(*work), request = std::move(request), type] {
    Result<std::string> path = type->setUp(request);
    work->set_value();
    return path;
  };
  co_return co_await pool_.run<std::string>("set it up", kDeadline, std::move(job));
}

Task<Result<void>> PodVolumes::giveToGroup(VolumeRequest request, std::string path,
                                           std::shared_ptr<OwnershipWalk> walk) {
  const core::PodSecurityContext& security = request.pod.spec().securitycontext();
  if (!security.has_fsgroup() || !typeOf(request)->takesFsGroup(request)) co_return Result<void>();
  Result<Work> work = beginWork({request.pod.metadata().uid(), request.volume.name()});
  if (!work) co_return fail(work.error());
  OwnershipRule rule;
  rule.group = static_cast<gid_t>(security.fsgroup());
  rule.onlyOnRootMismatch = security.fsgroupchangepolicy() == "OnRootMismatch";
  // However this task ends, nobody is left to whom the walk would matter.
  struct Stop {
    std::shared_ptr<OwnershipWalk> walk;
    ~Stop() { walk->stop = true; }
  };
  const Stop stop{walk};
  walk->path = path;
  std::function<Result<void>()> job = [work = std::move(*work), path, rule, walk] {
    Result<void> done = giveToFsGroup(path, rule, *walk);
    work->set_value();
    return done;
  };
  Result<void> done = co_await pool_.run<void>("give its files to the fsGroup", kWalkDeadline, std::move(job));
  if (walk->refused > 0)
    log::warning("files of a volume could not be given to the fsGroup",
                 {{"volume", walk->path}, {"files", std::to_string(walk->refused)}});
  co_return done;
}

WallTime PodVolumes::inTime(Duration after) const {
  return clock_.wallNow() + std::chrono::duration_cast<WallTime::duration>(after);
}

Result<PodVolumes::Work> PodVolumes::beginWork(const WorkPlace& place) {
  auto earlier = works_.find(place);
  if (earlier != works_.end() && earlier->second.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return fail(Code::kUnavailable, "", "an earlier call for it has not ended yet");
  Work work = std::make_shared<std::promise<void>>();
  works_[place] = work->get_future().share();
  return work;
}

// Those that have not ended.
std::vector<std::shared_future<void>> PodVolumes::worksOf(const std::string& uid) {
  std::vector<std::shared_future<void>> works;
  std::erase_if(works_, [&](const auto& entry) {
    if (entry.first.first != uid) return false;
    if (entry.second.wait_for(std::chrono::seconds(0)) == std::future_status::ready) return true;
    works.push_back(entry.second);
    return false;
  });
  return works;
}

void PodVolumes::noteRenewal(const std::string& uid, const std::string& volume, std::optional<WallTime> renewAt) {
  if (!renewAt) return;
  // A token that could not be had, or that the server would not replace yet, is asked for again soon, but not at once.
  renewAt_[{uid, volume}] = std::max(*renewAt, clock_.wallNow() + kRenewalRetry);
}

}  // namespace cubelet::volumes
