#include "kubelet/apiserver/reachability.h"

#include <gtest/gtest.h>

#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::apiserver {
namespace {

const Error kRefused(Code::kUnavailable, "", "refused");
const Error kSilent(Code::kTimedOut, "", "no answer within 10s");

struct Reach : testing::Test {
  Reach() {
    reachability.onLoss([this](const Error&) { ++losses; });
    reachability.onReturn([this] { ++returns; });
  }
  Loop loop;
  ManualClock clock{loop};
  Reachability reachability{clock};
  int losses = 0;
  int returns = 0;
};

TEST_F(Reach, TellsOfALossAndOfAReturnOnce) {
  reachability.answered(Lane::kMain, 200);
  EXPECT_EQ(returns, 0) << "it was never away";
  reachability.unanswered(kRefused);
  reachability.unanswered(kRefused);
  EXPECT_EQ(losses, 1);
  EXPECT_TRUE(reachability.isAway());
  reachability.answered(Lane::kMain, 200);
  reachability.answered(Lane::kMain, 200);
  EXPECT_EQ(returns, 1);
  EXPECT_FALSE(reachability.isAway());
}

TEST_F(Reach, ARefusalIsAnAnswer) {
  reachability.unanswered(kRefused);
  reachability.answered(Lane::kMain, 403);
  EXPECT_EQ(returns, 1);
}

TEST_F(Reach, HeartbeatsThatCannotBeServedCountAsAway) {
  reachability.answered(Lane::kMain, 500);
  reachability.answered(Lane::kEvents, 429);
  EXPECT_EQ(losses, 0) << "what one object meets is no matter of the others";
  reachability.answered(Lane::kHeartbeat, 503);
  EXPECT_EQ(losses, 1);
  reachability.answered(Lane::kMain, 500);
  EXPECT_TRUE(reachability.isAway());
  reachability.answered(Lane::kHeartbeat, 200);
  EXPECT_EQ(returns, 1);
}

TEST_F(Reach, OurOwnCredentialsAreNoMatterOfTheWay) {
  reachability.unanswered(Error(Code::kInvalid, "", "no such certificate"));
  EXPECT_EQ(losses, 0);
}

TEST_F(Reach, KnowsSilenceFromARefusal) {
  reachability.unanswered(kRefused);
  EXPECT_FALSE(reachability.isSilent());
  reachability.unanswered(kSilent);
  EXPECT_TRUE(reachability.isSilent());
  EXPECT_EQ(reachability.problem()->message, kSilent.message);
  reachability.unanswered(kRefused);
  EXPECT_FALSE(reachability.isSilent());
  EXPECT_EQ(losses, 1);
}

TEST_F(Reach, RemembersTheLastAnswer) {
  EXPECT_FALSE(reachability.lastAnswer());
  reachability.answered(Lane::kMain, 404);
  const WallTime then = clock.wallNow();
  clock.advance(std::chrono::seconds(5));
  reachability.answered(Lane::kHeartbeat, 500);
  EXPECT_EQ(reachability.lastAnswer(), then);
}

struct ReachByRequests : testing::Test {
  ~ReachByRequests() override { loop.runToEnd(tasks.close()); }
  void stream() {
    auto ask = [](ApiClient* client) -> Task<void> {
      Request request;
      std::function<void(std::string_view)> ignore = [](std::string_view) {};
      co_await client->stream(std::move(request), ignore);
    };
    tasks.spawn("stream", ask(&client));
    loop.poll();
  }
  Loop loop;
  ManualClock clock{loop};
  ScriptedTransport transport;
  ApiClient client{transport, clock, {}};
  TaskGroup tasks{loop};
};

TEST_F(ReachByRequests, AStreamThatBeginsIsAnAnswerAndItsEndSaysNothing) {
  stream();
  transport.last().fail(Code::kUnavailable);
  loop.poll();
  EXPECT_TRUE(client.reachability().isAway());
  stream();
  EXPECT_TRUE(client.reachability().isAway());
  transport.last().data("x");
  EXPECT_FALSE(client.reachability().isAway());
  transport.last().fail(Code::kUnavailable);
  loop.poll();
  EXPECT_FALSE(client.reachability().isAway());
}

}  // namespace
}  // namespace cubelet::apiserver
