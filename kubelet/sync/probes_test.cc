// Probes as a pod's worker uses them: what verdicts do to containers and to the status.
#include <gtest/gtest.h>

#include "base/http/test_server.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

core::Probe execProbe(const std::string& word, int period = 1) {
  core::Probe probe;
  probe.mutable_handler()->mutable_exec()->add_command(word);
  probe.set_periodseconds(period);
  return probe;
}

struct Probed : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  std::map<std::string, cri::FakeExec> answers;
  std::map<std::string, int> asked;

  Probed() {
    runtime.onExec = [this](const cri::FakeContainer&, const std::vector<std::string>& command) {
      ++asked[command.front()];
      return answers[command.front()];
    };
  }

  static core::Pod pod() { return makePod("a", "u1"); }
  static core::Container& web(core::Pod& pod) { return *pod.mutable_spec()->mutable_containers(0); }
  void run(core::Pod pod) {
    api::setDefaults(pod);
    node.setPods({std::move(pod)});
  }
  const core::ContainerStatus& status() { return node.status("a").containerstatuses(0); }
  std::string condition(const std::string& type) {
    for (const auto& one : node.status("a").conditions())
      if (one.type() == type) return one.status();
    return "";
  }
};

TEST_F(Probed, PRB_3_ReadinessBeginsAsNotReady) {
  core::Pod wanted = pod();
  *web(wanted).mutable_readinessprobe() = execProbe("r");
  answers["r"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  EXPECT_TRUE(status().started()) << "PRB_14";
  EXPECT_FALSE(status().ready());
  EXPECT_EQ(condition("Ready"), "False");
  answers["r"].exitCode = 0;
  node.advance(seconds(1));
  EXPECT_TRUE(status().ready());
  EXPECT_EQ(condition("Ready"), "True");
  EXPECT_TRUE(node.hasEvent("Unhealthy", "Readiness probe failed: "));
}

TEST_F(Probed, PRB_14_WithoutAProbeItIsReadyAtOnce) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  node.startAgent();
  run(wanted);
  EXPECT_TRUE(status().started());
  EXPECT_TRUE(status().ready());
}

TEST_F(Probed, PRB_8_ReadinessFlipsWithoutARestart) {
  core::Pod wanted = pod();
  *web(wanted).mutable_readinessprobe() = execProbe("r");
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  ASSERT_TRUE(status().ready());
  answers["r"].exitCode = 1;
  node.advance(seconds(2));
  EXPECT_TRUE(status().ready()) << "two failures are not three";
  node.advance(seconds(1));
  EXPECT_FALSE(status().ready());
  EXPECT_EQ(status().restartcount(), 0);
  answers["r"].exitCode = 0;
  node.advance(seconds(1));
  EXPECT_TRUE(status().ready());
}

TEST_F(Probed, PRB_7_FailedLivenessRestarts) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  node.startAgent();
  run(wanted);
  answers["l"].exitCode = 1;
  node.advance(milliseconds(2500));
  answers["l"].exitCode = 0;
  EXPECT_TRUE(node.hasEvent("Killing", "Container web failed liveness probe, will be restarted"));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#1"});
  EXPECT_EQ(node.countCalls("StopContainer"), 1u);
  node.advance(seconds(30));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#1"}) << "the new instance is judged by itself";
}

TEST_F(Probed, PRB_7_NeverIsNotRestarted) {
  core::Pod wanted = pod();
  wanted.mutable_spec()->set_restartpolicy("Never");
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  node.startAgent();
  run(wanted);
  answers["l"].exitCode = 1;
  node.advance(seconds(4));
  EXPECT_TRUE(node.hasEvent("Killing", "Container web failed liveness probe"));
  EXPECT_FALSE(node.hasEvent("Killing", "will be restarted"));
  EXPECT_EQ(node.status("a").phase(), "Failed");
}

