#include "kubelet/logs/cri_log.h"

#include <gtest/gtest.h>

namespace cubelet::logs {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::string_view kTime = "2027-01-15T08:00:00.5Z";
const WallTime kWhen = WallTime(seconds(1'800'000'000)) + nanoseconds(500'000'000);

std::string cri(std::string_view rest) {
  return std::string(kTime) + " " + std::string(rest);
}

TEST(LogLines, LOG_2_ReadsTheFormatOfCriRuntimes) {
  auto line = parseLogLine(cri("stdout F hello  world "));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->time, kWhen);
  EXPECT_EQ(line->timeText, kTime);
  EXPECT_EQ(line->stream, Stream::kStdout);
  EXPECT_FALSE(line->partial);
  EXPECT_EQ(line->content, "hello  world ");
}

TEST(LogLines, TellsStderrAndPartialLines) {
  auto line = parseLogLine(cri("stderr P begin"));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->stream, Stream::kStderr);
  EXPECT_TRUE(line->partial);
}

TEST(LogLines, TakesTheFirstOfSeveralTags) {
  EXPECT_TRUE(parseLogLine(cri("stdout P:x:y begin"))->partial);
}

TEST(LogLines, ReadsEmptyContents) {
  EXPECT_EQ(parseLogLine(cri("stdout F "))->content, "");
  EXPECT_EQ(parseLogLine(cri("stdout F"))->content, "");
}

TEST(LogLines, LOG_2_ReadsDockersJson) {
  auto line = parseLogLine(R"({"log":"say \"hi\"\n","stream":"stderr","time":"2027-01-15T08:00:00.5Z"})");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->content, "say \"hi\"");
  EXPECT_EQ(line->stream, Stream::kStderr);
  EXPECT_FALSE(line->partial);
  EXPECT_EQ(line->time, kWhen);
  EXPECT_TRUE(parseLogLine(R"({"log":"begin","stream":"stdout","time":"2027-01-15T08:00:00.5Z"})")->partial);
}

TEST(LogLines, RefusesWhatIsNeither) {
  for (const std::string& text :
       {std::string(), std::string("hello"), std::string("a b c d"), cri("stdlog F x"), cri("stdout X x"),
        cri("stdout"), std::string("yesterday stdout F x"), std::string("{"), std::string("{}"),
        std::string("{\"log\":1}"), std::string(R"({"log":"x","stream":"stdout"})"),
        std::string(R"({"log":"x","stream":"s","time":"t"})"), std::string("\xff\xfe\x00", 3)})
    EXPECT_FALSE(parseLogLine(text)) << text;
}

struct TimeCase {
  std::string text;
  std::optional<WallTime> time;
};

TEST(Times, AreReadAsGoWritesThem) {
  const WallTime base{seconds(1'800'000'000)};
  for (const TimeCase& c : {
           TimeCase{"2027-01-15T08:00:00Z", base},
           TimeCase{"2027-01-15T08:00:00.123456789Z", base + nanoseconds(123456789)},
           TimeCase{"2027-01-15T08:00:00.1234567891Z", base + nanoseconds(123456789)},
           TimeCase{"2027-01-15T10:30:00+02:30", base},
           TimeCase{"2027-01-15T00:00:00.5-08:00", base + nanoseconds(500'000'000)},
           TimeCase{"1970-01-01T00:00:00Z", WallTime()},
           TimeCase{"2027-02-30T08:00:00Z", std::nullopt},
           TimeCase{"2027-01-15T25:00:00Z", std::nullopt},
           TimeCase{"2027-01-15T08:00:00", std::nullopt},
           TimeCase{"2027-01-15 08:00:00Z", std::nullopt},
           TimeCase{"2027-01-15T08:00:00Zx", std::nullopt},
           TimeCase{"", std::nullopt},
       })
    EXPECT_EQ(parseRfc3339(c.text), c.time) << c.text;
}

TEST(Times, AreTheSameWhenTheirSecondIsKnown) {
  KnownSecond second;
  for (const char* text :
       {"2027-01-15T08:00:00.123456789Z", "2027-01-15T08:00:00.5Z", "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00.5+02:00", "2027-01-15T08:00:00.5", "2027-01-15T08:00:00.5Zx", "2027-01-15T08:00:005Z",
        "2027-01-15T08:00:01.5-08:00", "2027-01-15T08:00:01.25Z", "2027-01-15T08:00:01", "2027-01-15", "",
        "2027-02-30T08:00:00Z", "2027-02-30T08:00:00Z", "2027-01-15T08:00:01.125Z"})
    EXPECT_EQ(second.parse(text), parseRfc3339(text)) << text;
}

TEST(Times, GetNineDigitsOfFraction) {
  EXPECT_EQ(withNineDigits("2027-01-15T08:00:00.5Z"), "2027-01-15T08:00:00.500000000Z");
  EXPECT_EQ(withNineDigits("2027-01-15T08:00:00Z"), "2027-01-15T08:00:00.000000000Z");
  EXPECT_EQ(withNineDigits("2027-01-15T08:00:00.123456789+02:00"), "2027-01-15T08:00:00.123456789+02:00");
  EXPECT_EQ(withNineDigits("2027-01-15T08:00:00-05:00"), "2027-01-15T08:00:00.000000000-05:00");
}

std::string format(LogFormat how, const std::string& file, std::size_t portion = std::string::npos) {
  LogFormatter formatter(how);
  std::string out;
  for (std::size_t at = 0; at < file.size(); at += std::min(portion, file.size()))
    formatter.add(std::string_view(file).substr(at, portion), out);
  return out;
}

TEST(Formatter, LOG_2_JoinsPartialLines) {
  EXPECT_EQ(format({}, cri("stdout P one, ") + "\n" + cri("stdout P two, ") + "\n" + cri("stdout F three") + "\n" +
                           cri("stdout F next") + "\n"),
            "one, two, three\nnext\n");
}

TEST(Formatter, PutsTheTimeOnlyBeforeTheStartOfALine) {
  EXPECT_EQ(format({.timestamps = true, .since = {}, .only = {}},
                   cri("stdout P a") + "\n" + cri("stdout F b") + "\n" + cri("stderr F c") + "\n"),
            "2027-01-15T08:00:00.500000000Z ab\n2027-01-15T08:00:00.500000000Z c\n");
}

TEST(Formatter, LeavesOutOlderLines) {
  std::string file = "2027-01-15T07:59:59Z stdout F old\n" + cri("stdout F new") + "\n";
  EXPECT_EQ(format({.timestamps = false, .since = kWhen, .only = {}}, file), "new\n");
}

TEST(Formatter, LOG_2_SkipsMalformedLines) {
  EXPECT_EQ(format({}, "junk\n" + cri("stdout F good") + "\n\n\n"), "good\n");
}

TEST(Formatter, TakesBytesInAnyPortions) {
  std::string file = cri("stdout F first") + "\n" + cri("stdout F second") + "\n";
  for (std::size_t portion : {1u, 2u, 7u, 30u}) EXPECT_EQ(format({}, file, portion), "first\nsecond\n") << portion;
}

TEST(Formatter, WaitsForTheEndOfALine) {
  EXPECT_EQ(format({}, cri("stdout F unfinished")), "");
}

TEST(Formatter, GivesUpOnAnEndlessLineAndGoesOnAfterIt) {
  std::string file = cri("stdout F ") + std::string(3'000'000, 'x') + "\n" + cri("stdout F good") + "\n";
  EXPECT_EQ(format({}, file, 100'000), "good\n");
}

}  // namespace
}  // namespace cubelet::logs
