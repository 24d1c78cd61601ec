#include "kubelet/stats/driver_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/park.h"
#include "base/wake.h"

namespace cubelet::stats {
namespace {

using Usage = ::csi::v1::VolumeUsage;
using testing::ElementsAre;

::csi::v1::NodeGetVolumeStatsResponse response(std::int64_t total, std::int64_t available, std::int64_t used) {
  ::csi::v1::NodeGetVolumeStatsResponse out;
  auto* bytes = out.add_usage();
  bytes->set_unit(Usage::BYTES);
  bytes->set_total(total);
  bytes->set_available(available);
  bytes->set_used(used);
  return out;
}

TEST(DriverAnswers, CSI_16_BytesInodesAndHealthAreRead) {
  auto told = response(100, 40, 60);
  auto* inodes = told.add_usage();
  inodes->set_unit(Usage::INODES);
  inodes->set_total(9);
  inodes->set_available(8);
  inodes->set_used(1);
  told.mutable_volume_condition()->set_abnormal(true);
  told.mutable_volume_condition()->set_message("a disk is missing");
  const DriverAnswer answer = readAnswer(told, WallTime(std::chrono::seconds(5))).value();
  EXPECT_EQ(answer.fs.at, WallTime(std::chrono::seconds(5)));
  EXPECT_EQ(answer.fs.capacity, 100u);
  EXPECT_EQ(answer.fs.available, 40u);
  EXPECT_EQ(answer.fs.used, 60u);
  EXPECT_EQ(answer.fs.inodes, 9u);
  EXPECT_EQ(answer.fs.inodesFree, 8u);
  EXPECT_EQ(answer.fs.inodesUsed, 1u);
  EXPECT_EQ(answer.abnormal, true);
  EXPECT_EQ(answer.condition, "a disk is missing");
}

TEST(DriverAnswers, CSI_16_NonsenseIsLeftOut) {
  const DriverAnswer answer = readAnswer(response(100, -1, 60), WallTime()).value();
  EXPECT_EQ(answer.fs.available, std::nullopt);
  EXPECT_EQ(answer.fs.used, 60u);
  EXPECT_EQ(answer.abnormal, std::nullopt);
  EXPECT_EQ(readAnswer({}, WallTime()).error().code, Code::kInvalid);
}

class Drivers : public testing::Test {
 protected:
  Drivers() {
    PodToRead& pod = question.pods.emplace_back();
    pod.uid = "u1";
    pod.volumes = {volumeOf("a"), volumeOf("b"), {.name = "walked", .path = "/tmp"}};
    summary.pods.emplace_back().uid = "u1";
  }
  ~Drivers() override { loop.runToEnd(tasks.close()); }
  static VolumeToRead volumeOf(const std::string& name) {
    return {.name = name,
            .claim = "claim-" + name,
            .path = "/",
            .measure = VolumeMeasure::kDriver,
            .driver = "d",
            .handle = "h-" + name};
  }
  Task<Result<DriverAnswer>> answer(DriverQuestion asked) {
    questions.push_back(asked.podUid + " " + asked.volume + " " + asked.driver + " " + asked.handle);
    Park never;
    while (hangs == asked.volume) {
      co_await never.wait();
      co_await throwIfCancelled();
    }
    if (away) co_return fail(Code::kUnavailable, "", "the driver is not registered");
    if (silent) co_return fail(Code::kUnimplemented, "", "nothing to tell");
    co_return DriverAnswer{.fs = {.used = used}};
  }
  void ask(bool all = true) {
    figures.ask(question, all);
    // What hangs does so for good.
    ASSERT_TRUE(loop.runUntil([&] { return tasks.size() == (hangs.empty() ? 0u : 1u); }, std::chrono::seconds(30)));
  }
  std::vector<std::string> told() {
    Summary copy = summary;
    figures.addTo(copy);
    std::vector<std::string> out;
    for (const VolumeFigures& one : copy.pods[0].volumes)
      out.push_back(one.claim + " " + std::to_string(one.fs.used.value_or(0)));
    return out;
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 1};
  TaskGroup tasks{loop};
  Question question;
  Summary summary;
  std::string hangs;
  bool silent = false;
  bool away = false;
  std::uint64_t used = 7;
  std::vector<std::string> questions;
  DriverFigures figures{clock, pool, tasks, [this](DriverQuestion asked) { return answer(std::move(asked)); }, [] {}};
};

TEST_F(Drivers, CSI_16_OneThatWasNotThereIsAskedAgainSoon) {
  away = true;
  ask();
  EXPECT_EQ(questions.size(), 2u);
  away = false;
  ask(false);
  EXPECT_EQ(questions.size(), 4u);
  EXPECT_THAT(told(), ElementsAre("claim-a 7", "claim-b 7"));
  ask(false);
  EXPECT_EQ(questions.size(), 4u) << "those who have answered are not";
}

TEST_F(Drivers, CSI_16_AreAskedForTheirVolumes) {
  ask();
  EXPECT_THAT(questions, ElementsAre("u1 a d h-a", "u1 b d h-b"));
  EXPECT_THAT(told(), ElementsAre("claim-a 7", "claim-b 7"));
  question.pods[0].volumes.erase(question.pods[0].volumes.begin());
  used = 8;
  ask();
  EXPECT_THAT(told(), ElementsAre("claim-b 8")) << "the other is gone";
}

TEST_F(Drivers, CSI_16_ThatHangDelayNobody) {
  hangs = "a";
  ask();
  EXPECT_THAT(told(), ElementsAre("claim-b 7"));
  EXPECT_TRUE(figures.asking());
  used = 8;
  ask();
  EXPECT_THAT(told(), ElementsAre("claim-b 8"));
  EXPECT_EQ(questions.size(), 3u) << "what has not answered is not asked again";
}

TEST_F(Drivers, CSI_16_ThatTellNothingLeaveTheFileSystem) {
  silent = true;
  ask();
  EXPECT_EQ(told().size(), 2u);
}

}  // namespace
}  // namespace cubelet::stats
