#include "kubelet/devices/checkpoint_file.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <optional>

#include "base/files.h"
#include "base/held_threads.h"
#include "base/temp_dir.h"

namespace cubelet::devices {
namespace {

using std::chrono::seconds;

struct CheckpointOnDisk : testing::Test {
  ~CheckpointOnDisk() override {
    held.reset();
    loop.runToEnd(file.close());
    loop.runToEnd(tasks.close());
  }

  void hold() { held.emplace(loop, pool, 1); }
  void save() { tasks.spawn("save", answer(this)); }
  static Task<void> answer(CheckpointOnDisk* test) {
    Result<void> saved = co_await test->file.save();
    test->answers.push_back(saved ? "" : saved.error().message);
  }
  bool answered(std::size_t count) {
    return loop.runUntil([&] { return answers.size() == count; }, seconds(20));
  }
  std::string onDisk() { return readFile(path, 100).value_or("none"); }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 1};
  TempDir temp;
  std::string path = temp / "checkpoint";
  std::string content = "1";
  int asked = 0;  // for the content
  CheckpointFile file{{.loop = loop, .clock = clock, .pool = pool}, path, [this] {
                        ++asked;
                        return content;
                      }};
  std::vector<std::string> answers;
  std::optional<HeldThreads> held;
  TaskGroup tasks{loop};
};

TEST_F(CheckpointOnDisk, SaveAnswersOnceItIsThere) {
  hold();
  save();
  loop.poll();
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(onDisk(), "none");
  held->letGo();
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(answers.front(), "");
  EXPECT_EQ(onDisk(), "1");
}

TEST_F(CheckpointOnDisk, WhatIsAskedForDuringAWriteGoesTogether) {
  hold();
  save();
  loop.poll();
  EXPECT_EQ(asked, 2) << "is it new, and what is it";
  for (int i = 0; i < 10; ++i) save();
  content = "2";
  held->letGo();
  ASSERT_TRUE(answered(11));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(onDisk(), "2");
}

TEST_F(CheckpointOnDisk, WhatIsThereAlreadyIsNotWrittenAgain) {
  ASSERT_TRUE(writeFileAtomic(path, "1", 0600));
  EXPECT_EQ(file.read().value_or("none"), "1");
  hold();
  save();
  loop.poll();
  EXPECT_EQ(answers, std::vector<std::string>{""}) << "no thread was needed";
}

TEST_F(CheckpointOnDisk, ADiskThatHangsIsWaitedForByTheWriteAlone) {
  hold();
  save();
  loop.poll();
  clock.advance(CheckpointFile::kPatience);
  loop.poll();
  ASSERT_EQ(answers, std::vector<std::string>{"note allocated devices: the disk does not answer"});
  content = "2";
  save();
  held->letGo();
  ASSERT_TRUE(answered(2));
  EXPECT_EQ(answers.back(), "");
  EXPECT_EQ(onDisk(), "2") << "the older content cannot come after the newer one";
}

TEST_F(CheckpointOnDisk, AWriteThatFailsIsAnsweredAndRepeatedWithTheNext) {
  std::filesystem::remove_all(temp.path());
  save();
  ASSERT_TRUE(answered(1));
  EXPECT_NE(answers.front().find("note allocated devices: "), std::string::npos);
  ASSERT_TRUE(makeDirectories(temp.path(), 0700));
  save();
  ASSERT_TRUE(answered(2));
  EXPECT_EQ(answers.back(), "");
  EXPECT_EQ(onDisk(), "1");
}

TEST_F(CheckpointOnDisk, CloseWaitsForWhatIsUnderWay) {
  file.saveSoon();
  loop.runToEnd(file.close());
  EXPECT_EQ(onDisk(), "1");
}

}  // namespace
}  // namespace cubelet::devices
