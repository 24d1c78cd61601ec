#include "kubelet/metrics/pod_starts.h"

#include <gtest/gtest.h>

namespace cubelet::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};

PodStarts::Seen pod(std::string_view phase, std::optional<WallTime> made = std::nullopt) {
  return {.uid = "u1", .phase = phase, .terminated = false, .made = made};
}

TEST(PodStarts, SRV_2_FromFirstSeenToRunningOnce) {
  PodStarts starts;
  EXPECT_FALSE(starts.status(pod("Pending"), kNow));
  EXPECT_FALSE(starts.status(pod("Pending"), kNow + seconds(1)));
  const std::optional<PodStarts::Started> started = starts.status(pod("Running"), kNow + seconds(2));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->sinceSeen, seconds(2));
  EXPECT_FALSE(started->sinceMade);
  EXPECT_FALSE(starts.status(pod("Running"), kNow + seconds(3)));
}

TEST(PodStarts, SRV_2_PullsDoNotCountForTheServiceLevel) {
  PodStarts starts;
  const WallTime made = kNow - seconds(1);
  EXPECT_FALSE(starts.status(pod("Pending", made), kNow));
  starts.pulled("u1", seconds(3));
  const std::optional<PodStarts::Started> started = starts.status(pod("Running", made), kNow + seconds(5));
  ASSERT_TRUE(started && started->sinceMade);
  EXPECT_EQ(started->sinceSeen, seconds(5));
  EXPECT_EQ(*started->sinceMade, seconds(3));
}

TEST(PodStarts, SRV_2_PodsOfAnEarlierRunDoNotCount) {
  PodStarts starts;
  EXPECT_FALSE(starts.status(pod("Running"), kNow));
  EXPECT_FALSE(starts.status(pod("Running"), kNow + seconds(1)));
}

TEST(PodStarts, SRV_2_PodsThatNeverRanDoNotCount) {
  PodStarts starts;
  EXPECT_FALSE(starts.status(pod("Pending"), kNow));
  EXPECT_FALSE(starts.status(pod("Failed"), kNow + seconds(1)));
}

TEST(PodStarts, SRV_2_APodThatIsGoneIsForgotten) {
  PodStarts starts;
  starts.status(pod("Pending"), kNow);
  PodStarts::Seen last = pod("Failed");
  last.terminated = true;
  starts.status(last, kNow + milliseconds(1));
  EXPECT_EQ(starts.size(), 0u);
}

}  // namespace
}  // namespace cubelet::metrics
