#include <gtest/gtest.h>
#include <limits>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

TEST(PodMemory, KnowsNothingOfStrangers) {
  const PodMemory memory;
  EXPECT_EQ(memory.of("a").backoff, Duration::zero());
  EXPECT_EQ(memory.of("a").attemptFromLogs, 0U);
}

TEST(NoteStarted, RemembersTheBackOffAndForgetsTheInstanceBefore) {
  ContainerMemory before;
  before.failureReason = "ErrImagePull";
  before.failureMessage = "no";
  before.retryAt = kNow + seconds(5);
  before.startupPassed = true;
  before.ready = true;
  before.unhealthyMessage = "ill";
  before.unhealthyGrace = seconds(1);
  PodMemory memory = remember("a", before);
  noteStarted(memory, {.name = "a", .attempt = 4, .backoff = seconds(20), .backoffKey = "key"}, kNow);

  const ContainerMemory& after = memory.of("a");
  EXPECT_EQ(after.backoff, seconds(20));
  EXPECT_EQ(after.backoffSetAt, kNow);
  EXPECT_EQ(after.backoffKey, "key");
  EXPECT_EQ(after.attemptFromLogs, 5U);
  EXPECT_EQ(after.failureReason, "");
  EXPECT_EQ(after.failureMessage, "");
  EXPECT_EQ(after.retryAt, WallTime());
  EXPECT_FALSE(after.startupPassed);
  EXPECT_FALSE(after.ready);
  EXPECT_EQ(after.unhealthyMessage, "");
  EXPECT_FALSE(after.unhealthyGrace);
}

TEST(HasStarted, SID1_NeedsTheStartupProbeWhenThereIsOne) {
  core::Container container;
  EXPECT_TRUE(hasStarted(container, {}));
  container.mutable_startupprobe();
  ContainerMemory memory;
  EXPECT_FALSE(hasStarted(container, memory));
  memory.startupPassed = false;
  EXPECT_FALSE(hasStarted(container, memory));
  memory.startupPassed = true;
  EXPECT_TRUE(hasStarted(container, memory));
}

TEST(ActiveDeadline, DLN_1_CountsFromTheStart) {
  core::Pod pod;
  EXPECT_FALSE(activeDeadline(pod, kNow));
  pod.mutable_spec()->set_activedeadlineseconds(60);
  EXPECT_EQ(activeDeadline(pod, kNow), kNow + std::chrono::seconds(60));
  pod.mutable_spec()->set_activedeadlineseconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(activeDeadline(pod, kNow), kNow + std::chrono::years(10));
  pod.mutable_spec()->set_activedeadlineseconds(-1);
  EXPECT_EQ(activeDeadline(pod, kNow), kNow);
}

}  // namespace
}  // namespace cubelet::plan::test
