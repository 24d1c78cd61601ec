// An edited static pod: its images come before the old version ends.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

core::Pod makeVersion(const std::string& uid, const std::string& image) {
  core::Pod pod = makePod("a", uid);
  pod.mutable_spec()->mutable_containers(0)->set_image(image);
  return pod;
}

class Successor : public testing::Test {
 protected:
  Successor() {
    for (const char* image : {"nowhere:1", "nowhere:2"})
      node.runtime.makeUnpullable(image, Error(Code::kNotFound, "", "no such image"));
  }
  std::string runningUid() {
    if (node.runtime.running().empty()) return "nothing";
    return node.runtime.sandboxes().front()->config.metadata().uid();
  }
  // The old version has ended and the new one runs.
  bool comes(const std::string& uid) {
    return node.advanceUntil([&] { return runningUid() == uid; }, seconds(60));
  }

  TestNode node;
};

TEST_F(Successor, TheOldVersionRunsUntilTheNewImageIsThere) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.runtime.delayNext("PullImage", seconds(61));
  node.setPods({makeVersion("u2", "web:2")});
  node.advance(seconds(60));
  EXPECT_EQ(runningUid(), "u1");
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  EXPECT_TRUE(node.hasEvent("Pulling", "web:2"));
  EXPECT_TRUE(comes("u2"));
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
}

TEST_F(Successor, AnImageThatCannotBeHadEndsNothing) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.advance(seconds(600));
  EXPECT_EQ(runningUid(), "u1");
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  EXPECT_TRUE(node.hasEvent("Failed", "nowhere:1"));
}

TEST_F(Successor, AnEditTakenBackCostsNothing) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.setPods({makeVersion("u1", "web:1")});
  node.advance(seconds(600));
  EXPECT_EQ(runningUid(), "u1");
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  EXPECT_EQ(node.countCalls("PullImage"), 1u) << "nobody waits for it any more";
}

TEST_F(Successor, TheNextEditIsFollowed) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.setPods({makeVersion("u3", "web:1")});
  EXPECT_TRUE(comes("u3"));
}

TEST_F(Successor, APodThatIsNotRunningIsReplacedAtOnce) {
  node.startAgent();
  node.setPods({makeVersion("u1", "nowhere:1")});
  EXPECT_TRUE(node.runtime.running().empty());
  node.setPods({makeVersion("u2", "nowhere:2")});
  node.advance(seconds(5));
  EXPECT_NE(node.sync().find("default/a"), nullptr);
  EXPECT_EQ(node.sync().find("default/a")->uid(), "u2");
}

TEST_F(Successor, ARemovedManifestEndsTheOldVersion) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
}

TEST_F(Successor, ARestartOfTheAgentEndsNothingEither) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.stopAgent();
  node.startAgent();
  node.setPods({makeVersion("u2", "nowhere:1"), makePod("b", "u9")});
  node.advance(seconds(600));
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.advance(seconds(60));
  node.runtime.addImage("nowhere:1");
  EXPECT_TRUE(
      node.advanceUntil([&] { return node.runtime.sandboxes().size() == 1 && runningUid() == "u2"; }, seconds(400)));
}

TEST_F(Successor, TheNextEditAfterARestartEndsNothingEither) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.stopAgent();
  node.startAgent();
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.advance(seconds(10));
  node.setPods({makeVersion("u3", "nowhere:2")});
  node.advance(seconds(600));
  EXPECT_EQ(runningUid(), "u1");
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  node.setPods({makeVersion("u4", "web:1")});
  EXPECT_TRUE(
      node.advanceUntil([&] { return node.runtime.sandboxes().size() == 1 && runningUid() == "u4"; }, seconds(60)));
}

TEST_F(Successor, AManifestRemovedAfterARestartEndsTheOldVersion) {
  node.startAgent();
  node.setPods({makeVersion("u1", "web:1")});
  node.stopAgent();
  node.startAgent();
  node.setPods({makeVersion("u2", "nowhere:1")});
  node.advance(seconds(10));
  EXPECT_EQ(runningUid(), "u1");
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
}

}  // namespace
}  // namespace cubelet::sync
