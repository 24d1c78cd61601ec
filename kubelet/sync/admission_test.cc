// Pods that the node does not take, and pods that make room for others.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

core::Pod asking(core::Pod pod, const std::string& cpu) {
  core::Container& container = *pod.mutable_spec()->mutable_containers(0);
  (*container.mutable_resources()->mutable_requests())["cpu"].set_string(cpu);
  return pod;
}

core::Pod apiPod(const std::string& name, const std::string& cpu, std::int64_t created) {
  core::Pod pod = asking(makePod(name, "uid-" + name), cpu);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_metadata()->mutable_creationtimestamp()->set_seconds(created);
  return pod;
}

core::Pod staticPod(const std::string& name, const std::string& cpu) {
  return asking(makePod(name, "uid-" + name), cpu);
}

core::Pod deleted(core::Pod pod) {
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  pod.mutable_metadata()->set_deletiongraceperiodseconds(30);
  return pod;
}

// What the API server knows better.
Task<void> learn(admission::NodeView* view, int* reads) {
  ++*reads;
  view->labels["disk"] = "ssd";
  co_return;
}

struct Admission : testing::Test {
  Admission() {
    view.name = "n1";
    view.allocatable = {{"cpu", 1000}, {"memory", std::int64_t{1} << 30}, {"pods", 10}};
    node.admissionNode = &view;
  }
  void start() { node.startAgent({"file", "api"}); }
  void apiPods(std::vector<core::Pod> pods) { node.setPods(std::move(pods), "api"); }
  void files(std::vector<core::Pod> pods) { node.setPods(std::move(pods), "file"); }
  std::vector<std::string> runningPods() {
    std::vector<std::string> names;
    for (const auto& sandbox : node.runtime.sandboxes())
      if (sandbox->ready) names.push_back(sandbox->config.metadata().name());
    std::ranges::sort(names);
    return names;
  }

  admission::NodeView view;
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
};

using Names = std::vector<std::string>;

TEST_F(Admission, ADM_1_ARejectedPodNeverStartsAndSaysWhy) {
  start();
  files({});
  apiPods({apiPod("a", "2", 1)});
  node.advance(seconds(120));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  const core::PodStatus& status = node.status("a");
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "OutOfcpu");
  EXPECT_EQ(status.message(),
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 0, capacity: 1000");
  EXPECT_EQ(status.qosclass(), "Burstable");
  EXPECT_EQ(status.containerstatuses_size(), 0) << "kubectl would show their reason instead";
  EXPECT_TRUE(node.hasEvent("OutOfcpu", "Node didn't have enough resource: cpu, requested: 2000"));
  ASSERT_FALSE(node.told().empty());
  for (const core::Pod& told : node.told()) EXPECT_EQ(told.status().phase(), "Failed") << "nothing else was ever told";
}

TEST_F(Admission, ADM_1_IsNotAskedAboutAgain) {
  start();
  files({});
  apiPods({apiPod("a", "800m", 1), apiPod("b", "800m", 2)});
  EXPECT_EQ(node.status("b").reason(), "OutOfcpu");
  apiPods({apiPod("b", "800m", 2)});
  ASSERT_TRUE(node.advanceUntil([&] { return runningPods().empty(); }, seconds(40)));
  core::Pod labelled = apiPod("b", "800m", 2);
  (*labelled.mutable_metadata()->mutable_labels())["x"] = "y";
  apiPods({labelled});
  node.advance(seconds(60));
  EXPECT_EQ(node.status("b").phase(), "Failed");
  EXPECT_TRUE(runningPods().empty());
}

TEST_F(Admission, ADM_1_ARejectedPodGoesWhenItIsDeleted) {
  start();
  files({});
  apiPods({apiPod("a", "2", 1)});
  apiPods({deleted(apiPod("a", "2", 1))});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(5)));
  EXPECT_EQ(node.told().back().status().reason(), "OutOfcpu");
  EXPECT_EQ(node.told().back().status().containerstatuses_size(), 0);
}

