#include "kubelet/cluster/mirror_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::cluster {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

PodPtr staticPod(const std::string& name, const std::string& hash) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("kube-system");
  pod.mutable_metadata()->set_uid(hash);
  (*pod.mutable_metadata()->mutable_annotations())[kHashAnnotation] = hash;
  pod.mutable_spec()->set_nodename("n1");
  return std::make_shared<const core::Pod>(std::move(pod));
}

const char kCreate[] = "POST /api/v1/namespaces/kube-system/pods";
const char kDelete[] = "DELETE /api/v1/namespaces/kube-system/pods/web-n1";

struct Mirrors : testing::Test {
  void SetUp() override {
    tasks.spawn("mirrors", mirrors.run());
    poll();
  }
  void TearDown() override {
    loop.runToEnd(tasks.close());
    loop.runToEnd(mirrors.close());
  }

  void poll() { loop.poll(); }
  void advance(Duration by) {
    clock.advance(by);
    poll();
  }
  // The requests since the last call.
  Strings asked() {
    Strings requests;
    for (; looked < server.count(); ++looked) {
      const apiserver::Request& request = server.exchanges[looked]->request;
      requests.push_back(request.method + " " + request.path);
    }
    return requests;
  }
  core::Pod sent() {
    core::Pod pod;
    EXPECT_TRUE(apiserver::decodeObject(server.last().request.contentType, server.last().request.body, pod));
    return pod;
  }
  k8s::meta::v1::DeleteOptions deleteOptions() {
    k8s::meta::v1::DeleteOptions how;
    EXPECT_TRUE(apiserver::decodeObject(server.last().request.contentType, server.last().request.body, how));
    return how;
  }

  // What the server makes of a static pod.
  core::Pod stored(const PodPtr& pod, const std::string& uid) {
    core::Pod mirror = makeMirror(*pod, {"n1", "node-uid"});
    mirror.mutable_metadata()->set_uid(uid);
    mirror.mutable_metadata()->set_resourceversion(std::to_string(++version));
    return mirror;
  }
  static PodPtr shared(core::Pod pod) { return std::make_shared<const core::Pod>(std::move(pod)); }
  PodPtr seen(const PodPtr& pod, const std::string& uid) { return shared(stored(pod, uid)); }
  PodPtr deleting(const PodPtr& pod, const std::string& uid) {
    core::Pod mirror = stored(pod, uid);
    mirror.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
    return shared(std::move(mirror));
  }

