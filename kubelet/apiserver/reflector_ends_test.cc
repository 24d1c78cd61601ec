// How a watch ends, and what follows.
#include <algorithm>
#include <gmock/gmock.h>
#include <string>

#include "kubelet/apiserver/reflector_test.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Reflect, OpensAWatchAgainThatEnded) {
  sync(7, {pod("a", 3)});
  data(frameOf("MODIFIED", pod("a", 8)));
  run(minutes(5));
  end();
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(8)) << path();
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(Reflect, EachWatchAsksForItsOwnTime) {
  sync(7, {});
  random = 0.5;
  run(minutes(5));
  end();
  EXPECT_THAT(path(), HasSubstr("timeoutSeconds=450"));
}

TEST_F(Reflect, OpensACutWatchAgainAtOnceAndARefusedOneLater) {
  sync(7, {pod("a", 3)});
  cut();
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(7));
  Duration expected = milliseconds(800);
  for (int i = 0; i < 8; ++i) {
    cut();  // refused
    const std::size_t before = transport.count();
    run(expected - milliseconds(1));
    EXPECT_EQ(transport.count(), before) << i;
    run(milliseconds(1));
    EXPECT_EQ(transport.count(), before + 1) << i;
    EXPECT_TRUE(watchesFrom(7)) << path();
    expected = std::min<Duration>(expected * 2, seconds(30));
  }
  EXPECT_EQ(names(), " a@3") << "an outage deletes nothing";
  EXPECT_TRUE(reflector.synced());
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(Reflect, StretchesThePauseByChance) {
  sync(7, {});
  cut();
  random = 0.999;
  cut();
  const std::size_t before = transport.count();
  run(milliseconds(1590));
  EXPECT_EQ(transport.count(), before);
  run(milliseconds(10));
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, ForgetsItsPausesAfterTwoQuietMinutes) {
  sync(7, {});
  cut();
  for (int i = 0; i < 4; ++i) {
    cut();
    run(seconds(30));
  }
  data(bookmark(9));
  run(minutes(3));
  cut();  // at once, it had data
  cut();
  const std::size_t before = transport.count();
  run(milliseconds(800));
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, APauseEndsWhenTheServerIsKnownToBeBack) {
  sync(7, {});
  cut();
  cut();
  const std::size_t before = transport.count();
  reflector.retryNow();
  run();
  EXPECT_EQ(transport.count(), before + 1);
  // Only that pause.
  cut();
  run();
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, NewsOfTheServerBeforeAPauseDoNotShortenIt) {
  sync(7, {});
  reflector.retryNow();
  cut();
  const std::size_t before = transport.count();
  cut();
  run(milliseconds(799));
  EXPECT_EQ(transport.count(), before);
}

TEST_F(Reflect, AWatchThatEndsAtOnceMakesNoBusyLoop) {
  sync(7, {});
  run(minutes(5));
  end();
  ASSERT_EQ(transport.count(), 2u);
  end();
  EXPECT_EQ(transport.count(), 2u);
  run(milliseconds(800));
  EXPECT_EQ(transport.count(), 3u);
}

TEST_F(Reflect, WaitsOutAnOverloadedServer) {
  sync(7, {});
  run(minutes(5));
  end();
  answer(failureOf(429, "TooManyRequests"));
  EXPECT_EQ(transport.count(), 2u);
  run(milliseconds(800));
  EXPECT_TRUE(watchesFrom(7));
  data(bookmark(8) + errorEvent(429, "TooManyRequests"));
  EXPECT_EQ(transport.count(), 3u);
  run(milliseconds(1600));
  EXPECT_TRUE(watchesFrom(8));
}

TEST_F(Reflect, ASilentWatchIsOpenedAgain) {
  sync(7, {});
  run(seconds(150));
  cut(Code::kTimedOut);
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(7));
}

TEST_F(Reflect, AStreamThatEndsWithinAnEventLosesNothing) {
  sync(7, {});
  data(frameOf("ADDED", pod("a", 8)));
  data(frameOf("ADDED", pod("b", 9)).substr(0, 20));
  end();
  EXPECT_TRUE(watchesFrom(8)) << path();
  EXPECT_THAT(heard, ElementsAre("added a"));
}

TEST_F(Reflect, AStreamThatEndsWithinItsFirstEventIsAFailure) {
  syncByList(7, {});
  data(frameOf("ADDED", pod("b", 9)).substr(0, 20));
  run(minutes(1));
  end();
  EXPECT_THAT(failures, ElementsAre("|watch pods: the stream ended within an event"));
  run(milliseconds(800));
  EXPECT_TRUE(watchesFrom(7));
}

}  // namespace
}  // namespace cubelet::apiserver
