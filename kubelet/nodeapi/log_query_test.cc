#include "kubelet/nodeapi/log_query.h"

#include <gtest/gtest.h>

namespace cubelet::nodeapi {
namespace {

struct Case {
  std::string name;
  std::string query;
  std::string want;
};

class LOG_4 : public testing::TestWithParam<Case> {};

TEST_P(LOG_4, OptionsAreReadAndChecked) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  LogQuery query;
  std::string have;
  if (auto bad = readLogQuery(*web::parseTarget("/l?" + GetParam().query), now, query)) {
    have = std::to_string(bad->status);
  } else {
    if (query.follow) have += " follow";
    if (query.previous) have += " previous";
    if (query.format.timestamps) have += " timestamps";
    if (query.tail) have += " tail=" + std::to_string(*query.tail);
    if (query.limit) have += " limit=" + std::to_string(*query.limit);
    if (query.format.since) have += " since=" + std::to_string((now - *query.format.since) / std::chrono::seconds(1));
    if (query.format.only) have += *query.format.only == logs::Stream::kStdout ? " stdout" : " stderr";
  }
  EXPECT_EQ(have, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LOG_4,
    testing::Values(
        Case{"Nothing", "", ""}, Case{"Flags", "follow=true&previous=1&timestamps=true", " follow previous timestamps"},
        Case{"FlagsOff", "follow=false&previous=0", ""}, Case{"Tail", "tailLines=5", " tail=5"},
        Case{"TailNone", "tailLines=0", " tail=0"}, Case{"OldTail", "tail=7", " tail=7"},
        Case{"OldTailAll", "tail=all", ""}, Case{"Limit", "limitBytes=10", " limit=10"},
        Case{"SinceSeconds", "sinceSeconds=60", " since=60"},
        Case{"SinceTime", "sinceTime=2027-01-15T07:59:00Z", " since=60"},
        Case{"SinceForEver", "sinceSeconds=9223372036854775807", ""}, Case{"Stream", "stream=Stderr", " stderr"},
        Case{"StreamAll", "stream=All&tailLines=1", " tail=1"}, Case{"TailNegative", "tailLines=-1", "422"},
        Case{"LimitZero", "limitBytes=0", "422"}, Case{"SinceZero", "sinceSeconds=0", "422"},
        Case{"BothSince", "sinceSeconds=1&sinceTime=2027-01-15T07:59:00Z", "422"},
        Case{"StreamUnknown", "stream=x", "422"}, Case{"StreamWithTail", "stream=Stdout&tailLines=1", "422"},
        Case{"NoNumber", "tailLines=x", "400"}, Case{"NoTime", "sinceTime=yesterday", "400"},
        Case{"TooLarge", "limitBytes=99999999999999999999", "400"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::nodeapi
