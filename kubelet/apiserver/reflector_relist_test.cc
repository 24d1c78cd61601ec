// When what is known has to be asked for anew.
#include <gmock/gmock.h>
#include <string>

#include "kubelet/apiserver/reflector_test.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(Reflect, ListsAgainWhenItsVersionIsGone) {
  sync(7, {pod("a", 3), pod("b", 4), pod("c", 5)});
  auto a = reflector.get("default", "a");
  data(errorEvent(410, "Expired"));
  EXPECT_TRUE(transport.last().over) << "the stream is given up";
  EXPECT_EQ(transport.count(), 1u);
  run(milliseconds(800));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_THAT(path(), AllOf(HasSubstr("sendInitialEvents=true"), HasSubstr("&resourceVersion=7&")));
  data(frameOf("ADDED", pod("a", 3)) + frameOf("ADDED", pod("b", 40)) + frameOf("ADDED", pod("d", 41)) +
       bookmark(50, true));
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@40 d@41"));
  EXPECT_EQ(reflector.get("default", "a"), a) << "what did not change keeps its pointer";
}

TEST_F(Reflect, AsksForTheLatestWhenItsVersionIsGoneForListsToo) {
  syncByList(7, {pod("a", 3)});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  EXPECT_EQ(path(), "/api/v1/pods?resourceVersion=7&fieldSelector=spec.nodeName%3Dn1");
  answer(failureOf(410, "Expired"));
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(70, {})));
  EXPECT_THAT(heard, ElementsAre("synced"));
  EXPECT_TRUE(watchesFrom(70));
}

TEST_F(Reflect, HasAVersionAgainAfterThat) {
  syncByList(7, {});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(failureOf(410, "Expired"));
  answer(answerOf(200, listOf(70, {})));
  answer(failureOf(410, "Gone"));
  run(milliseconds(1600));
  EXPECT_THAT(path(), HasSubstr("?resourceVersion=70&"));
}

TEST_F(Reflect, AsksForTheLatestWhenItsVersionIsOfTheFuture) {
  syncByList(7, {pod("a", 3)});
  meta::Status status;
  status.set_code(504);
  status.set_reason("Timeout");
  status.mutable_details()->add_causes()->set_reason("ResourceVersionTooLarge");
  answer(answerOf(504, status));
  run(milliseconds(800));
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
}

TEST_F(Reflect, AnObjectMadeAgainUnderItsNameAndVersionIsAnother) {
  syncByList(7, {pod("a", 3, "u1")});
  auto before = reflector.get("default", "a");
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(answerOf(200, listOf(9, {pod("a", 3, "u2")})));
  EXPECT_NE(reflector.get("default", "a"), before);
  EXPECT_EQ(reflector.get("default", "a")->metadata().uid(), "u2");
}

TEST_F(Reflect, AFailedListKeepsWhatIsKnown) {
  syncByList(7, {pod("a", 3)});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(failureOf(500, "InternalError"));
  run(milliseconds(1600));
  answer(failureOf(403, "Forbidden", "no more"));
  EXPECT_EQ(names(), " a@3");
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_EQ(failures.back(), "Forbidden|GET /api/v1/pods: no more");
}

TEST_F(Reflect, GarbageEndsTheWatchAndLeadsToAList) {
  sync(7, {pod("a", 3)});
  for (const std::string& garbage :
       {std::string("\0\0\0\2\x0a\x7f", 6), frameOf("ADDED", core::Node()), frameOf("ADDED", core::Pod()),
        std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\0", 4)}) {
    failures.clear();
    data(garbage);
    EXPECT_TRUE(transport.last().over);
    EXPECT_THAT(failures, ElementsAre(StartsWith("BadAnswer|watch pods: ")));
    const std::size_t before = transport.count();
    run(seconds(30));
    ASSERT_EQ(transport.count(), before + 1);
    EXPECT_THAT(path(), HasSubstr("sendInitialEvents=true"));
    data(frameOf("ADDED", pod("a", 3)) + bookmark(7, true));
  }
  EXPECT_EQ(names(), " a@3");
}

TEST_F(Reflect, StopsWhenCancelledAndGoesOnWhereItWas) {
  sync(7, {pod("a", 3)});
  loop.runToEnd(tasks.drain());
  EXPECT_TRUE(transport.last().over);
  const std::size_t before = transport.count();
  tasks.spawn("again", reflector.run());
  run();
  EXPECT_EQ(transport.count(), before + 1);
  EXPECT_TRUE(watchesFrom(7)) << path();
}

}  // namespace
}  // namespace cubelet::apiserver
