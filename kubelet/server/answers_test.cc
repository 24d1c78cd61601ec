#include "kubelet/server/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/server/fake_view.h"

namespace cubelet::server {
namespace {

using nlohmann::json;

class Answers : public testing::Test {
 protected:
  Answer get(std::string_view target) { return answerGet(view, *web::parseTarget(target)); }
  json getJson(std::string_view target) {
    Answer answer = get(target);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.contentType, "application/json");
    return json::parse(answer.body);
  }
  Loop loop;
  ManualClock clock{loop};
  FakeView view{clock};
};

TEST_F(Answers, PodsIsAPodList) {
  view.addPod("default", "web", "Running");
  view.addPod("shop", "db", "Pending");
  json list = getJson("/pods");
  EXPECT_EQ(list["apiVersion"], "v1");
  EXPECT_EQ(list["kind"], "PodList");
  ASSERT_EQ(list["items"].size(), 2u);
  EXPECT_EQ(list["items"][0]["metadata"]["name"], "web");
  EXPECT_EQ(list["items"][1]["status"]["phase"], "Pending");
}

TEST_F(Answers, PodsCanBeNarrowed) {
  view.addPod("default", "web", "Running");
  view.addPod("shop", "web", "Running");
  view.addPod("shop", "db", "Running");
  EXPECT_EQ(getJson("/pods?namespace=shop")["items"].size(), 2u);
  json one = getJson("/pods?namespace=shop&name=web");
  ASSERT_EQ(one["items"].size(), 1u);
  EXPECT_EQ(one["items"][0]["metadata"]["namespace"], "shop");
}

TEST_F(Answers, EventsAreListedOldestFirst) {
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "a");
  view.recorder.warning(events::nodeRef("node-1", ""), "SystemOOM", "b");
  json list = getJson("/events");
  EXPECT_EQ(list["kind"], "List");
  ASSERT_EQ(list["items"].size(), 2u);
  EXPECT_EQ(list["items"][0]["reason"], "Starting");
  EXPECT_EQ(list["items"][0]["kind"], "Event");
  EXPECT_EQ(list["items"][1]["type"], "Warning");
  EXPECT_EQ(list["items"][1]["lastTimestamp"], "2027-01-15T08:00:00Z");
}

TEST_F(Answers, AnEmptyListOfEventsIsStillAList) {
  EXPECT_TRUE(getJson("/events")["items"].empty());
}

TEST_F(Answers, AnEventLineIsOneJsonObject) {
  view.recorder.normal(events::nodeRef("node-1", ""), "R", "two\nlines");
  std::string line = eventLine(view.recorder.list().front());
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(json::parse(line)["message"], "two\nlines");
}

TEST_F(Answers, OnlyEventsCanBeFollowed) {
  EXPECT_TRUE(isFollow(*web::parseTarget("/events?follow=true")));
  EXPECT_FALSE(isFollow(*web::parseTarget("/events")));
  EXPECT_FALSE(isFollow(*web::parseTarget("/pods?follow=true")));
}

