#include "kubelet/logs/log_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace cubelet::logs {
namespace {

namespace fs = std::filesystem;

class LogFiles : public testing::Test {
 protected:
  LogFiles() {
    std::string pattern = (fs::temp_directory_path() / "log-file-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    path = directory + "/0.log";
  }
  ~LogFiles() override { fs::remove_all(directory); }

  static std::string line(std::string_view content, std::string_view tag = "F") {
    return "2027-01-15T08:00:00.123456789Z stdout " + std::string(tag) + " " + std::string(content) + "\n";
  }
  void append(const std::string& text) { std::ofstream(path, std::ios::app) << text; }
  LogFile open(std::optional<std::uint64_t> tail = {}) {
    Result<LogFile> log = LogFile::open(directory, "0.log", tail, {});
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  // Everything that can be read now.
  static std::string drain(LogFile& log) {
    std::string out;
    std::string room;
    for (;;) {
      Result<bool> more = log.read(out, room);
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) return out;
    }
  }
  std::string tail(std::uint64_t lines) {
    LogFile log = open(lines);
    return drain(log);
  }

  std::string directory;
  std::string path;
};

TEST_F(LogFiles, ReadsAllAndThenOnlyWhatIsNew) {
  append(line("one") + line("two"));
  LogFile log = open();
  EXPECT_EQ(drain(log), "one\ntwo\n");
  EXPECT_EQ(drain(log), "");
  append(line("three"));
  EXPECT_EQ(drain(log), "three\n");
}

TEST_F(LogFiles, AMissingFileIsNotFound) {
  Result<LogFile> log = LogFile::open(directory, "0.log", {}, {});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::kNotFound);
}

TEST_F(LogFiles, NoLinkIsFollowed) {
  const std::string elsewhere = directory + "/elsewhere";
  fs::create_directory(elsewhere);
  std::ofstream(elsewhere + "/0.log") << line("secret");
  fs::create_directory_symlink(elsewhere, directory + "/link");
  fs::create_symlink(elsewhere + "/0.log", path);
  for (const char* name : {"0.log", "link/0.log", "elsewhere/../../etc/passwd", "/etc/passwd"}) {
    const Result<LogFile> log = LogFile::open(directory, name, {}, {});
    ASSERT_FALSE(log) << name;
    EXPECT_EQ(log.error().code, Code::kInvalid) << log.error().message;
  }
}

TEST_F(LogFiles, ALinkInPlaceOfTheNewFileIsNotFollowed) {
  append(line("one"));
  LogFile log = open();
  EXPECT_EQ(drain(log), "one\n");
  fs::rename(path, path + ".20270115-080000");
  std::ofstream(directory + "/secret") << line("secret");
  fs::create_symlink(directory + "/secret", path);
  EXPECT_EQ(drain(log), "");
}

TEST_F(LogFiles, ReadsALargeFileInPortions) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += line("line " + std::to_string(i));
  append(text);
  LogFile log = open();
  std::string first;
  std::string room;
  ASSERT_TRUE(*log.read(first, room));
  EXPECT_LT(first.size(), 400'000u);
  std::string rest = drain(log);
  EXPECT_TRUE(rest.ends_with("line 19999\n"));
}

TEST_F(LogFiles, TailAnswersTheLastLines) {
  append(line("one") + line("two") + line("three"));
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(tail(1), "three\n");
  EXPECT_EQ(tail(2), "two\nthree\n");
  EXPECT_EQ(tail(3), "one\ntwo\nthree\n");
  EXPECT_EQ(tail(100), "one\ntwo\nthree\n");
}

TEST_F(LogFiles, TailCountsALineThatTheRuntimeSplitOnce) {
  append(line("one") + line("tw", "P") + line("o", "P") + line("!") + line("three"));
  EXPECT_EQ(tail(1), "three\n");
  EXPECT_EQ(tail(2), "two!\nthree\n");
  EXPECT_EQ(tail(3), "one\ntwo!\nthree\n");
}

TEST_F(LogFiles, TailKnowsSplitLinesOfDocker) {
  auto docker = [](std::string_view content) {
    return R"({"log":")" + std::string(content) + R"(","stream":"stdout","time":"2027-01-15T08:00:00Z"})" + "\n";
  };
  append(docker("one\\n") + docker("tw") + docker("o\\n") + docker("three\\n"));
  EXPECT_EQ(tail(2), "two\nthree\n");
}

TEST_F(LogFiles, TailOfAnEmptyFileIsEmpty) {
  append("");
  EXPECT_EQ(tail(5), "");
}

TEST_F(LogFiles, TailCrossesBlocks) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += line(std::to_string(i) + std::string(100, 'x'));
  append(text);
  std::string out = tail(2000);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2000);
  EXPECT_TRUE(out.starts_with("1000xxx"));
}

TEST_F(LogFiles, TailWithAnUnfinishedLineStartsItThere) {
  append(line("one") + "2027-01-15T08:00:00Z stdout F tw");
  LogFile log = open(1);
  EXPECT_EQ(drain(log), "");
  append("o\n");
  EXPECT_EQ(drain(log), "two\n");
}

TEST_F(LogFiles, GoesOnInTheNewFileAfterARotation) {
  append(line("one"));
  LogFile log = open();
  EXPECT_EQ(drain(log), "one\n");
  append(line("two"));
  fs::rename(path, path + ".20270115-080000");
  EXPECT_EQ(drain(log), "two\n");
  append(line("three"));
  EXPECT_EQ(drain(log), "three\n");
}

TEST_F(LogFiles, LosesNothingThatIsWrittenToTheOldFileWhileTheNewOneExists) {
  append(line("one"));
  LogFile log = open();
  drain(log);
  std::string old = path + ".20270115-080000";
  fs::rename(path, old);
  append("");  // the runtime has made the new file and still writes to the old one
  EXPECT_EQ(drain(log), "");
  std::ofstream(old, std::ios::app) << line("two");
  EXPECT_EQ(drain(log), "two\n");
  append(line("three"));
  EXPECT_EQ(drain(log), "three\n");
}

TEST_F(LogFiles, StaysWithTheOldFileWhileThereIsNoNewOne) {
  append(line("one"));
  LogFile log = open();
  fs::remove(path);
  EXPECT_EQ(drain(log), "one\n");
  EXPECT_EQ(drain(log), "");
}

TEST_F(LogFiles, StartsOverInAFileThatWasCut) {
  append(line("one") + line("two"));
  LogFile log = open();
  drain(log);
  std::ofstream(path, std::ios::trunc) << line("new");
  EXPECT_EQ(drain(log), "new\n");
}

}  // namespace
}  // namespace cubelet::logs
