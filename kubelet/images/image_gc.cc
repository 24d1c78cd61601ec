#include "kubelet/images/image_gc.h"

#include <algorithm>
#include <tuple>

namespace cubelet::images {
namespace {

// Least recently used first; one that was never seen in use counts as used before all others.
bool goesBefore(const KnownImage& a, const KnownImage& b) {
  const TimePoint never = TimePoint::min();
  return std::tuple(a.usedAt.value_or(never), a.seenAt, a.id) < std::tuple(b.usedAt.value_or(never), b.seenAt, b.id);
}

void sooner(std::optional<TimePoint>& earliest, TimePoint when) {
  if (!earliest || when < *earliest) earliest = when;
}

ImageGcPlan::Removal removal(const KnownImage& image, bool forAge) {
  return {.id = image.id, .name = image.name, .bytes = image.bytes, .forAge = forAge};
}

std::uint64_t bytesToFree(const std::optional<DiskSpace>& space, const ImageGcPolicy& policy) {
  if (!space || policy.highPercent >= 100 || usedPercent(*space) < policy.highPercent) return 0;
  const auto low = static_cast<std::uint64_t>(policy.lowPercent);
  const std::uint64_t wanted = space->capacity / 100 * (100 - low) + space->capacity % 100 * (100 - low) / 100;
  return wanted > space->available ? wanted - space->available : 0;
}

std::vector<KnownImage> unusedOf(const std::vector<KnownImage>& images, const std::set<std::string>& inUse) {
  std::vector<KnownImage> unused;
  for (const KnownImage& image : images)
    if (!image.pinned && !inUse.contains(image.id)) unused.push_back(image);
  std::ranges::sort(unused, goesBefore);
  return unused;
}

}  // namespace

int usedPercent(const DiskSpace& space) {
  if (space.capacity == 0) return 0;
  const double available = static_cast<double>(std::min(space.available, space.capacity));
  return 100 - static_cast<int>(available * 100 / static_cast<double>(space.capacity));
}

ImageGcPlan planImageGc(const std::vector<KnownImage>& images, const std::set<std::string>& inUse,
                        const std::optional<DiskSpace>& space, const ImageGcPolicy& policy, TimePoint now) {
  ImageGcPlan plan;
  plan.bytesToFree = bytesToFree(space, policy);
  const std::vector<KnownImage> unused = unusedOf(images, inUse);
  std::vector<ImageGcPlan::Removal> forSpace;
  for (const KnownImage& image : unused) {
    const TimePoint oldEnough = image.seenAt + policy.minimumAge;
    const TimePoint tooOld = std::max(image.seenAt, image.usedAt.value_or(image.seenAt)) + policy.maximumAge;
    const bool ageCounts = policy.maximumAge > Duration::zero();
    if (ageCounts && tooOld < now) {
      plan.removals.push_back(removal(image, true));
      continue;
    }
    if (ageCounts) sooner(plan.again, tooOld + Duration(1));
    if (plan.bytesToFree == 0) continue;
    if (oldEnough <= now)
      forSpace.push_back(removal(image, false));
    else
      sooner(plan.again, oldEnough);
  }
  std::ranges::move(forSpace, std::back_inserter(plan.removals));
  return plan;
}

std::vector<ImageGcPlan::Removal> allRemovable(const std::vector<KnownImage>& images,
                                               const std::set<std::string>& inUse, Duration minimumAge, TimePoint now) {
  std::vector<ImageGcPlan::Removal> out;
  for (const KnownImage& image : unusedOf(images, inUse))
    if (image.seenAt + minimumAge <= now) out.push_back(removal(image, false));
  return out;
}

}  // namespace cubelet::images
