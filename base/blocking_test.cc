#include "base/blocking.h"

#include <condition_variable>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/task_group.h"

namespace cubelet {
namespace {

using std::chrono::seconds;

// Blocks its callers until open(): stands for a mount that does not answer.
class Gate {
 public:
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    ++left_;
    changed_.notify_all();
  }
  void awaitEntered(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= count; });
  }
  void awaitLeft(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return left_ >= count; });
  }
  int entered() {
    const std::scoped_lock lock(mutex_);
    return entered_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int entered_ = 0;
  int left_ = 0;
};

class BlockingTest : public testing::Test {
 protected:
  ~BlockingTest() override { gate->open(); }

  // Calls the pool; the answer lands in `answers` as text.
  static Task<void> call(BlockingPool* pool, std::string name, std::function<Result<std::string>()> fn,
                         std::vector<std::string>* answers) {
    Result<std::string> answer = co_await pool->run<std::string>(name, seconds(30), fn);
    answers->push_back(answer ? name + ": " + *answer
                              : std::string(toString(answer.error().code)) + ": " + answer.error().message);
  }
  std::function<Result<std::string>()> hanging() {
    return [gate = gate] {
      gate->pass();
      return Result<std::string>("through");
    };
  }
  static std::function<Result<std::string>()> quick(std::string answer) {
    return [answer] { return Result<std::string>(answer); };
  }
  void awaitAnswers(std::size_t count) {
    ASSERT_TRUE(loop.runUntil([&] { return answers.size() >= count; }, seconds(30)));
  }

  Loop loop;
  ManualClock clock{loop};
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::vector<std::string> answers;
  TaskGroup group{loop};
};

TEST_F(BlockingTest, AnswersFromAnotherThread) {
  BlockingPool pool(loop, clock, 2);
  const auto own = std::this_thread::get_id();
  auto fn = [own] { return Result<std::string>(std::this_thread::get_id() == own ? "same" : "other"); };
  group.spawn("t", call(&pool, "where", fn, &answers));
  awaitAnswers(1);
  EXPECT_THAT(answers, testing::ElementsAre("where: other"));
}

TEST_F(BlockingTest, PassesErrorsOn) {
  BlockingPool pool(loop, clock, 2);
  auto fn = []() -> Result<std::string> { return fail(Code::kNotFound, "", "no such mount"); };
  group.spawn("t", call(&pool, "find", fn, &answers));
  awaitAnswers(1);
  EXPECT_THAT(answers, testing::ElementsAre("not found: no such mount"));
}

