#include "kubelet/shutdown/shutdown_times.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace cubelet::shutdown {
namespace {

using std::chrono::seconds;

TEST(ShutdownTimes, SHD_5_AreKeptInUpstreamsForm) {
  const TempDir dir;
  const std::string path = shutdownTimesFile(dir.path());
  EXPECT_EQ(path, dir / "graceful_node_shutdown_state");
  EXPECT_EQ(readShutdownTimes(path), ShutdownTimes());
  ShutdownTimes times{.began = WallTime(seconds(1'800'000'000)), .ended = std::nullopt};
  ASSERT_TRUE(writeShutdownTimes(path, times));
  EXPECT_EQ(readFile(path, 1000).value(), R"({"endTime":"0001-01-01T00:00:00Z","startTime":"2027-01-15T08:00:00Z"})");
  EXPECT_EQ(readShutdownTimes(path), times);
  times.ended = WallTime(seconds(1'800'000'009));
  ASSERT_TRUE(writeShutdownTimes(path, times));
  EXPECT_EQ(readShutdownTimes(path), times);
}

TEST(ShutdownTimes, SHD_5_WhatCannotBeReadIsNothing) {
  const TempDir dir;
  for (const char* text : {"", "no json", "[]", R"({"startTime": 7})", R"({"startTime": "yesterday"})"}) {
    ASSERT_TRUE(writeFileAtomic(dir / "times", text, 0600));
    EXPECT_EQ(readShutdownTimes(dir / "times"), ShutdownTimes()) << text;
  }
}

}  // namespace
}  // namespace cubelet::shutdown