TEST_F(Probed, PRB_13_TheProbesOwnGrace) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  web(wanted).mutable_livenessprobe()->set_terminationgraceperiodseconds(7);
  runtime.program("web").ignoresTerm = true;
  answers["l"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(seconds(3));
  ASSERT_TRUE(runtime.container("web")->stopGrace);
  EXPECT_EQ(*runtime.container("web")->stopGrace, Duration(seconds(7)));
}

TEST_F(Probed, PRB_4_StartupGatesTheOthersAndTheStatus) {
  core::Pod wanted = pod();
  *web(wanted).mutable_startupprobe() = execProbe("s");
  *web(wanted).mutable_readinessprobe() = execProbe("r", 100);
  *web(wanted).mutable_livenessprobe() = execProbe("l", 100);
  answers["s"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(seconds(1));
  EXPECT_FALSE(status().started());
  EXPECT_FALSE(status().ready());
  EXPECT_EQ(asked["r"] + asked["l"], 0);
  answers["s"].exitCode = 0;
  node.advance(seconds(1));
  EXPECT_TRUE(status().started());
  EXPECT_TRUE(status().ready()) << "asked at once";
  EXPECT_EQ(asked["l"], 1);
  const int startups = asked["s"];
  node.advance(seconds(10));
  EXPECT_EQ(asked["s"], startups);
}

TEST_F(Probed, PRB_7_FailedStartupRestarts) {
  core::Pod wanted = pod();
  *web(wanted).mutable_startupprobe() = execProbe("s");
  answers["s"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(seconds(3));
  EXPECT_TRUE(node.hasEvent("Killing", "Container web failed startup probe, will be restarted"));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#1"});
}

TEST_F(Probed, SID_1_ASidecarsStartupProbeHoldsTheNextOnesBack) {
  core::Pod wanted = pod();
  core::Container* sidecar = wanted.mutable_spec()->add_initcontainers();
  sidecar->set_name("proxy");
  sidecar->set_image("web:1");
  sidecar->set_restartpolicy("Always");
  *sidecar->mutable_startupprobe() = execProbe("s");
  *sidecar->mutable_readinessprobe() = execProbe("r");
  answers["s"].exitCode = 1;
  answers["r"].exitCode = 1;
  node.startAgent();
  run(wanted);
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"proxy#0"});
  answers["s"].exitCode = 0;
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), (std::vector<std::string>{"proxy#0", "web#0"})) << "readiness holds nobody back";
  EXPECT_EQ(condition("Ready"), "False") << "but counts for the pod";
}

TEST_F(Probed, SID_3_AFailedLivenessProbeRestartsASidecarAlone) {
  core::Pod wanted = pod();
  core::Container* sidecar = wanted.mutable_spec()->add_initcontainers();
  sidecar->set_name("proxy");
  sidecar->set_image("web:1");
  sidecar->set_restartpolicy("Always");
  *sidecar->mutable_livenessprobe() = execProbe("l");
  node.startAgent();
  run(wanted);
  answers["l"].exitCode = 1;
  node.advance(milliseconds(2500));
  EXPECT_EQ(runtime.running(), (std::vector<std::string>{"proxy#1", "web#0"}));
}

TEST_F(Probed, TRM_5_PRB_17_WhileStoppingOnlyReadinessIsAsked) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  *web(wanted).mutable_readinessprobe() = execProbe("r");
  runtime.program("web").termTakes = seconds(20);
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  ASSERT_TRUE(status().ready());
  node.setPods({});
  answers["r"].exitCode = 1;
  answers["l"].exitCode = 1;
  const int before = asked["l"];
  node.advance(seconds(5));
  EXPECT_EQ(asked["l"], before);
  EXPECT_FALSE(status().ready()) << "the application has said so";
  EXPECT_EQ(condition("Ready"), "False");
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
}

