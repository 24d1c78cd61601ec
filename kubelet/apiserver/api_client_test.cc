#include "kubelet/apiserver/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>

#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/coordination.pb.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {
namespace {

namespace core = ::k8s::core::v1;
namespace meta = ::k8s::meta::v1;
using k8s::coordination::v1::Lease;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

template <class T>
Task<void> keep(Task<T> task, std::optional<T>* into) {
  into->emplace(co_await std::move(task));
}

class Client : public testing::Test {
 protected:
  ~Client() override { loop.runToEnd(tasks.close()); }

  // The task runs in the background; its result shows up in the answer.
  template <class T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    kept.push_back(result);
    tasks.spawn("call", keep(std::move(task), result.get()));
    loop.poll();
    return result;
  }
  void answer(Response response) {
    transport.last().finish(std::move(response));
    loop.poll();
  }
  static core::Pod pod(const std::string& name) {
    core::Pod pod;
    pod.mutable_metadata()->set_name(name);
    return pod;
  }
  static Response busy(int status, int retryAfter) {
    Response response = failureOf(status, "TooManyRequests", "busy");
    response.retryAfter = seconds(retryAfter);
    return response;
  }

  Loop loop;
  ManualClock clock{loop};
  ScriptedTransport transport;
  ApiClient client{transport, clock, {}};
  TaskGroup tasks{loop};
  std::vector<std::shared_ptr<void>> kept;
};

TEST_F(Client, GetAsksForProtobufAndAnswersTheObject) {
  auto got = start(client.get<core::Pod>("/api/v1/namespaces/default/pods/web"));
  const Request& request = transport.last().request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/api/v1/namespaces/default/pods/web");
  EXPECT_EQ(request.accept, "application/vnd.kubernetes.protobuf,application/json");
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(request.lane, Lane::kMain);
  EXPECT_FALSE(request.timeout);
  answer(answerOf(200, pod("web")));
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->metadata().name(), "web");
}

TEST_F(Client, CreateAndUpdateSendTheEnvelope) {
  Lease lease;
  lease.mutable_metadata()->set_name("n1");
  const auto created = start(client.create("/leases", lease, {.lane = Lane::kHeartbeat, .timeout = seconds(10)}));
  EXPECT_EQ(transport.last().request.method, "POST");
  EXPECT_EQ(transport.last().request.contentType, kProtobufType);
  EXPECT_EQ(transport.last().request.body, encodeObject(lease));
  EXPECT_EQ(transport.last().request.lane, Lane::kHeartbeat);
  EXPECT_EQ(transport.last().request.timeout, Duration(seconds(10)));
  answer(answerOf(201, lease));
  EXPECT_TRUE(*created && **created);

  const auto updated = start(client.update("/leases/n1", lease));
  EXPECT_EQ(transport.last().request.method, "PUT");
  answer(failureOf(409, "Conflict", "the object has been modified"));
  ASSERT_TRUE(*updated && !**updated);
  EXPECT_EQ((**updated).error().reason, "Conflict");
  EXPECT_EQ((**updated).error().message, "PUT /leases/n1: the object has been modified");
}

TEST_F(Client, PatchIsJson) {
  auto patched = start(client.patch<core::Pod>("/pods/web/status", R"({"status":{}})"));
  EXPECT_EQ(transport.last().request.method, "PATCH");
  EXPECT_EQ(transport.last().request.contentType, "application/strategic-merge-patch+json");
  EXPECT_EQ(transport.last().request.body, R"({"status":{}})");
  answer(answerOf(200, pod("web")));
  EXPECT_TRUE(*patched && **patched);
}

TEST_F(Client, RemoveNamesThePreconditionAndTakesAnyAnswer) {
  auto removed = start(client.remove("/pods/web", {.gracePeriodSeconds = 0, .uid = "u1"}));
  EXPECT_EQ(transport.last().request.method, "DELETE");
  meta::DeleteOptions how;
  ASSERT_TRUE(decodeObject(kProtobufType, transport.last().request.body, how));
  EXPECT_TRUE(how.has_graceperiodseconds());
  EXPECT_EQ(how.graceperiodseconds(), 0);
  EXPECT_EQ(how.preconditions().uid(), "u1");
  answer(answerOf(200, pod("web")));
  EXPECT_TRUE(*removed && **removed);

  auto absent = start(client.remove("/pods/web"));
  ASSERT_TRUE(decodeObject(kProtobufType, transport.last().request.body, how));
  EXPECT_FALSE(how.has_graceperiodseconds());
  EXPECT_FALSE(how.has_preconditions());
  answer(failureOf(404, "NotFound"));
  ASSERT_TRUE(*absent && !**absent);
  EXPECT_EQ((**absent).error().code, Code::kNotFound);
}

TEST_F(Client, AnotherKindOfObjectIsAnError) {
  auto got = start(client.get<core::Pod>("/x?a=b"));
  answer(answerOf(200, core::Node()));
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((**got).error().reason, kBadAnswer);
  EXPECT_EQ((**got).error().message, "GET /x: expected v1 Pod, got \"v1 Node\"");
}

TEST_F(Client, TransportErrorsKeepTheirCodeAndAreNotRepeated) {
  auto got = start(client.get<core::Pod>("/x"));
  transport.last().fail(Code::kUnavailable, "connection refused");
  loop.poll();
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((**got).error().code, Code::kUnavailable);
  EXPECT_EQ((**got).error().message, "GET /x: connection refused");
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Client, WaitsAsLongAsTheServerAsksAndRepeats) {
  auto got = start(client.get<core::Pod>("/x"));
  answer(busy(429, 3));
  clock.advance(milliseconds(2999));
  EXPECT_EQ(transport.count(), 1u);
  clock.advance(milliseconds(1));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(transport.last().request.path, "/x");
  answer(answerOf(200, pod("web")));
  EXPECT_TRUE(*got && **got);
}

