#include "kubelet/stats/collector.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/cgroups/fake_tree.h"

namespace cubelet::stats {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;

Task<void> keepAnswer(Collector* collector, std::optional<SummaryPtr>* answer) {
  Result<SummaryPtr> got = co_await collector->usageNow();
  if (got) *answer = *std::move(got);
}

class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    std::filesystem::create_directories(dir / "logs");
    std::ofstream(dir / "logs/0.log") << "hello\n";
    PodToRead& pod = asked.pods.emplace_back();
    pod.ns = "shop";
    pod.name = "web";
    pod.uid = "u1";
    pod.cgroup = "/kubepods/podu1";
    pod.containers.push_back({.name = "main", .id = "c1", .logDirectory = dir / "logs"});
    asked.rootDir = "/";
  }
  ~CollectorTest() override { loop.runToEnd(collector->close()); }

  std::unique_ptr<HostReader> makeReader() {
    ++readers;
    auto made = std::make_unique<cgroups::FakeTree>();
    tree = made.get();
    setCpu(1'000'000);
    tree->put("/kubepods/podu1/cpu.stat", "usage_usec 1\n");
    // Nobody turns the clock while a thread reads.
    return std::make_unique<HostReader>(std::move(made), [this] { return clock.wallNow(); });
  }
  void setCpu(int micros) {
    tree->put("/cpu.stat", "usage_usec " + std::to_string(micros) + "\n");
    if (containerHasCgroup) tree->put("/kubepods/podu1/c1/cpu.stat", "usage_usec " + std::to_string(micros) + "\n");
  }
  Collector& made() {
    if (collector) return *collector;
    collector = std::make_unique<Collector>(Collector::Services{.loop = loop,
                                                                .clock = clock,
                                                                .pool = pool,
                                                                .runtime = runtime,
                                                                .images = runtime,
                                                                .question =
                                                                    [this] {
                                                                      ++questions;
                                                                      return asked;
                                                                    },
                                                                .makeReader = [this] { return makeReader(); }},
                                            options);
    return *collector;
  }
  SummaryPtr usage(Detail detail = Detail::kUsage) { return *loop.runToEnd(made().usage(detail)); }
  std::ptrdiff_t runtimeAsked() const {
    return std::ranges::count_if(runtime.calls(),
                                 [](const std::string& call) { return call.contains("ListContainerStats"); });
  }
  SummaryPtr everything() { return *loop.runToEnd(made().everything()); }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  BlockingPool pool{loop, clock, 4};
  cri::FakeRuntime runtime{clock};
  Question asked;
  int questions = 0;
  int readers = 0;
  cgroups::FakeTree* tree = nullptr;  // what the collector's reader reads
  bool containerHasCgroup = true;
  Collector::Options options;
  std::unique_ptr<Collector> collector;
};

TEST_F(CollectorTest, SRV_5_NothingIsMeasuredUntilSomebodyAsks) {
  made();
  clock.advance(minutes(10));
  EXPECT_EQ(questions, 0);
  EXPECT_TRUE(runtime.calls().empty());
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(CollectorTest, SRV_5_AnAnswerIsKeptForTenSeconds) {
  const SummaryPtr first = usage();
  clock.advance(seconds(9));
  EXPECT_EQ(usage(), first);
  EXPECT_EQ(questions, 1);
  clock.advance(seconds(1));
  EXPECT_NE(usage(), first);
  EXPECT_EQ(questions, 2);
}

TEST_F(CollectorTest, SRV_5_AnAnswerIsKeptForWhoeverAsksForNoMore) {
  usage(Detail::kUsage);
  const SummaryPtr more = usage(Detail::kCounters);
  EXPECT_EQ(questions, 2);
  EXPECT_EQ(usage(Detail::kUsage), more);
  EXPECT_EQ(usage(Detail::kSummary), more);
  EXPECT_EQ(questions, 2);
}

TEST_F(CollectorTest, SRV_5_WhatIsKeptOpenIsClosedWhenNobodyAsks) {
  usage();
  clock.advance(minutes(2));
  usage();
  EXPECT_EQ(readers, 1);
  clock.advance(minutes(2));
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + minutes(1); }, seconds(10)));
  clock.advance(minutes(1));
  ASSERT_TRUE(loop.runUntil([&] { return clock.pendingTimers() == 0 && pool.awaited() == 0; }, seconds(10)));
  usage();
  EXPECT_EQ(readers, 2);
}

