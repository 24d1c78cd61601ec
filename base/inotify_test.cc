#include "base/inotify.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/inotify.h>
#include <vector>

#include "base/task_group.h"
#include "base/temp_dir.h"

namespace cubelet {
namespace {

using std::chrono::seconds;

class InotifyTest : public testing::Test {
 protected:
  static Task<void> collect(Inotify* inotify, std::vector<InotifyEvent>* events) {
    for (;;) {
      Result<std::vector<InotifyEvent>> burst = co_await inotify->next();
      if (!burst) co_return;
      events->insert(events->end(), burst->begin(), burst->end());
    }
  }
  bool sees(int watch, std::uint32_t mask, const std::string& name) {
    return loop.runUntil(
        [&] {
          for (const InotifyEvent& event : events)
            if (event.watch == watch && (event.mask & mask) != 0 && event.name == name) return true;
          return false;
        },
        seconds(30));
  }

  Loop loop;
  TempDir dir;
  std::vector<InotifyEvent> events;
  Result<Inotify> inotify = Inotify::create(loop);
  TaskGroup group{loop};
};

TEST_F(InotifyTest, TellsWhatHappensToEntriesOfADirectory) {
  ASSERT_TRUE(inotify);
  auto watch = inotify->add(dir.path(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
  ASSERT_TRUE(watch);
  group.spawn("collect", collect(&*inotify, &events));
  loop.poll();
  std::ofstream(dir / "a.yaml") << "x";
  EXPECT_TRUE(sees(*watch, IN_CLOSE_WRITE, "a.yaml"));
  std::filesystem::rename(dir / "a.yaml", dir / "a rather longer name.yaml");
  EXPECT_TRUE(sees(*watch, IN_MOVED_FROM, "a.yaml"));
  EXPECT_TRUE(sees(*watch, IN_MOVED_TO, "a rather longer name.yaml"));
  std::filesystem::remove(dir / "a rather longer name.yaml");
  EXPECT_TRUE(sees(*watch, IN_DELETE, "a rather longer name.yaml"));
  loop.runToEnd(group.close());
}

TEST_F(InotifyTest, ABurstThatHappenedBeforeTheWaitComesInOnePiece) {
  auto watch = inotify->add(dir.path(), IN_CREATE);
  ASSERT_TRUE(watch);
  for (int i = 0; i < 1000; ++i) std::ofstream(dir / ("file-" + std::to_string(i))) << "";
  Result<std::vector<InotifyEvent>> burst = loop.runToEnd(inotify->next());
  ASSERT_TRUE(burst);
  EXPECT_EQ(burst->size(), 1000U);
  EXPECT_EQ(burst->back().name, "file-999");
}

TEST_F(InotifyTest, TellsThatTheWatchedPathItselfWentAway) {
  std::filesystem::create_directory(dir / "sub");
  auto watch = inotify->add(dir / "sub", IN_DELETE_SELF);
  ASSERT_TRUE(watch);
  group.spawn("collect", collect(&*inotify, &events));
  loop.poll();
  std::filesystem::remove(dir / "sub");
  EXPECT_TRUE(sees(*watch, IN_DELETE_SELF, ""));
  EXPECT_TRUE(sees(*watch, IN_IGNORED, ""));
  inotify->remove(*watch);  // vanished already: ignored
  loop.runToEnd(group.close());
}

TEST_F(InotifyTest, ARemovedWatchIsSilent) {
  auto watch = inotify->add(dir.path(), IN_CREATE);
  std::filesystem::create_directory(dir / "sub");
  auto sub = inotify->add(dir / "sub", IN_CREATE);
  ASSERT_TRUE(watch && sub);
  inotify->remove(*watch);
  std::ofstream(dir / "quiet") << "";
  std::ofstream(dir / "sub/loud") << "";
  group.spawn("collect", collect(&*inotify, &events));
  EXPECT_TRUE(sees(*sub, IN_CREATE, "loud"));
  for (const InotifyEvent& event : events) EXPECT_NE(event.name, "quiet");
  loop.runToEnd(group.close());
}

TEST_F(InotifyTest, WatchingAgainAnswersTheSameNumber) {
  auto first = inotify->add(dir.path(), IN_CREATE);
  auto second = inotify->add(dir.path(), IN_DELETE);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
}

TEST_F(InotifyTest, AMissingPathCannotBeWatched) {
  auto watch = inotify->add(dir / "missing", IN_CREATE);
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().code, Code::kNotFound);
}

TEST_F(InotifyTest, WaitingEndsWhenTheTaskIsCancelled) {
  ASSERT_TRUE(inotify->add(dir.path(), IN_CREATE));
  group.spawn("collect", collect(&*inotify, &events));
  loop.poll();
  loop.runToEnd(group.close());
  EXPECT_EQ(group.size(), 0U);
}

}  // namespace
}  // namespace cubelet