  void answerCreated(const std::string& uid) {
    core::Pod made = sent();
    made.mutable_metadata()->set_uid(uid);
    made.mutable_metadata()->set_resourceversion(std::to_string(++version));
    server.last().finish(answerOf(201, made));
    poll();
  }
  void answer(int status, const std::string& reason) {
    server.last().finish(failureOf(status, reason));
    poll();
  }
  void answerDeleted() {
    k8s::meta::v1::Status done;
    done.set_status("Success");
    server.last().finish(answerOf(200, done));
    poll();
  }
  void want(std::vector<PodPtr> pods) {
    mirrors.setStaticPods(std::move(pods));
    poll();
  }
  void start(std::vector<PodPtr> pods, std::vector<PodPtr> there = {}) {
    mirrors.nodeKnown("n1", "node-uid");
    mirrors.mirrorsSynced(there);
    want(std::move(pods));
  }
  std::string uidNow() {
    const PodPtr mirror = mirrors.mirrorOf("kube-system", "web-n1");
    return mirror ? mirror->metadata().uid() : "";
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport server;
  apiserver::ApiClient client{server, clock, {}};
  Strings appeared;
  MirrorPods mirrors{loop, clock, client,
                     [this](const PodPtr& mirror) { appeared.push_back(mirror->metadata().uid()); }};
  TaskGroup tasks{loop};
  std::size_t looked = 0;
  int version = 100;
  const PodPtr web = staticPod("web-n1", "h1");
  const PodPtr edited = staticPod("web-n1", "h2");
};

TEST_F(Mirrors, STA15_CreatesAMirror) {
  start({web});
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(mirroredHash(sent()), "h1");
  EXPECT_EQ(sent().metadata().ownerreferences(0).uid(), "node-uid");
  EXPECT_EQ(uidNow(), "");
  answerCreated("m1");
  EXPECT_EQ(uidNow(), "m1");
  EXPECT_THAT(appeared, ElementsAre("m1"));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  advance(minutes(10));
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Mirrors, STA15_WaitForTheNode) {
  mirrors.mirrorsSynced({});
  want({web});
  EXPECT_THAT(asked(), IsEmpty());
  mirrors.nodeKnown("n1", "node-uid");
  poll();
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Mirrors, WaitForTheListOfThoseThatExist) {
  mirrors.nodeKnown("n1", "node-uid");
  want({web});
  EXPECT_THAT(asked(), IsEmpty());
  mirrors.mirrorsSynced({seen(web, "m1")});
  poll();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(uidNow(), "m1");
  EXPECT_THAT(appeared, ElementsAre("m1"));
}

TEST_F(Mirrors, STA18_OrphansGoOnceTheSourcesAreReady) {
  mirrors.nodeKnown("n1", "node-uid");
  mirrors.mirrorsSynced({seen(web, "m1")});
  poll();
  EXPECT_THAT(asked(), IsEmpty());
  want({});
  ASSERT_THAT(asked(), ElementsAre(kDelete));
  EXPECT_EQ(deleteOptions().graceperiodseconds(), 0);
  EXPECT_TRUE(deleteOptions().has_graceperiodseconds());
  EXPECT_EQ(deleteOptions().preconditions().uid(), "m1");
  answerDeleted();
  EXPECT_EQ(uidNow(), "");
  mirrors.mirrorGone("kube-system", "web-n1", "m1");
  poll();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Mirrors, STA17_AnEditedPodGetsANewMirrorAtOnce) {
  start({web}, {seen(web, "m1")});
  want({edited});
  ASSERT_THAT(asked(), ElementsAre(kDelete));
  answerDeleted();
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(mirroredHash(sent()), "h2");
  answerCreated("m2");
  EXPECT_EQ(uidNow(), "m2");
  EXPECT_THAT(appeared, ElementsAre("m1", "m2"));
  // The watch tells late.
  mirrors.mirrorGone("kube-system", "web-n1", "m1");
  poll();
  EXPECT_EQ(uidNow(), "m2");
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Mirrors, STA18_ThePredecessorsMirrorStaysUntilItHasStopped) {
  start({web}, {seen(web, "m1")});
  want({web, edited});
  EXPECT_THAT(asked(), IsEmpty());
  want({edited});
  EXPECT_THAT(asked(), ElementsAre(kDelete));
}

TEST_F(Mirrors, STA17_ADeletedOneComesBack) {
  start({web}, {seen(web, "m1")});
  mirrors.mirrorSeen(deleting(web, "m1"));
  poll();
  ASSERT_THAT(asked(), ElementsAre(kDelete));
  answerDeleted();
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  answerCreated("m2");
  EXPECT_EQ(uidNow(), "m2");
}

TEST_F(Mirrors, STA17_AForceDeletedOneComesBackAtOnce) {
  start({web}, {seen(web, "m1")});
  mirrors.mirrorGone("kube-system", "web-n1");
  poll();
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Mirrors, WhoDeletesThemForEverIsFollowedSlowly) {
  start({web});
  std::vector<Duration> pauses;
  for (int i = 1; i <= 9; ++i) {
    ASSERT_THAT(asked(), ElementsAre(kCreate)) << i;
    answerCreated("m" + std::to_string(i));
    mirrors.mirrorGone("kube-system", "web-n1");
    poll();
    pauses.push_back(clock.nextDue() - clock.now());
    advance(pauses.back());
  }
  EXPECT_THAT(pauses, ElementsAre(seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32), seconds(60),
                                  seconds(60), seconds(60)));
}