TEST_F(BlockingTest, AHungCallTimesOutAndLeavesTheLoopAndOtherCallsAlone) {
  BlockingPool pool(loop, clock, 2);
  group.spawn("t", call(&pool, "mount /data", hanging(), &answers));
  loop.poll();
  gate->awaitEntered(1);
  group.spawn("t", call(&pool, "quick", quick("yes"), &answers));
  awaitAnswers(1);
  EXPECT_THAT(answers, testing::ElementsAre("quick: yes"));
  clock.advance(seconds(29));
  EXPECT_EQ(answers.size(), 1U);
  clock.advance(seconds(1));
  EXPECT_THAT(answers, testing::ElementsAre("quick: yes", "timed out: mount /data: no answer within 30s"));
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(BlockingTest, ALateAnswerIsDropped) {
  BlockingPool pool(loop, clock, 1);
  group.spawn("t", call(&pool, "slow", hanging(), &answers));
  loop.poll();
  gate->awaitEntered(1);
  clock.advance(seconds(30));
  gate->open();
  gate->awaitLeft(1);
  group.spawn("t", call(&pool, "next", quick("yes"), &answers));
  awaitAnswers(2);
  EXPECT_THAT(answers, testing::ElementsAre("timed out: slow: no answer within 30s", "next: yes"));
}

TEST_F(BlockingTest, HungCallsCountAgainstTheLimitAndQueuedOnesNeverBegin) {
  BlockingPool pool(loop, clock, 2);
  for (const char* name : {"a", "b", "c"}) group.spawn("t", call(&pool, name, hanging(), &answers));
  loop.poll();
  gate->awaitEntered(2);
  EXPECT_EQ(pool.threads(), 2U);
  clock.advance(seconds(30));
  EXPECT_THAT(answers,
              testing::UnorderedElementsAre("timed out: a: no answer within 30s", "timed out: b: no answer within 30s",
                                            "timed out: c: not begun within 30s, all 2 threads are busy"));
  gate->open();
  gate->awaitLeft(2);
  group.spawn("t", call(&pool, "next", quick("yes"), &answers));
  awaitAnswers(4);
  EXPECT_EQ(gate->entered(), 2) << "c was given up before it began";
}

TEST_F(BlockingTest, CallsBeyondTheLimitRunInOrder) {
  BlockingPool pool(loop, clock, 1);
  group.spawn("t", call(&pool, "first", hanging(), &answers));
  for (const char* name : {"second", "third", "fourth"}) group.spawn("t", call(&pool, name, quick("yes"), &answers));
  loop.poll();
  gate->open();
  awaitAnswers(4);
  EXPECT_THAT(answers, testing::ElementsAre("first: through", "second: yes", "third: yes", "fourth: yes"));
}

TEST_F(BlockingTest, AThreadServesTheCallsThatFollow) {
  BlockingPool pool(loop, clock, 4, std::chrono::hours(1));
  auto fn = [] { return Result<std::string>(std::to_string(::gettid())); };
  for (std::size_t i = 1; i <= 5; ++i) {
    group.spawn("t", call(&pool, "thread", fn, &answers));
    awaitAnswers(i);
  }
  EXPECT_EQ(pool.threads(), 1U);
  EXPECT_THAT(answers, testing::Each(answers.front()));
}

TEST_F(BlockingTest, StartsAThreadForEachCallThatFindsNoneFree) {
  BlockingPool pool(loop, clock, 3, std::chrono::hours(1));
  group.spawn("t", call(&pool, "hung", hanging(), &answers));
  loop.poll();
  gate->awaitEntered(1);
  for (std::size_t i = 1; i <= 3; ++i) {
    group.spawn("t", call(&pool, "quick", quick("yes"), &answers));
    awaitAnswers(i);
  }
  EXPECT_EQ(pool.threads(), 2U);
  gate->open();
  awaitAnswers(4);
}

TEST_F(BlockingTest, HasNoThreadsWhenIdle) {
  BlockingPool pool(loop, clock, 4);
  for (int i = 0; i < 20; ++i) group.spawn("t", call(&pool, "quick", quick("yes"), &answers));
  awaitAnswers(20);
  while (pool.threads() > 0) std::this_thread::yield();
  EXPECT_EQ(pool.threads(), 0U);
  group.spawn("t", call(&pool, "again", quick("yes"), &answers));
  awaitAnswers(21);
}

TEST_F(BlockingTest, CancellingTheTaskGivesTheCallUp) {
  BlockingPool pool(loop, clock, 1);
  group.spawn("t", call(&pool, "hung", hanging(), &answers));
  group.spawn("t", call(&pool, "queued", hanging(), &answers));
  loop.poll();
  gate->awaitEntered(1);
  loop.runToEnd(group.close());
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(clock.pendingTimers(), 0U);
  gate->open();
  gate->awaitLeft(1);
  while (pool.threads() > 0) std::this_thread::yield();
  EXPECT_EQ(gate->entered(), 1);
}

TEST_F(BlockingTest, MayBeDestroyedWhileAHungCallStillRuns) {
  {
    BlockingPool pool(loop, clock, 1);
    group.spawn("t", call(&pool, "hung", hanging(), &answers));
    loop.poll();
    gate->awaitEntered(1);
    clock.advance(seconds(30));
  }
  gate->open();
  gate->awaitLeft(1);
  loop.poll();
  EXPECT_THAT(answers, testing::ElementsAre("timed out: hung: no answer within 30s"));
}

}  // namespace
}  // namespace cubelet
