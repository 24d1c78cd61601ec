// ManifestDirectory and the files in its directory.
#include <fcntl.h>
#include <random>
#include <string>
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

// ---- the first set

TEST_F(DirectoryTest, AnEmptyDirectoryDeliversAnEmptySet) {
  start();
  EXPECT_THAT(last.pods, IsEmpty());
  EXPECT_THAT(last.problems, IsEmpty());
}

TEST_F(DirectoryTest, STA_1_AMissingDirectoryDeliversAnEmptySetAndIsPickedUpWhenItComes) {
  start(dir / "later/deep/manifests");
  EXPECT_THAT(last.pods, IsEmpty());
  EXPECT_THAT(last.problems, IsEmpty());
  fs::create_directories(dir / "later/deep/manifests");
  put(dir / "later/deep/manifests/a", podText("a"));
  EXPECT_TRUE(await({{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, TheFirstSetIsComplete) {
  for (int i = 0; i < 500; ++i) put(manifests + "/" + std::to_string(i), podText("p" + std::to_string(i)));
  start();
  EXPECT_EQ(sets, 1);
  EXPECT_THAT(last.pods, SizeIs(500));
}

TEST_F(DirectoryTest, STA_1_HiddenFilesAndSubdirectoriesAreLeftOut) {
  put(manifests + "/.hidden", podText("hidden"));
  fs::create_directory(manifests + "/sub");
  put(manifests + "/sub/a", podText("sub"));
  fs::create_directory_symlink("sub", manifests + "/link");
  start();
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

// ---- changes

TEST_F(DirectoryTest, STA_2_FollowsAFileFromWriteToRemoval) {
  start();
  put(manifests + "/a", podText("a", "one"));
  ASSERT_TRUE(await({{"a: a-n1", "one"}}));
  const std::string first = uid();
  put(manifests + "/a", podText("a", "two"));
  ASSERT_TRUE(await({{"a: a-n1", "two"}}));
  EXPECT_NE(uid(), first);
  fs::remove(manifests + "/a");
  ASSERT_TRUE(await({}));
  put(manifests + "/a", podText("a", "one"));
  ASSERT_TRUE(await({{"a: a-n1", "one"}}));
  EXPECT_EQ(uid(), first);
}

TEST_F(DirectoryTest, NoChangeIsMissedHoweverFastItFollows) {
  start();
  for (int i = 0; i < 200; ++i) {
    // The same size each time, often within one step of the file times.
    const std::string image = "image-" + std::to_string(1000 + i);
    put(manifests + "/a", podText("a", image));
    ASSERT_TRUE(await({{"a: a-n1", image}}));
  }
}

TEST_F(DirectoryTest, AnAtomicReplacementIsOneStep) {
  put(manifests + "/a", podText("a", "one"));
  start();
  putAtomically(manifests + "/a", podText("a", "two"));
  ASSERT_TRUE(await({{"a: a-n1", "two"}}));
  EXPECT_EQ(sets, 2);
}

TEST_F(DirectoryTest, STA_2_ARenamedFileMovesItsPod) {
  put(manifests + "/a", podText("a"));
  start();
  fs::rename(manifests + "/a", manifests + "/b");
  EXPECT_TRUE(await({{"b: a-n1", "busybox"}}));
  fs::rename(manifests + "/b", dir / "elsewhere");
  EXPECT_TRUE(await({}));
}

TEST_F(DirectoryTest, AHardLinkIsAFile) {
  put(dir / "outside", podText("a"));
  start();
  fs::create_hard_link(dir / "outside", manifests + "/a");
  fs::remove(dir / "outside");
  EXPECT_TRUE(await({{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, ATouchedFileIsNoChange) {
  put(manifests + "/a", podText("a"));
  start();
  ::utimensat(AT_FDCWD, (manifests + "/a").c_str(), nullptr, 0);
  ::chmod((manifests + "/a").c_str(), 0640);
  awaitQuiet();
  EXPECT_EQ(sets, 3) << "one at the start, two for the probe";
}

TEST_F(DirectoryTest, FiveHundredFilesComeInWhileItWatches) {
  start();
  for (int i = 0; i < 500; ++i) put(manifests + "/" + std::to_string(i), podText("p" + std::to_string(i)));
  EXPECT_TRUE(loop.runUntil([&] { return last.pods.size() == 500; }, seconds(60)));
  for (int i = 0; i < 500; ++i) fs::remove(manifests + "/" + std::to_string(i));
  EXPECT_TRUE(loop.runUntil([&] { return last.pods.empty(); }, seconds(60)));
}

TEST_F(DirectoryTest, AWatchedDirectoryNeedsNoTimer) {
  put(manifests + "/a", podText("a"));
  start();
  awaitQuiet();
  EXPECT_EQ(source->polledBecause(), "");
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

// ---- half-written files

TEST_F(DirectoryTest, STA_3_AHalfWrittenFileIsNotTakenForTheWhole) {
  put(manifests + "/a", podText("a", "one"));
  start();
  const std::string text = podText("a", "two") + "  - name: second\n    image: three\n";
  Writer writer(manifests + "/a");
  // Half of the text is a valid pod; still it is not what its writer means.
  const std::size_t half = text.find("  - name: second");
  writer.write(text.substr(0, half));
  put(manifests + "/b", podText("b"));
  ASSERT_TRUE(await({{"a: a-n1", "one"}, {"b: b-n1", "busybox"}}));
  EXPECT_THAT(problems(), IsEmpty());
  writer.write(text.substr(half));
  writer.close();
  ASSERT_TRUE(await({{"a: a-n1", "two"}, {"b: b-n1", "busybox"}}));
  EXPECT_EQ(last.pods[0].pod.spec().containers_size(), 2);
}

TEST_F(DirectoryTest, AFileThatIsBeingWrittenAtTheStartIsAwaited) {
  Writer writer(manifests + "/a");
  writer.write(podText("a"));
  start();
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
  writer.close();
  EXPECT_TRUE(await({{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, AWriterThatNeverClosesDoesNotBlockForEver) {
  Writer writer(manifests + "/a");
  writer.write(podText("a"));
  start();
  ASSERT_TRUE(loop.runUntil([&] { return clock.pendingTimers() == 1; }, seconds(60)));
  clock.advance(seconds(29));
  EXPECT_THAT(pods(), IsEmpty());
  clock.advance(seconds(1));
  EXPECT_TRUE(await({{"a: a-n1", "busybox"}}));
  awaitIdle();
}

TEST_F(DirectoryTest, STA_3_ACutOffFileKeepsThePodAndSaysWhatIsWrong) {
  const std::string text = podText("a", "one");
  put(manifests + "/a", text);
  start();
  put(manifests + "/a", text.substr(0, text.size() / 2));
  ASSERT_TRUE(
      awaitProblems(ElementsAre(testing::AllOf(HasSubstr("a: " + manifests + "/a:"), HasSubstr("| default/a-n1")))));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "one"}}));
  put(manifests + "/a", text);
  ASSERT_TRUE(awaitProblems(IsEmpty()));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "one"}}));
}

TEST_F(DirectoryTest, AnEmptiedFileKeepsThePod) {
  put(manifests + "/a", podText("a"));
  start();
  ASSERT_EQ(::truncate((manifests + "/a").c_str(), 0), 0);
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("no pod in it"))));
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
}

// ---- files that vanish for a moment

// As vim and others save: the old file is moved aside, the new one written, the old one removed.
TEST_F(DirectoryTest, AnEditorThatMovesTheOldFileAsideChangesThePodInOneStep) {
  grace = std::chrono::milliseconds(100);
  put(manifests + "/a", podText("web", "one"));
  start();
  fs::rename(manifests + "/a", manifests + "/a~");
  put(manifests + "/b", podText("b"));
  ASSERT_TRUE(await({{"a: web-n1", "one"}, {"b: b-n1", "busybox"}}));
  EXPECT_THAT(problems(), IsEmpty()) << "of a~, which has the same pod";
  put(manifests + "/a", podText("web", "two"));
  fs::remove(manifests + "/a~");
  ASSERT_TRUE(await({{"a: web-n1", "two"}, {"b: b-n1", "busybox"}}));
  EXPECT_THAT(problems(), IsEmpty());
  awaitIdle();
}

TEST_F(DirectoryTest, AFileThatStaysAwayIsGoneAfterTheGrace) {
  grace = std::chrono::milliseconds(100);
  put(manifests + "/a", podText("web", "one"));
  start();
  awaitIdle();
  fs::rename(manifests + "/a", manifests + "/b");
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + grace; }, seconds(60)));
  EXPECT_EQ(pods(), (Pods{{"a: web-n1", "one"}}));
  clock.advance(grace);
  EXPECT_TRUE(await({{"b: web-n1", "one"}}));
  EXPECT_THAT(problems(), IsEmpty());
  awaitIdle();
}