TEST_F(Admission, ADM_1_StaysRejectedAfterARestartOfTheAgent) {
  start();
  files({});
  apiPods({apiPod("a", "2", 1)});
  core::Pod stored = apiPod("a", "2", 1);
  *stored.mutable_status() = node.status("a");
  node.stopAgent();
  view.allocatable["cpu"] = 9000;
  start();
  files({});
  apiPods({stored});
  node.advance(seconds(30));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_EQ(node.status("a").reason(), "OutOfcpu");
  EXPECT_EQ(node.status("a").containerstatuses_size(), 0);
}

TEST_F(Admission, SRC_7_TheOlderPodComesFirst) {
  start();
  files({});
  apiPods({apiPod("a", "800m", 20), apiPod("b", "800m", 10)});
  EXPECT_EQ(runningPods(), Names{"b"});
  EXPECT_EQ(node.status("a").reason(), "OutOfcpu");
}

TEST_F(Admission, REC_2_WhatRunsAlreadyComesFirst) {
  start();
  files({});
  apiPods({apiPod("a", "800m", 20)});
  node.stopAgent();
  start();
  files({});
  apiPods({apiPod("older", "800m", 10), apiPod("a", "800m", 20)});
  EXPECT_EQ(runningPods(), Names{"a"});
  EXPECT_EQ(node.status("older").reason(), "OutOfcpu");
}

TEST_F(Admission, REC_2_APodThatNoLongerFitsIsStopped) {
  start();
  files({});
  apiPods({apiPod("a", "800m", 1)});
  node.stopAgent();
  view.allocatable["cpu"] = 500;
  start();
  files({});
  apiPods({apiPod("a", "800m", 1)});
  ASSERT_TRUE(node.advanceUntil([&] { return runningPods().empty(); }, seconds(40)));
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("a").reason(), "OutOfcpu");
}

TEST_F(Admission, ADM_2_ADeletedPodCountsUntilItIsGone) {
  start();
  files({});
  runtime.program("web").ignoresTerm = true;
  apiPods({apiPod("a", "800m", 1)});
  apiPods({deleted(apiPod("a", "800m", 1)), apiPod("b", "800m", 2)});
  EXPECT_EQ(node.status("b").reason(), "OutOfcpu");
  ASSERT_TRUE(node.advanceUntil([&] { return runningPods().empty(); }, seconds(60)));
  apiPods({apiPod("c", "800m", 3)});
  EXPECT_EQ(runningPods(), Names{"c"});
}

TEST_F(Admission, ADM_2_ADeletedPodCountsAfterARestartToo) {
  start();
  files({});
  runtime.program("web").ignoresTerm = true;
  apiPods({apiPod("a", "800m", 1)});
  node.stopAgent();
  start();
  files({});
  apiPods({deleted(apiPod("a", "800m", 1)), apiPod("b", "800m", 2)});
  EXPECT_EQ(node.status("b").reason(), "OutOfcpu");
}

TEST_F(Admission, ADM_2_FinishedPodsTakeNothing) {
  start();
  files({});
  core::Pod job = apiPod("job", "800m", 1);
  job.mutable_spec()->set_restartpolicy("Never");
  apiPods({job});
  runtime.exitContainer("web", 0);
  node.settle();
  apiPods({job, apiPod("b", "800m", 2)});
  EXPECT_EQ(runningPods(), Names{"b"});
}

TEST_F(Admission, ADM_3_PortsAreFreeAgainOnceTheirManifestIsGone) {
  auto withPort = [](core::Pod pod) {
    pod.mutable_spec()->mutable_containers(0)->add_ports()->set_hostport(80);
    return pod;
  };
  start();
  apiPods({});
  files({withPort(staticPod("a", "1m")), withPort(staticPod("b", "1m"))});
  EXPECT_EQ(runningPods(), Names{"a"});
  EXPECT_EQ(node.status("b").reason(), "NodePorts");
  files({withPort(staticPod("c", "1m"))});
  ASSERT_TRUE(node.advanceUntil([&] { return runningPods() == Names{"c"}; }, seconds(40)));
}

TEST_F(Admission, ADM_3_TheNodeIsReadAgainBeforeItsLabelsCount) {
  int reads = 0;
  node.readNodeAgain = [&] { return learn(&view, &reads); };
  core::Pod pod = apiPod("a", "1m", 1);
  (*pod.mutable_spec()->mutable_nodeselector())["disk"] = "ssd";
  core::Pod other = apiPod("b", "1m", 1);
  (*other.mutable_spec()->mutable_nodeselector())["disk"] = "tape";
  start();
  files({});
  apiPods({pod});
  EXPECT_EQ(runningPods(), Names{"a"});
  EXPECT_EQ(reads, 1);
  apiPods({pod, other});
  EXPECT_EQ(node.status("b").reason(), "NodeAffinity");
  EXPECT_EQ(reads, 2);
}