TEST_F(Mirrors, AfterAQuietTimeTheyComeBackAtOnceAgain) {
  start({web});
  answerCreated("m1");
  advance(minutes(3));
  asked();
  for (Duration pause : {seconds(0), seconds(1)}) {
    mirrors.mirrorGone("kube-system", "web-n1");
    advance(pause);
    ASSERT_THAT(asked(), ElementsAre(kCreate));
    answerCreated("m2");
  }
}

TEST_F(Mirrors, STA19_ARefusalIsTriedAgainAfterGrowingPauses) {
  start({web});
  std::vector<Duration> pauses;
  for (int i = 1; i <= 8; ++i) {
    ASSERT_THAT(asked(), ElementsAre(kCreate)) << i;
    answer(403, "Forbidden");
    pauses.push_back(clock.nextDue() - clock.now());
    EXPECT_EQ(clock.pendingTimers(), 1u);
    advance(pauses.back() - milliseconds(1));
    EXPECT_THAT(asked(), IsEmpty());
    advance(milliseconds(1));
  }
  EXPECT_THAT(pauses, ElementsAre(seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32), seconds(60),
                                  seconds(60)));
}

TEST_F(Mirrors, STA19_TheSameErrorIsLoggedOnceForEachPod) {
  testing::internal::CaptureStderr();
  start({web});
  for (int i = 0; i < 3; ++i) {
    answer(403, "Forbidden");
    advance(minutes(1));
  }
  server.last().finish(failureOf(403, "Forbidden", "for another reason"));
  poll();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("cannot create a mirror pod"));
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
}

