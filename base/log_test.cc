#include "base/log.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/log_line.h"

namespace cubelet::log {
namespace {

struct Case {
  std::string name;
  Options options;
  Priority priority;
  std::string message;
  std::vector<Field> fields;
  std::string want;
};

class LogLine : public testing::TestWithParam<Case> {};

TEST_P(LogLine, Reads) {
  const WallTime time{std::chrono::milliseconds(1'800'000'000'007)};
  const Case& c = GetParam();
  EXPECT_EQ(formatLine(c.options, time, c.priority, c.message, c.fields), c.want);
}

const Options kPlain{};
const Options kJournal{.journalPrefix = true};
const Options kJson{.json = true};
const Options kJsonJournal{.json = true, .journalPrefix = true};

INSTANTIATE_TEST_SUITE_P(
    Cases, LogLine,
    testing::Values(
        Case{"PlainHasTimeAndLevel", kPlain, Priority::kInfo, "starting", {}, "2027-01-15T08:00:00.007Z info starting"},
        Case{"JournalHasPriorityAndNoTime", kJournal, Priority::kError, "failed", {}, "<3>failed"},
        Case{"FieldsFollow",
             kJournal,
             Priority::kDebug,
             "seen",
             {{"pod", "ns/web"}, {"uid", "u1"}},
             "<7>seen pod=ns/web uid=u1"},
        Case{"ValuesWithBlanksAreQuoted",
             kJournal,
             Priority::kInfo,
             "m",
             {{"error", "exit \"1\" \\"}},
             R"(<6>m error="exit \"1\" \\")"},
        Case{"EmptyValuesAreQuoted", kJournal, Priority::kInfo, "m", {{"error", ""}}, R"(<6>m error="")"},
        Case{"EqualSignsAreQuoted", kJournal, Priority::kInfo, "m", {{"arg", "a=b"}}, R"(<6>m arg="a=b")"},
        Case{"LinesCannotBeForged",
             kJournal,
             Priority::kWarning,
             "a\n<0>b",
             {{"x", "1\n<0>2\x1b"}},
             R"(<4>a\n<0>b x="1\n<0>2\u001b")"},
        Case{"Json",
             kJson,
             Priority::kNotice,
             "say \"hi\"",
             {{"pod", "ns/w b"}},
             R"({"ts":"2027-01-15T08:00:00.007Z","level":"notice","msg":"say \"hi\"","pod":"ns/w b"})"},
        Case{"JsonInTheJournal", kJsonJournal, Priority::kInfo, "m", {}, R"(<6>{"level":"info","msg":"m"})"},
        Case{"JsonEscapesControlCharacters",
             kJsonJournal,
             Priority::kInfo,
             "a\tb\x01",
             {},
             R"(<6>{"level":"info","msg":"a\tb\u0001"})"},
        Case{"JsonIsAlwaysUtf8",
             kJsonJournal,
             Priority::kInfo,
             "gr\xc3\xbc\xc3\x9f\xff",
             {},
             "<6>{\"level\":\"info\",\"msg\":\"gr\xc3\xbc\xc3\x9f\xef\xbf\xbd\"}"}),
    [](const auto& test) { return test.param.name; });

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { configure({}); }
  static std::string captured(void (*act)()) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesOneLinePerMessageToStderr) {
  configure({.journalPrefix = true});
  const std::string text = captured([] {
    info("one", {{"pod", "ns/web"}});
    error("two {} %s");
  });
  EXPECT_EQ(text, "<6>one pod=ns/web\n<3>two {} %s\n");
}

TEST_F(LogTest, VerbosityHidesWhatIsAboveIt) {
  configure({.verbosity = 2, .journalPrefix = true});
  const std::string text = captured([] {
    debug(2, "shown");
    debug(3, "hidden");
  });
  EXPECT_EQ(text, "<7>shown\n");
}

TEST_F(LogTest, KnowsWhetherStderrIsTheJournal) {
  struct stat status{};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const std::string own = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ::setenv("JOURNAL_STREAM", own.c_str(), 1);
  EXPECT_TRUE(stderrIsJournal());
  ::setenv("JOURNAL_STREAM", "1:1", 1);
  EXPECT_FALSE(stderrIsJournal());
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(stderrIsJournal());
}

}  // namespace
}  // namespace cubelet::log
