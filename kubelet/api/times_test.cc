#include "kubelet/api/times.h"

#include <cstdint>
#include <gtest/gtest.h>

namespace cubelet::api {
namespace {

TEST(Times, ReadsRfc3339) {
  struct Case {
    const char* text;
    std::int64_t seconds;
    std::int32_t nanos;
  };
  for (const Case& c :
       {Case{"1970-01-01T00:00:00Z", 0, 0}, Case{"2026-01-02T03:04:05Z", 1767323045, 0},
        Case{"2026-01-02T03:04:05.5Z", 1767323045, 500'000'000},
        Case{"2026-01-02T03:04:05.1234567891Z", 1767323045, 123'456'789},
        Case{"2026-01-02T05:04:05+02:00", 1767323045, 0}, Case{"2026-01-01T21:34:05-05:30", 1767323045, 0},
        Case{"2024-02-29T00:00:00Z", 1709164800, 0}, Case{"1969-12-31T23:59:59Z", -1, 0},
        Case{"0001-01-01T00:00:00Z", -62135596800, 0}, Case{"9999-12-31T23:59:59Z", 253402300799, 0}}) {
    auto instant = parseTime(c.text);
    ASSERT_TRUE(instant) << c.text;
    EXPECT_EQ(instant->seconds, c.seconds) << c.text;
    EXPECT_EQ(instant->nanos, c.nanos) << c.text;
  }
}

TEST(Times, RefusesOtherTimes) {
  for (const char* text :
       {"", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-01-02t03:04:05Z", "2026-01-02T03:04:05z",
        "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2025-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+2:00", "2026-01-02T03:04:05+24:00",
        "2026-1-2T03:04:05Z", "2026-01-02T03:04:05Zx", "26-01-02T03:04:05Z", "2026-01-02T03:04:0", "now"})
    EXPECT_FALSE(parseTime(text)) << text;
}

TEST(Times, PrintsWhatItReads) {
  for (const char* text : {"2026-01-02T03:04:05Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
                           "9999-12-31T23:59:59Z", "2024-02-29T12:30:00Z"})
    EXPECT_EQ(timeText(parseTime(text)->seconds), text);
  EXPECT_EQ(microTimeText({1767323045, 6'000}), "2026-01-02T03:04:05.000006Z");
}

TEST(Durations, ReadsGoDurations) {
  struct Case {
    const char* text;
    std::int64_t nanos;
  };
  for (const Case& c : {Case{"0", 0},
                        Case{"0s", 0},
                        Case{"1ns", 1},
                        Case{"1us", 1'000},
                        Case{"1\u00b5s", 1'000},
                        Case{"1\u03bcs", 1'000},
                        Case{"100ms", 100'000'000},
                        Case{"1m30s", 90'000'000'000},
                        Case{"1h0m0s", 3'600'000'000'000},
                        Case{"1.5s", 1'500'000'000},
                        Case{".5s", 500'000'000},
                        Case{"5.s", 5'000'000'000},
                        Case{"0.3s", 300'000'000},
                        Case{"0.1h", 360'000'000'000},
                        Case{"-2m", -120'000'000'000},
                        Case{"+1s", 1'000'000'000},
                        Case{"0.333333333333333333333h", 1'200'000'000'000},
                        Case{"9223372036854775807ns", INT64_MAX},
                        Case{"-9223372036854775808ns", INT64_MIN},
                        Case{"2562047h47m16.854775807s", INT64_MAX}}) {
    EXPECT_EQ(parseDuration(c.text), c.nanos) << c.text;
  }
}

TEST(Durations, RefusesOtherTexts) {
  for (const char* text : {"", "-", "+", "1", "s", ".s", "1.2", "1d", "1 s", "1m 30s", "ten", "1e3s", "--1s",
                           "9223372036854775808ns", "3000000h", "-9223372036854775809ns", "1s-1s"})
    EXPECT_FALSE(parseDuration(text)) << text;
}

}  // namespace
}  // namespace cubelet::api
