// TaskGroup and runAll.
#include "base/task_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "base/async_test.h"

namespace cubelet {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

using TaskGroupTest = AsyncTest;
using RunAllTest = AsyncTest;

// ---- TaskGroup

TEST_F(TaskGroupTest, ATaskStartsFromTheLoopEvenWhenItIsSpawnedThere) {
  TaskGroup group(loop);
  loop.post([&] {
    group.spawn("t", note(&journal, "task"));
    journal.push_back("spawned");
  });
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("spawned", "task"));
}

TEST_F(TaskGroupTest, ATaskThatIsCancelledBeforeItStartsNeverRuns) {
  TaskGroup group(loop);
  group.spawn("outside", note(&journal, "ran"));
  group.cancel();
  loop.poll();
  loop.post([&] {
    group.spawn("inside", note(&journal, "ran"));
    group.cancel();
  });
  loop.poll();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_THAT(journal, IsEmpty());
}

// Asio keeps a pointer to the signal when cancellation comes from outside the loop's thread: ASan sees it if it
// dangles.
TEST_F(TaskGroupTest, CancelFromOutsideTheLoopIsHarmlessWhenTheTaskEndsFirst) {
  TaskGroup group(loop);
  Park park;
  group.spawn("t", parkOnce(&park, &journal));
  loop.poll();
  park.wake();
  group.cancel();
  loop.poll();
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, CloseReturnsAfterTheLastTaskHasUnwound) {
  auto group = std::make_unique<TaskGroup>(loop);
  Wake wake(clock);
  group->spawn("sleeper", sleepFor(&clock, seconds(60), &journal, "sleeper"));
  group->spawn("waiter", waitForRing(&wake, &journal, "waiter"));
  loop.poll();
  loop.runToEnd(group->close());
  EXPECT_EQ(group->size(), 0U);
  EXPECT_THAT(journal, testing::UnorderedElementsAre("sleeper left", "waiter left"));
  group.reset();  // must not abort
}

TEST_F(TaskGroupTest, CloseWaitsForATaskThatCleansUpWithoutBeingCancellable) {
  struct Stubborn {
    static Task<void> run(Clock* clock, Journal* journal) {
      co_await boost::asio::this_coro::throw_if_cancelled(false);
      co_await clock->sleep(seconds(1));  // ends early when cancelled ...
      journal->push_back("asked to stop");
      co_await boost::asio::this_coro::reset_cancellation_state();
      co_await boost::asio::this_coro::throw_if_cancelled(true);
      co_await clock->sleep(seconds(1));  // ... but the clean-up takes its time
      journal->push_back("clean");
    }
  };
  struct Closer {
    static Task<void> run(TaskGroup* group, Journal* journal) {
      co_await group->close();
      journal->push_back("closed");
    }
  };
  struct Waiting {
    static Task<void> run(Park* park, Clock* clock, Journal* journal) {
      try {
        co_await park->wait();
        co_await throwIfCancelled();
      } catch (const boost::system::system_error&) {
        journal->push_back("asked to stop");
      }
      co_await boost::asio::this_coro::reset_cancellation_state();
      co_await clock->sleep(seconds(1));
      journal->push_back("clean");
    }
  };
  TaskGroup group(loop);
  TaskGroup outer(loop);
  Park park;
  group.spawn("t", Waiting::run(&park, &clock, &journal));
  loop.poll();
  outer.spawn("closer", Closer::run(&group, &journal));
  loop.poll();
  EXPECT_THAT(journal, ElementsAre("asked to stop"));
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("asked to stop", "clean", "closed"));
}

TEST_F(TaskGroupTest, CloseKeepsWaitingWhenItsCallerIsCancelledAndThenThrows) {
  struct Closer {
    static Task<void> run(TaskGroup* group, Journal* journal) {
      Note end(journal, "closer left");
      co_await group->close();
      journal->push_back("closed, " + std::to_string(group->size()) + " tasks");
      co_await throwIfCancelled();
      journal->push_back("not cancelled");
    }
  };
  struct Slow {
    static Task<void> run(Clock* clock, Park* park, Journal* journal) {
      co_await boost::asio::this_coro::throw_if_cancelled(false);
      co_await park->wait();
      co_await boost::asio::this_coro::reset_cancellation_state();
      co_await clock->sleep(seconds(1));
      journal->push_back("slow done");
    }
  };
  TaskGroup inner(loop);
  TaskGroup outer(loop);
  Park park;
  inner.spawn("slow", Slow::run(&clock, &park, &journal));
  loop.poll();
  outer.spawn("closer", Closer::run(&inner, &journal));
  loop.poll();
  outer.cancel();
  loop.poll();
  EXPECT_THAT(journal, IsEmpty());
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("slow done", "closed, 0 tasks", "closer left"));
}

