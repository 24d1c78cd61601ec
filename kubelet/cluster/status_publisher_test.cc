#include "kubelet/cluster/status_publisher.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::cluster {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Json = nlohmann::json;

core::Pod makePod(const std::string& uid, const std::string& phase, int version = 5) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("a");
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_status()->set_phase(phase);
  return pod;
}

core::Pod asStatic(core::Pod pod) {
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  return pod;
}

core::Pod asMirror(core::Pod pod) {
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.mirror"] = "file-uid";
  return pod;
}

core::Pod beingDeleted(core::Pod pod) {
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(100);
  return pod;
}

class Publisher : public testing::Test {
 protected:
  ~Publisher() override { loop.runToEnd(publisher.close()); }

  void advance(Duration by) {
    clock.advance(by);
    loop.poll();
  }
  void changed(const core::Pod& pod, bool over = false) {
    publisher.statusChanged(pod, over);
    loop.poll();
    advance(milliseconds(10));
  }
  // The server has done what it was asked for, and this is its copy now.
  void answer(core::Pod pod) {
    stored = std::make_shared<const core::Pod>(pod);
    transport.last().finish(answerOf(200, pod));
    loop.poll();
  }
  Json patch() { return Json::parse(transport.last().request.body); }
  std::string phaseSent() { return patch()["status"].value("phase", ""); }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {}};
  StatusPublisher::PodPtr stored = std::make_shared<const core::Pod>(makePod("u1", "Pending"));
  StatusPublisher publisher{
      loop,
      clock,
      client,
      {.stored = [this](const std::string&, const std::string&) { return stored; }, .random = [] { return 0.0; }}};
};

TEST_F(Publisher, SRC_10_WritesWhatIsOursWithTheUidAsPrecondition) {
  changed(makePod("u1", "Running"));
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(transport.last().request.method, "PATCH");
  EXPECT_EQ(transport.last().request.path, "/api/v1/namespaces/default/pods/a/status");
  EXPECT_EQ(patch()["metadata"]["uid"], "u1");
  EXPECT_EQ(phaseSent(), "Running");
}

TEST_F(Publisher, WhatTheServerHasAlreadyIsNotWritten) {
  changed(makePod("u1", "Pending"));
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(Publisher, ChangesThatFollowAtOnceAreOneWrite) {
  publisher.statusChanged(makePod("u1", "Pending"), false);
  loop.poll();
  advance(milliseconds(5));
  changed(makePod("u1", "Running"));
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(phaseSent(), "Running");
}

core::Pod makeWaitingPod(const std::string& reason) {
  core::Pod pod = makePod("u1", "Pending");
  pod.mutable_status()->add_containerstatuses()->mutable_state()->mutable_waiting()->set_reason(reason);
  return pod;
}

TEST_F(Publisher, AUsualStartIsOneWrite) {
  changed(makeWaitingPod("ContainerCreating"));
  advance(milliseconds(500));
  core::Pod withAddress = makeWaitingPod("ContainerCreating");
  withAddress.mutable_status()->set_podip("10.0.0.1");
  changed(withAddress);
  EXPECT_EQ(transport.count(), 0u);
  changed(makePod("u1", "Running"));
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(phaseSent(), "Running");
}

TEST_F(Publisher, AStartThatTakesLongIsTold) {
  changed(makeWaitingPod("ContainerCreating"));
  advance(milliseconds(600));
  core::Pod withAddress = makeWaitingPod("ContainerCreating");
  withAddress.mutable_status()->set_podip("10.0.0.1");
  changed(withAddress);
  advance(milliseconds(400));
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 1u) << "a second after the first change, not after the last";
  EXPECT_EQ(patch()["status"]["podIP"], "10.0.0.1");
}

TEST_F(Publisher, WhatGoesWrongInAStartIsToldAtOnce) {
  changed(makeWaitingPod("ContainerCreating"));
  changed(makeWaitingPod("ErrImagePull"));
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Publisher, ChangesDuringAWriteAreOneMore) {
  changed(makePod("u1", "Running"));
  changed(makePod("u1", "Failed"));
  changed(makePod("u1", "Succeeded"));
  EXPECT_EQ(transport.count(), 1u);
  answer(makePod("u1", "Running", 6));
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(phaseSent(), "Succeeded");
}

// Older servers do not know every field of ours.
TEST_F(Publisher, WhatTheServerLeavesOutIsNotWrittenAgain) {
  core::Pod pod = makePod("u1", "Running");
  pod.mutable_status()->set_observedgeneration(3);
  changed(pod);
  answer(makePod("u1", "Running", 6));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(seconds(60));
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Publisher, SRC_8_WhatSomebodyElseHasWrittenIsSetRight) {
  changed(makePod("u1", "Running"));
  answer(makePod("u1", "Running", 6));
  stored = std::make_shared<const core::Pod>(makePod("u1", "Failed", 7));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(phaseSent(), "Running");
}

