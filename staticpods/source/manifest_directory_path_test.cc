// ManifestDirectory and the directory itself: links, loss, restarts of the agent, no inotify.
#include <cerrno>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "staticpods/source/directory_test.h"

namespace cubelet::staticpods {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// ---- links

TEST_F(DirectoryTest, FollowsAChangeBehindALink) {
  fs::create_directories(dir / "store");
  put(dir / "store/pod", podText("a", "one"));
  fs::create_symlink(dir / "store/pod", manifests + "/a");
  start();
  ASSERT_EQ(pods(), (Pods{{"a: a-n1", "one"}}));
  put(dir / "store/pod", podText("a", "two"));
  ASSERT_TRUE(await({{"a: a-n1", "two"}}));
  putAtomically(dir / "store/pod", podText("a", "three"));
  ASSERT_TRUE(await({{"a: a-n1", "three"}}));
}

TEST_F(DirectoryTest, FollowsTheSwapOfAConfigMapVolume) {
  for (const char* version : {"1", "2"}) {
    fs::create_directory(manifests + "/..v" + version);
    put(manifests + "/..v" + version + "/pod", podText("a", std::string("v") + version));
  }
  fs::create_symlink("..v1", manifests + "/..data");
  fs::create_symlink("..data/pod", manifests + "/pod");
  start();
  ASSERT_EQ(pods(), (Pods{{"pod: a-n1", "v1"}})) << testing::PrintToString(problems());
  fs::create_symlink("..v2", manifests + "/..data_tmp");
  fs::rename(manifests + "/..data_tmp", manifests + "/..data");
  fs::remove_all(manifests + "/..v1");
  EXPECT_TRUE(await({{"pod: a-n1", "v2"}}));
}

TEST_F(DirectoryTest, FollowsTheSwapOfALinkToTheDirectory) {
  fs::create_directory(dir / "other");
  put(manifests + "/a", podText("a", "one"));
  put(dir / "other/a", podText("a", "two"));
  fs::create_symlink("manifests", dir / "current");
  start(dir / "current");
  ASSERT_EQ(pods(), (Pods{{"a: a-n1", "one"}}));
  fs::create_symlink("other", dir / "next");
  fs::rename(dir / "next", dir / "current");
  ASSERT_TRUE(await({{"a: a-n1", "two"}}));
  put(dir / "other/b", podText("b"));
  EXPECT_TRUE(await({{"a: a-n1", "two"}, {"b: b-n1", "busybox"}}));
}

// ---- the directory itself

TEST_F(DirectoryTest, STA_1_ADirectoryThatIsMovedAwayKeepsItsPodsUntilItIsBack) {
  put(manifests + "/a", podText("a"));
  start();
  fs::rename(manifests, dir / "away");
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("No such file or directory | default/a-n1"))));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
  stop();
  start();
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}})) << "also after a restart";
  fs::create_directory(dir / "new");
  put(dir / "new/b", podText("b"));
  fs::rename(dir / "new", manifests);
  EXPECT_TRUE(await({{"b: b-n1", "busybox"}}));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(DirectoryTest, ADirectoryWhoseParentIsMovedAwayKeepsItsPodsUntilItIsBack) {
  fs::create_directories(dir / "etc/manifests");
  put(dir / "etc/manifests/a", podText("a"));
  start(dir / "etc/manifests");
  fs::rename(dir / "etc", dir / "gone");
  ASSERT_TRUE(awaitProblems(SizeIs(1)));
  fs::rename(dir / "gone", dir / "etc");
  EXPECT_TRUE(awaitProblems(IsEmpty()));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, RemovingEverythingRemovesThePods) {
  for (const char* name : {"a", "b", "c"}) put(manifests + "/" + name, podText(name));
  start();
  fs::remove_all(manifests);
  EXPECT_TRUE(await({}));
  EXPECT_TRUE(awaitProblems(IsEmpty()));
  fs::create_directory(manifests);
  put(manifests + "/a", podText("a"));
  EXPECT_TRUE(await({{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, AFileInPlaceOfTheDirectoryKeepsThePods) {
  put(manifests + "/a", podText("a"));
  start();
  put(dir / "file", podText("other"));
  fs::rename(manifests, dir / "away");
  fs::rename(dir / "file", manifests);
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("a file stands in place of the directory | default/a-n1"))));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, STA_1_MayBeOneFile) {
  put(dir / "pod.yaml", podText("a", "one"));
  start(dir / "pod.yaml");
  ASSERT_EQ(pods(), (Pods{{"pod.yaml: a-n1", "one"}}));
  put(dir / "other.yaml", podText("b"));
  putAtomically(dir / "pod.yaml", podText("a", "two"));
  ASSERT_TRUE(await({{"pod.yaml: a-n1", "two"}}));
  put(dir / "pod.yaml", "broken");
  ASSERT_TRUE(awaitProblems(SizeIs(1)));
  EXPECT_EQ(pods(), (Pods{{"pod.yaml: a-n1", "two"}}));
  fs::remove(dir / "pod.yaml");
  ASSERT_TRUE(await({}));
  put(dir / "pod.yaml", podText("a", "three"));
  ASSERT_TRUE(await({{"pod.yaml: a-n1", "three"}}));
}

// ---- restarts

TEST_F(DirectoryTest, AFileThatBreaksWhileTheAgentIsDownKeepsItsPod) {
  put(manifests + "/a", podText("a", "one"));
  put(manifests + "/b", podText("b"));
  start();
  awaitIdle();
  const std::string before = last.pods.at(0).pod.metadata().uid();
  const std::string seen = seenOf(last.pods.at(0).pod);
  stop();
  clock.advance(seconds(100));
  put(manifests + "/a", "broken: [");
  fs::remove(manifests + "/b");
  start();
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "one"}}));
  EXPECT_EQ(uid(), before);
  EXPECT_EQ(seenOf(last.pods.at(0).pod), seen);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("| default/a-n1")));
}

