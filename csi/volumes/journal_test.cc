#include "csi/volumes/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/test_world.h"

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

VolumeRecord recordOf(const std::string& handle, StageState stage) {
  VolumeRecord record;
  record.bootId = "b";
  record.driver = "fake.csi";
  record.handle = handle;
  record.name = "pv-" + handle;
  record.stage = stage;
  return record;
}

// A disk whose writes wait for the test.
class SlowDisk final : public TestHost {
 public:
  using TestHost::TestHost;

  Task<Result<void>> appendRecords(std::string path, std::string lines, Flush flush) override {
    co_await stop();
    ++appended;
    if (failures > 0 && failures-- > 0) co_return fail(Code::kInternal, "", "append: no space");
    auto call = TestHost::appendRecords(std::move(path), std::move(lines), flush);
    co_return co_await std::move(call);
  }
  Task<Result<void>> replaceRecords(std::string path, std::string content, std::vector<std::string> obsolete) override {
    co_await stop();
    ++replaced;
    if (failures > 0 && failures-- > 0) co_return fail(Code::kInternal, "", "replace: no space");
    auto call = TestHost::replaceRecords(std::move(path), std::move(content), std::move(obsolete));
    co_return co_await std::move(call);
  }
  void letOneGo() {
    ++allowed_;
    park_.wake();
  }

  bool slow = false;
  int failures = 0;
  int appended = 0;
  int replaced = 0;

 private:
  Task<void> stop() {
    while (slow && allowed_ == 0) {
      co_await park_.wait();
      co_await throwIfCancelled();
    }
    if (slow) --allowed_;
  }
  Park park_;
  int allowed_ = 0;
};

class Journals : public testing::Test {
 protected:
  Journals() { restart(); }
  ~Journals() override { world.loop.runToEnd(tasks->close()); }

  void restart(std::size_t room = Journal::kRoom) {
    if (tasks) world.loop.runToEnd(tasks->close());
    tasks = std::make_unique<TaskGroup>(world.loop);
    journal = std::make_unique<Journal>(disk, directory, room);
    ASSERT_TRUE(makeDirectories(directory, 0700));
    found = journal->load();
  }
  using Answer = std::shared_ptr<std::optional<Result<void>>>;
  Answer begin(VolumeRecord record, Flush flush = Flush::kYes) {
    auto answer = std::make_shared<std::optional<Result<void>>>();
    tasks->spawn("note", World::into(journal->note(std::move(record), flush), answer));
    world.loop.poll();
    return answer;
  }
  Result<void> note(VolumeRecord record, Flush flush = Flush::kYes) {
    return begin(std::move(record), flush)->value_or(fail(Code::kUnavailable, "", "it has not ended"));
  }
  void letOneGo() {
    disk.letOneGo();
    world.loop.poll();
  }
  // What the next agent finds: "v1 staged".
  std::vector<std::string> states() {
    restart();
    std::vector<std::string> all;
    for (const VolumeRecord& record : found.records)
      all.push_back(record.handle + " " + std::string(toString(record.stage)));
    return all;
  }
  std::vector<std::string> files() { return listDirectory(directory).value(); }

  World world;
  SlowDisk disk{world.crash, world.mounts, world.disk};
  const std::string directory = world.dir / "cubelet/volumes";
  std::unique_ptr<TaskGroup> tasks;
  std::unique_ptr<Journal> journal;
  Journal::Found found;
};

TEST_F(Journals, CSI_20_WhatComesWhileOneIsFlushedSharesTheNextFlush) {
  disk.slow = true;
  const Answer first = begin(recordOf("v0", StageState::kStaging));
  std::vector<Answer> others;
  for (int i = 1; i < 100; ++i) others.push_back(begin(recordOf("v" + std::to_string(i), StageState::kStaging)));
  EXPECT_FALSE(*first);
  letOneGo();
  EXPECT_TRUE(*first && **first) << "its own record is on disk";
  for (const Answer& answer : others) EXPECT_FALSE(*answer) << "theirs are not";
  letOneGo();
  for (const Answer& answer : others) EXPECT_TRUE(*answer && **answer);
  EXPECT_EQ(disk.flushes, 2);
  world.reboot();
  EXPECT_THAT(states(), SizeIs(100));
}

TEST_F(Journals, CSI_20_TheLastRecordOfAVolumeCountsAndAnEmptyOneForgetsIt) {
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  ASSERT_TRUE(note(recordOf("v1", StageState::kUnstaging)));
  ASSERT_TRUE(note(recordOf("v2", StageState::kStaging)));
  EXPECT_THAT(states(), ElementsAre("v1 unstaging", "v2 staging"));
  ASSERT_TRUE(note(recordOf("v1", StageState::kNone), Flush::kNo));
  EXPECT_THAT(states(), ElementsAre("v2 staging"));
  disk.appended = disk.replaced = 0;
  ASSERT_TRUE(note(recordOf("never", StageState::kNone)));
  EXPECT_EQ(disk.appended + disk.replaced, 0) << "there is nothing to forget";
}