TEST_F(DirectoryTest, OneFileThatIsThePathItselfMayVanishForAMoment) {
  grace = std::chrono::milliseconds(100);
  put(dir / "pod", podText("a", "one"));
  start(dir / "pod");
  awaitIdle();
  fs::rename(dir / "pod", dir / "pod~");
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + grace; }, seconds(60)));
  EXPECT_THAT(problems(), IsEmpty());
  put(dir / "pod", podText("a", "two"));
  ASSERT_TRUE(await({{"pod: a-n1", "two"}}));
  EXPECT_EQ(sets, 2);
  awaitIdle();
  fs::remove(dir / "pod");
  ASSERT_TRUE(loop.runUntil([&] { return clock.nextDue() == clock.now() + grace; }, seconds(60)));
  clock.advance(grace);
  EXPECT_TRUE(await({}));
}

TEST_F(DirectoryTest, AFileThatWentWhileTheAgentWasDownIsGoneAtOnce) {
  grace = std::chrono::milliseconds(100);
  put(manifests + "/a", podText("a"));
  start();
  awaitIdle();
  stop();
  fs::remove(manifests + "/a");
  start();
  EXPECT_THAT(pods(), IsEmpty());
}

// ---- files that cannot be read

TEST_F(DirectoryTest, WhatStandsInPlaceOfAFileKeepsThePod) {
  const std::string file = manifests + "/a";
  put(file, podText("a"));
  start();
  fs::remove(file);
  fs::create_directory(file);  // most likely seen in one look, so the pod is still there
  put(manifests + "/b", podText("b"));
  ASSERT_TRUE(loop.runUntil([&] { return pods().contains("b: b-n1"); }, seconds(60)));
  if (!pods().contains("a: a-n1")) GTEST_SKIP() << "the removal was seen on its own";
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("a directory stands in place of the file | default/a-n1")));
}

