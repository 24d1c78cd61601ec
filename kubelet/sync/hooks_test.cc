// Lifecycle hooks and the active deadline, as a pod's worker carries them out.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

core::LifecycleHandler execHook(const std::string& word) {
  core::LifecycleHandler handler;
  handler.mutable_exec()->add_command(word);
  return handler;
}

core::LifecycleHandler sleepHook(int time) {
  core::LifecycleHandler handler;
  handler.mutable_sleep()->set_seconds(time);
  return handler;
}

struct Hooked : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  std::map<std::string, cri::FakeExec> answers;
  Names asked;

  Hooked() {
    runtime.onExec = [this](const cri::FakeContainer&, const std::vector<std::string>& command) {
      asked.push_back(command.front());
      return answers[command.front()];
    };
  }

  static core::Pod pod() { return makePod("a", "u1"); }
  static core::Container& web(core::Pod& pod) { return *pod.mutable_spec()->mutable_containers(0); }
  static core::Container& add(core::Pod& pod, const std::string& name) {
    core::Container& container = *pod.mutable_spec()->add_containers();
    container.set_name(name);
    container.set_image("web:1");
    return container;
  }
  static core::Container& addSidecar(core::Pod& pod, const std::string& name) {
    core::Container& container = *pod.mutable_spec()->add_initcontainers();
    container.set_name(name);
    container.set_image("web:1");
    container.set_restartpolicy("Always");
    return container;
  }
  void run(core::Pod pod) {
    api::setDefaults(pod);
    node.setPods({std::move(pod)});
  }
  const core::ContainerStatus& status(int index = 0) { return node.status("a").containerstatuses(index); }
  Duration graceOf(const std::string& name) { return runtime.container(name)->stopGrace.value_or(Duration(-1)); }
  bool stops(const std::string& name) { return runtime.container(name)->stopGrace.has_value(); }
};

// ---- postStart ----

TEST_F(Hooked, TRM_6_TheNextContainerWaitsForPostStart) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_poststart() = execHook("warm");
  add(wanted, "other");
  answers["warm"].takes = seconds(5);
  node.startAgent();
  run(wanted);
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(status(1).state().waiting().reason(), "ContainerCreating") << "it does not count as running yet";
  EXPECT_FALSE(status(1).ready());
  EXPECT_EQ(node.status("a").phase(), "Pending");
  node.advance(seconds(5));
  EXPECT_EQ(runtime.running(), (Names{"other#0", "web#0"}));
  EXPECT_TRUE(status(1).state().has_running());
  EXPECT_TRUE(status(1).ready());
  EXPECT_EQ(asked, Names{"warm"});
}

TEST_F(Hooked, TRM_6_AFailureKillsTheContainer) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_poststart() = execHook("warm");
  answers["warm"] = cri::FakeExec{.exitCode = 1, .output = "secret"};
  node.startAgent();
  run(wanted);
  EXPECT_TRUE(node.hasEvent("FailedPostStartHook", "PostStartHook failed"));
  EXPECT_FALSE(node.hasEvent("FailedPostStartHook", "secret"));
  EXPECT_TRUE(node.hasEvent("Killing", "FailedPostStartHook"));
  EXPECT_EQ(graceOf("web"), Duration(seconds(30)));
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_EQ(node.waitingReason("a"), "PostStartHookError");
  answers["warm"].exitCode = 0;
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(30)));
  EXPECT_TRUE(status().state().has_running());
}

TEST_F(Hooked, TRM_6_FailureUnderNeverIsTheEnd) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_restartpolicy("Never");
  *web(wanted).mutable_lifecycle()->mutable_poststart() = execHook("warm");
  answers["warm"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(seconds(60));
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
}

TEST_F(Hooked, TRM_6_AHookOfAContainerThatEndsIsGivenUp) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_poststart() = sleepHook(1000);
  wanted.mutable_spec()->set_restartpolicy("Never");
  node.startAgent();
  run(wanted);
  runtime.exitContainer("web", 0);
  node.settle();
  EXPECT_TRUE(status().state().has_terminated());
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
}

TEST_F(Hooked, TRM_6_DeletionDoesNotWaitForPostStart) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_poststart() = execHook("forever");
  answers["forever"].takes = std::chrono::hours(1);
  node.startAgent();
  run(wanted);
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Hooked, PRB_5_ProbingBeginsAfterPostStart) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_poststart() = execHook("warm");
  answers["warm"].takes = seconds(5);
  web(wanted).mutable_livenessprobe()->mutable_handler()->mutable_exec()->add_command("live");
  node.startAgent();
  run(wanted);
  node.advance(seconds(4));
  EXPECT_EQ(asked, Names{"warm"});
  node.advance(seconds(2));
  EXPECT_EQ(asked, (Names{"warm", "live"}));
}

