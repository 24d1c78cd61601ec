#include "kubelet/apiserver/reflector.h"

#include <gmock/gmock.h>
#include <string>

#include "kubelet/apiserver/reflector_test.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// ---- The first objects

TEST_F(Reflect, BeginsWithAWatchThatDeliversTheFirstObjects) {
  run();
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_TRUE(transport.last().streaming);
  EXPECT_EQ(path(),
            "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&resourceVersion=&timeoutSeconds=300&fieldSelector=spec.nodeName%3Dn1");
  EXPECT_EQ(transport.last().request.timeout, Duration(seconds(150)));
  EXPECT_THAT(transport.last().request.accept, HasSubstr("stream=watch"));
}

TEST_F(Reflect, ShowsTheFirstObjectsAllAtOnce) {
  run();
  data(frameOf("ADDED", pod("b", 4)));
  data(frameOf("ADDED", pod("a", 3)));
  EXPECT_FALSE(reflector.synced());
  EXPECT_THAT(reflector.objects(), IsEmpty());
  data(bookmark(5));  // not the end yet
  EXPECT_FALSE(reflector.synced());
  data(bookmark(7, true));
  EXPECT_TRUE(reflector.synced());
  EXPECT_EQ(reflector.version(), "7");
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@4"));
  EXPECT_EQ(transport.count(), 1u) << "the same watch goes on";
}

TEST_F(Reflect, TakesAnEmptyClusterForSynced) {
  run();
  data(bookmark(7, true));
  EXPECT_THAT(heard, ElementsAre("synced"));
}

TEST_F(Reflect, DropsFirstObjectsThatNeverBecameWhole) {
  run();
  data(frameOf("ADDED", pod("a", 3)));
  cut();
  EXPECT_FALSE(reflector.synced());
  run(milliseconds(799));
  EXPECT_EQ(transport.count(), 1u);
  run(milliseconds(1));
  ASSERT_EQ(transport.count(), 2u);
  data(frameOf("ADDED", pod("b", 4)) + bookmark(7, true));
  EXPECT_THAT(heard, ElementsAre("synced b@4"));
}

TEST_F(Reflect, ListsWhereTheServerDoesNotKnowSuchWatches) {
  run();
  answer(failureOf(422, "Invalid"));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_FALSE(transport.last().streaming);
  EXPECT_EQ(path(), "/api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(9, {pod("a", 3), pod("b", 8)})));
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@8"));
  EXPECT_EQ(reflector.version(), "9");
  ASSERT_EQ(transport.count(), 3u);
  EXPECT_TRUE(watchesFrom(9)) << path();
  EXPECT_FALSE(client.watchListSupported());
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(Reflect, OthersDoNotTryWhatTheServerDoesNotKnow) {
  syncByList(9, {});
  const std::size_t before = transport.count();
  Reflector<core::Pod> other(loop, client, options(), {});
  tasks.spawn("other", other.run());
  run();
  ASSERT_EQ(transport.count(), before + 1);
  EXPECT_FALSE(transport.last().streaming);
  loop.runToEnd(tasks.drain());
}

TEST_F(Reflect, ListsWhenTheFirstObjectsHaveNoEnd) {
  run();
  data(frameOf("ADDED", pod("a", 3)));
  cut(Code::kTimedOut);  // silent
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_FALSE(transport.last().streaming);
  EXPECT_TRUE(client.watchListSupported());
}

TEST_F(Reflect, TrustsAListOnlyWithItsLastPage) {
  run();
  answer(failureOf(422, "Invalid"));
  core::PodList first = listOf(9, {pod("a", 3)});
  first.mutable_metadata()->set_continue_("more");
  answer(answerOf(200, first));
  EXPECT_FALSE(reflector.synced());
  EXPECT_THAT(path(), StartsWith("/api/v1/pods?continue=more"));
  EXPECT_THAT(path(), Not(HasSubstr("resourceVersion")));
  answer(failureOf(410, "Expired"));  // the token is too old: from the start, from the latest state
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(12, {pod("b", 3)})));
  EXPECT_THAT(heard, ElementsAre("synced b@3"));
}

TEST_F(Reflect, AListWithoutVersionOrWithNamelessItemsIsRefused) {
  run();
  answer(failureOf(422, "Invalid"));
  core::PodList list;
  answer(answerOf(200, list));
  EXPECT_FALSE(reflector.synced());
  run(seconds(1));
  answer(answerOf(200, listOf(4, {core::Pod()})));
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(failures.size(), 2u);
}

// ---- Changes

TEST_F(Reflect, TellsSingleChanges) {
  sync(7, {pod("a", 3)});
  data(frameOf("ADDED", pod("b", 8)));
  data(frameOf("MODIFIED", pod("a", 9)) + frameOf("DELETED", pod("b", 10)));
  EXPECT_THAT(heard, ElementsAre("added b", "modified a", "deleted b"));
  EXPECT_EQ(names(), " a@9");
  EXPECT_EQ(reflector.version(), "10");
  ASSERT_TRUE(reflector.get("default", "a"));
  EXPECT_FALSE(reflector.get("default", "b"));
  EXPECT_FALSE(reflector.get("", "a"));
}

TEST_F(Reflect, KnowsBetterThanTheEventWhetherAnObjectIsNew) {
  sync(7, {pod("a", 3)});
  data(frameOf("ADDED", pod("a", 8)) + frameOf("MODIFIED", pod("b", 9)) + frameOf("DELETED", pod("c", 10)));
  EXPECT_THAT(heard, ElementsAre("modified a", "added b"));
}

TEST_F(Reflect, BookmarksMoveTheVersionOnly) {
  sync(7, {pod("a", 3)});
  data(bookmark(50));
  EXPECT_EQ(reflector.version(), "50");
  EXPECT_THAT(heard, IsEmpty());
  end();
  EXPECT_TRUE(watchesFrom(50)) << path();
}

TEST_F(Reflect, KeepsNothingThatNobodyReads) {
  core::Pod big = pod("a", 3);
  big.mutable_metadata()->add_managedfields()->set_manager("kubectl");
  big.GetReflection()->MutableUnknownFields(&big)->AddVarint(77, 5);
  sync(7, {big});
  auto kept = reflector.get("default", "a");
  EXPECT_EQ(kept->metadata().managedfields_size(), 0);
  EXPECT_EQ(kept->GetReflection()->GetUnknownFields(*kept).field_count(), 0);
}

TEST(ReflectOthers, ObjectsWithoutNamespaceGoByTheirName) {
  Loop loop;
  ManualClock clock(loop);
  ScriptedTransport transport;
  ApiClient client(transport, clock, {});
  ReflectorOptions options;
  options.resource = kCsiDrivers;
  options.random = [] { return 0.0; };
  Reflector<k8s::storage::v1::CSIDriver> drivers(loop, client, options, {});
  TaskGroup tasks(loop);
  tasks.spawn("drivers", drivers.run());
  loop.poll();
  k8s::storage::v1::CSIDriver driver;
  driver.mutable_metadata()->set_name("x.csi");
  k8s::storage::v1::CSIDriver end;
  end.mutable_metadata()->set_resourceversion("4");
  (*end.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  transport.last().data(frameOf("ADDED", driver) + frameOf("BOOKMARK", end));
  EXPECT_TRUE(drivers.get("", "x.csi"));
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::apiserver
