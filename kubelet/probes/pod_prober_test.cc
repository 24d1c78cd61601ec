#include "kubelet/probes/pod_prober.h"

#include <gtest/gtest.h>

#include "base/async_test.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::probes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

core::Probe exec(const std::string& word, int period = 10) {
  core::Probe probe;
  probe.mutable_handler()->mutable_exec()->add_command(word);
  probe.set_timeoutseconds(1);
  probe.set_periodseconds(period);
  probe.set_successthreshold(1);
  probe.set_failurethreshold(3);
  return probe;
}

// Commands are answered as `answers` says; every run is noted as "seconds since the start: command".
struct Probing : AsyncTest {
  BlockingPool pool{loop, clock, 2};
  rpc::Pump pump{loop};
  cri::FakeRuntime runtime{clock};
  http::Client http{loop, clock, pool};
  Runner runner{{.loop = loop,
                 .clock = clock,
                 .pool = pool,
                 .pump = pump,
                 .runtime = runtime,
                 .http = http,
                 .kubernetesVersion = "1.36"}};
  core::Pod pod;
  core::Container& web = *pod.mutable_spec()->add_containers();
  std::map<std::string, cri::FakeExec> answers;
  std::vector<std::string> verdicts;
  std::vector<std::string> events;
  double random = 0;
  std::string id;
  const TimePoint begin = clock.now();
  PodProber prober{loop,
                   clock,
                   runner,
                   pod,
                   {.verdict =
                        [this](const Verdict& verdict) {
                          verdicts.push_back(std::string(eventName(verdict.kind)) + (verdict.success ? "+" : "-"));
                        },
                    .warn = [this](const std::string&, const ProbeEvent& event) { events.push_back(event.message); },
                    .expand = [](const core::Container&, const std::string& word) { return word; },
                    .random = [this] { return random; }}};

  Probing() {
    web.set_name("web");
    runtime.addImage("img");
    runtime.onExec = [this](const cri::FakeContainer&, const std::vector<std::string>& command) {
      const auto since = std::chrono::duration_cast<milliseconds>(clock.now() - begin);
      journal.push_back(std::to_string(since.count() / 1000.0).substr(0, 4) + " " + command.front());
      return answers[command.front()];
    };
    id = newInstance();
  }
  ~Probing() override { loop.runToEnd(prober.close()); }

  std::string newInstance() {
    cri::v1::PodSandboxConfig sandbox;
    sandbox.mutable_metadata()->set_name("p" + std::to_string(++made_));
    const std::string sandboxId = loop.runToEnd(runtime.runPodSandbox(sandbox, "")).value();
    cri::v1::ContainerConfig config;
    config.mutable_metadata()->set_name("web");
    config.mutable_image()->set_image("img");
    const std::string made = loop.runToEnd(runtime.createContainer(sandboxId, config, sandbox)).value();
    EXPECT_TRUE(loop.runToEnd(runtime.startContainer(made)));
    startedAt = clock.wallNow();
    return made;
  }
  RunningContainer running(bool started = true) {
    RunningContainer one;
    one.name = "web";
    one.id = id;
    one.startedAt = startedAt;
    one.started = started;
    return one;
  }
  void sync(const RunningContainer& one, bool terminating = false) { prober.sync({one}, "10.0.0.7", terminating); }
  void failing(const std::string& word) { answers[word].exitCode = 1; }

  WallTime startedAt;
  int made_ = 0;
};

TEST_F(Probing, PRB_2_FiresAtOnceAndThenEachPeriod) {
  *web.mutable_readinessprobe() = exec("r");
  sync(running());
  clock.advance(seconds(25));
  EXPECT_EQ(journal, (Journal{"0.00 r", "10.0 r", "20.0 r"}));
  EXPECT_EQ(verdicts, std::vector<std::string>{"Readiness+"}) << "told once";
}

TEST_F(Probing, PRB_5_InitialDelayCountsFromTheStartOfTheInstance) {
  *web.mutable_readinessprobe() = exec("r");
  web.mutable_readinessprobe()->set_initialdelayseconds(5);
  clock.advance(seconds(2));
  sync(running());
  clock.advance(seconds(20));
  EXPECT_EQ(journal, (Journal{"5.00 r", "15.0 r"}));
}

