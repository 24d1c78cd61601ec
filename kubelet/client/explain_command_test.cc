#include <gmock/gmock.h>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Client, ExplainTellsStepStatesAndEvents) {
  core::Pod& pod = addRunningPod("default", "web-node1");
  core::ContainerStatus& status = *pod.mutable_status()->mutable_containerstatuses(0);
  status.set_ready(false);
  status.set_restartcount(3);
  status.mutable_state()->mutable_waiting()->set_reason("CrashLoopBackOff");
  status.mutable_laststate()->mutable_terminated()->set_exitcode(7);
  status.mutable_laststate()->mutable_terminated()->mutable_finishedat()->set_seconds(1'800'000'030);
  core::PodCondition& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status("False");
  condition.set_reason("ContainersNotReady");
  server::Explanation explanation;
  explanation.step = "waiting to restart container app";
  explanation.since = WallTime(std::chrono::seconds(1'800'000'030));
  explanation.waitingFor = "the back-off";
  explanation.nextTry = WallTime(std::chrono::seconds(1'800'000'070));
  view.explanations.emplace_back("default/web-node1", explanation);
  view.recorder.warning(events::containerRef(pod, "app"), "BackOff", "again");
  serve();
  EXPECT_EQ(run({"explain", "web"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("default/web-node1 (uid uid-web-node1)"));
  EXPECT_THAT(text(), HasSubstr("CrashLoopBackOff, 0/1 ready, restarts: 3 (30s ago)"));
  EXPECT_THAT(text(), HasSubstr("waiting to restart container app, since 30s"));
  EXPECT_THAT(text(), HasSubstr("the back-off"));
  EXPECT_THAT(text(), HasSubstr("in 10s"));
  EXPECT_THAT(text(), HasSubstr("not Ready   ContainersNotReady"));
  EXPECT_THAT(text(), HasSubstr("before that ended 30s ago with exit code 7"));
  EXPECT_THAT(text(), HasSubstr("BackOff   again"));
}

TEST_F(Client, ExplainWorksWithoutAStep) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"explain", "web"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("runs for 60s, ready"));
  EXPECT_THAT(text(), Not(HasSubstr("Step:")));
}

}  // namespace
}  // namespace cubelet::client