TEST_F(Hooked, SID_1_ASidecarsPostStartHoldsTheNextOnesBack) {
  core::Pod wanted = pod();
  *addSidecar(wanted, "proxy").mutable_lifecycle()->mutable_poststart() = sleepHook(3);
  node.startAgent();
  run(wanted);
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), Names{"proxy#0"});
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), (Names{"proxy#0", "web#0"}));
}

TEST_F(Hooked, INI_7_PlainInitContainersHaveNoHooks) {
  core::Pod wanted = pod();
  core::Container& init = addSidecar(wanted, "init");
  init.clear_restartpolicy();
  *init.mutable_lifecycle()->mutable_poststart() = execHook("no");
  *init.mutable_lifecycle()->mutable_prestop() = execHook("no");
  node.startAgent();
  run(wanted);
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
  EXPECT_TRUE(asked.empty());
}

// ---- preStop ----

TEST_F(Hooked, TRM_2_PreStopRunsBeforeTheSignalAndCountsAgainstTheGrace) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  answers["drain"].takes = seconds(10);
  runtime.program("web").ignoresTerm = true;
  node.startAgent();
  run(wanted);
  node.setPods({});
  EXPECT_TRUE(node.hasEvent("Killing", "Stopping container web"));
  node.advance(seconds(9));
  EXPECT_FALSE(stops("web"));
  node.advance(seconds(1));
  EXPECT_EQ(graceOf("web"), Duration(seconds(20)));
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(25)));
  EXPECT_EQ(asked, Names{"drain"});
  EXPECT_FALSE(node.hasEvent("FailedPreStopHook"));
}

TEST_F(Hooked, TRM_3_AtTheEndOfTheGraceTheHookIsAbandoned) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = sleepHook(1000);
  runtime.program("web").ignoresTerm = true;
  node.startAgent();
  run(wanted);
  node.setPods({});
  node.advance(seconds(29));
  EXPECT_FALSE(stops("web"));
  node.advance(seconds(1));
  EXPECT_EQ(graceOf("web"), Duration(seconds(2)));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Hooked, TRM_3_AFailedHookIsSaidAndTerminationGoesOn) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  answers["drain"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.setPods({});
  EXPECT_TRUE(node.hasEvent("FailedPreStopHook", "PreStopHook failed"));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Hooked, TRM_4_PreStopRunsBeforeALivenessKill) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  web(wanted).mutable_livenessprobe()->mutable_handler()->mutable_exec()->add_command("live");
  web(wanted).mutable_livenessprobe()->set_failurethreshold(1);
  answers["live"].exitCode = 1;
  answers["drain"].takes = seconds(4);
  node.startAgent();
  run(wanted);
  node.advance(seconds(1));
  EXPECT_EQ(asked, (Names{"live", "drain"}));
  EXPECT_FALSE(stops("web"));
  answers["live"].exitCode = 0;
  node.advance(seconds(3));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_TRUE(node.hasEvent("Killing", "failed liveness probe"));
}

TEST_F(Hooked, TRM_3_TheGraceBoundsTheHookOfALivenessKillToo) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = sleepHook(20);
  core::Probe& probe = *web(wanted).mutable_livenessprobe();
  probe.mutable_handler()->mutable_exec()->add_command("live");
  probe.set_failurethreshold(1);
  probe.set_terminationgraceperiodseconds(5);
  answers["live"].exitCode = 1;
  runtime.program("web").ignoresTerm = true;
  node.startAgent();
  run(wanted);
  node.advance(seconds(4));
  EXPECT_FALSE(stops("web"));
  node.advance(seconds(1));
  EXPECT_EQ(graceOf("web"), Duration(seconds(2)));
}

TEST_F(Hooked, TRM_4_NotWhenTheContainerHasEndedByItself) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_restartpolicy("Never");
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  node.startAgent();
  run(wanted);
  runtime.exitContainer("web", 0);
  node.settle();
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
  EXPECT_TRUE(asked.empty());
}

TEST_F(Hooked, TRM_7_ASleepEndsWithItsContainer) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = sleepHook(25);
  node.startAgent();
  run(wanted);
  node.setPods({});
  node.advance(seconds(1));
  runtime.exitContainer("web", 0);
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(3)));
}

TEST_F(Hooked, SID_5_AllHooksBeginAtOnceAndSidecarsStopLast) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain-web");
  *addSidecar(wanted, "proxy").mutable_lifecycle()->mutable_prestop() = execHook("drain-proxy");
  answers["drain-web"].takes = seconds(10);
  answers["drain-proxy"].takes = seconds(3);
  runtime.program("proxy").ignoresTerm = true;
  node.startAgent();
  run(wanted);
  node.setPods({});
  EXPECT_EQ(asked.size(), 2u);
  node.advance(seconds(9));
  EXPECT_FALSE(stops("proxy"));
  node.advance(seconds(1));
  EXPECT_TRUE(stops("web"));
  node.settle();
  EXPECT_EQ(graceOf("proxy"), Duration(seconds(20)));
}

