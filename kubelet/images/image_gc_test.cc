#include "kubelet/images/image_gc.h"

#include <gtest/gtest.h>

namespace cubelet::images {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kNow{hours(100)};

// Seen an hour ago, never used, of 100 bytes.
KnownImage image(const std::string& id) {
  return {.id = id, .name = id, .bytes = 100, .seenAt = kNow - hours(1)};
}
KnownImage used(KnownImage one, Duration ago) {
  one.usedAt = kNow - ago;
  return one;
}
KnownImage seen(KnownImage one, Duration ago) {
  one.seenAt = kNow - ago;
  return one;
}
KnownImage pinned(KnownImage one) {
  one.pinned = true;
  return one;
}

DiskSpace full(int percent) {
  return {.capacity = 1000, .available = static_cast<std::uint64_t>(1000 - percent * 10)};
}
ImageGcPolicy maxAge(Duration age) {
  ImageGcPolicy policy;
  policy.maximumAge = age;
  return policy;
}
ImageGcPolicy thresholds(int high, int low) {
  ImageGcPolicy policy;
  policy.highPercent = high;
  policy.lowPercent = low;
  return policy;
}

// "free 100: a b(age), again +60s"
std::string toText(const ImageGcPlan& plan) {
  std::string text = "free " + std::to_string(plan.bytesToFree) + ":";
  for (const auto& removal : plan.removals) text += " " + removal.id + (removal.forAge ? "(age)" : "");
  if (plan.again) text += ", again +" + std::to_string(std::chrono::ceil<seconds>(*plan.again - kNow).count()) + "s";
  return text;
}

struct GcCase {
  std::string name;
  std::vector<KnownImage> images;
  std::set<std::string> inUse;
  std::optional<DiskSpace> space;
  ImageGcPolicy policy;
  std::string plan;
};
class GC_4_Images : public testing::TestWithParam<GcCase> {};

TEST_P(GC_4_Images, Plan) {
  const GcCase& row = GetParam();
  EXPECT_EQ(toText(planImageGc(row.images, row.inUse, row.space, row.policy, kNow)), row.plan);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, GC_4_Images,
    testing::Values(
        GcCase{"EnoughSpace", {image("a")}, {}, full(84), {}, "free 0:"},
        GcCase{"AtTheHighThreshold", {image("a")}, {}, full(85), {}, "free 50: a"},
        GcCase{"AboveIt", {image("a"), image("b")}, {}, full(95), {}, "free 150: a b"},
        GcCase{"SpaceUnknown", {image("a")}, {}, {}, {}, "free 0:"},
        GcCase{"SwitchedOff", {image("a")}, {}, full(100), thresholds(100, 80), "free 0:"},
        GcCase{"ThresholdZero", {image("a")}, {}, full(1), thresholds(1, 0), "free 10: a"},
        GcCase{"UsedOnesStay", {image("a"), image("b")}, {"a"}, full(95), {}, "free 150: b"},
        GcCase{"PinnedOnesStay", {pinned(image("a")), image("b")}, {}, full(95), {}, "free 150: b"},
        GcCase{"LeastRecentlyUsedFirst",
               {used(image("a"), minutes(5)), used(image("b"), minutes(50)), used(image("c"), minutes(20))},
               {},
               full(95),
               {},
               "free 150: b c a"},
        GcCase{"NeverUsedBeforeAll", {used(image("a"), minutes(50)), image("b")}, {}, full(95), {}, "free 150: b a"},
        GcCase{"NeverUsedByTheTimeTheyCame",
               {seen(image("a"), minutes(5)), seen(image("b"), minutes(50))},
               {},
               full(95),
               {},
               "free 150: b a"},
        GcCase{"YoungOnesStayAndAreDueLater",
               {seen(image("a"), seconds(30)), image("b")},
               {},
               full(95),
               {},
               "free 150: b, again +90s"},
        GcCase{"YoungOnesAreNotDueWithoutNeed", {seen(image("a"), seconds(30))}, {}, full(50), {}, "free 0:"},
        GcCase{"JustOldEnough", {seen(image("a"), minutes(2))}, {}, full(95), {}, "free 150: a"},
        GcCase{"TooOld",
               {seen(used(image("a"), hours(3)), hours(5)), image("b")},
               {},
               full(10),
               maxAge(hours(2)),
               "free 0: a(age), again +3601s"},
        GcCase{"TooOldButUsed", {image("a")}, {"a"}, full(10), maxAge(minutes(5)), "free 0:"},
        GcCase{"TooOldButPinned", {pinned(image("a"))}, {}, full(10), maxAge(minutes(5)), "free 0:"},
        GcCase{"AgeCountsFromTheLastUse",
               {used(image("a"), minutes(2))},
               {},
               full(10),
               maxAge(minutes(5)),
               "free 0:, again +181s"},
        GcCase{"ForAgeAndForSpace",
               {seen(used(image("a"), minutes(50)), hours(5)), used(image("b"), minutes(5))},
               {},
               full(90),
               maxAge(minutes(30)),
               "free 100: a(age) b, again +1501s"}),
    [](const auto& test) { return test.param.name; });

TEST(UsedPercent, IsWhatIsNotAvailable) {
  EXPECT_EQ(usedPercent({.capacity = 1000, .available = 151}), 85);
  EXPECT_EQ(usedPercent({.capacity = 1000, .available = 2000}), 0);
  EXPECT_EQ(usedPercent({.capacity = 0, .available = 0}), 0);
}

TEST(ImageGc, EVI_5_EverythingThatNobodyNeeds) {
  std::string ids;
  for (const ImageGcPlan::Removal& one : allRemovable({image("a"), used(image("b"), hours(1)), image("used"),
                                                       pinned(image("pinned")), seen(image("young"), minutes(1))},
                                                      {"used"}, minutes(2), kNow))
    ids += one.id + " ";
  EXPECT_EQ(ids, "a b ");
}

}  // namespace
}  // namespace cubelet::images
