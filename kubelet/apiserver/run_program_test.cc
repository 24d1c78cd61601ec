#include "kubelet/apiserver/run_program.h"

#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// A named pipe that tells when a program has begun and when it and everything it started have ended.
class Lifeline {
 public:
  Lifeline(Loop& loop, std::string path) : path_(std::move(path)), stream_(loop.context()) {
    if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("cannot make " + path_);
    stream_.assign(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    watch();
  }
  // To be put before a shell's commands.
  std::string hold() const { return "exec 3>" + path_ + "; echo >&3; "; }
  bool began = false;
  bool ended = false;

 private:
  void watch() {
    stream_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](auto error) {
      if (error) return;
      char buffer[100];
      const ssize_t count = ::read(stream_.native_handle(), buffer, sizeof buffer);
      began = began || count > 0;
      ended = count == 0;
      if (!ended) watch();
    });
  }
  std::string path_;
  boost::asio::posix::stream_descriptor stream_;
};

class RunProgramTest : public testing::Test {
 protected:
  static Program shell(const std::string& script) {
    return Program{.command = "sh", .args = {"-c", script}, .env = {{"GIVEN", "from us"}}};
  }
  Result<ProgramEnd> run(Program program) {
    return loop.runToEnd(runProgram(loop, clock, std::move(program), seconds(60)));
  }
  static Task<void> keep(Loop* loop, Clock* clock, Program program, std::optional<Result<ProgramEnd>>* end) {
    Result<ProgramEnd> got = co_await runProgram(*loop, *clock, program, seconds(60));
    end->emplace(std::move(got));
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  Lifeline lifeline{loop, dir / "lifeline"};
};

TEST_F(RunProgramTest, GivesItsInputAndTheEndOfIt) {
  Program program = shell("cat; echo end");
  program.input = std::string(200'000, 'x') + "\n";
  Result<ProgramEnd> end = run(program);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, program.input + "end\n");
}

TEST_F(RunProgramTest, AnswersOutputAndExitCode) {
  Result<ProgramEnd> end = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, "out\n");
  EXPECT_EQ(end->err, "err\n");
  EXPECT_EQ(end->exitCode, 3);
  EXPECT_EQ(end->signal, 0);
}

TEST_F(RunProgramTest, TellsASignalFromAnExit) {
  Result<ProgramEnd> end = run(shell("kill -9 $$"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->signal, SIGKILL);
}

TEST_F(RunProgramTest, GivesItTheEnvironmentAndNoInput) {
  ::setenv("GIVEN", "from outside", 1);
  Result<ProgramEnd> end = run(shell("cat; echo \"$GIVEN\"; env | grep -c ^GIVEN=; test -n \"$PATH\""));
  ::unsetenv("GIVEN");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, "from us\n1\n");
  EXPECT_EQ(end->exitCode, 0);
}

TEST_F(RunProgramTest, TakesMuchOutputButNotMoreThanAllowed) {
  Program program = shell("head -c 300000 /dev/zero | tr '\\0' x");
  program.maxOutput = 300'000;
  Result<ProgramEnd> fits = run(program);
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(fits->out, std::string(300'000, 'x'));
  program.maxOutput = 299'999;
  Result<ProgramEnd> over = run(program);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
}

TEST_F(RunProgramTest, MuchErrorTextDoesNotHoldItUp) {
  Result<ProgramEnd> end = run(shell("head -c 300000 /dev/zero >&2; echo done"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, "done\n");
  EXPECT_EQ(end->err.size(), 4096U);
}

TEST_F(RunProgramTest, ReadsToTheEndWhatAShortProgramWrote) {
  for (int i = 0; i < 30; ++i) {
    Result<ProgramEnd> end = run(shell("head -c 30000 /dev/zero"));
    ASSERT_TRUE(end) << end.error().message;
    ASSERT_EQ(end->out.size(), 30'000U);
  }
}

TEST_F(RunProgramTest, DoesNotWaitForWhatItLeftBehind) {
  Result<ProgramEnd> end = run(shell("sleep 1000 & echo $! > " + (dir / "pid") + "; echo done"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, "done\n");
  ::kill(std::stoi(*readFile(dir / "pid", 100)), SIGKILL);
}

TEST_F(RunProgramTest, AMissingProgramIsNotFound) {
  for (const std::string& name : {std::string("no-such-program-anywhere"), dir / "none"}) {
    Result<ProgramEnd> end = run(Program{.command = name, .args = {}, .env = {}});
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Code::kNotFound);
    EXPECT_THAT(end.error().message, HasSubstr(name));
  }
}

TEST_F(RunProgramTest, IsKilledWithItsChildrenWhenTimeIsOver) {
  std::optional<Result<ProgramEnd>> end;
  TaskGroup group(loop);
  group.spawn("run", keep(&loop, &clock, shell(lifeline.hold() + "sleep 1000 & wait"), &end));
  ASSERT_TRUE(loop.runUntil([&] { return lifeline.began; }, seconds(60)));
  clock.advance(seconds(59));
  EXPECT_FALSE(end);
  clock.advance(seconds(1));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->error().code, Code::kTimedOut);
  EXPECT_THAT(end->error().message, HasSubstr("did not end within 1m0s"));
  EXPECT_TRUE(loop.runUntil([&] { return lifeline.ended; }, seconds(60)));
  loop.runToEnd(group.close());
}

TEST_F(RunProgramTest, IsKilledWithItsChildrenWhenCancelled) {
  std::optional<Result<ProgramEnd>> end;
  TaskGroup group(loop);
  group.spawn("run", keep(&loop, &clock, shell(lifeline.hold() + "sleep 1000 & wait"), &end));
  ASSERT_TRUE(loop.runUntil([&] { return lifeline.began; }, seconds(60)));
  loop.runToEnd(group.close());
  EXPECT_FALSE(end);
  EXPECT_TRUE(loop.runUntil([&] { return lifeline.ended; }, seconds(60)));
}

}  // namespace
}  // namespace cubelet::apiserver