TEST_F(Answers, ExplainTellsStepTimeAndWhoIsWaitedFor) {
  Explanation explanation;
  explanation.step = "pulling image busybox";
  explanation.since = clock.wallNow();
  explanation.waitingFor = "registry";
  view.explanations.emplace_back("shop/web", explanation);
  json told = getJson("/explain?pod=shop/web");
  EXPECT_EQ(told["pod"], "shop/web");
  EXPECT_EQ(told["step"], "pulling image busybox");
  EXPECT_EQ(told["since"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(told["waitingFor"], "registry");
  EXPECT_FALSE(told.contains("nextTry"));
}

TEST_F(Answers, ExplainLooksInTheDefaultNamespace) {
  view.explanations.emplace_back(
      "default/web", Explanation{.step = "running", .since = {}, .waitingFor = "", .message = "", .nextTry = {}});
  EXPECT_EQ(getJson("/explain?pod=web")["pod"], "default/web");
}

TEST_F(Answers, ExplainWithoutAPodSaysHowToAsk) {
  EXPECT_EQ(get("/explain").status, 400);
  EXPECT_THAT(get("/explain").body, testing::HasSubstr("pod=NAMESPACE/NAME"));
}

TEST_F(Answers, ExplainOfAnUnknownPodIsNotFound) {
  EXPECT_EQ(get("/explain?pod=a/b").status, 404);
  EXPECT_EQ(get("/explain?pod=a/b").body, "there is no pod a/b\n");
}

TEST_F(Answers, StatusSumsUpTheAgent) {
  view.addPod("a", "one", "Running");
  view.addPod("a", "two", "Running");
  view.addPod("a", "new", "");
  view.state.manifestProblems = {"web.yaml:3: spec: required"};
  view.state.lastAudit = AuditView{.at = clock.wallNow(), .differences = 1, .total = 2};
  json status = getJson("/status");
  EXPECT_EQ(status["pods"], json::parse(R"({"Pending":1,"Running":2})"));
  EXPECT_EQ(status["runtime"]["name"], "containerd");
  EXPECT_EQ(status["runtime"]["reachable"], true);
  EXPECT_EQ(status["manifestProblems"][0], "web.yaml:3: spec: required");
  EXPECT_EQ(status["podLogsDir"], "/var/log/pods");
  EXPECT_EQ(status["lastAudit"]["total"], 2);
  EXPECT_EQ(status["healthy"], true);
}

TEST_F(Answers, StatusTellsOfTheCluster) {
  view.state.cluster = ClusterView{.server = "https://10.0.0.1:6443",
                                   .registered = true,
                                   .problem = "no answer within 10s",
                                   .lastAnswer = clock.wallNow(),
                                   .leaseRenewedAt = clock.wallNow(),
                                   .certificateExpires = std::nullopt,
                                   .notReady = {"container runtime is down"},
                                   .unsentStatuses = 3,
                                   .unsentEvents = 7};
  json cluster = getJson("/status")["cluster"];
  EXPECT_EQ(cluster["server"], "https://10.0.0.1:6443");
  EXPECT_EQ(cluster["registered"], true);
  EXPECT_EQ(cluster["problem"], "no answer within 10s");
  EXPECT_TRUE(cluster.contains("lastAnswer"));
  EXPECT_TRUE(cluster.contains("leaseRenewedAt"));
  EXPECT_FALSE(cluster.contains("certificateExpires"));
  EXPECT_EQ(cluster["notReady"][0], "container runtime is down");
  EXPECT_EQ(cluster["unsentStatuses"], 3);
  EXPECT_EQ(cluster["unsentEvents"], 7);
}

TEST_F(Answers, StatusOfABareAgentHasNoAudit) {
  view.problem = "the runtime is gone";
  json status = getJson("/status");
  EXPECT_FALSE(status.contains("lastAudit"));
  EXPECT_FALSE(status.contains("cluster"));
  EXPECT_EQ(status["pods"], json::object());
  EXPECT_EQ(status["healthy"], false);
  EXPECT_EQ(status["problem"], "the runtime is gone");
}

TEST_F(Answers, BytesThatAreNoUtf8DoNoHarm) {
  view.state.manifestProblems = {"bad \xff byte"};
  EXPECT_EQ(getJson("/status")["manifestProblems"][0], "bad \xef\xbf\xbd byte");
}

TEST_F(Answers, HealthzFollowsTheAgent) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/healthz").body, "ok\n");
  view.problem = "the loop is late";
  EXPECT_EQ(get("/healthz").status, 500);
  EXPECT_EQ(get("/healthz").body, "the loop is late\n");
}

TEST_F(Answers, VersionNamesBoth) {
  EXPECT_EQ(getJson("/version")["version"], "0.1.0");
  EXPECT_EQ(getJson("/version")["kubernetesVersion"], "v1.36.0");
}

TEST_F(Answers, UnknownPagesSayWhatThereIs) {
  EXPECT_EQ(get("/").status, 404);
  EXPECT_THAT(get("/nothing").body, testing::HasSubstr("/pods"));
}

TEST_F(Answers, AStreamIsAskedForByPodContainerAndCommand) {
  const auto exec =
      streamAsked(*web::parseTarget("/exec?pod=shop/web&container=c&command=ls&command=-l%20a&stdin=1&tty=1"));
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->kind, StreamRequest::Kind::kExec);
  EXPECT_EQ(exec->ns, "shop");
  EXPECT_EQ(exec->pod, "web");
  EXPECT_EQ(exec->container, "c");
  EXPECT_THAT(exec->command, testing::ElementsAre("ls", "-l a"));
  EXPECT_TRUE(exec->input && exec->tty);
  EXPECT_FALSE(exec->output || exec->error);
  EXPECT_EQ(streamAsked(*web::parseTarget("/attach?pod=web"))->ns, "default");
  EXPECT_EQ(streamAsked(*web::parseTarget("/portforward?pod=a/b"))->kind, StreamRequest::Kind::kPortForward);
  EXPECT_FALSE(streamAsked(*web::parseTarget("/pods")));
}

TEST_F(Answers, AStreamsPlaceIsToldOrWhyThereIsNone) {
  const json place = json::parse(streamAnswer(StreamPlace{"::1", 4711, "/exec/a"}).body);
  EXPECT_EQ(place, json::parse(R"({"address":"::1","port":4711,"path":"/exec/a"})"));
  EXPECT_EQ(streamAnswer(fail(Code::kNotFound, "", "pod does not exist")).status, 404);
  EXPECT_EQ(streamAnswer(fail(Code::kUnavailable, "", "containerd is away")).status, 503);
  EXPECT_EQ(streamAnswer(fail(Code::kInvalid, "", "container not found")).body, "container not found\n");
}

}  // namespace
}  // namespace cubelet::server