TEST_F(DirectoryTest, ADanglingLinkKeepsThePodUntilItLeadsSomewhereAgain) {
  put(dir / "target", podText("a"));
  fs::create_symlink("../target", manifests + "/a");
  start();
  ASSERT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
  fs::remove(dir / "target");
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("a link that leads nowhere | default/a-n1"))));
  restart();
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}})) << "also after a restart";
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("a link that leads nowhere | default/a-n1")));
  put(dir / "target", podText("a", "new"));
  EXPECT_TRUE(await({{"a: a-n1", "new"}}));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(DirectoryTest, AFifoIsRefusedUnopened) {
  start();
  ASSERT_EQ(::mkfifo((manifests + "/pipe").c_str(), 0600), 0);
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("not a regular file |"))));
  fs::remove(manifests + "/pipe");
  EXPECT_TRUE(awaitProblems(IsEmpty()));
}

TEST_F(DirectoryTest, AFifoThatReplacesAFileKeepsThePod) {
  put(manifests + "/a", podText("a"));
  start();
  ASSERT_EQ(::mkfifo((manifests + "/.pipe").c_str(), 0600), 0);
  fs::rename(manifests + "/.pipe", manifests + "/a");
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr("not a regular file | default/a-n1"))));
  restart();
  EXPECT_EQ(pods(), (Pods{{"a: a-n1", "busybox"}}));
}

TEST_F(DirectoryTest, STA_1_AFileOfMoreThanTenMegabytesIsRefused) {
  start();
  put(manifests + "/a", podText("a") + std::string(10 * 1024 * 1024, '#'));
  EXPECT_TRUE(awaitProblems(ElementsAre(HasSubstr("larger than 10485760 bytes"))));
}

// ---- duplicates

