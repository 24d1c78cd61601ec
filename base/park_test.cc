// Park and Wake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>

#include "base/async_test.h"
#include "base/task_group.h"

namespace cubelet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

using ParkTest = AsyncTest;
using WakeTest = AsyncTest;

// ---- Park

TEST_F(ParkTest, WakesItsWaiterFromTheLoopAndNotInsideTheCall) {
  TaskGroup group(loop);
  Park park;
  group.spawn("t", parkOnce(&park, &journal));
  loop.poll();
  EXPECT_TRUE(park.occupied());
  park.wake();
  EXPECT_FALSE(park.occupied());
  EXPECT_THAT(journal, IsEmpty());
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("woken"));
}

TEST_F(ParkTest, ForgetsAWakeThatNobodyWaitsFor) {
  TaskGroup group(loop);
  Park park;
  park.wake();
  group.spawn("t", parkOnce(&park, &journal));
  loop.poll();
  EXPECT_TRUE(park.occupied());
  EXPECT_THAT(journal, IsEmpty());
  park.wake();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("woken"));
}

TEST_F(ParkTest, WakingTwiceResumesOnce) {
  TaskGroup group(loop);
  Park park;
  group.spawn("t", parkOnce(&park, &journal));
  loop.poll();
  park.wake();
  park.wake();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("woken"));
}

TEST_F(ParkTest, CancellingAndWakingAtOnceResumesOnce) {
  for (const bool cancelFirst : {true, false}) {
    TaskGroup group(loop);
    Park park;
    group.spawn("t", parkOnce(&park, &journal));
    loop.poll();
    if (cancelFirst) group.cancel();
    park.wake();
    if (!cancelFirst) group.cancel();
    loop.poll();
    EXPECT_EQ(group.size(), 0U);
  }
}

TEST_F(ParkTest, IsFreeAgainAfterItsWaiterWasCancelled) {
  TaskGroup first(loop);
  TaskGroup second(loop);
  Park park;
  first.spawn("cancelled", parkOnce(&park, &journal));
  loop.poll();
  first.cancel();
  loop.poll();
  EXPECT_FALSE(park.occupied());
  journal.clear();
  second.spawn("next", parkOnce(&park, &journal));
  loop.poll();
  park.wake();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("woken"));
}

TEST_F(ParkTest, MayDieWhileACancellationIsStillPossible) {
  TaskGroup group(loop);
  Park last;
  auto first = std::make_unique<Park>();
  struct Two {
    static Task<void> wait(Park* a, Park* b, Journal* journal) {
      co_await a->wait();
      co_await b->wait();
      journal->push_back("both");
    }
  };
  group.spawn("t", Two::wait(first.get(), &last, &journal));
  loop.poll();
  first->wake();
  loop.poll();
  first.reset();
  group.cancel();
  loop.poll();
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(ParkTest, ASecondWaiterEndsTheProcess) {
  EXPECT_DEATH(
      {
        TaskGroup group(loop);
        Park park;
        group.spawn("a", parkOnce(&park, &journal));
        group.spawn("b", parkOnce(&park, &journal));
        loop.poll();
      },
      "two coroutines wait in one Park");
}

// ---- Wake

TEST_F(WakeTest, ARingBeforeTheWaitIsNotLost) {
  TaskGroup group(loop);
  Wake wake(clock);
  wake.ring();
  group.spawn("t", waitForRing(&wake, &journal, "a"));
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("a rung", "a left"));
  EXPECT_FALSE(wake.rung());
}

TEST_F(WakeTest, SeveralRingsCountOnce) {
  TaskGroup group(loop);
  Wake wake(clock);
  wake.ring();
  wake.ring();
  group.spawn("t", waitForRing(&wake, &journal, "a"));
  loop.poll();
  group.spawn("t", waitForRing(&wake, &journal, "b"));
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("a rung", "a left"));
  group.cancel();
  loop.poll();
}

TEST_F(WakeTest, ClearTakesARingBack) {
  TaskGroup group(loop);
  Wake wake(clock);
  wake.ring();
  wake.clear();
  group.spawn("t", waitForRing(&wake, &journal, "a"));
  loop.poll();
  EXPECT_THAT(journal, IsEmpty());
  wake.ring();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("a rung", "a left"));
}

TEST_F(WakeTest, ACancelledWaiterLeavesWithoutTheRing) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("t", waitForRing(&wake, &journal, "a"));
  loop.poll();
  group.cancel();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("a left"));
}

TEST_F(WakeTest, WaitUntilTellsRingFromTime) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("ring", waitUntil(&wake, clock.now() + seconds(5), &journal));
  loop.poll();
  wake.ring();
  loop.poll();
  EXPECT_EQ(clock.pendingTimers(), 0U) << "the timer of a wait that ended must be gone";
  group.spawn("time", waitUntil(&wake, clock.now() + seconds(5), &journal));
  loop.poll();
  clock.advance(milliseconds(4999));
  EXPECT_THAT(journal, ElementsAre("ring"));
  clock.advance(milliseconds(1));
  EXPECT_THAT(journal, ElementsAre("ring", "time"));
}

TEST_F(WakeTest, ARingAtTheMomentOfTheDeadlineIsReportedAsARing) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("t", waitUntil(&wake, clock.now() + seconds(5), &journal));
  loop.poll();
  wake.ring();
  clock.advance(seconds(5));
  EXPECT_THAT(journal, ElementsAre("ring"));
}

TEST_F(WakeTest, WaitUntilThePastAnswersAtOnceAndKeepsNoTimer) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("t", waitUntil(&wake, clock.now(), &journal));
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("time"));
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(WakeTest, WaitUntilNeverArmsNoTimer) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("t", waitUntil(&wake, TimePoint::max(), &journal));
  loop.poll();
  EXPECT_EQ(clock.pendingTimers(), 0U);
  wake.ring();
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("ring"));
}

TEST_F(WakeTest, CancellingATimedWaitTakesTheTimerBack) {
  TaskGroup group(loop);
  Wake wake(clock);
  group.spawn("t", waitUntil(&wake, clock.now() + seconds(5), &journal));
  loop.poll();
  EXPECT_EQ(clock.pendingTimers(), 1U);
  group.cancel();
  loop.poll();
  EXPECT_EQ(clock.pendingTimers(), 0U);
  EXPECT_THAT(journal, IsEmpty());
}

}  // namespace
}  // namespace cubelet