TEST_F(CollectorTest, SRV_5_ManyPodsAreReadByTwoAndToldInOrder) {
  options.readers = 2;
  const PodToRead first = asked.pods[0];
  for (int i = 0; i < 60; ++i) {
    PodToRead more = first;
    more.name = "web-" + std::to_string(i);
    more.uid = "v" + std::to_string(i);
    asked.pods.push_back(more);
  }
  const SummaryPtr got = usage();
  EXPECT_EQ(readers, 2);
  ASSERT_EQ(got->pods.size(), asked.pods.size());
  for (std::size_t i = 0; i < asked.pods.size(); ++i) EXPECT_EQ(got->pods[i].uid, asked.pods[i].uid);
  EXPECT_TRUE(got->node.sample.usage.cpu);
}

TEST_F(CollectorTest, CSI_16_WithoutClaimsNothingIsMeasuredForThem) {
  loop.runToEnd(made().claims());
  EXPECT_EQ(readers, 0);
  EXPECT_FALSE(collector->walking());
}

TEST_F(CollectorTest, SRV_5_UsageDoesNotAskTheRuntime) {
  EXPECT_EQ(usage()->pods.at(0).containers.at(0).sample->usage.cpu->nanos, 1'000'000'000u);
  EXPECT_TRUE(runtime.calls().empty());
}

TEST_F(CollectorTest, SRV_5_TheRuntimeIsAskedForContainersWithoutCgroup) {
  containerHasCgroup = false;
  EXPECT_FALSE(usage()->pods.at(0).containers.at(0).sample) << "the fake runtime does not know it either";
  EXPECT_THAT(runtime.calls(), Contains(HasSubstr("ListContainerStats")));
}

TEST_F(CollectorTest, SRV_5_EverythingHasLogsAndImages) {
  runtime.addImage("web:1").size = 77;
  const SummaryPtr all = everything();
  EXPECT_EQ(all->node.imageFs->used, 77u);
  ASSERT_TRUE(all->pods.at(0).containers.at(0).logs);
  EXPECT_GT(*all->pods[0].containers[0].logs->used, 0u);
  ASSERT_TRUE(all->pods[0].ephemeralStorage);
}

TEST_F(CollectorTest, SRV_5_WhatTheRuntimeHasSaidIsToldForAMinute) {
  cri::FakeImage& image = runtime.addImage("web:1");
  image.size = 77;
  EXPECT_EQ(everything()->node.imageFs->used, 77u);
  image.size = 88;
  runtime.delayNext("ListContainerStats", seconds(1));
  clock.advance(seconds(10));
  EXPECT_EQ(everything()->node.imageFs->used, 77u) << "it is asked, but nobody waits for it";
  clock.advance(seconds(1));
  ASSERT_TRUE(loop.runUntil([&] { return !collector->askingRuntime(); }, seconds(10)));
  EXPECT_EQ(everything()->node.imageFs->used, 88u);
  EXPECT_EQ(runtimeAsked(), 2) << "not again within ten seconds";
  image.size = 99;
  clock.advance(minutes(1));
  EXPECT_EQ(everything()->node.imageFs->used, 99u) << "too old to be told";
}

TEST_F(CollectorTest, SRV_5_VolumesAndLogsAreWalkedOnceAMinute) {
  const std::uint64_t before = *everything()->pods.at(0).containers.at(0).logs->used;
  std::ofstream(dir / "logs/0.log") << std::string(1 << 20, 'x');
  clock.advance(seconds(30));
  EXPECT_EQ(everything()->pods.at(0).containers.at(0).logs->used, before);
  clock.advance(seconds(30));
  everything();  // begins a walk, and does not wait for it
  ASSERT_TRUE(loop.runUntil([&] { return !collector->walking(); }, seconds(10)));
  EXPECT_GT(*everything()->pods.at(0).containers.at(0).logs->used, before);
}

TEST_F(CollectorTest, SRV_5_APodThatIsNewIsWalkedAtOnceAndTheOthersAreNot) {
  const Question known = asked;
  asked.pods.clear();
  EXPECT_TRUE(everything()->pods.empty());  // as just after the start of the agent
  asked = known;
  clock.advance(seconds(10));
  everything();
  ASSERT_TRUE(loop.runUntil([&] { return !collector->walking(); }, seconds(10)));
  ASSERT_TRUE(everything()->pods.at(0).containers.at(0).logs);
  const std::uint64_t before = *everything()->pods.at(0).containers.at(0).logs->used;
  std::ofstream(dir / "logs/0.log") << std::string(1 << 20, 'x');
  clock.advance(seconds(10));
  everything();
  EXPECT_FALSE(collector->walking());
  EXPECT_EQ(everything()->pods.at(0).containers.at(0).logs->used, before);
}

TEST_F(CollectorTest, SRV_5_WithoutAPeriodNothingIsWalked) {
  options.keepDisk = Duration::zero();
  EXPECT_FALSE(everything()->pods.at(0).containers.at(0).logs);
}

TEST_F(CollectorTest, SRV_5_ARuntimeThatIsAwayCostsOnlyItsFigures) {
  runtime.setDown(true);
  const SummaryPtr all = everything();
  EXPECT_TRUE(all->pods.at(0).containers.at(0).sample);
  EXPECT_FALSE(all->node.imageFs);
}

TEST_F(CollectorTest, SRV_5_TheCpuOfTheMomentComesWithTheSecondAnswer) {
  EXPECT_FALSE(usage()->node.sample.nanoCores);
  clock.advance(seconds(10));
  setCpu(2'000'000);
  EXPECT_EQ(usage()->node.sample.nanoCores, 100'000'000u);
}

TEST_F(CollectorTest, SRV_5_TwoQuestionsOfOneMomentAreNoTimeToTellCpuBy) {
  usage();
  clock.advance(seconds(10));
  setCpu(2'000'000);
  EXPECT_EQ(usage(Detail::kUsage)->node.sample.nanoCores, 100'000'000u);
  clock.advance(std::chrono::milliseconds(1));
  setCpu(2'001'000);
  EXPECT_NEAR(static_cast<double>(*usage(Detail::kSummary)->node.sample.nanoCores), 100e6, 1e6)
      << "and not a whole core";
}

TEST_F(CollectorTest, WhoLooksOnLetsOthersAskMeanwhile) {
  std::optional<SummaryPtr> answer;
  TaskGroup tasks(loop);
  tasks.spawn("ask", keepAnswer(&made(), &answer));
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + seconds(1); }, seconds(10)));
  EXPECT_TRUE(everything()->node.sample.usage.cpu);
  clock.advance(std::chrono::milliseconds(100));
  setCpu(1'100'000);
  EXPECT_FALSE(usage(Detail::kCounters)->node.sample.nanoCores) << "too early to tell";
  EXPECT_FALSE(answer);
  setCpu(1'550'000);
  clock.advance(std::chrono::milliseconds(900));
  ASSERT_TRUE(loop.runUntil([&] { return answer.has_value(); }, seconds(10)));
  EXPECT_EQ((*answer)->node.sample.nanoCores, 500'000'000u) << "since the other one's question";
  loop.runToEnd(tasks.close());
}

TEST_F(CollectorTest, WhoLooksOnGetsTheCpuOfTheMoment) {
  std::optional<SummaryPtr> answer;
  TaskGroup tasks(loop);
  tasks.spawn("ask", keepAnswer(&made(), &answer));
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + seconds(1); }, seconds(10)));
  EXPECT_FALSE(answer) << "there is nothing to compare with yet";
  setCpu(1'500'000);
  clock.advance(seconds(1));
  ASSERT_TRUE(loop.runUntil([&] { return answer.has_value(); }, seconds(10)));
  EXPECT_EQ((*answer)->node.sample.nanoCores, 500'000'000u);
  EXPECT_EQ((*answer)->pods.at(0).containers.at(0).sample->nanoCores, 500'000'000u);

  clock.advance(seconds(2));
  EXPECT_EQ((*loop.runToEnd(made().usageNow()))->node.sample.nanoCores, 0u) << "at once: it compares with the last one";
  EXPECT_EQ(questions, 3);
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::stats
