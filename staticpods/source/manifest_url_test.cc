#include "staticpods/source/manifest_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "base/temp_dir.h"
#include "staticpods/source/http_test_server.h"
#include "staticpods/source/test_pods.h"

namespace cubelet::staticpods {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ManifestUrlTest : public testing::Test {
 protected:
  ManifestUrlTest() {
    server.answer = [this](const std::string&) { return reply; };
    servers.spawn("server", server.run());
  }
  ~ManifestUrlTest() override {
    stop();
    loop.runToEnd(servers.close());
  }

  void start() {
    sets = 0;
    source = std::make_unique<ManifestUrl>(
        loop, clock, pool,
        ManifestUrl::Options{
            .url = server.url(), .headers = {{"X-Token", "secret"}}, .stateDirectory = dir / "state", .nodeName = "n1"},
        [this](PodSet set) {
          ++sets;
          last = std::move(set);
        });
    group = std::make_unique<TaskGroup>(loop);
    group->spawn("source", source->run());
    awaitAsleep();
  }
  void stop() {
    if (group) loop.runToEnd(group->close());
    group.reset();
  }
  // Until it sleeps and nothing else is under way.
  void awaitAsleep() {
    const auto asleep = [&] {
      return sets > 0 && clock.pendingTimers() == 1 && clock.nextDue() == clock.now() + seconds(20);
    };
    ASSERT_TRUE(loop.runUntil(asleep, seconds(60)));
  }
  void nextCheck() {
    clock.advance(seconds(20));
    awaitAsleep();
  }
  std::vector<std::string> pods() const {
    std::vector<std::string> names;
    for (const StaticPod& pod : last.pods)
      names.push_back(pod.pod.metadata().name() + " " + pod.pod.spec().containers(0).image());
    return names;
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  TempDir dir;
  HttpTestServer server{loop};
  std::string reply = HttpTestServer::ok(podText("a", "one"));
  TaskGroup servers{loop};
  PodSet last;
  int sets = 0;
  std::unique_ptr<ManifestUrl> source;
  std::unique_ptr<TaskGroup> group;
};

TEST_F(ManifestUrlTest, STA_2_DeliversThePodOfTheUrl) {
  start();
  EXPECT_THAT(pods(), ElementsAre("a-n1 one"));
  EXPECT_EQ(last.pods.at(0).file, server.url());
  EXPECT_EQ(last.pods.at(0).pod.metadata().annotations().at("kubernetes.io/config.source"), "http");
  EXPECT_THAT(server.requests.at(0), HasSubstr("X-Token: secret\r\n"));
}

TEST_F(ManifestUrlTest, STA_2_AsksEveryTwentySecondsAndDeliversChangesOnly) {
  start();
  nextCheck();
  EXPECT_EQ(server.requests.size(), 2U);
  EXPECT_EQ(sets, 1);
  reply = HttpTestServer::ok(podText("a", "two"));
  nextCheck();
  EXPECT_EQ(sets, 2);
  EXPECT_THAT(pods(), ElementsAre("a-n1 two"));
}

TEST_F(ManifestUrlTest, STA_2_TakesAPodListAndAnEmptyOneEndsAllPods) {
  reply = HttpTestServer::ok(R"({"apiVersion":"v1","kind":"PodList","items":[)"
                             R"({"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}},)"
                             R"({"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i"}]}}]})");
  start();
  EXPECT_THAT(pods(), ElementsAre("a-n1 i", "b-n1 i"));
  reply = HttpTestServer::ok(R"({"apiVersion":"v1","kind":"PodList","items":[]})");
  nextCheck();
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(last.problems, IsEmpty());
}

TEST_F(ManifestUrlTest, WhateverGoesWrongKeepsTheLastGoodPods) {
  start();
  for (const std::string& bad : {HttpTestServer::status(500), HttpTestServer::status(404), HttpTestServer::ok(""),
                                 HttpTestServer::ok("broken: ["), std::string("no http")}) {
    reply = bad;
    nextCheck();
    EXPECT_THAT(pods(), ElementsAre("a-n1 one")) << bad;
    ASSERT_EQ(last.problems.size(), 1U) << bad;
    EXPECT_EQ(last.problems[0].file, server.url());
    EXPECT_THAT(last.problems[0].kept, ElementsAre("default/a-n1"));
  }
  reply = HttpTestServer::ok(podText("a", "one"));
  nextCheck();
  EXPECT_THAT(last.problems, IsEmpty());
}

TEST_F(ManifestUrlTest, AServerThatIsDownAtTheStartLeavesThePodsOfBefore) {
  start();
  awaitAsleep();
  const std::string uid = last.pods.at(0).pod.metadata().uid();
  stop();
  reply = HttpTestServer::status(503);
  start();
  EXPECT_THAT(pods(), ElementsAre("a-n1 one"));
  EXPECT_EQ(last.pods.at(0).pod.metadata().uid(), uid);
  EXPECT_EQ(last.problems.size(), 1U);
}

TEST_F(ManifestUrlTest, AFirstFailureDeliversAnEmptySetWithTheProblem) {
  reply = HttpTestServer::status(503);
  start();
  EXPECT_EQ(sets, 1);
  EXPECT_THAT(last.pods, IsEmpty());
  EXPECT_EQ(last.problems.size(), 1U);
}

}  // namespace
}  // namespace cubelet::staticpods