TEST_F(Admission, ADM_3_LabelsThatAreNotKnownYetStopNothingThatRuns) {
  view.labels["disk"] = "ssd";
  core::Pod pod = staticPod("a", "1m");
  (*pod.mutable_spec()->mutable_nodeselector())["disk"] = "ssd";
  start();
  files({pod});
  ASSERT_EQ(runningPods(), Names{"a"});
  node.stopAgent();
  view.labels.clear();
  view.fromServer = false;
  start();
  files({pod});
  node.advance(seconds(60));
  EXPECT_EQ(runningPods(), Names{"a"});
}

TEST_F(Admission, ADM_10_ACriticalPodStartsOnceOthersHaveMadeRoom) {
  start();
  files({});
  apiPods({apiPod("small", "300m", 1), apiPod("large", "600m", 2)});
  ASSERT_EQ(runningPods(), (Names{"large", "small"}));
  runtime.program("web").ignoresTerm = true;
  files({staticPod("critical", "500m")});
  node.advance(seconds(5));
  EXPECT_EQ(runningPods(), (Names{"large", "small"})) << "the victim has its grace period";
  ASSERT_TRUE(node.advanceUntil([&] { return runningPods() == Names{"critical", "small"}; }, seconds(60)));
  const core::PodStatus& victim = node.status("large");
  EXPECT_EQ(victim.phase(), "Failed");
  EXPECT_EQ(victim.reason(), "Preempting");
  EXPECT_EQ(victim.message(), "Preempted in order to admit critical pod");
  EXPECT_TRUE(std::ranges::any_of(victim.conditions(), [](const auto& condition) {
    return condition.type() == "DisruptionTarget" && condition.status() == "True" &&
           condition.reason() == "TerminationByKubelet";
  }));
  EXPECT_TRUE(node.hasEvent("Preempting", "Preempted in order to admit critical pod"));
  for (const core::Pod& told : node.told())
    for (const auto& condition : told.status().conditions())
      EXPECT_FALSE(condition.type() == "DisruptionTarget" && told.status().phase() != "Failed")
          << "PCO-9: only with the terminal phase";
}

TEST_F(Admission, ADM_10_WhatWasMadeRoomForIsTaken) {
  start();
  files({});
  apiPods({apiPod("large", "800m", 2)});
  runtime.program("web").ignoresTerm = true;
  files({staticPod("critical", "900m")});
  apiPods({apiPod("large", "800m", 2), apiPod("late", "500m", 3)});
  EXPECT_EQ(node.status("late").reason(), "OutOfcpu");
  EXPECT_TRUE(node.advanceUntil([&] { return runningPods() == Names{"critical"}; }, seconds(60)));
}

TEST_F(Admission, ADM_10_ARestartInBetweenComesToTheSameEnd) {
  start();
  files({});
  apiPods({apiPod("large", "800m", 2)});
  runtime.program("web").ignoresTerm = true;
  files({staticPod("critical", "900m")});
  node.advance(seconds(5));
  node.stopAgent();
  start();
  apiPods({apiPod("large", "800m", 2)});
  files({staticPod("critical", "900m")});
  EXPECT_TRUE(node.advanceUntil([&] { return runningPods() == Names{"critical"}; }, seconds(60)));
  EXPECT_EQ(node.status("large").reason(), "Preempting");
}

TEST_F(Admission, ADM_1_NothingIsDecidedBeforeTheRuntimeIsKnown) {
  runtime.failNext("ListPodSandbox", Error(Code::kUnavailable, "", "down"));
  start();
  files({});
  apiPods({apiPod("a", "2", 1)});
  if (!node.observer().synced()) EXPECT_TRUE(node.status("a").reason().empty());
  ASSERT_TRUE(node.advanceUntil([&] { return node.status("a").reason() == "OutOfcpu"; }, seconds(10)));
}

}  // namespace
}  // namespace cubelet::sync