TEST_F(DirectoryTest, ARecordGoesWithItsFile) {
  put(manifests + "/a", podText("a"));
  start();
  awaitIdle();
  EXPECT_THAT(*listDirectory(dir / "state"), SizeIs(1));
  fs::remove(manifests + "/a");
  ASSERT_TRUE(await({}));
  awaitIdle();
  EXPECT_THAT(*listDirectory(dir / "state"), IsEmpty());
}

TEST_F(DirectoryTest, RecordsOfAnotherDirectoryAreDropped) {
  put(manifests + "/a", podText("a"));
  start();
  awaitIdle();
  stop();
  fs::create_directory(dir / "other");
  start(dir / "other");
  EXPECT_THAT(pods(), IsEmpty());
  awaitIdle();
  EXPECT_THAT(*listDirectory(dir / "state"), IsEmpty());
}

// ---- polling

TEST_F(DirectoryTest, STA_2_IsPolledWhenItCannotBeWatched) {
  // UBSan looks at each class with the help of a pipe, once. Without descriptors it would cry wolf, so it meets them
  // all before.
  static_cast<void>(errnoError(EMFILE, "open"));
  start();
  stop();
  const int next = ::dup(STDERR_FILENO);
  ASSERT_GE(next, 0);
  ::close(next);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};

  sets = 0;
  source = std::make_unique<ManifestDirectory>(
      loop, clock, pool, ManifestDirectory::Options{.path = manifests, .stateDirectory = "", .nodeName = "n1"},
      [this](PodSet set) {
        ++sets;
        last = std::move(set);
      });
  group = std::make_unique<TaskGroup>(loop);
  put(manifests + "/a", podText("a"));
  ::setrlimit(RLIMIT_NOFILE, &none);  // no descriptor left for inotify
  auto probe = Inotify::create(loop);
  loop.post([&] {
    group->spawn("source", source->run());
    // The task opens inotify in its first step, which comes before this one.
    loop.post([&] { loop.post([&] { ::setrlimit(RLIMIT_NOFILE, &before); }); });
  });
  ASSERT_FALSE(probe);
  ASSERT_TRUE(loop.runUntil([&] { return sets > 0; }, seconds(60)));
  EXPECT_EQ(source->polledBecause(), "no inotify instance");

  // The first look may have met the limit, too; the next one does not.
  const auto waits = [&] { return clock.pendingTimers() == 1 && clock.nextDue() == clock.now() + seconds(20); };
  ASSERT_TRUE(loop.runUntil(waits, seconds(60)));
  clock.advance(seconds(20));
  ASSERT_TRUE(loop.runUntil(waits, seconds(60)));
  ASSERT_TRUE(await({{"a: a-n1", "busybox"}}));
  put(manifests + "/a", podText("a", "two"));
  loop.poll();
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
  clock.advance(seconds(20));
  EXPECT_TRUE(await({{"a: a-n1", "two"}}));
}

}  // namespace
}  // namespace cubelet::staticpods