TEST_F(Publisher, AWatchThatLagsBehindIsNotBelieved) {
  changed(makePod("u1", "Running"));
  answer(makePod("u1", "Running", 6));
  stored = std::make_shared<const core::Pod>(makePod("u1", "Pending", 5));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(seconds(1));
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Publisher, SRC_10_NothingIsWrittenToAnotherPodOfTheName) {
  stored = std::make_shared<const core::Pod>(makePod("u2", "Pending"));
  changed(makePod("u1", "Running"));
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(Publisher, TRM_8_AfterTheLastStatusTheDeletedObjectIsRemoved) {
  stored = std::make_shared<const core::Pod>(beingDeleted(makePod("u1", "Running")));
  changed(makePod("u1", "Succeeded"), true);
  EXPECT_EQ(transport.last().request.method, "PATCH");
  answer(beingDeleted(makePod("u1", "Succeeded", 6)));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(transport.last().request.method, "DELETE");
  EXPECT_EQ(transport.last().request.path, "/api/v1/namespaces/default/pods/a");
  transport.last().finish(answerOf(200, makePod("u1", "Succeeded")));
  loop.poll();
  stored = nullptr;
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(seconds(60));
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_EQ(publisher.unsent(), 0u);
}

TEST_F(Publisher, TRM_8_ADeletedPodThatStillRunsKeepsItsObject) {
  stored = std::make_shared<const core::Pod>(beingDeleted(makePod("u1", "Pending")));
  changed(makePod("u1", "Running"));
  answer(beingDeleted(makePod("u1", "Running", 6)));
  advance(seconds(60));
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Publisher, TRM_10_AFinishedPodIsNotRemovedUnlessItIsDeleted) {
  changed(makePod("u1", "Succeeded"), true);
  answer(makePod("u1", "Succeeded", 6));
  EXPECT_EQ(transport.count(), 1u);
  stored = std::make_shared<const core::Pod>(beingDeleted(makePod("u1", "Succeeded", 7)));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(transport.last().request.method, "DELETE");
}

TEST_F(Publisher, REC_12_ServerThatIsAwayIsTriedAgainAndGetsTheNewestStatus) {
  changed(makePod("u1", "Pending"));
  changed(makePod("u1", "Running"));
  transport.last().fail(Code::kUnavailable);
  loop.poll();
  EXPECT_EQ(publisher.unsent(), 1u);
  publisher.statusChanged(makePod("u1", "Failed"), false);
  loop.poll();
  advance(seconds(1));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_EQ(phaseSent(), "Failed");
  answer(makePod("u1", "Failed", 6));
  EXPECT_EQ(publisher.unsent(), 0u);
}

TEST_F(Publisher, RetriesGrowSlowerAndEndWhenTheServerIsBack) {
  changed(makePod("u1", "Running"));
  for (int i = 0; i < 8; ++i) {
    transport.last().fail(Code::kUnavailable);
    loop.poll();
    advance(seconds(11));
  }
  const std::size_t tries = transport.count();
  transport.last().fail(Code::kUnavailable);
  loop.poll();
  advance(seconds(5));
  EXPECT_EQ(transport.count(), tries) << "the pause has grown to 10 s";
  publisher.allChanged();
  loop.poll();
  advance(milliseconds(20));
  EXPECT_EQ(transport.count(), tries + 1);
}

TEST_F(Publisher, STA_16_AStaticPodsStatusGoesToItsMirror) {
  stored = nullptr;
  changed(asStatic(makePod("file-uid", "Running")));
  EXPECT_EQ(transport.count(), 0u) << "there is no mirror yet";
  stored = std::make_shared<const core::Pod>(asMirror(makePod("m1", "Pending")));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(patch()["metadata"]["uid"], "m1");
  answer(asMirror(makePod("m1", "Running", 6)));
  stored = std::make_shared<const core::Pod>(asMirror(makePod("m2", "Pending", 9)));
  publisher.storedChanged("default", "a");
  loop.poll();
  advance(milliseconds(10));
  ASSERT_EQ(transport.count(), 2u) << "a mirror that was made anew gets it again";
  EXPECT_EQ(patch()["metadata"]["uid"], "m2");
}

TEST_F(Publisher, STA_16_AStaticPodsStatusNeverGoesToAPodOfItsNameThatIsNoMirror) {
  changed(asStatic(makePod("file-uid", "Running")));
  EXPECT_EQ(transport.count(), 0u);
}

TEST(UsualStart, IsPendingWithNothingWrong) {
  EXPECT_TRUE(isUsualStart(makePod("u1", "Pending").status()));
  EXPECT_FALSE(isUsualStart(makePod("u1", "Running").status()));
  EXPECT_TRUE(isUsualStart(makeWaitingPod("PodInitializing").status()));
  EXPECT_FALSE(isUsualStart(makeWaitingPod("ImagePullBackOff").status()));
  core::PodStatus status = makeWaitingPod("PodInitializing").status();
  core::ContainerStatus* init = status.add_initcontainerstatuses();
  init->mutable_state()->mutable_running();
  EXPECT_TRUE(isUsualStart(status));
  init->mutable_state()->mutable_terminated()->set_exitcode(0);
  EXPECT_TRUE(isUsualStart(status));
  init->mutable_state()->mutable_terminated()->set_exitcode(1);
  EXPECT_FALSE(isUsualStart(status));
  init->mutable_state()->mutable_running();
  init->set_restartcount(1);
  EXPECT_FALSE(isUsualStart(status));
}

TEST_F(Publisher, PCO_3_WhatHeldBeforeTheStartOfTheAgentKeepsItsTimes) {
  core::PodStatus before;
  before.mutable_starttime()->set_seconds(10);
  core::PodCondition* ready = before.add_conditions();
  ready->set_type("Ready");
  ready->set_status("True");
  ready->mutable_lasttransitiontime()->set_seconds(20);
  core::PodStatus wanted = before;
  wanted.mutable_starttime()->set_seconds(99);
  wanted.mutable_conditions(0)->mutable_lasttransitiontime()->set_seconds(99);
  EXPECT_EQ(withStoredTimes(wanted, before).SerializeAsString(), before.SerializeAsString());
  wanted.mutable_conditions(0)->set_status("False");
  EXPECT_EQ(withStoredTimes(wanted, before).conditions(0).lasttransitiontime().seconds(), 99);
}

}  // namespace
}  // namespace cubelet::cluster