TEST_F(Hooked, TRM_1_AShorterGraceReachesARunningHook) {
  core::Pod wanted = pod();
  (*wanted.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  *web(wanted).mutable_lifecycle()->mutable_prestop() = sleepHook(100);
  runtime.program("web").ignoresTerm = true;
  api::setDefaults(wanted);
  node.startAgent({"api"});
  node.setPods({wanted}, "api");
  wanted.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  wanted.mutable_metadata()->set_deletiongraceperiodseconds(60);
  node.setPods({wanted}, "api");
  node.advance(seconds(5));
  EXPECT_FALSE(stops("web"));
  wanted.mutable_metadata()->set_deletiongraceperiodseconds(1);
  node.setPods({wanted}, "api");
  node.advance(seconds(1));
  EXPECT_EQ(graceOf("web"), Duration(seconds(2)));
}

TEST_F(Hooked, REC_2_AfterARestartOfTheAgentAHookThatEndedIsNotRunAgain) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  runtime.program("web").ignoresTerm = true;
  answers["drain"].takes = seconds(2);
  node.startAgent();
  run(wanted);
  node.setPods({});
  node.advance(seconds(5));
  ASSERT_TRUE(stops("web"));
  node.stopAgent();
  node.startAgent();
  node.setPods({});
  node.advance(seconds(1));
  EXPECT_EQ(asked, Names{"drain"});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(30)));
}

TEST_F(Hooked, REC_2_AHookThatWasInterruptedIsRunAgainInTheTimeThatIsLeft) {
  core::Pod wanted = pod();
  *web(wanted).mutable_lifecycle()->mutable_prestop() = execHook("drain");
  runtime.program("web").ignoresTerm = true;
  answers["drain"].takes = seconds(1000);
  node.startAgent();
  run(wanted);
  node.setPods({});
  node.advance(seconds(10));
  node.stopAgent();
  node.startAgent();
  node.setPods({});  // the object is unknown now: the hook comes from the annotations
  node.advance(seconds(1));
  EXPECT_EQ(asked, (Names{"drain", "drain"}));
  EXPECT_FALSE(stops("web"));
  node.advance(seconds(20));
  EXPECT_EQ(graceOf("web"), Duration(seconds(2)));
}

// ---- activeDeadlineSeconds ----

TEST_F(Hooked, DLN_2_AnOverduePodFailsAndItsContainersAreStopped) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_activedeadlineseconds(60);
  runtime.program("web").termTakes = seconds(5);
  node.startAgent();
  run(wanted);
  node.advance(seconds(59));
  EXPECT_EQ(node.status("a").phase(), "Running");
  node.advance(seconds(1));
  EXPECT_EQ(node.status("a").phase(), "Running") << "PLC_8: held back until nothing runs any more";
  EXPECT_TRUE(node.hasEvent("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"));
  EXPECT_EQ(graceOf("web"), Duration(seconds(30)));
  node.advance(seconds(5));
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("a").reason(), "DeadlineExceeded");
  EXPECT_EQ(node.status("a").message(), "Pod was active on the node longer than the specified deadline");
  node.advance(seconds(600));
  EXPECT_EQ(node.countCalls("StartContainer"), 1u) << "whatever the restart policy says";
}

TEST_F(Hooked, DLN_2_StaysFailedOverARestartOfTheAgent) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_activedeadlineseconds(5);
  node.startAgent();
  run(wanted);
  node.advance(seconds(6));
  ASSERT_EQ(node.status("a").reason(), "DeadlineExceeded");
  node.stopAgent();
  node.startAgent();
  run(wanted);
  node.advance(seconds(60));
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
}

TEST_F(Hooked, DLN_1_AnUpdateTakesEffectAtOnce) {
  core::Pod wanted = pod();
  (*wanted.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  api::setDefaults(wanted);
  node.startAgent({"api"});
  node.setPods({wanted}, "api");
  node.advance(seconds(30));
  wanted.mutable_spec()->set_activedeadlineseconds(20);
  node.setPods({wanted}, "api");
  node.settle();
  EXPECT_EQ(node.status("a").reason(), "DeadlineExceeded");
}

TEST_F(Hooked, DLN_1_APodThatHasEndedIsNotFailedLater) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_activedeadlineseconds(20);
  wanted.mutable_spec()->set_restartpolicy("Never");
  node.startAgent();
  run(wanted);
  runtime.exitContainer("web", 0);
  node.settle();
  ASSERT_EQ(node.status("a").phase(), "Succeeded");
  node.advance(seconds(100));
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
}

}  // namespace
}  // namespace cubelet::sync
