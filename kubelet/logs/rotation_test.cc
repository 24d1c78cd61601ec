#include "kubelet/logs/rotation.h"

#include <gtest/gtest.h>

namespace cubelet::logs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

constexpr WallTime kNow{seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

// ---- When to look ----

struct PauseCase {
  std::string name;
  std::uint64_t size;
  double rate;
  std::uint64_t limit;
  Duration interval;
  milliseconds pause;
};
class LOG_3_Pause : public testing::TestWithParam<PauseCase> {};

TEST_P(LOG_3_Pause, IsShortEnough) {
  RotationLimits limits;
  limits.maxBytes = GetParam().limit;
  limits.interval = GetParam().interval;
  const Duration pause = pauseBeforeNextLook(GetParam().size, GetParam().rate, limits);
  EXPECT_EQ(std::chrono::duration_cast<milliseconds>(pause), GetParam().pause);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LOG_3_Pause,
    testing::Values(PauseCase{"EmptyAndUnknown", 0, 0, 10'000'000, seconds(10), milliseconds(2100)},
                    PauseCase{"Half", 5'000'000, 0, 10'000'000, seconds(10), milliseconds(1100)},
                    PauseCase{"SlowSoFarMayTurnFast", 5'000'000, 10, 10'000'000, seconds(10), milliseconds(1100)},
                    PauseCase{"Full", 10'000'000, 5e6, 10'000'000, seconds(10), milliseconds(100)},
                    PauseCase{"FasterThanExpected", 5'000'000, 5e7, 10'000'000, seconds(10), milliseconds(110)},
                    PauseCase{"VeryFastIsNotLookedAtAllTheTime", 10'000'000, 1e9, 10'000'000, seconds(10),
                              milliseconds(20)},
                    PauseCase{"BeyondTheLimit", 20'000'000, 0, 10'000'000, seconds(10), milliseconds(100)},
                    PauseCase{"LongLogAtTheInterval", 0, 0, 1'000'000'000, seconds(10), milliseconds(10'000)},
                    PauseCase{"TinyLog", 0, 0, 1000, seconds(10), milliseconds(20)}),
    [](const auto& test) { return test.param.name; });

// ---- Names ----

struct NameCase {
  std::string name;
  Names names;
  std::string rotated;
};
class LOG_3_Name : public testing::TestWithParam<NameCase> {};

TEST_P(LOG_3_Name, IsTheNewest) {
  EXPECT_EQ(rotatedName("0.log", GetParam().names, kNow + milliseconds(900)), GetParam().rotated);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LOG_3_Name,
    testing::Values(
        NameCase{"First", {"0.log"}, "0.log.20270115-080000"},
        NameCase{"Older", {"0.log", "0.log.20260115-235959.gz"}, "0.log.20270115-080000"},
        NameCase{"SameSecond", {"0.log.20270115-080000", "0.log.20270115-075900.gz"}, "0.log.20270115-080001"},
        NameCase{"SameSecondCompressed", {"0.log.20270115-080000.gz"}, "0.log.20270115-080001"},
        NameCase{"ClockPutBack", {"0.log.20280101-000000"}, "0.log.20280101-000001"},
        NameCase{"OfAnotherInstance", {"10.log.20280101-000000", "1.log.20280101-000000"}, "0.log.20270115-080000"},
        NameCase{"NotATime", {"0.log.bak", "0.log.99999999-999999"}, "0.log.20270115-080000"}),
    [](const auto& test) { return test.param.name; });

// ---- What stays ----

struct TidyCase {
  std::string name;
  Names names;
  std::size_t maxFiles;
  Names remove;
  Names compress;
};
class LOG_3_Tidying : public testing::TestWithParam<TidyCase> {};

TEST_P(LOG_3_Tidying, KeepsTheNewest) {
  const Tidying tidying = planTidying("0.log", GetParam().names, GetParam().maxFiles);
  EXPECT_EQ(tidying.remove, GetParam().remove);
  EXPECT_EQ(tidying.compress, GetParam().compress);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LOG_3_Tidying,
    testing::Values(
        TidyCase{"OnlyTheLiveOne", {"0.log"}, 5, {}, {}},
        TidyCase{"TheNewestStaysPlain", {"0.log", "0.log.20270115-080000"}, 5, {}, {}},
        TidyCase{"EarlierOnesAreCompressed",
                 {"0.log", "0.log.20270115-080000", "0.log.20270115-080100", "0.log.20270115-080200"},
                 5,
                 {},
                 {"0.log.20270115-080000", "0.log.20270115-080100"}},
        TidyCase{"CompressedOnesStay", {"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100"}, 5, {}, {}},
        TidyCase{"OneTooMany",
                 {"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100", "0.log.20270115-080200"},
                 3,
                 {"0.log.20270115-080000.gz"},
                 {"0.log.20270115-080100"}},
        TidyCase{"TwoFilesMeanOneRotated",
                 {"0.log", "0.log.20270115-080000", "0.log.20270115-080100"},
                 2,
                 {"0.log.20270115-080000"},
                 {}},
        TidyCase{"LimitWasLowered",
                 {"0.log.20270115-080000.gz", "0.log.20270115-080001.gz", "0.log.20270115-080002.gz", "0.log"},
                 2,
                 {"0.log.20270115-080000.gz", "0.log.20270115-080001.gz"},
                 {}},
        TidyCase{"TemporaryFilesGo",
                 {"0.log", "0.log.20270115-080000", "0.log.20270115-080000.tmp", "0.log.20270115-080100"},
                 5,
                 {"0.log.20270115-080000.tmp"},
                 {"0.log.20270115-080000"}},
        TidyCase{"CompressedTwinWins",
                 {"0.log", "0.log.20270115-080000", "0.log.20270115-080000.gz", "0.log.20270115-080100"},
                 5,
                 {"0.log.20270115-080000"},
                 {}},
        TidyCase{"OtherInstancesAreNotTouched",
                 {"0.log", "1.log", "1.log.20270115-080000", "10.log.20270115-080000", "0.logs", "x"},
                 2,
                 {},
                 {}}),
    [](const auto& test) { return test.param.name; });

TEST(LogFilesOf, AreTheLogAndItsRotatedOnes) {
  EXPECT_EQ(filesOf("1.log", {"0.log", "1.log", "1.log.20270115-080000.gz", "1.log.x.tmp", "11.log", "1.logs"}),
            (Names{"1.log", "1.log.20270115-080000.gz", "1.log.x.tmp"}));
}

}  // namespace
}  // namespace cubelet::logs