TEST_F(Probed, PRB_16_ReadyStaysReadyOverARestartOfTheAgent) {
  core::Pod wanted = pod();
  *web(wanted).mutable_startupprobe() = execProbe("s");
  *web(wanted).mutable_readinessprobe() = execProbe("r", 10);
  api::setDefaults(wanted);
  (*wanted.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  node.startAgent({"api"});
  node.setPods({wanted}, "api");
  node.advance(milliseconds(1));
  ASSERT_TRUE(status().ready());
  core::Pod known = node.told().back();
  node.stopAgent();
  node.startAgent({"api"});
  answers["s"].exitCode = 1;
  node.setPods({known}, "api");
  EXPECT_TRUE(status().started());
  EXPECT_TRUE(status().ready());
  for (const core::Pod& told : node.told()) EXPECT_TRUE(told.status().containerstatuses(0).ready());
  const int startups = asked["s"];
  answers["r"].exitCode = 1;
  node.advance(seconds(45));
  EXPECT_EQ(asked["s"], startups) << "it has started, that is not asked again";
  EXPECT_FALSE(status().ready()) << "and probing goes on";
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#0"});
}

TEST_F(Probed, REC_11_TheRuntimesAbsenceTurnsNothing) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  *web(wanted).mutable_readinessprobe() = execProbe("r");
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  ASSERT_TRUE(status().ready());
  runtime.setDown(true);
  node.advance(seconds(30));
  runtime.setDown(false);
  node.advance(seconds(10));
  EXPECT_TRUE(status().ready());
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#0"});
}

TEST_F(Probed, AHungProbeDelaysNoOtherPod) {
  core::Pod first = pod();
  *web(first).mutable_readinessprobe() = execProbe("hangs");
  web(first).mutable_readinessprobe()->set_timeoutseconds(600);
  answers["hangs"].takes = seconds(500);
  core::Pod second = makePod("b", "u2");
  *second.mutable_spec()->mutable_containers(0)->mutable_readinessprobe() = execProbe("r");
  api::setDefaults(first);
  api::setDefaults(second);
  node.startAgent();
  node.setPods({first, second});
  node.advance(milliseconds(1));
  EXPECT_FALSE(status().ready());
  EXPECT_TRUE(node.status("b").containerstatuses(0).ready());
  answers["r"].exitCode = 1;
  node.advance(seconds(4));
  EXPECT_FALSE(node.status("b").containerstatuses(0).ready());
}

TEST_F(Probed, PRB_10_StaticVariablesAreExpanded) {
  core::Pod wanted = pod();
  core::EnvVar* variable = web(wanted).add_env();
  variable->set_name("WORD");
  variable->set_value("ready");
  *web(wanted).mutable_readinessprobe() = execProbe("$(WORD)-$(OTHER)");
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  EXPECT_EQ(asked["ready-$(OTHER)"], 1);
}

TEST_F(Probed, PRB_11_ByHttp) {
  http::TestServer server(node.loop, [](const std::string&) { return http::okAnswer(); });
  core::Pod wanted = pod();
  core::Probe probe;
  probe.mutable_handler()->mutable_httpget()->mutable_port()->set_intval(server.port());
  probe.mutable_handler()->mutable_httpget()->set_host("127.0.0.1");
  *web(wanted).mutable_readinessprobe() = probe;
  node.startAgent();
  run(wanted);
  node.advance(milliseconds(1));
  EXPECT_TRUE(node.loop.runUntil([&] { return status().ready(); }, seconds(5)));
}

TEST_F(Probed, NothingIsLeftOfTheProbesOfAPodThatIsGone) {
  core::Pod wanted = pod();
  *web(wanted).mutable_livenessprobe() = execProbe("l");
  *web(wanted).mutable_readinessprobe() = execProbe("r");
  node.startAgent();
  run(wanted);
  node.advance(seconds(2));
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone() && node.sync().podCount() == 0; }, seconds(60)));
  const int before = asked["l"] + asked["r"];
  EXPECT_GT(before, 0);
  node.advance(seconds(60));
  EXPECT_EQ(asked["l"] + asked["r"], before);
}

}  // namespace
}  // namespace cubelet::sync
