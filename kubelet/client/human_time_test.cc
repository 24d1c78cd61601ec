#include "kubelet/client/human_time.h"

#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(HumanDuration, GetsCoarserTheLongerItIs) {
  const hours day(24);
  struct Case {
    Duration duration;
    std::string text;
  };
  for (const Case& c : {
           Case{seconds(-5), "0s"},
           Case{std::chrono::milliseconds(900), "0s"},
           Case{seconds(1), "1s"},
           Case{seconds(119), "119s"},
           Case{seconds(120), "2m"},
           Case{seconds(200), "3m20s"},
           Case{seconds(599), "9m59s"},
           Case{minutes(10) + seconds(30), "10m"},
           Case{minutes(179), "179m"},
           Case{hours(3), "3h"},
           Case{hours(7) + minutes(59), "7h59m"},
           Case{hours(8) + minutes(30), "8h"},
           Case{hours(47), "47h"},
           Case{hours(48), "2d"},
           Case{day * 7 + hours(23), "7d23h"},
           Case{day * 8 + hours(5), "8d"},
           Case{day * 729, "729d"},
           Case{day * (365 * 2 + 1), "2y1d"},
           Case{day * (365 * 8 + 1), "8y"},
       })
    EXPECT_EQ(humanDuration(c.duration), c.text);
}

TEST(ParseDuration, TakesSecondsAndUnits) {
  EXPECT_EQ(*parseDuration("30"), Duration(seconds(30)));
  EXPECT_EQ(*parseDuration("30s"), Duration(seconds(30)));
  EXPECT_EQ(*parseDuration("5m"), Duration(minutes(5)));
  EXPECT_EQ(*parseDuration("1h30m"), Duration(minutes(90)));
}

TEST(ParseDuration, RefusesTheRest) {
  for (const char* text : {"", "m", "-5m", "5x", "1h30", "5 m", "1.5h", "99999999999999999999s"})
    EXPECT_FALSE(parseDuration(text)) << text;
}

}  // namespace
}  // namespace cubelet::client