TEST_F(Client, RepeatsTenTimesAtMost) {
  auto got = start(client.get<core::Pod>("/x"));
  for (int i = 0; i < 10; ++i) {
    answer(busy(503, 1));
    EXPECT_FALSE(*got) << i;
    clock.advance(seconds(1));
  }
  EXPECT_EQ(transport.count(), 11u);
  answer(busy(503, 1));
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((**got).error().message, "GET /x: busy");
  clock.advance(seconds(60));
  EXPECT_EQ(transport.count(), 11u);
}

TEST_F(Client, RepeatsOnlyWhenAsked) {
  for (int status : {429, 500, 503, 504, 404}) {
    auto got = start(client.get<core::Pod>("/x"));
    answer(failureOf(status, "Some"));
    EXPECT_TRUE(*got && !**got) << status;
  }
  auto got = start(client.get<core::Pod>("/x"));
  answer(busy(403, 1));
  EXPECT_TRUE(*got && !**got);
}

TEST_F(Client, DoesNotRepeatARequestForAVersionOfTheFuture) {
  meta::Status status;
  status.set_reason("Timeout");
  status.mutable_details()->set_retryafterseconds(1);
  status.mutable_details()->add_causes()->set_reason("ResourceVersionTooLarge");
  auto got = start(client.get<core::PodList>("/pods?resourceVersion=9"));
  answer(answerOf(504, status));
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((**got).error().reason, kTooLargeResourceVersion);
}

TEST(RetryDelay, ComesFromTheHeaderOrTheStatus) {
  Response response = failureOf(429, "TooManyRequests");
  EXPECT_FALSE(retryDelay(response));
  response.retryAfter = seconds(0);
  EXPECT_EQ(retryDelay(response), Duration(0));
  meta::Status status;
  status.mutable_details()->set_retryafterseconds(7);
  EXPECT_EQ(retryDelay(answerOf(503, status)), Duration(seconds(7)));
  EXPECT_FALSE(retryDelay(answerOf(409, status)));
}

TEST_F(Client, ATimeoutBoundsAllTriesTogether) {
  auto got = start(client.get<core::Pod>("/x", {.lane = Lane::kHeartbeat, .timeout = seconds(10)}));
  clock.advance(seconds(2));
  answer(busy(503, 3));
  clock.advance(seconds(3));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(transport.last().request.timeout, Duration(seconds(5)));
  answer(busy(503, 5));  // would be due when the time is over
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((**got).error().code, Code::kUnavailable);
}

class Limited : public Client {
 protected:
  ApiClient limited{transport, clock, {.qps = 10, .burst = 2, .eventQps = 1, .eventBurst = 1}};
};

TEST_F(Limited, SRV_16_MainRequestsWaitForTheirTurn) {
  for (int i = 0; i < 4; ++i) start(limited.get<core::Pod>("/" + std::to_string(i)));
  EXPECT_EQ(transport.count(), 2u);
  clock.advance(milliseconds(100));
  EXPECT_EQ(transport.count(), 3u);
  EXPECT_EQ(transport.last().request.path, "/2");
  clock.advance(milliseconds(100));
  EXPECT_EQ(transport.count(), 4u);
}

TEST_F(Limited, SRV_16_HeartbeatsAndEventsDoNotStandInThatQueue) {
  for (int i = 0; i < 20; ++i) start(limited.get<core::Pod>("/x"));
  EXPECT_EQ(transport.count(), 2u);
  for (int i = 0; i < 5; ++i) start(limited.get<core::Node>("/beat", {.lane = Lane::kHeartbeat}));
  EXPECT_EQ(transport.count(), 7u);
  start(limited.get<core::Event>("/event", {.lane = Lane::kEvents}));
  EXPECT_EQ(transport.count(), 8u);
  start(limited.get<core::Event>("/event", {.lane = Lane::kEvents}));
  EXPECT_EQ(transport.count(), 8u);
}

TEST_F(Client, SRV_16_TheDefaultsAreUpstreams) {
  ApiClient usual(transport, clock, {});
  for (int i = 0; i < 200; ++i) start(usual.get<core::Pod>("/x"));
  EXPECT_EQ(transport.count(), 100u);
  for (int i = 0; i < 200; ++i) start(usual.get<core::Event>("/event", {.lane = Lane::kEvents}));
  EXPECT_EQ(transport.count(), 200u);
  clock.advance(seconds(1));
  EXPECT_EQ(transport.count(), 300u) << "50 of each a second";
}

TEST_F(Client, SRV_16_EventsWithoutRateHaveNoLimit) {
  ApiClient unlimited(transport, clock, {.eventQps = 0, .eventBurst = 1});
  for (int i = 0; i < 500; ++i) start(unlimited.get<core::Event>("/event", {.lane = Lane::kEvents}));
  EXPECT_EQ(transport.count(), 500u);
}

TEST_F(Limited, ARequestWhoseTurnComesTooLateFailsAtOnce) {
  for (int i = 0; i < 20; ++i) start(limited.get<core::Pod>("/x"));
  auto late = start(limited.get<core::Pod>("/late", {.timeout = seconds(1)}));
  ASSERT_TRUE(*late && !**late);
  EXPECT_EQ((**late).error().code, Code::kTimedOut);
}

}  // namespace
}  // namespace cubelet::apiserver
