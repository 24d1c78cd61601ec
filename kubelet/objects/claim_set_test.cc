// Claims and volumes of the API server, which a node may get but not watch.
#include "kubelet/objects/claim_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::objects {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

core::PersistentVolumeClaim claimOf(const std::string& phase) {
  core::PersistentVolumeClaim claim;
  claim.mutable_metadata()->set_name("data");
  claim.mutable_metadata()->set_namespace_("prod");
  claim.mutable_metadata()->set_uid("c1");
  claim.mutable_status()->set_phase(phase);
  if (phase == "Bound") claim.mutable_spec()->set_volumename("disk");
  return claim;
}

template <class T>
Task<void> keep(Task<Result<T>> question, std::shared_ptr<std::optional<Result<T>>> into) {
  Result<T> answer = co_await std::move(question);
  *into = std::move(answer);
}

class Claims : public AsyncTest {
 protected:
  Claims() { claims.addUser("prod", "data", "u1"); }
  ~Claims() override {
    loop.runToEnd(tasks.close());
    loop.runToEnd(claims.close());
  }
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> put(Task<Result<T>> question) {
    auto asked = std::make_shared<std::optional<Result<T>>>();
    tasks.spawn("question", keep(std::move(question), asked));
    run();
    return asked;
  }
  void run(Duration by = Duration(0)) { clock.advance(by); }
  void answer(apiserver::Response response) {
    transport.last().finish(std::move(response));
    run();
  }
  void ask(apiserver::Response response) {
    put(claims.get("prod", "data"));
    answer(std::move(response));
  }

  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  std::vector<std::string> changes;
  ClaimSet claims{loop, client, [] { return 0.0; },
                  [this](const std::string& ns, const std::string& name) { changes.push_back(ns + "/" + name); }};
  TaskGroup tasks{loop};
};

TEST_F(Claims, CMS_13_AClaimIsAskedForByItsName) {
  auto question = put(claims.get("prod", "data"));
  ASSERT_EQ(transport.count(), 1U);
  EXPECT_EQ(transport.last().request.path, "/api/v1/namespaces/prod/persistentvolumeclaims/data");
  answer(answerOf(200, claimOf("Bound")));
  ASSERT_TRUE(*question && **question);
  EXPECT_EQ((***question)->spec().volumename(), "disk");
  run(std::chrono::hours(1));
  EXPECT_EQ(transport.count(), 1U) << "nobody waits for anything";
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(Claims, OneThatIsMissingIsAskedForAgainUntilItComes) {
  auto question = put(claims.get("prod", "data"));
  answer(failureOf(404, "NotFound", "persistentvolumeclaims \"data\" not found"));
  EXPECT_EQ((*question)->error().message, "persistentvolumeclaims \"data\" not found");
  EXPECT_EQ(claims.awaited(), 1U);
  run(milliseconds(99));
  EXPECT_EQ(transport.count(), 1U);
  run(milliseconds(1));
  ASSERT_EQ(transport.count(), 2U);
  answer(failureOf(404, "NotFound", "persistentvolumeclaims \"data\" not found"));
  EXPECT_THAT(changes, IsEmpty());
  run(milliseconds(200));
  ASSERT_EQ(transport.count(), 3U);
  answer(answerOf(200, claimOf("Pending")));
  EXPECT_THAT(changes, ElementsAre("prod/data"));
  run(milliseconds(400));
  ASSERT_EQ(transport.count(), 4U);
  answer(answerOf(200, claimOf("Bound")));
  EXPECT_EQ(changes.size(), 2U);
  EXPECT_EQ(claims.awaited(), 0U);
}

TEST_F(Claims, TheWaitGrowsToTwoSeconds) {
  ask(answerOf(200, claimOf("Pending")));
  for (int i = 0; i < 20; ++i) {
    run(seconds(2));
    answer(answerOf(200, claimOf("Pending")));
  }
  const std::size_t before = transport.count();
  run(milliseconds(1999));
  EXPECT_EQ(transport.count(), before);
  run(milliseconds(1));
  EXPECT_EQ(transport.count(), before + 1);
  EXPECT_THAT(changes, IsEmpty());
}

TEST_F(Claims, NobodyAsksForAClaimThatNoPodUses) {
  ask(answerOf(200, claimOf("Pending")));
  claims.dropUser("prod", "data", "u1");
  run(seconds(10));
  EXPECT_EQ(transport.count(), 1U);
  EXPECT_EQ(clock.pendingTimers(), 0U);
  auto question = put(claims.get("prod", "data"));
  ASSERT_TRUE(*question);
  EXPECT_EQ((*question)->error().code, Code::kInvalid);
}

TEST_F(Claims, AServerThatIsBackIsAskedAtOnce) {
  put(claims.get("prod", "data"));
  transport.last().fail(Code::kUnavailable);
  run();
  const std::size_t before = transport.count();
  claims.retryNow();
  run();
  ASSERT_EQ(transport.count(), before + 1);
  answer(answerOf(200, claimOf("Bound")));
  EXPECT_THAT(changes, ElementsAre("prod/data"));
}

TEST_F(Claims, AVolumeThatTheNodeMayNotReadYetIsAskedForAgainSoon) {
  auto question = put(claims.volume("disk"));
  EXPECT_EQ(transport.last().request.path, "/api/v1/persistentvolumes/disk");
  answer(failureOf(403, "Forbidden"));
  EXPECT_FALSE(*question);
  run(milliseconds(25));
  core::PersistentVolume volume;
  volume.mutable_metadata()->set_name("disk");
  answer(answerOf(200, volume));
  ASSERT_TRUE(*question);
  EXPECT_TRUE(**question);
}

}  // namespace
}  // namespace cubelet::objects