TEST_F(DirectoryTest, STA_11_TheSecondFileWithAPodWaitsForTheFirst) {
  put(manifests + "/b", podText("web", "one"));
  start();
  put(manifests + "/a", podText("web", "two"));
  const std::string refused = "a: " + manifests + "/a: pod default/web-n1 is already defined by " + manifests + "/b";
  ASSERT_TRUE(awaitProblems(ElementsAre(HasSubstr(refused))));
  restart();
  EXPECT_EQ(pods(), (Pods{{"b: web-n1", "one"}})) << "who was first is known after a restart";
  EXPECT_THAT(problems(), ElementsAre(HasSubstr(refused)));
  fs::remove(manifests + "/b");
  EXPECT_TRUE(await({{"a: web-n1", "two"}}));
  EXPECT_THAT(problems(), IsEmpty());
}

// ---- any sequence

class Mayhem {
 public:
  Mayhem(TempDir& dir, std::string manifests, unsigned seed)
      : dir_(dir), manifests_(std::move(manifests)), random_(seed) {
    fs::create_directory(dir_ / "store");
  }

  void step() {
    const std::string name = pick();
    const std::string path = manifests_ + "/" + name;
    switch (random_() % 10) {
      case 0:
      case 1:
        clear(path);
        put(path, fresh());
        break;
      case 2:
        clear(path);
        putAtomically(path, fresh());
        break;
      case 3:
        fs::remove_all(path);
        break;
      case 4: {
        const std::string other = manifests_ + "/" + pick();
        if (other == path || !fs::is_regular_file(fs::symlink_status(path))) break;
        clear(other);
        fs::rename(path, other);
        break;
      }
      case 5:
        put(dir_ / ("store/" + name), fresh());
        fs::remove_all(path);
        fs::create_symlink(dir_ / ("store/" + name), path);
        break;
      case 6:
        if (fs::exists(dir_ / ("store/" + name))) putAtomically(dir_ / ("store/" + name), fresh());
        break;
      case 7: {
        fs::remove_all(path);
        Writer writer(path);
        const std::string text = fresh();
        writer.write(text.substr(0, text.size() / 2));
        writer.write(text.substr(text.size() / 2));
        break;
      }
      case 8:
        fs::remove_all(path);
        put(dir_ / "hard", fresh());
        fs::create_hard_link(dir_ / "hard", path);
        fs::remove(dir_ / "hard");
        break;
      case 9:
        clear(path);
        put(path, "not a manifest");
        break;
    }
  }

  // Repairs what is broken and answers what must be there.
  Pods finish() {
    Pods want;
    for (const auto& entry : fs::directory_iterator(manifests_)) {
      const std::string path = entry.path();
      if (entry.path().filename().string().starts_with('.')) continue;
      std::string text = *readFile(path, 1 << 20);
      if (!text.starts_with("apiVersion")) put(path, text = fresh());
      const std::size_t name = text.find("name: ") + 6;
      const std::string pod = text.substr(name, text.find('\n', name) - name);
      want[entry.path().filename().string() + ": " + pod + "-n1"] = "busybox";
    }
    return want;
  }

 private:
  std::string pick() { return std::string(1, static_cast<char>('a' + random_() % 6)); }
  // Every text has another pod: who is first among duplicates would depend on what was seen in between.
  std::string fresh() { return podText("p" + std::to_string(++count_)); }
  // In place of links and directories a file is made anew; an existing file is written in place.
  static void clear(const std::string& path) {
    if (!fs::is_regular_file(fs::symlink_status(path))) fs::remove_all(path);
  }

  TempDir& dir_;
  std::string manifests_;
  std::mt19937 random_;
  int count_ = 0;
};

TEST_F(DirectoryTest, AfterAnySequenceTheSetEqualsTheDirectory) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    TempDir fresh;
    const std::string place = fresh / "manifests";
    fs::create_directory(place);
    Mayhem mayhem(fresh, place, seed);
    std::mt19937 random(seed);
    start(place);
    for (int i = 0; i < 150; ++i) {
      mayhem.step();
      // Now and then the source gets to see what happened so far.
      if (random() % 3 == 0) loop.context().run_for(std::chrono::milliseconds(random() % 4));
    }
    const Pods want = mayhem.finish();
    EXPECT_TRUE(await(want)) << "seed " << seed << ", wanted " << testing::PrintToString(want);
    EXPECT_TRUE(awaitProblems(IsEmpty())) << "seed " << seed;
    stop();
  }
}

}  // namespace
}  // namespace cubelet::staticpods