TEST_F(Mirrors, AnOutageIsLoggedOnceForAllPods) {
  testing::internal::CaptureStderr();
  start({web, staticPod("dns-n1", "h3")});
  for (int i = 0; i < 3; ++i) {
    for (const auto& exchange : server.exchanges)
      if (!exchange->over) exchange->fail(Code::kUnavailable, "refused after " + std::to_string(i) + " ms");
    poll();
    advance(minutes(1));
  }
  EXPECT_EQ(server.count(), 8u);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST_F(Mirrors, APodThatHangsDoesNotHoldUpAnother) {
  start({web, staticPod("dns-n1", "h3")});
  EXPECT_THAT(asked(), ElementsAre(kCreate, kCreate));
}

TEST_F(Mirrors, NothingWaitsOnceTheServerIsBack) {
  start({web});
  for (int i = 0; i < 5; ++i) {
    server.last().fail(Code::kUnavailable);
    poll();
    advance(clock.nextDue() - clock.now());
  }
  server.last().fail(Code::kUnavailable);
  poll();
  asked();
  mirrors.serverIsBack();
  poll();
  EXPECT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  server.last().fail(Code::kUnavailable);
  poll();
  EXPECT_EQ(clock.nextDue() - clock.now(), seconds(1));
}

TEST_F(Mirrors, AFailedDeletionIsTriedAgain) {
  start({}, {seen(web, "m1")});
  ASSERT_THAT(asked(), ElementsAre(kDelete));
  answer(500, "InternalError");
  EXPECT_EQ(uidNow(), "m1");
  advance(seconds(1));
  EXPECT_THAT(asked(), ElementsAre(kDelete));
}

TEST_F(Mirrors, WhatSomebodyElseDeletedFirstIsGone) {
  for (const auto& [status, reason] : {std::pair{404, "NotFound"}, {409, "Conflict"}}) {
    start({edited}, {seen(web, "m1")});
    ASSERT_THAT(asked(), ElementsAre(kDelete));
    answer(status, reason);
    ASSERT_THAT(asked(), ElementsAre(kCreate)) << reason;
    answerCreated("m2");
    advance(minutes(3));
  }
}

TEST_F(Mirrors, AlreadyExistsIsNoErrorAndTheWatchShowsIt) {
  testing::internal::CaptureStderr();
  start({web});
  asked();
  answer(409, "AlreadyExists");
  mirrors.mirrorSeen(seen(web, "m1"));
  poll();
  EXPECT_EQ(uidNow(), "m1");
  EXPECT_EQ(clock.pendingTimers(), 0u);
  advance(minutes(5));
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Mirrors, WhatHasTakenTheNameAndIsNoMirrorIsLeftAlone) {
  start({web});
  asked();
  answer(409, "AlreadyExists");
  advance(milliseconds(999));
  EXPECT_THAT(asked(), IsEmpty());
  advance(milliseconds(1));
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Mirrors, TheWatchMayBeQuickerThanTheAnswer) {
  start({web});
  asked();
  mirrors.mirrorSeen(seen(web, "m1"));
  poll();
  EXPECT_EQ(uidNow(), "m1");
  mirrors.mirrorGone("kube-system", "web-n1", "m1");
  poll();
  EXPECT_THAT(asked(), IsEmpty());  // the first request is under way
  answerCreated("m1");
  EXPECT_EQ(uidNow(), "");
  advance(seconds(1));
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Mirrors, LateWordOfThePredecessorIsIgnored) {
  start({web}, {seen(web, "m1")});
  const PodPtr late = deleting(web, "m1");
  mirrors.mirrorGone("kube-system", "web-n1", "m1");
  poll();
  answerCreated("m2");
  asked();
  mirrors.mirrorSeen(late);
  poll();
  EXPECT_EQ(uidNow(), "m2");
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Mirrors, AListTellsWhatVanished) {
  start({web}, {seen(web, "m1")});
  mirrors.mirrorsSynced({});
  poll();
  EXPECT_EQ(uidNow(), "");
  EXPECT_THAT(asked(), ElementsAre(kCreate));
}

TEST_F(Mirrors, ANodeThatWasMadeAgainGetsNewMirrors) {
  start({web}, {seen(web, "m1")});
  mirrors.nodeKnown("n1", "");
  poll();
  EXPECT_THAT(asked(), IsEmpty());
  mirrors.nodeKnown("n1", "node-uid-2");
  poll();
  ASSERT_THAT(asked(), ElementsAre(kDelete));
  answerDeleted();
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(sent().metadata().ownerreferences(0).uid(), "node-uid-2");
}

TEST_F(Mirrors, AnEditEndsAPause) {
  start({web});
  answer(403, "Forbidden");
  asked();
  want({edited});
  ASSERT_THAT(asked(), ElementsAre(kCreate));
  EXPECT_EQ(mirroredHash(sent()), "h2");
}

TEST_F(Mirrors, TheSamePodsAgainDoNotEndAPause) {
  start({web});
  answer(403, "Forbidden");
  asked();
  want({web});
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Mirrors, APodThatEndsWhileItsMirrorIsMadeLeavesNone) {
  start({web});
  asked();
  want({});
  EXPECT_THAT(asked(), IsEmpty());
  answerCreated("m1");
  advance(seconds(1));
  EXPECT_THAT(asked(), ElementsAre(kDelete));
}

TEST_F(Mirrors, STA20_OrdinaryPodsAreNoMirrors) {
  core::Pod ordinary = stored(web, "p1");
  ordinary.mutable_metadata()->mutable_annotations()->erase(kMirrorAnnotation);
  start({}, {shared(ordinary)});
  mirrors.mirrorSeen(shared(ordinary));
  poll();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(uidNow(), "");
}

TEST_F(Mirrors, CloseGivesUpWhatIsUnderWay) {
  start({web});
  loop.runToEnd(mirrors.close());
  EXPECT_TRUE(server.last().over);
  poll();
  EXPECT_EQ(tasks.size(), 0u);
}

}  // namespace
}  // namespace cubelet::cluster
