// Both clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/async_test.h"
#include "base/task_group.h"

namespace cubelet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

using ClockTest = AsyncTest;

// ---- Clocks

TEST_F(ClockTest, ManualClockFiresInOrderOfTimeAndMovesBothClocks) {
  const TimePoint start = clock.now();
  const WallTime wallStart = clock.wallNow();
  std::vector<Duration> seen;
  Timer late = clock.after(seconds(3), [&] { seen.push_back(clock.now() - start); });
  Timer early = clock.after(seconds(1), [&] { seen.push_back(clock.now() - start); });
  clock.advance(seconds(10));
  EXPECT_THAT(seen, ElementsAre(seconds(1), seconds(3)));
  EXPECT_EQ(clock.now() - start, seconds(10));
  EXPECT_EQ(clock.wallNow() - wallStart, seconds(10));
}

TEST_F(ClockTest, ManualClockFiresEqualTimesInOrderOfAsking) {
  Timer a = clock.after(seconds(1), [&] { journal.push_back("a"); });
  Timer b = clock.after(seconds(1), [&] { journal.push_back("b"); });
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("a", "b"));
}

TEST_F(ClockTest, ManualClockFiresWhatBecomesDueDuringTheAdvance) {
  Timer second;
  Timer first = clock.after(seconds(1), [&] {
    journal.push_back("first");
    second = clock.after(seconds(1), [&] { journal.push_back("second"); });
  });
  clock.advance(seconds(2));
  EXPECT_THAT(journal, ElementsAre("first", "second"));
}

TEST_F(ClockTest, ATimerThatIsDroppedDoesNotFire) {
  Timer timer = clock.after(seconds(1), [&] { journal.push_back("fired"); });
  EXPECT_EQ(clock.nextDue(), clock.now() + seconds(1));
  timer.cancel();
  EXPECT_EQ(clock.nextDue(), TimePoint::max());
  clock.advance(seconds(2));
  EXPECT_THAT(journal, IsEmpty());
}

TEST_F(ClockTest, ATimerMayDropItselfAndOthersWhenItFires) {
  Timer other = clock.after(seconds(2), [&] { journal.push_back("other"); });
  Timer self;
  self = clock.after(seconds(1), [&] {
    other.cancel();
    self.cancel();
    journal.push_back("self");
  });
  clock.advance(seconds(5));
  EXPECT_THAT(journal, ElementsAre("self"));
}

TEST_F(ClockTest, SleepersWakeInOrderAndACancelledOneDoesNot) {
  TaskGroup group(loop);
  TaskGroup cancelled(loop);
  group.spawn("b", sleepFor(&clock, seconds(2), &journal, "b"));
  group.spawn("a", sleepFor(&clock, seconds(1), &journal, "a"));
  cancelled.spawn("c", sleepFor(&clock, seconds(1), &journal, "c"));
  loop.poll();
  cancelled.cancel();
  loop.poll();
  clock.advance(seconds(3));
  EXPECT_THAT(journal, ElementsAre("c left", "a woke", "a left", "b woke", "b left"));
}

TEST_F(ClockTest, SystemClockFiresFromTheLoop) {
  SystemClock real(loop);
  bool fired = false;
  const Timer timer = real.after(milliseconds(1), [&] { fired = true; });
  EXPECT_FALSE(fired);
  EXPECT_TRUE(loop.runUntil([&] { return fired; }, seconds(30)));
}

TEST_F(ClockTest, SystemClockDoesNotFireATimerThatIsDroppedWhenItsCompletionIsAlreadyQueued) {
  SystemClock real(loop);
  bool secondFired = false;
  bool firstFired = false;
  Timer second;
  const TimePoint due = real.now();
  const Timer first = real.at(due, [&] {
    firstFired = true;
    second.cancel();
  });
  second = real.at(due, [&] { secondFired = true; });
  EXPECT_TRUE(loop.runUntil([&] { return firstFired; }, seconds(30)));
  loop.poll();
  EXPECT_FALSE(secondFired);
}

}  // namespace
}  // namespace cubelet
