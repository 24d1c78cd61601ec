#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/task_group.h"
#include "kubelet/node/lease_keeper.h"
#include "kubelet/node/node_object.h"
#include "kubelet/node/registrar.h"
#include "kubelet/node/status_keeper.h"
#include "kubelet/node/test_facts.h"
#include "kubelet/node/test_server.h"

namespace cubelet::node {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

struct Keepers : testing::Test {
  void TearDown() override { loop.runToEnd(tasks.close()); }

  void advance(Duration by) {
    clock.advance(by);
    loop.poll();
  }
  std::size_t count(const std::string& request) const {
    return static_cast<std::size_t>(std::ranges::count(server.requests, request));
  }

  Loop loop;
  ManualClock clock{loop};
  TestServer server{clock};
  apiserver::ApiClient client{server, clock, {}};
  HeartbeatPath path{server};
  TaskGroup tasks{loop};
  double random = 0.5;
};

// ---- Registration

Task<void> keep(Task<Registered> task, std::optional<Registered>* into) {
  into->emplace(co_await std::move(task));
}

struct Registration : Keepers {
  void start(bool create = true) {
    registrar.emplace(clock, client, Registrar::Options{.nodeName = "n1", .create = create, .timeout = seconds(10)},
                      [this] { return newNode(settings, facts, clock.now(), clock.wallNow()).node; });
    tasks.spawn("registrar", keep(registrar->run(), &registered));
    loop.poll();
  }
  core::Node existing() {
    core::Node node = newNode(settings, facts, clock.now(), clock.wallNow()).node;
    node.mutable_metadata()->set_uid("uid-0");
    node.mutable_metadata()->set_resourceversion("7");
    return node;
  }
  NodeSettings settings = testSettings();
  NodeFacts facts = testFacts();
  std::optional<Registrar> registrar;
  std::optional<Registered> registered;
};

TEST_F(Registration, NOD1_CreatesTheNode) {
  start();
  ASSERT_TRUE(registered);
  EXPECT_TRUE(registered->created);
  EXPECT_EQ(registered->node.metadata().uid(), "uid-1");
  EXPECT_THAT(server.requests, ElementsAre("POST nodes"));
  EXPECT_EQ(server.bodies[0].lane, apiserver::Lane::kHeartbeat);
}

TEST_F(Registration, NOD1_KeepsAnExistingNodeThatIsRight) {
  server.node = existing();
  start();
  ASSERT_TRUE(registered);
  EXPECT_FALSE(registered->created);
  EXPECT_EQ(registered->node.metadata().uid(), "uid-0");
  EXPECT_THAT(server.requests, ElementsAre("POST nodes", "GET nodes/n1"));
}

TEST_F(Registration, NOD1_PutsAnExistingNodeRight) {
  server.node = existing();
  (*server.node->mutable_metadata()->mutable_labels())["kubernetes.io/hostname"] = "old";
  start();
  ASSERT_TRUE(registered);
  EXPECT_THAT(server.requests, ElementsAre("POST nodes", "GET nodes/n1", "PATCH nodes/n1/status"));
  EXPECT_EQ(server.node->metadata().labels().at("kubernetes.io/hostname"), "n1");
}

TEST_F(Registration, NOD1_WhoMayNotCreateLooksForTheNode) {
  server.node = existing();
  server.failNext["POST nodes"] = {403};
  start();
  EXPECT_TRUE(registered);
}

TEST_F(Registration, NOD1_ForbiddenWithoutANodeIsTriedAgain) {
  server.failNext["POST nodes"] = {403};
  start();
  EXPECT_FALSE(registered);
  advance(milliseconds(100));
  EXPECT_TRUE(registered);
}

TEST_F(Registration, NOD1_WaitsFromHundredMillisecondsDoublingToSevenSeconds) {
  server.down = true;
  start();
  std::vector<Duration> pauses;
  while (pauses.size() < 9) {
    const std::size_t before = server.requests.size();
    const TimePoint begin = clock.now();
    while (server.requests.size() == before) advance(milliseconds(100));
    pauses.push_back(clock.now() - begin);
  }
  EXPECT_THAT(pauses, ElementsAre(milliseconds(100), milliseconds(200), milliseconds(400), milliseconds(800),
                                  milliseconds(1600), milliseconds(3200), milliseconds(6400), seconds(7), seconds(7)));
  server.down = false;
  registrar->retryNow();
  loop.poll();
  EXPECT_TRUE(registered);
}

TEST_F(Registration, NOD1_APatchThatFailsIsTriedAgainFromTheStart) {
  server.node = existing();
  (*server.node->mutable_metadata()->mutable_labels())["kubernetes.io/os"] = "old";
  server.failNext["PATCH nodes/n1/status"] = {500};
  start();
  EXPECT_FALSE(registered);
  advance(milliseconds(100));
  EXPECT_TRUE(registered);
}

TEST_F(Registration, NOD5_WithoutRegisterNodeTheObjectIsAwaited) {
  start(false);
  EXPECT_FALSE(registered);
  server.node = existing();
  advance(milliseconds(100));
  ASSERT_TRUE(registered);
  EXPECT_THAT(server.requests, Each(std::string("GET nodes/n1")));
}

// ---- Lease

struct LeaseOf : Keepers {
  void start() {
    keeper.emplace(clock, client, path,
                   LeaseKeeper::Options{.nodeName = "n1",
                                        .duration = seconds(40),
                                        .timeout = seconds(10),
                                        .nodeUid = [this] { return uid; },
                                        .random = [this] { return random; }});
    tasks.spawn("lease", keeper->run());
    loop.poll();
  }
  std::string uid = "uid-1";
  std::optional<LeaseKeeper> keeper;
};

TEST_F(LeaseOf, NOD15_IsMadeWhenItIsMissing) {
  start();
  EXPECT_THAT(server.requests, ElementsAre("GET lease", "POST lease"));
  ASSERT_TRUE(server.lease);
  EXPECT_EQ(server.lease->metadata().ownerreferences(0).uid(), "uid-1");
  EXPECT_EQ(server.bodies[1].lane, apiserver::Lane::kHeartbeat);
  EXPECT_EQ(server.bodies[1].timeout, Duration(seconds(10)));
}

TEST_F(LeaseOf, NOD15_IsRenewedEveryTenSecondsWithoutReading) {
  start();
  server.takeRequests();
  advance(minutes(1));
  EXPECT_THAT(server.requests, ElementsAre("PUT lease", "PUT lease", "PUT lease", "PUT lease", "PUT lease"));
  // 10 s, stretched by up to 4 %.
  EXPECT_EQ(server.lease->spec().renewtime().seconds(), 1'800'000'051);
  EXPECT_EQ(keeper->renewedAt(), kNow + seconds(51));
}

TEST_F(LeaseOf, NOD15_OfABeforeLifeIsTakenOver) {
  server.lease = renewedLease({}, "n1", "uid-1", seconds(40), clock.wallNow() - minutes(10));
  server.lease->mutable_metadata()->set_resourceversion("9");
  start();
  EXPECT_THAT(server.requests, ElementsAre("GET lease", "PUT lease"));
  EXPECT_EQ(server.lease->spec().renewtime().seconds(), 1'800'000'000);
}

TEST_F(LeaseOf, NOD15_WaitsForTheUidBeforeItIsMade) {
  uid.clear();
  start();
  EXPECT_EQ(count("POST lease"), 0u);
  uid = "uid-1";
  keeper->retryNow();
  loop.poll();
  EXPECT_TRUE(server.lease);
}

TEST_F(LeaseOf, NOD15_ConflictIsReadAgain) {
  start();
  server.lease->mutable_metadata()->set_resourceversion("somebody-else");
  server.takeRequests();
  advance(seconds(11));
  EXPECT_THAT(server.requests, ElementsAre("PUT lease", "GET lease", "PUT lease"));
  EXPECT_EQ(server.lease->spec().renewtime().seconds(), 1'800'000'010);
}

TEST_F(LeaseOf, NOD15_ThatWasDeletedIsMadeAgain) {
  start();
  server.lease.reset();
  advance(seconds(11));
  EXPECT_TRUE(server.lease);
}

TEST_F(LeaseOf, IsRightWithinTwoSecondsAfterAnOutage) {
  start();
  server.down = true;
  advance(minutes(3));
  server.down = false;
  advance(seconds(2));
  EXPECT_GE(server.lease->spec().renewtime().seconds(), 1'800'000'180);
}

TEST_F(LeaseOf, KnocksAtMostOncePerSecondDuringAnOutage) {
  start();
  advance(seconds(20));
  server.down = true;
  advance(seconds(20));
  server.takeRequests();
  advance(minutes(1));
  EXPECT_LE(server.requests.size(), 61u);
  EXPECT_GE(server.requests.size(), 45u);
}

TEST_F(LeaseOf, ConnectionsAreClosedFromTheSecondSilenceOn) {
  start();
  server.hanging = true;
  advance(seconds(21));  // one request begins after 10.2 s and waits for 10 s
  EXPECT_EQ(server.closed, 0);
  advance(seconds(11));
  EXPECT_EQ(server.closed, 1);
}

TEST_F(LeaseOf, AnswersOfAFailingServerDoNotCloseConnections) {
  start();
  server.failNext["PUT lease"] = {500, 503, 500, 500};
  advance(seconds(15));
  EXPECT_EQ(server.closed, 0);
  EXPECT_EQ(server.lease->spec().renewtime().seconds(), 1'800'000'011);
}

TEST_F(LeaseOf, AWriteWithoutAnAnswerIsNoHarm) {
  start();
  server.failNext["PUT lease"] = {0};
  advance(seconds(12));
  EXPECT_EQ(keeper->renewedAt(), kNow + milliseconds(10'200 + 110 + 220));
}

// ---- Status

struct Status : Keepers {
  void start() {
    server.node = newNode(settings, facts, clock.now(), clock.wallNow()).node;
    server.node->mutable_metadata()->set_uid("uid-1");
    server.node->mutable_metadata()->set_resourceversion("7");
    copy.offer(*server.node);
    keeper.emplace(clock, client, path, copy,
                   StatusKeeper::Options{.nodeName = "n1", .timeout = seconds(10), .random = [this] { return random; }},
                   StatusKeeper::Hooks{.build = [this](const core::Node& stored) { return build(stored); },
                                       .stored = [this] { ++shown; }});
    tasks.spawn("status", keeper->run());
    loop.poll();
  }
  core::Node build(const core::Node& stored) {
    ++built;
    return wantedNode(stored, settings, facts, kNow, clock.wallNow()).node;
  }
  Json lastPatch() const { return Json::parse(server.bodies.back().body); }

  NodeSettings settings = testSettings();
  NodeFacts facts = testFacts();
  NodeCopy copy;
  std::optional<StatusKeeper> keeper;
  int built = 0;
  int shown = 0;
};

TEST_F(Status, NOD14_FirstLookReports) {
  start();
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status"));
  EXPECT_EQ(server.bodies[0].lane, apiserver::Lane::kHeartbeat);
  EXPECT_EQ(server.bodies[0].contentType, "application/strategic-merge-patch+json");
  EXPECT_EQ(shown, 1);
}

TEST_F(Status, NOD14_UnchangedIsComputedEveryTenSecondsAndToldEveryFiveMinutes) {
  start();
  server.takeRequests();
  advance(seconds(290));
  EXPECT_EQ(built, 1 + 28);  // every 10.2 s
  EXPECT_THAT(server.requests, IsEmpty());
  advance(seconds(20));
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status"));
  EXPECT_EQ(lastPatch()["status"].size(), 1u);
}

TEST_F(Status, NOD14_AfterAChangeTheReportIsShifted) {
  start();
  random = 0.9;  // +40 %
  facts.pressure.memory = true;
  keeper->lookNow();
  loop.poll();
  server.takeRequests();
  advance(seconds(415));
  EXPECT_THAT(server.requests, IsEmpty());
  advance(seconds(20));
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status"));
}

TEST_F(Status, NOD14_AChangeIsToldAtOnceWhenItIsSaid) {
  start();
  facts.runtime.networkProblem = "NetworkReady=false";
  keeper->lookNow();
  loop.poll();
  EXPECT_EQ(findCondition(server.node->status(), "Ready")->status(), "False");
}

TEST_F(Status, NOD14_AChangeThatNobodySaysIsFoundWithinTenSeconds) {
  start();
  facts.machine.memoryBytes /= 2;
  advance(seconds(11));
  EXPECT_EQ(server.node->status().capacity().at("memory").string(), "8Gi");
}

TEST_F(Status, NOD14_FailuresAreTriedAgainFromWhatTheServerHas) {
  start();
  server.takeRequests();
  server.failNext["PATCH nodes/n1/status"] = {500, 409};
  facts.pressure.disk = true;
  keeper->lookNow();
  loop.poll();
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status"));
  advance(seconds(1));
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status", "GET nodes/n1", "PATCH nodes/n1/status",
                                           "GET nodes/n1", "PATCH nodes/n1/status"));
  EXPECT_EQ(findCondition(server.node->status(), "DiskPressure")->status(), "True");
}

TEST_F(Status, NOD14_ARefusalEndsTheRoundAfterFiveAttempts) {
  start();
  server.takeRequests();
  server.failNext["PATCH nodes/n1/status"] = std::list<int>(5, 403);
  facts.pressure.disk = true;
  keeper->lookNow();
  advance(seconds(9));
  EXPECT_EQ(count("PATCH nodes/n1/status"), 5u);
  advance(seconds(5));
  EXPECT_EQ(count("PATCH nodes/n1/status"), 6u);
}

TEST_F(Status, IsRightWithinTwoSecondsAfterAnOutage) {
  start();
  server.down = true;
  facts.pressure.pid = true;
  advance(minutes(3));
  server.down = false;
  advance(seconds(2));
  EXPECT_EQ(findCondition(server.node->status(), "PIDPressure")->status(), "True");
}

TEST_F(Status, ADeletedNodeIsNotMadeAgain) {
  start();
  server.takeRequests();
  server.node.reset();
  facts.pressure.pid = true;
  advance(minutes(1));
  EXPECT_FALSE(server.node);
  EXPECT_EQ(count("POST nodes"), 0u);
  EXPECT_LE(server.requests.size(), 6u);
}

TEST_F(Status, AnOldServerIsAskedOnceForWhatItDoesNotKeep) {
  server.unknownFields = {"runtimeHandlers"};
  start();
  facts.runtime.handlers.emplace_back().set_name("runc");
  server.takeRequests();
  advance(minutes(1));
  EXPECT_THAT(server.requests, ElementsAre("PATCH nodes/n1/status"));
}

TEST_F(Status, SilenceClosesConnections) {
  start();
  facts.pressure.pid = true;
  server.hanging = true;
  advance(seconds(35));
  EXPECT_GE(server.closed, 1);
}

// ---- What they share

TEST(NodeCopy, KeepsTheNewest) {
  core::Node node;
  node.mutable_metadata()->set_uid("u");
  node.mutable_metadata()->set_resourceversion("10");
  NodeCopy copy;
  EXPECT_EQ(copy.get(), nullptr);
  EXPECT_EQ(copy.uid(), "");
  EXPECT_TRUE(copy.offer(node));
  node.mutable_metadata()->set_resourceversion("9");
  EXPECT_FALSE(copy.offer(node));
  EXPECT_EQ(copy.get()->metadata().resourceversion(), "10");
  node.mutable_metadata()->set_uid("u2");
  EXPECT_TRUE(copy.offer(node));
  node.mutable_metadata()->set_resourceversion("opaque");
  EXPECT_TRUE(copy.offer(node));
}

TEST(ReportRhythm, NOD14_ShiftsByAtMostHalfAPeriod) {
  const Duration every = minutes(5);
  for (const auto& [random, due] :
       {std::pair{0.0, Duration(seconds(150))}, {0.5, every}, {1.0, Duration(seconds(450))}}) {
    ReportRhythm rhythm(every);
    EXPECT_TRUE(rhythm.isDue(kNow));
    rhythm.reported(kNow, true, random);
    EXPECT_FALSE(rhythm.isDue(kNow + due - seconds(1))) << random;
    EXPECT_TRUE(rhythm.isDue(kNow + due)) << random;
    rhythm.reported(kNow, false, random);
    EXPECT_TRUE(rhythm.isDue(kNow + every));
    EXPECT_FALSE(rhythm.isDue(kNow + every - seconds(1)));
  }
}

TEST(HeartbeatPath, OnlySilenceIsUnanswered) {
  EXPECT_TRUE(isUnanswered(Error(Code::kUnavailable, "", "refused")));
  EXPECT_TRUE(isUnanswered(Error(Code::kTimedOut, "", "no answer")));
  EXPECT_FALSE(isUnanswered(Error(Code::kUnavailable, "ServiceUnavailable", "")));
  EXPECT_FALSE(isUnanswered(Error(Code::kInvalid, "", "bad certificate")));
}

}  // namespace
}  // namespace cubelet::node