TEST_F(Journals, CSI_20_AResultIsNotFlushedButOutlivesTheAgent) {
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaged), Flush::kNo));
  EXPECT_EQ(disk.flushes, 1);
  EXPECT_THAT(states(), ElementsAre("v1 staged"));
  world.reboot();
  EXPECT_THAT(states(), ElementsAre("v1 staging"));
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaged), Flush::kNo));
  ASSERT_TRUE(note(recordOf("v2", StageState::kStaging)));
  world.reboot();
  EXPECT_THAT(states(), ElementsAre("v1 staged", "v2 staging")) << "flushed together with another";
}

TEST_F(Journals, CSI_20_AWriterThatIsCancelledCostsNobodyElse) {
  ASSERT_TRUE(note(recordOf("v0", StageState::kStaging)));
  EXPECT_THAT(files(), ElementsAre("journal.1"));
  disk.slow = true;
  auto pod = std::make_unique<TaskGroup>(world.loop);
  auto lost = std::make_shared<std::optional<Result<void>>>();
  pod->spawn("note", World::into(journal->note(recordOf("v1", StageState::kStaging), Flush::kYes), lost));
  world.loop.poll();
  const Answer second = begin(recordOf("v2", StageState::kStaging));
  world.loop.runToEnd(pod->close());
  EXPECT_FALSE(*second);
  letOneGo();
  EXPECT_TRUE(*second && **second);
  EXPECT_FALSE(*lost);
  EXPECT_THAT(files(), ElementsAre("journal.2")) << "what the lost write still does goes to a file that counts no more";
  disk.slow = false;
  EXPECT_THAT(states(), ElementsAre("v0 staging", "v1 staging", "v2 staging"));
}

TEST_F(Journals, CSI_20_ThoseWhoShareAWriteThatIsCancelledAreWrittenByAnother) {
  ASSERT_TRUE(note(recordOf("v0", StageState::kStaging)));
  disk.slow = true;
  const Answer first = begin(recordOf("v1", StageState::kStaging));
  auto pod = std::make_unique<TaskGroup>(world.loop);
  auto lost = std::make_shared<std::optional<Result<void>>>();
  pod->spawn("note", World::into(journal->note(recordOf("v2", StageState::kStaging), Flush::kYes), lost));
  world.loop.poll();
  const Answer third = begin(recordOf("v3", StageState::kStaging));
  letOneGo();  // v2 writes its own record and v3's now
  EXPECT_TRUE(*first && **first);
  world.loop.runToEnd(pod->close());
  letOneGo();
  EXPECT_TRUE(*third && **third);
  disk.slow = false;
  EXPECT_THAT(states(), ElementsAre("v0 staging", "v1 staging", "v2 staging", "v3 staging"));
}

TEST_F(Journals, CSI_20_AFailedWriteIsMadeUpForByANewFile) {
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  disk.failures = 1;
  ASSERT_TRUE(note(recordOf("v2", StageState::kStaging)));
  EXPECT_THAT(files(), ElementsAre("journal.2"));
  disk.failures = 2;
  EXPECT_EQ(note(recordOf("v3", StageState::kStaging)).error().message, "replace: no space");
  ASSERT_TRUE(note(recordOf("v4", StageState::kStaging)));
  EXPECT_THAT(files(), ElementsAre("journal.4"));
  EXPECT_THAT(states(), ElementsAre("v1 staging", "v2 staging", "v3 staging", "v4 staging"));
}

TEST_F(Journals, CSI_20_ALongFileIsWrittenAnewWithTheLastRecords) {
  restart(1000);
  disk.replaced = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
    ASSERT_TRUE(note(recordOf("v1", StageState::kStaged), Flush::kNo));
  }
  EXPECT_GT(disk.replaced, 3);
  EXPECT_LT(disk.replaced, 40);
  EXPECT_THAT(files(), SizeIs(1));
  EXPECT_THAT(states(), ElementsAre("v1 staged"));
}

TEST_F(Journals, CSI_20_FilesOfOneVolumeEachAreReadAndReplaced) {
  std::ofstream(directory + "/abc.json") << toJson(recordOf("v1", StageState::kStaged));
  std::ofstream(directory + "/broken.json") << "{";
  restart();
  ASSERT_THAT(found.records, ElementsAre(recordOf("v1", StageState::kStaged)));
  EXPECT_THAT(found.problems, SizeIs(1));
  ASSERT_TRUE(note(recordOf("v2", StageState::kStaging)));
  EXPECT_THAT(files(), ElementsAre("broken.json", "journal.1")) << "what cannot be read is left alone";
  EXPECT_THAT(states(), ElementsAre("v1 staged", "v2 staging"));
}

