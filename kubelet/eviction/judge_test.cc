#include "kubelet/eviction/judge.h"

#include <gtest/gtest.h>

namespace cubelet::eviction {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

Threshold hard(Signal signal, const std::string& amount) {
  return {.signal = signal, .value = {.quantity = amount}};
}
Threshold soft(Signal signal, const std::string& amount, Duration grace) {
  return {.signal = signal, .value = {.quantity = amount}, .grace = grace};
}
Readings memory(std::int64_t available) {
  return {{Signal::kMemoryAvailable, {.available = available, .capacity = 1000}}};
}

struct Looks {
  Judgement at(Duration after, const Readings& readings) {
    return judge(history, thresholds, readings, minutes(5), kStart + after);
  }
  std::vector<Threshold> thresholds;
  History history = {};
};

TEST(Judge, EVI_4_AConditionHoldsForAWhileAfterTheSignalHasRecovered) {
  Looks looks{.thresholds = {hard(Signal::kMemoryAvailable, "100")}};
  EXPECT_TRUE(looks.at(seconds(0), memory(100)).pressure.empty()) << "just enough";
  const Judgement low = looks.at(seconds(10), memory(99));
  EXPECT_EQ(low.pressure, Pressure{Condition::kMemory});
  EXPECT_EQ(low.toReclaim.size(), 1U);
  const Judgement after = looks.at(seconds(20), memory(200));
  EXPECT_EQ(after.pressure, Pressure{Condition::kMemory});
  EXPECT_TRUE(after.toReclaim.empty());
  EXPECT_EQ(looks.at(seconds(309), memory(200)).pressure, Pressure{Condition::kMemory});
  EXPECT_TRUE(looks.at(seconds(310), memory(200)).pressure.empty());
}

TEST(Judge, EVI_4_ASoftThresholdMustLast) {
  Looks looks{.thresholds = {soft(Signal::kMemoryAvailable, "100", seconds(30))}};
  EXPECT_TRUE(looks.at(seconds(0), memory(50)).toReclaim.empty());
  EXPECT_FALSE(looks.history.since.empty());
  EXPECT_EQ(looks.at(seconds(10), memory(50)).pressure, Pressure{Condition::kMemory}) << "told at once";
  EXPECT_TRUE(looks.at(seconds(20), memory(150)).toReclaim.empty()) << "begins anew";
  EXPECT_TRUE(looks.at(seconds(30), memory(50)).toReclaim.empty());
  EXPECT_TRUE(looks.at(seconds(59), memory(50)).toReclaim.empty());
  EXPECT_EQ(looks.at(seconds(60), memory(50)).toReclaim.size(), 1U);
}

TEST(Judge, EVI_2_ItIsMetUntilTheLeastHasBeenFreed) {
  Threshold threshold = hard(Signal::kMemoryAvailable, "100");
  threshold.minimumReclaim = Amount{.quantity = "50"};
  Looks looks{.thresholds = {threshold}};
  EXPECT_TRUE(looks.at(seconds(0), memory(120)).toReclaim.empty()) << "it has not been met";
  EXPECT_FALSE(looks.at(seconds(10), memory(90)).toReclaim.empty());
  EXPECT_FALSE(looks.at(seconds(20), memory(149)).toReclaim.empty());
  EXPECT_TRUE(looks.at(seconds(30), memory(150)).toReclaim.empty());
  EXPECT_TRUE(looks.at(seconds(40), memory(120)).toReclaim.empty());
}

TEST(Judge, EVI_5_MemoryComesFirst) {
  Looks looks{.thresholds = {hard(Signal::kNodeFsAvailable, "100"), hard(Signal::kPidAvailable, "100"),
                             hard(Signal::kMemoryAvailable, "100")}};
  Readings readings = memory(1);
  readings[Signal::kNodeFsAvailable] = {.available = 1, .capacity = 1000};
  readings[Signal::kPidAvailable] = {.available = 1, .capacity = 1000};
  const Judgement judgement = looks.at(seconds(0), readings);
  ASSERT_EQ(judgement.toReclaim.size(), 3U);
  EXPECT_EQ(judgement.toReclaim[0].signal, Signal::kMemoryAvailable);
  EXPECT_EQ(judgement.toReclaim[1].signal, Signal::kNodeFsAvailable);
  EXPECT_EQ(namesOf(judgement.pressure), (std::vector<std::string>{"MemoryPressure", "DiskPressure", "PIDPressure"}));
}

TEST(Judge, WhatCannotBeReadDecidesNothing) {
  Looks looks{.thresholds = {hard(Signal::kMemoryAvailable, "100")}};
  EXPECT_TRUE(looks.at(seconds(0), {}).pressure.empty());
}

}  // namespace
}  // namespace cubelet::eviction