TEST_F(Probing, PRB_4_OnlyTheStartupProbeUntilTheContainerHasStarted) {
  *web.mutable_startupprobe() = exec("s", 1);
  *web.mutable_livenessprobe() = exec("l");
  *web.mutable_readinessprobe() = exec("r");
  failing("s");
  sync(running(false));
  clock.advance(milliseconds(1500));
  EXPECT_EQ(journal, (Journal{"0.00 s", "1.00 s"}));
  answers["s"].exitCode = 0;
  clock.advance(milliseconds(700));
  EXPECT_EQ(verdicts, std::vector<std::string>{"Startup+"});
  sync(running(true));
  clock.advance(seconds(1));
  EXPECT_EQ(journal, (Journal{"0.00 s", "1.00 s", "2.00 s", "2.20 l", "2.20 r"})) << "at once, and the first no more";
}

TEST_F(Probing, PRB_7_AfterAFailureNothingIsAskedUntilThereIsAnotherInstance) {
  *web.mutable_livenessprobe() = exec("l", 1);
  failing("l");
  sync(running());
  clock.advance(seconds(10));
  EXPECT_EQ(verdicts, std::vector<std::string>{"Liveness-"});
  EXPECT_EQ(journal.size(), 3u);
  sync(running());
  clock.advance(seconds(10));
  EXPECT_EQ(journal.size(), 3u);
  answers["l"].exitCode = 0;
  id = newInstance();
  sync(running());
  clock.advance(milliseconds(1));
  EXPECT_EQ(journal.size(), 4u);
  EXPECT_EQ(verdicts.back(), "Liveness+");
}

