#include "kubelet/volumes/pod_volumes.h"

#include <algorithm>
#include <array>

#include "base/files.h"
#include "kubelet/volumes/config_map.h"
#include "kubelet/volumes/downward_api.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/host_path.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/projected.h"
#include "kubelet/volumes/secret.h"

namespace cubelet::volumes {
namespace {

constexpr Duration kDeadline = std::chrono::seconds(123);  // VOL-1
constexpr Duration kRenewalRetry = std::chrono::minutes(1);

const VolumeType* typeOf(const core::VolumeSource& source) {
  static const EmptyDir emptyDir;
  static const HostPath hostPath;
  static const ConfigMapVolume configMap;
  static const SecretVolume secret;
  static const DownwardApiVolume downwardApi;
  static const ProjectedVolume projected;
  static const std::array<const VolumeType*, 6> types = {&emptyDir, &hostPath,    &configMap,
                                                         &secret,   &downwardApi, &projected};
  for (const VolumeType* type : types)
    if (type->handles(source)) return type;
  return nullptr;
}

bool hasFiles(const core::Volume& volume) {
  const VolumeType* type = typeOf(volume.volumesource());
  return type != nullptr && type->hasFiles();
}

bool hasToken(const core::Volume& volume) {
  return std::ranges::any_of(volume.volumesource().projected().sources(),
                             [](const core::VolumeProjection& source) { return source.has_serviceaccounttoken(); });
}

std::unexpected<Error> mountFailed(const core::Volume& volume, const Error& why) {
  return fail(why.code, "FailedMount",
              "MountVolume.SetUp failed for volume \"" + volume.name() + "\" : " + why.message);
}

Result<PodVolumes::HostPaths> setUpAll(const core::Pod& pod, const layout::Directories& dirs) {
  PodVolumes::HostPaths paths;
  for (const core::Volume& volume : pod.spec().volumes()) {
    if (hasFiles(volume)) continue;
    const VolumeType* type = typeOf(volume.volumesource());
    if (type == nullptr)
      return mountFailed(volume, Error(Code::kUnimplemented, "", "this volume type is not supported yet"));
    VolumeRequest request{pod, volume, dirs, nullptr};
    Result<std::string> path = type->setUp(request);
    if (!path) return mountFailed(volume, path.error());
    paths[volume.name()] = std::move(*path);
  }
  return paths;
}

Result<void> tearDownAll(const std::string& podDirectory) {
  if (Result<void> unmounted = unmountBelow(podDirectory); !unmounted) return unmounted;
  return removeTree(podDirectory);
}

std::optional<WallTime> earlier(std::optional<WallTime> left, std::optional<WallTime> right) {
  if (!left || !right) return left ? left : right;
  return std::min(*left, *right);
}

}  // namespace

Task<Result<PodVolumes::HostPaths>> PodVolumes::setUp(core::Pod pod) {
  Result<HostPaths> paths = co_await setUpWithoutFiles(pod);
  if (!paths) co_return paths;
  std::optional<WallTime> earliest;
  for (const core::Volume& volume : pod.spec().volumes()) {
    if (!hasFiles(volume)) continue;
    Result<Filled> filled = co_await fill(pod, volume);
    if (!filled) co_return fail(filled.error());
    (*paths)[volume.name()] = std::move(filled->path);
    earliest = earlier(earliest, filled->renewAt);
  }
  noteRenewal(pod.metadata().uid(), earliest);
  co_return paths;
}

Task<Result<void>> PodVolumes::refresh(core::Pod pod) {
  std::optional<Error> first;
  std::optional<WallTime> earliest;
  for (const core::Volume& volume : pod.spec().volumes()) {
    if (!hasFiles(volume)) continue;
    Result<Filled> filled = co_await fill(pod, volume);
    if (filled) {
      earliest = earlier(earliest, filled->renewAt);
      continue;
    }
    if (!first) first = filled.error();
    if (hasToken(volume)) earliest = clock_.wallNow();
  }
  noteRenewal(pod.metadata().uid(), earliest);
  if (first) co_return fail(*first);
  co_return Result<void>();
}

std::optional<WallTime> PodVolumes::refreshDue(const std::string& uid) const {
  auto due = renewAt_.find(uid);
  if (due == renewAt_.end()) return std::nullopt;
  return due->second;
}

Task<Result<void>> PodVolumes::tearDown(std::string uid) {
  renewAt_.erase(uid);
  const std::string directory = layout::podDirectory(dirs_, uid);
  if (isWriting(uid))
    co_return fail(Code::kUnavailable, "", "remove " + directory + ": an earlier call still writes there");
  writing_.erase(uid);
  std::function<Result<void>()> job = [directory] { return tearDownAll(directory); };
  co_return co_await pool_.run<void>("remove " + directory, kDeadline, std::move(job));
}

// All in one call: these need nothing but the file system.
Task<Result<PodVolumes::HostPaths>> PodVolumes::setUpWithoutFiles(core::Pod pod) {
  if (std::ranges::all_of(pod.spec().volumes(), hasFiles)) co_return HostPaths();
  std::string doing = "set up the volumes of pod " + pod.metadata().namespace_() + "/" + pod.metadata().name();
  std::function<Result<HostPaths>()> job = [pod = std::move(pod), dirs = dirs_] { return setUpAll(pod, dirs); };
  co_return co_await pool_.run<HostPaths>(std::move(doing), kDeadline, std::move(job));
}

Task<Result<PodVolumes::Filled>> PodVolumes::fill(core::Pod pod, core::Volume volume) {
  VolumeRequest request{std::move(pod), volume, dirs_, nullptr};
  Result<VolumeFiles> content = co_await typeOf(volume.volumesource())->files(request, sources_);
  if (!content) co_return mountFailed(volume, content.error());
  request.files = std::make_shared<const Files>(std::move(content->files));
  Result<std::string> path = co_await write(std::move(request));
  if (!path) co_return mountFailed(volume, path.error());
  co_return Filled{std::move(*path), content->renewAt};
}

Task<Result<std::string>> PodVolumes::write(VolumeRequest request) {
  const std::string uid = request.pod.metadata().uid();
  if (isWriting(uid)) co_return fail(Code::kUnavailable, "", "an earlier call still writes files of this pod");
  auto token = std::make_shared<int>();
  writing_[uid] = token;
  std::function<Result<std::string>()> job = [token = std::move(token), request = std::move(request)]() mutable {
    const std::shared_ptr<void> held = std::move(token);  // given back before the answer is read
    return typeOf(request.volume.volumesource())->setUp(request);
  };
  co_return co_await pool_.run<std::string>("write its files", kDeadline, std::move(job));
}

bool PodVolumes::isWriting(const std::string& uid) const {
  auto writing = writing_.find(uid);
  return writing != writing_.end() && !writing->second.expired();
}

void PodVolumes::noteRenewal(const std::string& uid, std::optional<WallTime> earliest) {
  if (!earliest) return;
  // A token that could not be had, or that the server would not replace yet, is asked for again soon, but not at once.
  renewAt_[uid] = std::max(*earliest, clock_.wallNow() + kRenewalRetry);
}

}  // namespace cubelet::volumes
