#include "staticpods/source/manifest_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "staticpods/manifest/manifest.h"
#include "staticpods/source/test_pods.h"

namespace cubelet::staticpods {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ManifestSetTest : public testing::Test {
 protected:
  void good(const std::string& file, const std::string& text) {
    Manifest manifest = parseManifest(file, text, {"n1", Source::kFile, now});
    ASSERT_TRUE(manifest.valid()) << manifest.problemTexts(file)[0];
    set.good(file, text, manifest.pods, now);
  }
  // "file: pod image" of all pods.
  std::vector<std::string> pods() const {
    std::vector<std::string> lines;
    for (const StaticPod& pod : set.podSet().pods)
      lines.push_back(pod.file + ": " + pod.pod.metadata().name() + " " + pod.pod.spec().containers(0).image());
    return lines;
  }
  std::vector<FileProblem> problems() const { return set.podSet().problems; }

  ManifestSet set;
  WallTime now{seconds(1'800'000'000)};
};

TEST_F(ManifestSetTest, TheFirstSettleIsAChangeEvenWithoutFiles) {
  EXPECT_TRUE(set.settle(now));
  EXPECT_FALSE(set.settle(now));
}

TEST_F(ManifestSetTest, AGoodFileTakesEffect) {
  good("/m/a", podText("a"));
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/a: a-n1 busybox"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ManifestSetTest, TheSameTextAgainChangesNothing) {
  good("/m/a", podText("a"));
  set.settle(now);
  set.takeRecordChanges();
  good("/m/a", podText("a"));
  EXPECT_FALSE(set.settle(now));
  EXPECT_THAT(set.takeRecordChanges().save, IsEmpty());
}

TEST_F(ManifestSetTest, STA_1_ABadFileKeepsItsLastGoodVersionAndSaysSo) {
  good("/m/a", podText("a"));
  set.settle(now);
  set.bad("/m/a", {"/m/a:3: broken"}, now + seconds(1));
  EXPECT_TRUE(set.settle(now + seconds(1)));
  EXPECT_THAT(pods(), ElementsAre("/m/a: a-n1 busybox"));
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_EQ(problems()[0].file, "/m/a");
  EXPECT_THAT(problems()[0].problems, ElementsAre("/m/a:3: broken"));
  EXPECT_THAT(problems()[0].kept, ElementsAre("default/a-n1"));
  EXPECT_EQ(problems()[0].since, now + seconds(1));
}

TEST_F(ManifestSetTest, ABadFileThatChangesToAnotherProblemStaysBadSinceTheFirst) {
  set.bad("/m/a", {"one"}, now);
  set.settle(now);
  set.bad("/m/a", {"two"}, now + seconds(5));
  EXPECT_TRUE(set.settle(now + seconds(5)));
  EXPECT_THAT(problems()[0].problems, ElementsAre("two"));
  EXPECT_EQ(problems()[0].since, now);
  good("/m/a", podText("a"));
  set.settle(now + seconds(6));
  EXPECT_THAT(problems(), IsEmpty());
  set.bad("/m/a", {"three"}, now + seconds(7));
  set.settle(now + seconds(7));
  EXPECT_EQ(problems()[0].since, now + seconds(7));
}

TEST_F(ManifestSetTest, BadAndThenTheOldTextAgainIsNoNewVersion) {
  good("/m/a", podText("a"));
  set.settle(now);
  const std::string uid = set.podSet().pods[0].pod.metadata().uid();
  set.bad("/m/a", {"half"}, now);
  set.settle(now);
  good("/m/a", podText("a"));
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(set.podSet().pods[0].pod.metadata().uid(), uid);
}

TEST_F(ManifestSetTest, AFileThatIsGoneTakesItsPodsAndItsProblem) {
  good("/m/a", podText("a"));
  set.bad("/m/b", {"broken"}, now);
  set.settle(now);
  set.gone("/m/a");
  set.gone("/m/b");
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ManifestSetTest, TheSecondFileWithTheSamePodStaysOutAndNamesBothPaths) {
  good("/m/b", podText("web"));
  set.settle(now);
  good("/m/a", podText("web", "other"));
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/b: web-n1 busybox"));
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_EQ(problems()[0].file, "/m/a");
  EXPECT_THAT(
      problems()[0].problems,
      ElementsAre("/m/a: pod default/web-n1 is already defined by /m/b: this file takes no effect until that one "
                  "gives it up"));
  EXPECT_THAT(problems()[0].kept, IsEmpty());
}

TEST_F(ManifestSetTest, TheSecondFileTakesOverWhenTheFirstGoes) {
  good("/m/a", podText("web", "one"));
  good("/m/b", podText("web", "two"));
  set.settle(now);
  EXPECT_THAT(pods(), ElementsAre("/m/a: web-n1 one"));
  set.gone("/m/a");
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/b: web-n1 two"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ManifestSetTest, TheSecondFileTakesOverWhenTheFirstIsRenamedWithin) {
  good("/m/a", podText("web", "one"));
  good("/m/b", podText("web", "two"));
  set.settle(now);
  good("/m/a", podText("web2", "one"));
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/a: web2-n1 one", "/m/b: web-n1 two"));
}

TEST_F(ManifestSetTest, ARenamedFileMovesItsPodInOneStep) {
  good("/m/a", podText("web"));
  set.settle(now);
  set.gone("/m/a");
  good("/m/b", podText("web"));
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/b: web-n1 busybox"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ManifestSetTest, ATurnedDownFileIsAppliedAsAWholeOrNotAtAll) {
  good("/m/a", podText("web"));
  set.settle(now);
  good("/m/b", podText("other") + "---\n" + podText("web"));
  set.settle(now);
  EXPECT_THAT(pods(), ElementsAre("/m/a: web-n1 busybox"));
}

TEST_F(ManifestSetTest, TheSameUidInTwoFilesIsAConflictToo) {
  const std::string uid =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, uid: u1}\n"
      "spec: {containers: [{name: c, image: i}]}\n";
  good("/m/a", std::string(uid).replace(uid.find("NAME"), 4, "a"));
  good("/m/b", std::string(uid).replace(uid.find("NAME"), 4, "b"));
  set.settle(now);
  EXPECT_THAT(pods(), ElementsAre("/m/a: a-n1 i"));
  EXPECT_THAT(problems()[0].problems[0], HasSubstr("UID u1 is already defined by /m/a"));
}

TEST_F(ManifestSetTest, TheSamePodTwiceInOneFileIsABadFile) {
  good("/m/a", podText("web") + "---\n" + podText("web", "other"));
  set.settle(now);
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(problems()[0].problems[0], HasSubstr("pod default/web-n1 is defined twice in this file"));
}

TEST_F(ManifestSetTest, STA_1_AnUnreadableSourceKeepsAllPods) {
  good("/m/a", podText("a"));
  set.settle(now);
  set.sourceBad("/m", "/m: Input/output error", now);
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(pods(), ElementsAre("/m/a: a-n1 busybox"));
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_EQ(problems()[0].file, "/m");
  EXPECT_THAT(problems()[0].kept, ElementsAre("default/a-n1"));
  set.sourceGood();
  EXPECT_TRUE(set.settle(now));
  EXPECT_THAT(problems(), IsEmpty());
}

// ---- records

TEST_F(ManifestSetTest, WhatTakesEffectIsRecordedAndWhatGoesIsRemoved) {
  good("/m/a", podText("a"));
  set.bad("/m/b", {"broken"}, now);
  set.settle(now);
  ManifestSet::RecordChanges changes = set.takeRecordChanges();
  ASSERT_EQ(changes.save.size(), 1U);
  EXPECT_EQ(changes.save[0].file, "/m/a");
  EXPECT_EQ(changes.save[0].text, podText("a"));
  EXPECT_EQ(changes.save[0].seen.size(), 1U);
  EXPECT_THAT(changes.remove, IsEmpty());
  set.gone("/m/a");
  set.gone("/m/b");
  set.settle(now);
  changes = set.takeRecordChanges();
  EXPECT_THAT(changes.save, IsEmpty());
  EXPECT_THAT(changes.remove, ElementsAre("/m/a"));
}

TEST_F(ManifestSetTest, AFileThatIsTurnedDownIsNotRecorded) {
  good("/m/a", podText("web"));
  good("/m/b", podText("web", "other"));
  set.settle(now);
  EXPECT_EQ(set.takeRecordChanges().save.size(), 1U);
}

TEST_F(ManifestSetTest, ARestoredVersionIsInEffectAndKeepsItsPlaceAndItsTime) {
  good("/m/b", podText("web"));
  set.settle(now);
  const Record record = set.takeRecordChanges().save.at(0);

  ManifestSet later;
  const WallTime then = now + seconds(100);
  later.restore(record, parseManifest("/m/b", record.text, {"n1", Source::kFile, then}).pods);
  // After the restart both files are seen for the first time, in the order of their names.
  for (const char* file : {"/m/a", "/m/b"}) {
    Manifest manifest = parseManifest(file, podText("web"), {"n1", Source::kFile, then});
    later.good(file, podText("web"), manifest.pods, then);
  }
  later.settle(then);
  ASSERT_EQ(later.podSet().pods.size(), 1U);
  EXPECT_EQ(later.podSet().pods[0].file, "/m/b");
  EXPECT_EQ(seenOf(later.podSet().pods[0].pod), "2027-01-15T08:00:00Z");
  EXPECT_THAT(later.takeRecordChanges().save, IsEmpty());
}

TEST_F(ManifestSetTest, AnotherChangeInTheFileIsNoNewSightOfAPod) {
  good("/m/a", podText("one") + "---\n" + podText("two"));
  set.settle(now);
  now += seconds(50);
  good("/m/a", podText("one") + "---\n" + podText("two", "other"));
  set.settle(now);
  const PodSet after = set.podSet();
  ASSERT_EQ(after.pods.size(), 2U);
  EXPECT_EQ(seenOf(after.pods[0].pod), "2027-01-15T08:00:00Z");
  EXPECT_EQ(seenOf(after.pods[1].pod), "2027-01-15T08:00:50Z");
}

}  // namespace
}  // namespace cubelet::staticpods
