#include "kubelet/cluster/event_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::cluster {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using Json = nlohmann::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using Strings = std::vector<std::string>;

const char kCreate[] = "POST /api/v1/namespaces/shop/events";

struct Publishing : testing::Test {
  void TearDown() override { loop.runToEnd(tasks.close()); }

  void start(std::size_t queue = 1000, Duration hold = Duration(0)) {
    EventPublisher::Options options;
    options.hold = hold;
    options.queue = queue;
    options.random = [this] { return random; };
    publisher.emplace(clock, client, recorder, options);
    tasks.spawn("events", publisher->run());
    loop.poll();
  }
  void advance(Duration by) {
    clock.advance(by);
    loop.poll();
  }
  // The requests since the last call, without the names of events.
  Strings asked() {
    Strings requests;
    for (; looked < server.count(); ++looked) {
      const apiserver::Request& request = server.exchanges[looked]->request;
      requests.push_back(request.method + " " + request.path.substr(0, request.path.find("/web.")));
    }
    return requests;
  }
  core::Event sent() {
    core::Event event;
    EXPECT_TRUE(apiserver::decodeObject(server.last().request.contentType, server.last().request.body, event));
    return event;
  }
  void happen(const std::string& reason, const std::string& message = "m") {
    clock.advance(std::chrono::nanoseconds(1));  // an event's name is the time
    recorder.normal(web, reason, message);
    loop.poll();
  }
  void accept() {
    server.last().finish(answerOf(201, core::Event()));
    loop.poll();
  }
  void refuse(int status, const std::string& reason) {
    server.last().finish(failureOf(status, reason));
    loop.poll();
  }
  void cut() {
    server.last().fail(Code::kUnavailable);
    loop.poll();
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport server;
  apiserver::ApiClient client{server, clock, {}};
  events::EventRecorder recorder{clock, "n1"};
  std::optional<EventPublisher> publisher;
  TaskGroup tasks{loop};
  double random = 0.5;
  std::size_t looked = 0;
  events::ObjectRef web{
      .kind = "Pod", .ns = "shop", .name = "web", .uid = "u1", .fieldPath = "spec.containers{c}", .apiVersion = "v1"};
};

TEST_F(Publishing, ANewEventIsCreatedInItsObjectsNamespace) {
  start();
  happen("Started", "Container started");
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(server.last().request.lane, apiserver::Lane::kEvents);
  const core::Event event = sent();
  EXPECT_THAT(event.metadata().name(), StartsWith("web."));
  EXPECT_EQ(event.metadata().namespace_(), "shop");
  EXPECT_FALSE(event.metadata().has_creationtimestamp());
  EXPECT_EQ(event.involvedobject().uid(), "u1");
  EXPECT_EQ(event.involvedobject().fieldpath(), "spec.containers{c}");
  EXPECT_EQ(event.reason(), "Started");
  EXPECT_EQ(event.message(), "Container started");
  EXPECT_EQ(event.count(), 1);
  accept();
  EXPECT_EQ(publisher->counts().sent, 1u);
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Publishing, NormalEventsAreHeldBackForAMomentWarningsAreNot) {
  start(1000, seconds(1));
  happen("Pulled");
  advance(std::chrono::milliseconds(900));
  happen("Created");
  EXPECT_THAT(asked(), IsEmpty());
  advance(std::chrono::milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(sent().reason(), "Pulled");
  accept();
  EXPECT_EQ(sent().reason(), "Created") << "those that came meanwhile go along";
  accept();

  happen("Started");
  EXPECT_THAT(asked(), ElementsAre(kCreate)) << "only that of Created";
  recorder.warning(web, "Unhealthy", "m");
  loop.poll();
  EXPECT_EQ(sent().reason(), "Started") << "in their order";
  accept();
  EXPECT_EQ(sent().reason(), "Unhealthy");
  accept();
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Publishing, EventsOfTheNodeGoToDefault) {
  start();
  recorder.normal(events::nodeRef("n1", "node-uid"), "Starting", "Starting kubelet.");
  loop.poll();
  EXPECT_THAT(asked(), ElementsAre("POST /api/v1/namespaces/default/events"));
  EXPECT_EQ(sent().involvedobject().namespace_(), "");
  EXPECT_EQ(sent().involvedobject().uid(), "node-uid");
}

TEST_F(Publishing, ARepeatedEventIsPatched) {
  start();
  happen("BackOff", "wait");
  const std::string name = sent().metadata().name();
  accept();
  asked();
  advance(seconds(30));
  happen("BackOff", "wait");
  ASSERT_THAT(asked(), ElementsAre("PATCH /api/v1/namespaces/shop/events"));
  const apiserver::Request& request = server.last().request;
  EXPECT_EQ(request.path, "/api/v1/namespaces/shop/events/" + name);
  EXPECT_EQ(request.contentType, "application/strategic-merge-patch+json");
  EXPECT_EQ(request.lane, apiserver::Lane::kEvents);
  EXPECT_EQ(Json::parse(request.body),
            Json({{"count", 2}, {"lastTimestamp", "2027-01-15T08:00:30Z"}, {"message", "wait"}}));
}

TEST_F(Publishing, ARepeatedEventThatTheServerHasForgottenIsCreatedAnew) {
  start();
  happen("BackOff");
  accept();
  happen("BackOff");
  asked();
  refuse(404, "NotFound");
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(sent().count(), 2);
  accept();
  EXPECT_EQ(publisher->counts().sent, 2u);
}

TEST_F(Publishing, EventsOfBeforeTheStartAreSent) {
  EventPublisher::Options options;
  options.random = [] { return 0.0; };
  publisher.emplace(clock, client, recorder, options);
  happen("Pulling");
  EXPECT_THAT(asked(), IsEmpty());
  tasks.spawn("events", publisher->run());
  loop.poll();
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Publishing, OneAtATimeInTheirOrder) {
  start();
  happen("Pulling");
  happen("Pulled");
  happen("Created");
  Strings reasons;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(asked().size(), 1u);
    reasons.push_back(sent().reason());
    accept();
  }
  EXPECT_THAT(reasons, ElementsAre("Pulling", "Pulled", "Created"));
}

TEST_F(Publishing, ARepeatThatFindsTheEventWaitingGoesWithIt) {
  start();
  happen("Pulling");
  happen("BackOff");
  happen("BackOff");
  EXPECT_EQ(publisher->waiting(), 1u);
  accept();
  asked();
  EXPECT_EQ(server.last().request.method, "POST");
  EXPECT_EQ(sent().reason(), "BackOff");
  EXPECT_EQ(sent().count(), 2);
  accept();
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Publishing, WithoutAnAnswerTwelveTriesTenSecondsApart) {
  random = 0.25;
  start();
  happen("Started");
  std::vector<Duration> pauses;
  for (int i = 1; i < 12; ++i) {
    ASSERT_THAT(asked(), ElementsAre(kCreate)) << i;
    cut();
    pauses.push_back(clock.nextDue() - clock.now());
    advance(pauses.back());
  }
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  cut();
  EXPECT_EQ(publisher->counts().givenUp, 1u);
  EXPECT_EQ(clock.pendingTimers(), 0u);
  std::vector<Duration> expected(11, seconds(10));
  expected[0] = std::chrono::milliseconds(2500);
  EXPECT_EQ(pauses, expected);
  happen("Killing");
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Publishing, APauseEndsWhenTheServerIsBack) {
  start();
  happen("Started");
  cut();
  asked();
  publisher->serverIsBack();
  loop.poll();
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Publishing, OldNewsThatTheServerIsBackEndsNoPause) {
  start();
  publisher->serverIsBack();
  happen("Started");
  asked();
  cut();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(clock.nextDue() - clock.now(), seconds(5));
}

TEST_F(Publishing, ALostAnswerDoesNotMakeTheEventTwice) {
  start();
  happen("Started");
  cut();
  advance(seconds(5));
  asked();
  refuse(409, "AlreadyExists");
  EXPECT_EQ(publisher->counts().sent, 1u);
  advance(seconds(60));
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Publishing, WhatIsRefusedForGoodIsDroppedAtOnce) {
  start();
  std::uint64_t refused = 0;
  for (const auto& [status, reason] :
       {std::pair{403, "Forbidden"}, {422, "Invalid"}, {404, "NotFound"}, {400, "BadRequest"}, {409, "Conflict"}}) {
    happen("Started", reason);
    ASSERT_EQ(asked().size(), 1u) << reason;
    refuse(status, reason);
    EXPECT_EQ(publisher->counts().refused, ++refused) << reason;
    EXPECT_EQ(clock.pendingTimers(), 0u) << reason;
  }
}

TEST_F(Publishing, RefusalsAreLoggedOnce) {
  start();
  happen("Started", "1");
  happen("Started", "2");
  testing::internal::CaptureStderr();
  refuse(403, "Forbidden");
  refuse(403, "Forbidden");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST_F(Publishing, WhatMayPassIsTriedAgain) {
  start();
  happen("Started");
  for (const auto& [status, reason] : {std::pair{500, "InternalError"},
                                       {503, "ServiceUnavailable"},
                                       {429, "TooManyRequests"},
                                       {401, "Unauthorized"},
                                       {504, "Timeout"}}) {
    ASSERT_THAT(asked(), ElementsAre(kCreate)) << reason;
    refuse(status, reason);
    advance(seconds(10));
  }
  EXPECT_EQ(publisher->counts().refused, 0u);
}

TEST_F(Publishing, AnOutageCostsNoMoreThanTheQueue) {
  start(3);
  happen("First");  // under way
  for (int i = 0; i < 5; ++i) happen("E" + std::to_string(i));
  EXPECT_EQ(publisher->waiting(), 3u);
  EXPECT_EQ(publisher->counts().overflowed, 2u);
  accept();
  Strings reasons;
  for (int i = 0; i < 3; ++i) {
    reasons.push_back(sent().reason());
    accept();
  }
  EXPECT_EQ(publisher->counts().sent, 4u);
  EXPECT_THAT(reasons, ElementsAre("E2", "E3", "E4"));
}

TEST_F(Publishing, ARepeatOfOneThatMadeRoomIsQueuedAgain) {
  start(1);
  happen("First");
  happen("A");
  happen("B");
  happen("A");
  EXPECT_EQ(publisher->counts().overflowed, 2u);
  accept();
  asked();
  EXPECT_EQ(server.last().request.method, "PATCH");
  refuse(404, "NotFound");
  EXPECT_EQ(sent().reason(), "A");
  EXPECT_EQ(sent().count(), 2);
}

TEST_F(Publishing, EndsInTheMiddleOfARequest) {
  start();
  happen("Started");
  loop.runToEnd(tasks.close());
  EXPECT_TRUE(server.last().over);
  publisher.reset();
  happen("Killing");  // nobody listens any more
}

TEST(RepeatPatch, AnyBytesMakeAPatch) {
  core::Event event;
  event.set_message("bad \xff byte");
  EXPECT_EQ(Json::parse(repeatPatch(event))["message"], "bad \xef\xbf\xbd byte");
}

TEST(WorthAnotherTry, AnAnswerThatMakesNoSenseIs) {
  EXPECT_TRUE(worthAnotherTry(Error(Code::kInternal, apiserver::kBadAnswer, "")));
  EXPECT_TRUE(worthAnotherTry(Error(Code::kInvalid, "", "bad certificate")));
  EXPECT_FALSE(worthAnotherTry(Error(Code::kInvalid, "Forbidden", "")));
}

}  // namespace
}  // namespace cubelet::cluster
