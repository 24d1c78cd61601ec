#include "kubelet/images/image_collector.h"

#include <algorithm>
#include <cerrno>
#include <sys/statvfs.h>
#include <utility>

#include "base/log.h"
#include "kubelet/images/images.h"

namespace cubelet::images {
namespace {

constexpr Duration kSlowCheck = std::chrono::minutes(5);
// Pulls come in bursts: one look for many.
constexpr Duration kLeastPause = std::chrono::seconds(10);
constexpr Duration kStatTime = std::chrono::seconds(30);

std::string nameOf(const cri::v1::Image& image) {
  if (image.repo_tags_size() > 0) return image.repo_tags(0);
  if (image.repo_digests_size() > 0) return image.repo_digests(0);
  return image.id();
}

}  // namespace

Result<DiskSpace> diskSpaceAt(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return fail(errnoError(errno, "ask for the space at " + path));
  DiskSpace space;
  space.capacity = static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize;
  space.available = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  return space;
}

ImageCollector::ImageCollector(Clock& clock, BlockingPool& pool, cri::RuntimeService& runtime,
                               cri::ImageService& service, ImageGcPolicy policy, Hooks hooks)
    : clock_(clock),
      pool_(pool),
      runtime_(runtime),
      service_(service),
      policy_(policy),
      hooks_(std::move(hooks)),
      wake_(clock) {}

void ImageCollector::look() {
  const TimePoint earliest = lookedAt_ ? *lookedAt_ + kLeastPause : clock_.now();
  due_ = std::min(due_, std::max(earliest, clock_.now()));
  wake_.ring();
}

void ImageCollector::podsChanged() {
  if (due_ == TimePoint::max()) look();
}

Task<void> ImageCollector::run() {
  if (policy_.highPercent >= 100 && policy_.maximumAge == Duration::zero()) co_return;
  for (;;) {
    while (clock_.now() < due_) co_await wake_.waitUntil(due_);
    due_ = TimePoint::max();
    lookedAt_ = clock_.now();
    Result<void> done = co_await collect();
    if (done) {
      failedBefore_ = false;
      continue;
    }
    log::warning("image garbage collection failed", {{"error", done.error().message}});
    // A first failure may be over before anybody has read of it (GC-5).
    if (std::exchange(failedBefore_, true)) hooks_.warn("ImageGCFailed", done.error().message);
    scheduleNext(std::nullopt);
  }
}

void ImageCollector::scheduleNext(const std::optional<TimePoint>& again) {
  const std::optional<std::set<std::string>> wanted = hooks_.wanted();
  if (wanted && !wanted->empty()) due_ = std::min(due_, clock_.now() + kSlowCheck);
  if (again) due_ = std::min(due_, std::max(*again, clock_.now() + kLeastPause));
}

Task<Result<void>> ImageCollector::collect() {
  const std::optional<std::set<std::string>> wanted = hooks_.wanted();
  if (!wanted) co_return Result<void>();  // the set of pods is another one when it is known
  Result<World> world = co_await readWorld();
  if (!world) co_return fail(world.error());
  remember(*world);
  ImageGcPlan plan = planImageGc(world->images, world->inUse, world->space, policy_, clock_.now());
  if (!plan.removals.empty()) {
    Result<void> protection = co_await protect(&*world, *wanted);
    if (!protection) co_return fail(protection.error());
    plan = planImageGc(world->images, world->inUse, world->space, policy_, clock_.now());
  }
  scheduleNext(plan.again);
  co_return co_await remove(std::move(plan), *wanted);
}

Task<Result<void>> ImageCollector::removeUnused() {
  const std::optional<std::set<std::string>> wanted = hooks_.wanted();
  if (!wanted) co_return Result<void>();
  Result<World> world = co_await readWorld();
  if (!world) co_return fail(world.error());
  remember(*world);
  Result<void> protection = co_await protect(&*world, *wanted);
  if (!protection) co_return fail(protection.error());
  ImageGcPlan plan;
  plan.removals = allRemovable(world->images, world->inUse, policy_.minimumAge, clock_.now());
  for (const ImageGcPlan::Removal& removal : plan.removals) plan.bytesToFree += removal.bytes;
  co_return co_await remove(std::move(plan), *wanted);
}

Task<Result<ImageCollector::World>> ImageCollector::readWorld() {
  World world;
  Result<std::vector<cri::v1::Image>> images = co_await service_.listImages();
  if (!images) co_return fail(images.error().within("list images"));
  for (const cri::v1::Image& image : *images) {
    KnownImage known;
    known.id = image.id();
    known.name = nameOf(image);
    known.bytes = image.size();
    known.pinned = image.pinned();
    known.seenAt = clock_.now();
    world.idOf[image.id()] = image.id();
    for (const std::string& tag : image.repo_tags()) world.idOf[tag] = image.id();
    for (const std::string& digest : image.repo_digests()) world.idOf[digest] = image.id();
    world.images.push_back(std::move(known));
  }
  // After the images: one that is listed has its containers listed too.
  cri::v1::ContainerFilter every;
  Result<std::vector<cri::v1::Container>> containers = co_await runtime_.listContainers(every);
  if (!containers) co_return fail(containers.error().within("list containers"));
  for (const cri::v1::Container& container : *containers)
    for (const std::string& name : {container.image_id(), container.image_ref(), container.image().image()})
      if (auto id = world.idOf.find(name); id != world.idOf.end()) world.inUse.insert(id->second);
  Result<std::optional<DiskSpace>> space = co_await readSpace();
  if (!space) co_return fail(space.error());
  world.space = *space;
  co_return world;
}

Task<Result<std::optional<DiskSpace>>> ImageCollector::readSpace() {
  if (policy_.highPercent >= 100) co_return std::optional<DiskSpace>();
  Result<cri::v1::ImageFsInfoResponse> info = co_await service_.imageFsInfo();
  if (!info) co_return fail(info.error().within("find the file system of the images"));
  if (info->image_filesystems_size() == 0)
    co_return fail(Code::kInternal, "", "the container runtime names no file system of its images");
  const std::string path = info->image_filesystems(0).fs_id().mountpoint();
  std::function<Result<DiskSpace>()> job = [path, spaceAt = hooks_.spaceAt] { return spaceAt(path); };
  Result<DiskSpace> space = co_await pool_.run<DiskSpace>("ask for the space at " + path, kStatTime, std::move(job));
  if (!space) co_return fail(space.error());
  if (space->capacity == 0) {
    const std::string message = "invalid capacity 0 on image filesystem";
    hooks_.warn("InvalidDiskCapacity", message);
    co_return fail(Code::kInternal, "InvalidDiskCapacity", message + " at " + path);
  }
  co_return std::optional<DiskSpace>(*space);
}

// What this run of the agent knows of the images: since when, and when they were used.
void ImageCollector::remember(World& world) {
  std::map<std::string, KnownImage> now;
  for (KnownImage& image : world.images) {
    if (auto before = known_.find(image.id); before != known_.end()) {
      image.seenAt = before->second.seenAt;
      image.usedAt = before->second.usedAt;
    }
    if (world.inUse.contains(image.id)) image.usedAt = clock_.now();
    now[image.id] = image;
  }
  for (const auto& [id, image] : known_)
    if (!now.contains(id)) hooks_.removed(id);  // by somebody else
  known_ = std::move(now);
}

// Counts the images that pods name, and the sandbox image, among those in use. The runtime itself says which image a
// name means, where the name is not one that it lists.
Task<Result<void>> ImageCollector::protect(World* world, std::set<std::string> names) {
  Result<std::string> sandboxImage = co_await runtime_.sandboxImage();
  if (!sandboxImage) co_return fail(sandboxImage.error().within("find the sandbox image"));
  if (!sandboxImage->empty()) names.insert(*sandboxImage);
  for (const std::string& name : names) {
    const Result<std::string> full = withDefaultTag(name);
    if (!full) continue;  // no image has such a name
    if (auto id = world->idOf.find(*full); id != world->idOf.end()) {
      world->inUse.insert(id->second);
      continue;
    }
    Result<std::optional<cri::v1::Image>> image = co_await service_.imageStatus(*full);
    if (!image) co_return fail(image.error().within("look up image " + name));
    if (*image) world->inUse.insert((*image)->id());
  }
  co_return Result<void>();
}

Task<Result<void>> ImageCollector::remove(ImageGcPlan plan, std::set<std::string> wanted) {
  std::uint64_t freed = 0;
  std::optional<Error> failure;
  for (const ImageGcPlan::Removal& removal : plan.removals) {
    if (!removal.forAge && freed >= plan.bytesToFree) continue;
    if (hooks_.wanted() != wanted) {  // a new pod may want it: decide again
      look();
      co_return Result<void>();
    }
    Result<void> removed = co_await service_.removeImage(removal.id);
    if (!removed) {
      log::warning("cannot remove an image", {{"image", removal.name}, {"error", removed.error().message}});
      failure = removed.error().within("remove image " + removal.name);
      continue;
    }
    log::info("removed an image", {{"image", removal.name},
                                   {"id", removal.id},
                                   {"bytes", std::to_string(removal.bytes)},
                                   {"because", removal.forAge ? "it was not used for long" : "space is short"}});
    known_.erase(removal.id);
    hooks_.removed(removal.id);
    freed += removal.bytes;
  }
  if (failure) co_return fail(std::move(*failure));
  if (freed >= plan.bytesToFree) co_return Result<void>();
  std::string message = "Failed to garbage collect required amount of images. Attempted to free " +
                        std::to_string(plan.bytesToFree) + " bytes, but only found " + std::to_string(freed) +
                        " bytes eligible to free.";
  hooks_.warn("FreeDiskSpaceFailed", message);
  co_return fail(Code::kExhausted, "FreeDiskSpaceFailed", std::move(message));
}

}  // namespace cubelet::images