TEST_F(Probing, PRB_6_CountingStartsAnewWithEachInstance) {
  *web.mutable_livenessprobe() = exec("l", 1);
  failing("l");
  sync(running());
  clock.advance(milliseconds(1500));
  EXPECT_EQ(journal.size(), 2u);
  id = newInstance();
  sync(running());
  clock.advance(milliseconds(1500));
  EXPECT_EQ(journal.size(), 4u);
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(Probing, PRB_8_ReadinessTurnsBothWays) {
  *web.mutable_readinessprobe() = exec("r", 1);
  sync(running());
  clock.advance(milliseconds(500));
  failing("r");
  clock.advance(seconds(3));
  answers["r"].exitCode = 0;
  clock.advance(seconds(1));
  EXPECT_EQ(verdicts, (std::vector<std::string>{"Readiness+", "Readiness-", "Readiness+"}));
  EXPECT_EQ(events.size(), 3u);
  EXPECT_EQ(events.front(), "Readiness probe failed: ");
}

TEST_F(Probing, PRB_9_WhatCannotBeAskedIsTriedThreeTimesAndGivesNoVerdict) {
  *web.mutable_readinessprobe() = exec("r", 1);
  answers["r"].error = Error(Code::kInternal, "", "no such thing");
  sync(running());
  clock.advance(milliseconds(2500));
  EXPECT_EQ(journal.size(), 9u);
  EXPECT_TRUE(verdicts.empty());
  EXPECT_EQ(events.size(), 3u);
  EXPECT_EQ(events.front(), "Readiness probe errored and resulted in unknown state: no such thing");
}

TEST_F(Probing, PRB_9_AnUnknownPortIsSaid) {
  *web.mutable_readinessprobe() = exec("r", 1);
  k8s::meta::v1::IntOrString& port =
      *web.mutable_readinessprobe()->mutable_handler()->mutable_tcpsocket()->mutable_port();
  port.set_type(1);
  port.set_strval("admin");
  web.mutable_readinessprobe()->mutable_handler()->clear_exec();
  sync(running());
  clock.advance(milliseconds(1500));
  EXPECT_EQ(events.size(), 2u);
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(Probing, PRB_10_ATimeoutIsAFailure) {
  *web.mutable_livenessprobe() = exec("l");
  web.mutable_livenessprobe()->set_failurethreshold(1);
  answers["l"].takes = seconds(5);
  sync(running());
  clock.advance(seconds(2));
  EXPECT_EQ(verdicts, std::vector<std::string>{"Liveness-"});
  EXPECT_EQ(events.front(), "Liveness probe failed: command \"l\" timed out after 1s");
}

TEST_F(Probing, AHungProbeDelaysNoOtherAndDoesNotDrift) {
  core::Container& other = *pod.mutable_spec()->add_containers();
  other.set_name("other");
  *web.mutable_readinessprobe() = exec("hangs", 1);
  web.mutable_readinessprobe()->set_timeoutseconds(60);
  answers["hangs"].takes = milliseconds(2300);
  *other.mutable_readinessprobe() = exec("r", 1);
  RunningContainer second = running();
  second.name = "other";
  prober.sync({running(), second}, "10.0.0.7", false);
  clock.advance(milliseconds(4500));
  const auto of = [&](const std::string& word) {
    std::vector<std::string> times;
    for (const std::string& line : journal)
      if (line.ends_with(" " + word)) times.push_back(line.substr(0, 4));
    return times;
  };
  EXPECT_EQ(of("r"), (std::vector<std::string>{"0.00", "1.00", "2.00", "3.00", "4.00"}));
  EXPECT_EQ(of("hangs"), (std::vector<std::string>{"0.00", "2.30"})) << "never twice at a time";
}

TEST_F(Probing, PRB_17_OnlyReadinessWhileThePodIsStopped) {
  *web.mutable_startupprobe() = exec("s", 1);
  *web.mutable_livenessprobe() = exec("l", 1);
  *web.mutable_readinessprobe() = exec("r", 1);
  sync(running());
  clock.advance(milliseconds(1));
  journal.clear();
  failing("r");
  sync(running(), true);
  clock.advance(seconds(3));
  EXPECT_EQ(journal, (Journal{"1.00 r", "2.00 r", "3.00 r"}));
  EXPECT_EQ(verdicts.back(), "Readiness-");
}

TEST_F(Probing, PRB_15_WhatDoesNotRunIsNotAsked) {
  *web.mutable_readinessprobe() = exec("r", 1);
  sync(running());
  EXPECT_EQ(clock.pendingTimers(), 1u);
  prober.sync({}, "", false);
  EXPECT_EQ(prober.size(), 0u);
  EXPECT_EQ(clock.pendingTimers(), 0u);
  clock.advance(seconds(3));
  EXPECT_TRUE(journal.empty());
}

TEST_F(Probing, AnAnswerForAnOlderInstanceIsDropped) {
  *web.mutable_readinessprobe() = exec("r", 10);
  web.mutable_readinessprobe()->set_timeoutseconds(5);
  answers["r"] = cri::FakeExec{.exitCode = 1, .takes = seconds(2)};
  sync(running());
  clock.advance(seconds(1));
  prober.sync({}, "", false);
  clock.advance(seconds(3));
  EXPECT_TRUE(events.empty());
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(Probing, INI_7_PlainInitContainersAreNotProbed) {
  core::Container& init = *pod.mutable_spec()->add_initcontainers();
  init.set_name("init");
  *init.mutable_readinessprobe() = exec("r", 1);
  RunningContainer one = running();
  one.name = "init";
  sync(one);
  EXPECT_EQ(prober.size(), 0u);
  init.set_restartpolicy("Always");
  sync(one);
  EXPECT_EQ(prober.size(), 1u) << "sidecars are";
}

TEST(FirstRun, PRB_2_IsSpreadAfterARestartOfTheAgent) {
  const core::Probe probe = exec("r", 10);
  RunningContainer one;
  EXPECT_EQ(firstDelay(probe, one, seconds(100), 0.5), Duration(0));
  one.adopted = true;
  EXPECT_EQ(firstDelay(probe, one, seconds(100), 0.5), milliseconds(500)) << "nothing is known: soon";
  one.hasVerdict = true;
  EXPECT_EQ(firstDelay(probe, one, seconds(100), 0.5), seconds(5));
  core::Probe late = probe;
  late.set_initialdelayseconds(30);
  EXPECT_EQ(firstDelay(late, one, seconds(10), 0.5), seconds(20));
}

TEST(NextRun, KeepsItsBeat) {
  const TimePoint due{std::chrono::hours(1)};
  EXPECT_EQ(nextDue(due, seconds(1), due), due + seconds(1));
  EXPECT_EQ(nextDue(due, seconds(1), due + milliseconds(999)), due + seconds(1));
  EXPECT_EQ(nextDue(due, seconds(1), due + milliseconds(1999)), due + seconds(1)) << "at once";
  EXPECT_EQ(nextDue(due, seconds(1), due + milliseconds(5300)), due + seconds(5)) << "once, not five times";
}

}  // namespace
}  // namespace cubelet::probes
