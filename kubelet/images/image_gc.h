// Which images go, and when to look again. Pure. Behaviour GC-4.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"

namespace cubelet::images {

struct ImageGcPolicy {
  int highPercent = 85;                           // imageGCHighThresholdPercent; 100: never for want of space
  int lowPercent = 80;                            // imageGCLowThresholdPercent
  Duration minimumAge = std::chrono::minutes(2);  // imageMinimumGCAge: a younger one stays
  Duration maximumAge = Duration::zero();         // imageMaximumGCAge: unused for longer goes; 0: no such limit
};

struct KnownImage {
  std::string id;
  std::string name;  // for messages: a tag, a digest or the id
  std::uint64_t bytes = 0;
  bool pinned = false;                             // the runtime wants it kept
  TimePoint seenAt;                                // when this run of the agent saw it first
  std::optional<TimePoint> usedAt = std::nullopt;  // when it was last seen in use
};

struct DiskSpace {
  std::uint64_t capacity = 0;   // bytes
  std::uint64_t available = 0;  // to those who are not root
};

// Of 100: what is not available.
int usedPercent(const DiskSpace& space);

struct ImageGcPlan {
  struct Removal {
    std::string id;
    std::string name;
    std::uint64_t bytes = 0;
    bool forAge = false;  // unused for longer than the maximum age; otherwise for space
  };
  // Those for their age first. Of those for space only as many as it takes: stop when `bytesToFree` have been freed.
  std::vector<Removal> removals;
  std::uint64_t bytesToFree = 0;  // 0: there is space enough
  // When an image that stays only because of its age (too young to be removed for space, or not yet too old) has
  // reached it. Nothing: no time alone changes the plan.
  std::optional<TimePoint> again;
};

// `inUse`: ids of images that containers are made from (dead ones too), that pods of this node name, and the sandbox
// image. `space` of the file system that holds the images; nothing: its fill level does not matter.
ImageGcPlan planImageGc(const std::vector<KnownImage>& images, const std::set<std::string>& inUse,
                        const std::optional<DiskSpace>& space, const ImageGcPolicy& policy, TimePoint now);

// Every image that is neither in use nor pinned and that has been seen for `minimumAge`, least recently used first.
std::vector<ImageGcPlan::Removal> allRemovable(const std::vector<KnownImage>& images,
                                               const std::set<std::string>& inUse, Duration minimumAge, TimePoint now);

}  // namespace cubelet::images
