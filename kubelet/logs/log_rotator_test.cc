#include "kubelet/logs/log_rotator.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::logs {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

constexpr std::uint64_t kLimit = 10'000'000;

// A container of the fake runtime that writes a log. What it writes are holes: only their size counts here.
class Writer {
 public:
  Writer(std::string id, std::string directory) : id_(std::move(id)), directory_(std::move(directory)) {
    fs::create_directories(directory_);
    open();
  }
  void open() { file_ = Fd(::open(path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640)); }
  void write(std::uint64_t bytes) {
    const off_t end = ::lseek(file_.get(), 0, SEEK_END) + static_cast<off_t>(bytes);
    ASSERT_EQ(::ftruncate(file_.get(), end), 0);
    longest = std::max(longest, static_cast<std::uint64_t>(end));
  }
  std::string path() const { return directory_ + "/0.log"; }
  const std::string& id() const { return id_; }
  RunningLog running() const { return {id_, path()}; }
  Names files() const { return listDirectory(directory_).value_or(Names()); }

  std::uint64_t longest = 0;  // that any of its files has ever been

 private:
  std::string id_;
  std::string directory_;
  Fd file_;
};

class Rotator : public testing::Test {
 protected:
  Rotator() {
    limits.maxBytes = kLimit;
    runtime.addImage("img");
    runtime.onReopenLog = [this](const cri::FakeContainer& container) {
      for (auto& writer : writers)
        if (writer->id() == container.id) writer->open();
    };
    rotator = std::make_unique<LogRotator>(loop, clock, pool, runtime, limits);
  }
  ~Rotator() override { loop.runToEnd(rotator->close()); }

  Writer& start(const std::string& name) {
    cri::v1::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    const std::string sandbox = loop.runToEnd(runtime.runPodSandbox(pod, "")).value();
    cri::v1::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("img");
    const std::string id = loop.runToEnd(runtime.createContainer(sandbox, config, pod)).value();
    EXPECT_TRUE(loop.runToEnd(runtime.startContainer(id)));
    writers.push_back(std::make_unique<Writer>(id, temp / name));
    return *writers.back();
  }
  void watch(const Writer& writer) {
    rotator->setPod("uid-" + writer.id(), {writer.running()});
    settle();
  }
  void settle() {
    do {
      loop.poll();
      if (pool.awaited() > 0) loop.context().run_one_for(seconds(5));
    } while (loop.poll() > 0 || pool.awaited() > 0);
  }
  void advance(Duration by) {
    clock.advance(by);
    settle();
  }
  long reopens() {
    const Names calls = runtime.calls();
    return std::ranges::count_if(calls, [](const auto& call) { return call.starts_with("ReopenContainerLog("); });
  }

  Loop loop;
  ManualClock clock{loop};
  cri::FakeRuntime runtime{clock};
  BlockingPool pool{loop, clock, 4};
  TempDir temp;
  RotationLimits limits;
  std::vector<std::unique_ptr<Writer>> writers;
  std::unique_ptr<LogRotator> rotator;
};

TEST_F(Rotator, LOG_3_AQuietLogCostsNoTimer) {
  Writer& log = start("web");
  log.write(1000);
  watch(log);
  advance(seconds(30));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  EXPECT_EQ(rotator->watched(), 1u);
  log.write(1000);
  settle();
  EXPECT_EQ(clock.pendingTimers(), 1u) << "it grows";
  advance(seconds(30));
  EXPECT_EQ(clock.pendingTimers(), 0u) << "it is quiet again";
  EXPECT_EQ(reopens(), 0);
}

TEST_F(Rotator, LOG_3_RotatesBeyondTheLimit) {
  Writer& log = start("web");
  watch(log);
  log.write(kLimit + 1);
  settle();
  advance(seconds(5));
  EXPECT_EQ(reopens(), 1);
  EXPECT_EQ(log.files().size(), 2u);
  EXPECT_EQ(fs::file_size(log.path()), 0u);
}

TEST_F(Rotator, LOG_3_ALogThatIsTooLongAtTheStartIsRotatedAtOnce) {
  Writer& log = start("web");
  log.write(2 * kLimit);
  watch(log);
  advance(Duration::zero());
  EXPECT_EQ(reopens(), 1);
}