TEST_F(TaskGroupTest, CloseLeavesTheCallersOwnCancellationModeAlone) {
  struct Careful {
    static Task<void> run(TaskGroup* group, Journal* journal) {
      co_await boost::asio::this_coro::throw_if_cancelled(false);
      co_await group->close();
      const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
      journal->push_back(throwing ? "throws" : "does not throw");
    }
  };
  TaskGroup group(loop);
  loop.runToEnd(Careful::run(&group, &journal));
  EXPECT_THAT(journal, ElementsAre("does not throw"));
}

TEST_F(TaskGroupTest, AfterCloseNothingStarts) {
  TaskGroup group(loop);
  loop.runToEnd(group.close());
  group.spawn("late", note(&journal, "ran"));
  loop.poll();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_THAT(journal, IsEmpty());
}

TEST_F(TaskGroupTest, JoinWaitsWithoutCancelling) {
  TaskGroup group(loop);
  TaskGroup outer(loop);
  struct Joiner {
    static Task<void> run(TaskGroup* joined, Journal* log) {
      co_await joined->join();
      log->push_back("joined");
    }
  };
  group.spawn("a", sleepFor(&clock, seconds(1), &journal, "a"));
  outer.spawn("joiner", Joiner::run(&group, &journal));
  loop.poll();
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("a woke", "a left", "joined"));
}

TEST_F(TaskGroupTest, ManyTasksEndTogether) {
  TaskGroup group(loop);
  Journal many;
  for (int i = 0; i < 1000; ++i) group.spawn("t", sleepFor(&clock, seconds(1 + i % 7), &many, "t"));
  loop.poll();
  EXPECT_EQ(clock.pendingTimers(), 1000U);
  loop.runToEnd(group.close());
  EXPECT_EQ(many.size(), 1000U);
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

Task<void> throwRuntimeError() {
  throw std::runtime_error("no such thing");
  co_return;
}

TEST_F(TaskGroupTest, ATaskThatThrowsEndsTheProcessWithItsName) {
  EXPECT_DEATH(
      {
        TaskGroup group(loop);
        group.spawn("pod default/web", throwRuntimeError());
        loop.poll();
      },
      "task pod default/web failed: no such thing");
}

TEST_F(TaskGroupTest, DestroyingABusyGroupEndsTheProcess) {
  EXPECT_DEATH(
      {
        TaskGroup group(loop);
        group.spawn("sleeper", sleepFor(&clock, seconds(1), &journal, "s"));
        loop.poll();
      },
      "task sleeper failed: its group was destroyed while it ran");
}

// ---- runAll

Task<void> allOf(Loop* loop, Clock* clock, Journal* journal) {
  Note end(journal, "all left");
  std::vector<Task<void>> tasks;
  tasks.push_back(sleepFor(clock, seconds(1), journal, "one"));
  tasks.push_back(sleepFor(clock, seconds(2), journal, "two"));
  co_await runAll(*loop, "sleepers", std::move(tasks));
  journal->push_back("all done");
}

TEST_F(RunAllTest, ReturnsWhenTheLastHasEnded) {
  TaskGroup group(loop);
  group.spawn("all", allOf(&loop, &clock, &journal));
  loop.poll();
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("one woke", "one left"));
  clock.advance(seconds(1));
  EXPECT_THAT(journal, ElementsAre("one woke", "one left", "two woke", "two left", "all done", "all left"));
}

TEST_F(RunAllTest, CancellingTheCallerCancelsAllAndUnwindsThemFirst) {
  TaskGroup group(loop);
  group.spawn("all", allOf(&loop, &clock, &journal));
  loop.poll();
  loop.runToEnd(group.close());
  ASSERT_EQ(journal.size(), 3U);
  EXPECT_EQ(journal.back(), "all left");
  EXPECT_THAT(journal, testing::UnorderedElementsAre("one left", "two left", "all left"));
}

TEST_F(RunAllTest, OfNothingReturnsAtOnce) {
  loop.runToEnd(runAll(loop, "none", {}));
  SUCCEED();
}

TEST_F(AsyncTest, RunToEndRethrowsAndAnswers) {
  struct Some {
    static Task<int> answer() { co_return 42; }
  };
  EXPECT_EQ(loop.runToEnd(Some::answer()), 42);
  EXPECT_THROW(loop.runToEnd(throwRuntimeError()), std::runtime_error);
}

}  // namespace
}  // namespace cubelet