TEST_F(Journals, CSI_20_ALineThatWasBeingWrittenIsNoRecordAndADamagedOneIsTold) {
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  const std::string line = journalLine(recordOf("v2", StageState::kStaging));
  std::ofstream(directory + "/journal.1", std::ios::app) << line.substr(0, line.size() - 5);
  EXPECT_THAT(states(), ElementsAre("v1 staging"));
  EXPECT_THAT(found.problems, IsEmpty());
  std::ofstream(directory + "/journal.1", std::ios::app) << "\n" << journalLine(recordOf("v3", StageState::kStaging));
  EXPECT_THAT(states(), ElementsAre("v1 staging", "v3 staging"));
  ASSERT_THAT(found.problems, SizeIs(1));
  EXPECT_THAT(found.problems[0].message, testing::StartsWith("read line 2 of the journal"));
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaged)));
  EXPECT_THAT(files(), ElementsAre("journal.1", "journal.2")) << "it can be looked at";
}

TEST_F(Journals, CSI_20_TheHighestNumberCountsWhateverElseIsThere) {
  std::ofstream(directory + "/journal.9") << journalLine(recordOf("old", StageState::kStaged));
  std::ofstream(directory + "/journal.10") << journalLine(recordOf("new", StageState::kStaged));
  std::ofstream(directory + "/journal.x") << "not ours";
  EXPECT_THAT(states(), ElementsAre("new staged"));
  ASSERT_TRUE(note(recordOf("v1", StageState::kStaging)));
  EXPECT_THAT(files(), ElementsAre("journal.11", "journal.x"));
}

TEST_F(Journals, CSI_20_ManyVolumesAtOnceShareTheirFlushes) {
  constexpr int kMany = 20;
  OneDriver drivers(std::make_shared<CrashingNode>(world.crash, world.driver));
  Volumes volumes(disk, drivers, {.root = world.dir.path(), .nodeName = "n1", .bootId = "b"});
  ASSERT_THAT(volumes.load(), IsEmpty());
  disk.slow = true;
  std::vector<std::shared_ptr<std::optional<Result<std::string>>>> answers;
  for (int i = 0; i < kMany; ++i) {
    const std::string handle = "v" + std::to_string(i);
    world.driver.addVolume(handle);
    answers.push_back(std::make_shared<std::optional<Result<std::string>>>());
    tasks->spawn("publish", World::into(volumes.publish(world.spec(handle), world.pod("p")), answers.back()));
  }
  world.loop.poll();
  const auto done = [&] {
    return std::ranges::all_of(answers, [](const auto& answer) { return answer->has_value(); });
  };
  for (int i = 0; i < 10 * kMany && !done(); ++i) letOneGo();
  for (const auto& answer : answers) EXPECT_TRUE(*answer && **answer);
  EXPECT_LE(disk.flushes, 5) << "each of them has two intents";
  EXPECT_THAT(world.driver.violations(), IsEmpty());
}

TEST_F(Journals, CSI_20_NothingIsAskedOfADriverBeforeItsIntentIsOnDisk) {
  OneDriver drivers(std::make_shared<CrashingNode>(world.crash, world.driver));
  Volumes volumes(disk, drivers, {.root = world.dir.path(), .nodeName = "n1", .bootId = "b"});
  ASSERT_THAT(volumes.load(), IsEmpty());
  world.driver.addVolume("v1");
  disk.slow = true;
  auto mounted = std::make_shared<std::optional<Result<std::string>>>();
  tasks->spawn("publish", World::into(volumes.publish(world.spec("v1"), world.pod("p")), mounted));
  world.loop.poll();
  EXPECT_THAT(world.driver.actions(), IsEmpty());
  letOneGo();
  EXPECT_THAT(world.driver.actions(), ElementsAre("NodeStageVolume(v1)"));
  letOneGo();
  EXPECT_THAT(world.driver.actions(), SizeIs(2));
  letOneGo();
  ASSERT_TRUE(*mounted && **mounted);
  EXPECT_EQ(disk.flushes, 2);
  auto gone = std::make_shared<std::optional<Result<void>>>();
  tasks->spawn("unpublish", World::into(volumes.unpublishPod("p"), gone));
  world.loop.poll();
  EXPECT_THAT(world.driver.actions(), SizeIs(2));
  letOneGo();
  EXPECT_THAT(world.driver.actions(), SizeIs(3));
  letOneGo();
  EXPECT_THAT(world.driver.actions(), SizeIs(4));
  letOneGo();
  EXPECT_TRUE(*gone && **gone);
  EXPECT_EQ(disk.flushes, 4) << "that it is forgotten is not waited for";
}

}  // namespace
}  // namespace cubelet::csi
