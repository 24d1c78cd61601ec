// Back-off, hashes, time texts, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/time_text.h"

namespace cubelet {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TEST(Backoff, DoublesUpToItsCapAndStartsOverAfterReset) {
  Backoff backoff({.initial = seconds(10), .cap = seconds(60)});
  std::vector<Duration> delays;
  for (int i = 0; i < 5; ++i) delays.push_back(backoff.next());
  EXPECT_THAT(delays, ElementsAre(seconds(10), seconds(20), seconds(40), seconds(60), seconds(60)));
  backoff.reset();
  EXPECT_EQ(backoff.next(), seconds(10));
}

TEST(Backoff, JitterStretchesTheDelayButNotTheNextOne) {
  double random = 0;
  Backoff backoff({.initial = seconds(10), .cap = seconds(300), .jitter = 0.5, .random = [&] { return random; }});
  EXPECT_EQ(backoff.next(), seconds(10));
  random = 0.5;
  EXPECT_EQ(backoff.next(), seconds(25));
  random = 0;
  EXPECT_EQ(backoff.next(), seconds(40));
}

TEST(Backoff, TheFirstDelayRespectsTheCapAndHugeCapsDoNotOverflow) {
  EXPECT_EQ(nextBackoff(Duration(0), seconds(10), seconds(1)), seconds(1));
  EXPECT_EQ(nextBackoff(Duration::max() - Duration(1), seconds(10), Duration::max()), Duration::max());
}

// Test vectors of the FNV authors' page.
TEST(Hash, Fnv1a32MatchesPublishedValues) {
  EXPECT_EQ(fnv1a32(""), 0x811c9dc5U);
  EXPECT_EQ(fnv1a32("a"), 0xe40c292cU);
  EXPECT_EQ(fnv1a32("foobar"), 0xbf9cf968U);
}

TEST(Hash, Fnv1a128MatchesPublishedValuesAndTakesPieces) {
  Fnv1a128 empty;
  EXPECT_EQ(empty.hex(), "6c62272e07bb014262b821756295c58d");
  Fnv1a128 a;
  a.add("a");
  EXPECT_EQ(a.hex(), "d228cb696f1a8caf78912b704e4a8964");
  Fnv1a128 whole;
  whole.add("foobar");
  EXPECT_EQ(whole.hex(), "343e1662793c64bf6f0d3597ba446f18");
  Fnv1a128 pieces;
  pieces.add("foo");
  pieces.add("");
  pieces.add("bar");
  EXPECT_EQ(pieces.hex(), whole.hex());
}

TEST(TimeText, Rfc3339) {
  const WallTime whole{seconds(1'800'000'000)};
  EXPECT_EQ(rfc3339Nano(whole), "2027-01-15T08:00:00Z");
  EXPECT_EQ(rfc3339Milli(whole), "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(rfc3339Nano(whole + nanoseconds(1'200)), "2027-01-15T08:00:00.0000012Z");
  EXPECT_EQ(rfc3339Milli(whole + milliseconds(45)), "2027-01-15T08:00:00.045Z");
  EXPECT_EQ(rfc3339Nano(WallTime{milliseconds(-500)}), "1969-12-31T23:59:59.5Z");
}

TEST(TimeText, DurationsAsGoPrintsThem) {
  EXPECT_EQ(durationText(Duration(0)), "0s");
  EXPECT_EQ(durationText(Duration(7)), "7ns");
  EXPECT_EQ(durationText(nanoseconds(1'500)), "1.5µs");
  EXPECT_EQ(durationText(milliseconds(250)), "250ms");
  EXPECT_EQ(durationText(milliseconds(1500)), "1.5s");
  EXPECT_EQ(durationText(seconds(60)), "1m0s");
  EXPECT_EQ(durationText(seconds(3723)), "1h2m3s");
  EXPECT_EQ(durationText(milliseconds(-1500)), "-1.5s");
  EXPECT_EQ(durationText(Duration::min()), "-2562047h47m16.854775808s");
}

TEST(Result, ErrnoTellsWhatToDo) {
  EXPECT_EQ(errnoError(ENOENT, "open x").code, Code::kNotFound);
  EXPECT_EQ(errnoError(ENOENT, "open x").message, "open x: No such file or directory");
  EXPECT_EQ(errnoError(EEXIST, "").code, Code::kAlreadyExists);
  EXPECT_EQ(errnoError(ENOSPC, "").code, Code::kExhausted);
  EXPECT_EQ(errnoError(EIO, "").code, Code::kInternal);
}

TEST(Result, WithinKeepsCodeAndReason) {
  const Error inner(Code::kTimedOut, "Slow", "no answer");
  const Error outer = inner.within("mount a");
  EXPECT_EQ(outer.code, Code::kTimedOut);
  EXPECT_EQ(outer.reason, "Slow");
  EXPECT_EQ(outer.message, "mount a: no answer");
}

}  // namespace
}  // namespace cubelet