TEST_F(Rotator, LOG_3_KeepsItsLimitsWithTenFastWriters) {
  runtime.addImage("img");
  for (int i = 0; i < 10; ++i) watch(start("web" + std::to_string(i)));
  advance(seconds(60));
  for (int step = 0; step < 1000; ++step) {  // ten seconds, 5 MB/s each; the runtime answers 20 ms late
    runtime.delayNext("ReopenContainerLog", milliseconds(20));
    for (auto& writer : writers) writer->write(50'000);
    advance(milliseconds(10));
  }
  for (const auto& writer : writers) {
    EXPECT_GT(writer->longest, kLimit);
    EXPECT_LE(writer->longest, kLimit + kLimit / 10);
    const Names files = writer->files();
    EXPECT_EQ(files.size(), 5u);
    EXPECT_EQ(std::ranges::count_if(files, [](const auto& name) { return name.ends_with(".gz"); }), 3);
  }
}

// The worst case: hardly anything for a long time, and then all at once.
TEST_F(Rotator, LOG_3_ABurstAfterATrickleOvershootsLittle) {
  Writer& log = start("web");
  watch(log);
  for (int i = 0; i < 100; ++i) {
    log.write(kLimit / 110);
    advance(seconds(7));
  }
  for (int step = 0; step < 100; ++step) {
    log.write(50'000);
    advance(milliseconds(10));
  }
  EXPECT_GT(log.longest, kLimit);
  EXPECT_LE(log.longest, kLimit + kLimit / 10);
}

TEST_F(Rotator, LOG_3_FailedReopenPutsTheLogBackAndTriesAgain) {
  Writer& log = start("web");
  runtime.failNext("ReopenContainerLog", Error(Code::kUnavailable, "", "not now"));
  log.write(kLimit + 1);
  watch(log);
  advance(Duration::zero());
  EXPECT_EQ(log.files(), Names{"0.log"});
  advance(seconds(10));
  EXPECT_EQ(reopens(), 2);
  EXPECT_EQ(log.files().size(), 2u);
}

// The reply is lost, the new log is there: it must not be replaced by the old one.
TEST_F(Rotator, LOG_3_ReopenThatWorkedWithoutAReplyIsKept) {
  Writer& log = start("web");
  runtime.failNextAfterEffect("ReopenContainerLog", Error(Code::kTimedOut, "", "no answer"));
  log.write(kLimit + 1);
  watch(log);
  advance(Duration::zero());
  EXPECT_EQ(log.files().size(), 2u);
  EXPECT_EQ(fs::file_size(log.path()), 0u);
  advance(seconds(60));
  EXPECT_EQ(reopens(), 1);
}

// As after a kill -9 between the rename and the reply.
TEST_F(Rotator, LOG_3_AMissingLogIsReopened) {
  Writer& log = start("web");
  fs::rename(log.path(), log.path() + ".20270101-000000");
  watch(log);
  advance(Duration::zero());
  EXPECT_EQ(reopens(), 1);
  EXPECT_TRUE(fs::exists(log.path()));
  advance(seconds(60));
  EXPECT_EQ(reopens(), 1);
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Rotator, LOG_3_OnlyRunningContainersAreRotated) {
  Writer& log = start("web");
  watch(log);
  rotator->setPod("uid-" + log.id(), {});
  EXPECT_EQ(rotator->watched(), 0u);
  log.write(2 * kLimit);
  settle();
  advance(seconds(60));
  EXPECT_EQ(reopens(), 0);
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Rotator, LOG_3_AHangingRuntimeHoldsUpOneLogOnly) {
  Writer& slow = start("slow");
  Writer& log = start("web");
  runtime.hangNext("ReopenContainerLog");
  slow.write(kLimit + 1);
  watch(slow);
  advance(Duration::zero());
  log.write(kLimit + 1);
  watch(log);
  advance(Duration::zero());
  EXPECT_EQ(log.files().size(), 2u);
  runtime.faults().letGo();
  settle();
  EXPECT_EQ(slow.files().size(), 2u);
}

}  // namespace
}  // namespace cubelet::logs
