#include "kubelet/plan/backoff.h"

#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

observe::ObservedContainer ended(WallTime when) {
  observe::ObservedContainer instance;
  instance.createdAt = when - minutes(1);
  instance.finishedAt = when;
  return instance;
}

ContainerMemory counted(Duration backoff, WallTime setAt, const std::string& key = "key") {
  ContainerMemory memory;
  memory.backoff = backoff;
  memory.backoffSetAt = setAt;
  memory.backoffKey = key;
  return memory;
}

// An instance that ends at once, over and over, is started as soon as that is allowed.
TEST(BackOff, RST6_Doubles) {
  ContainerMemory memory;
  std::vector<long> waits;
  WallTime now = kNow;
  for (int i = 0; i < 9; ++i) {
    const observe::ObservedContainer last = ended(now);
    const BackoffDecision first = decideBackoff(memory, "key", &last, {}, now);
    waits.push_back(std::chrono::duration_cast<seconds>(first.wait).count());
    EXPECT_EQ(first.until.has_value(), first.wait > Duration::zero());
    if (first.until) {
      EXPECT_EQ(*first.until, now + seconds(waits.back()));
      EXPECT_TRUE(decideBackoff(memory, "key", &last, {}, *first.until - milliseconds(1)).until);
      now = *first.until;
    }
    const BackoffDecision then = decideBackoff(memory, "key", &last, {}, now);
    EXPECT_FALSE(then.until);
    memory = counted(then.next, now);
  }
  EXPECT_EQ(waits, (std::vector<long>{0, 10, 20, 40, 80, 160, 300, 300, 300}));
}

TEST(BackOff, RST6_FirstStartWaitsForNothingAndCountsNothing) {
  const BackoffDecision decision = decideBackoff({}, "key", nullptr, {}, kNow);
  EXPECT_FALSE(decision.until);
  EXPECT_EQ(decision.next, Duration::zero());
}

TEST(BackOff, RST6_StartsAnewAfterTenGoodMinutes) {
  const ContainerMemory memory = counted(seconds(160), kNow - minutes(20));
  const observe::ObservedContainer tenMinutes = ended(memory.backoffSetAt + minutes(10));
  EXPECT_EQ(decideBackoff(memory, "key", &tenMinutes, {}, tenMinutes.finishedAt).wait, seconds(160));
  const observe::ObservedContainer longer = ended(memory.backoffSetAt + minutes(10) + seconds(1));
  const BackoffDecision anew = decideBackoff(memory, "key", &longer, {}, longer.finishedAt);
  EXPECT_EQ(anew.wait, Duration::zero());
  EXPECT_EQ(anew.next, seconds(10));
}

TEST(BackOff, RST6_ACapBelowTheStartLowersBoth) {
  PlanOptions options;
  options.backoffCap = seconds(3);
  const observe::ObservedContainer last = ended(kNow);
  EXPECT_EQ(decideBackoff({}, "key", &last, options, kNow).next, seconds(3));
  const ContainerMemory memory = counted(seconds(40), kNow);
  EXPECT_EQ(decideBackoff(memory, "key", &last, options, kNow).wait, seconds(3));
  EXPECT_EQ(decideBackoff(memory, "key", &last, options, kNow).next, seconds(3));
}

TEST(BackOff, RST6_CountsFromTheCreationWhenTheEndIsUnknown) {
  const ContainerMemory memory = counted(seconds(10), kNow);
  observe::ObservedContainer last;
  last.createdAt = kNow - seconds(4);
  EXPECT_EQ(decideBackoff(memory, "key", &last, {}, kNow).until, kNow + seconds(6));
}

TEST(BackOff, RST6_AClockThatWasSetBackIsNotWaitedFor) {
  const ContainerMemory memory = counted(seconds(10), kNow);
  const observe::ObservedContainer last = ended(kNow + hours(5));
  EXPECT_FALSE(decideBackoff(memory, "key", &last, {}, kNow).until);
}

TEST(BackOff, RST7_KeyCoversImageAndResources) {
  core::Container container;
  container.set_image("img:1");
  container.set_name("a");
  const std::string key = backoffKey(container);
  core::Container other = container;
  other.set_image("img:2");
  EXPECT_NE(backoffKey(other), key);
  other = container;
  (*other.mutable_resources()->mutable_limits())["cpu"].set_string("1");
  EXPECT_NE(backoffKey(other), key);
  core::Container request = container;
  (*request.mutable_resources()->mutable_requests())["cpu"].set_string("1");
  EXPECT_NE(backoffKey(request), backoffKey(other));
  other = container;
  other.add_command("sh");
  EXPECT_EQ(backoffKey(other), key);

  const ContainerMemory memory = counted(seconds(40), kNow, key);
  const observe::ObservedContainer last = ended(kNow);
  EXPECT_FALSE(decideBackoff(memory, "another", &last, {}, kNow).until);
}

TEST(BackOff, RST8_Messages) {
  const Wanted wanted = Wanted().regular("a");
  EXPECT_EQ(backOffMessage(wanted.pod(), "a", seconds(10)),
            "back-off 10s restarting failed container=a pod=web_default(uid)");
  EXPECT_EQ(backOffMessage(wanted.pod(), "a", seconds(300)),
            "back-off 5m0s restarting failed container=a pod=web_default(uid)");
  EXPECT_EQ(backOffEvent(wanted.pod(), "a"), "Back-off restarting failed container a in pod web_default(uid)");
}

TEST(GoDuration, PrintsAsGoDoes) {
  EXPECT_EQ(goDuration(Duration::zero()), "0s");
  EXPECT_EQ(goDuration(milliseconds(250)), "250ms");
  EXPECT_EQ(goDuration(milliseconds(1500)), "1.5s");
  EXPECT_EQ(goDuration(milliseconds(1050)), "1.05s");
  EXPECT_EQ(goDuration(seconds(10)), "10s");
  EXPECT_EQ(goDuration(seconds(80)), "1m20s");
  EXPECT_EQ(goDuration(minutes(5)), "5m0s");
  EXPECT_EQ(goDuration(hours(1)), "1h0m0s");
  EXPECT_EQ(goDuration(hours(1) + milliseconds(1)), "1h0m0.001s");
  EXPECT_EQ(goDuration(-seconds(3)), "-3s");
}

}  // namespace
}  // namespace cubelet::plan::test
