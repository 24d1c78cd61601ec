#include "kubelet/node/node_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/fake/fake_runtime.h"
#include "kubelet/node/node_object.h"
#include "kubelet/node/test_facts.h"
#include "kubelet/node/test_server.h"

namespace cubelet::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

struct Agent : testing::Test {
  Agent() {
    settings.addresses.nodeIps = parseNodeIps("10.0.0.5");
    runtime.addImage("web:1");
  }
  void TearDown() override { stop(); }

  void start(bool synced = true) {
    NodeAgent::Services services{loop, clock, blocking, client, runtime, runtime, events};
    NodeAgent::Hooks hooks;
    hooks.changed = [this](const core::Node& node) { labels = node.metadata().labels().size(); };
    hooks.random = [] { return 0.5; };
    hooks.host = {.machine = [this] { return machine; },
                  .network = [this] { return Result<HostNetwork>(network); },
                  .resolve = [this](const std::string&) { return resolved; }};
    agent = std::make_unique<NodeAgent>(services, settings, hooks);
    tasks.spawn("agent", agent->run());
    loop.poll();
    if (synced) agent->runtimeSynced();
    loop.poll();
  }
  void stop() {
    if (!agent) return;
    loop.runToEnd(tasks.drain());
    loop.runToEnd(agent->close());
    agent.reset();
  }
  void advance(Duration by) {
    clock.advance(by);
    loop.poll();
  }
  void makeNode() { server.node = storedNode(); }
  core::Node storedNode() {
    NodeFacts facts = testFacts();
    facts.machine = machine;
    core::Node node = newNode(settings, facts, kNow, clock.wallNow() - minutes(1)).node;
    node.mutable_metadata()->set_uid("uid-0");
    node.mutable_metadata()->set_resourceversion("7");
    return node;
  }
  std::string ready() const {
    const core::NodeCondition* condition = findCondition(server.node->status(), "Ready");
    return condition->status() == "True" ? "True" : condition->status() + ": " + condition->message();
  }
  std::vector<std::string> reasons() const {
    std::vector<std::string> out;
    for (const core::Event& event : events.list()) out.push_back(event.reason());
    return out;
  }
  std::size_t count(const std::string& request) const {
    return static_cast<std::size_t>(std::ranges::count(server.requests, request));
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool blocking{loop, clock, 1};
  TestServer server{clock};
  apiserver::ApiClient client{server, clock, {}};
  cri::FakeRuntime runtime{clock};
  events::EventRecorder events{clock, "n1"};
  NodeSettings settings = testSettings();
  MachineFacts machine = testMachine();
  HostNetwork network = testNetwork();
  Result<std::vector<IpAddress>> resolved = parseNodeIps("10.0.0.5");
  std::size_t labels = 0;
  TaskGroup tasks{loop};
  std::unique_ptr<NodeAgent> agent;
};

TEST_F(Agent, NOD1_ANewNodeIsReadyWithItsFirstWord) {
  start();
  ASSERT_TRUE(server.node);
  EXPECT_EQ(ready(), "True");
  EXPECT_EQ(server.node->status().nodeinfo().containerruntimeversion(), "containerd://1.6.20");
  EXPECT_EQ(server.node->status().images_size(), 1);
  EXPECT_EQ(count("POST nodes"), 1u);
  EXPECT_EQ(count("PATCH nodes/n1/status"), 0u);
  EXPECT_TRUE(agent->registered());
  EXPECT_EQ(agent->node()->metadata().uid(), "uid-1");
  EXPECT_TRUE(agent->notReady().empty());
}

TEST_F(Agent, NOD13_EventsOfANewNode) {
  start();
  EXPECT_THAT(reasons(), ElementsAre("Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure",
                                     "NodeHasSufficientPID", "NodeReady"));
  const core::Event starting = events.list()[0];
  EXPECT_EQ(starting.message(), "Starting kubelet.");
  EXPECT_EQ(starting.involvedobject().kind(), "Node");
  EXPECT_EQ(starting.involvedobject().uid(), "uid-1");
}

TEST_F(Agent, NOD15_TheLeaseComesWithTheNode) {
  start();
  ASSERT_TRUE(server.lease);
  EXPECT_EQ(server.lease->metadata().ownerreferences(0).uid(), "uid-1");
  EXPECT_EQ(agent->leaseRenewedAt(), clock.now());
}

TEST_F(Agent, ARestartDoesNotMakeAReadyNodeNotReady) {
  makeNode();
  start(false);
  advance(milliseconds(500));
  EXPECT_EQ(count("PATCH nodes/n1/status"), 0u);
  agent->runtimeSynced();
  advance(minutes(1));
  EXPECT_THAT(reasons(), Not(Contains("NodeNotReady")));
  EXPECT_EQ(ready(), "True");
  EXPECT_LE(count("PATCH nodes/n1/status"), 2u);  // what the machine has changed, and one heartbeat
}

TEST_F(Agent, NOD15_TheLeaseOfANodeIsRenewedBeforeTheRuntimeIsThere) {
  makeNode();
  server.lease = renewedLease({}, "n1", "uid-0", seconds(40), clock.wallNow() - minutes(10));
  server.lease->mutable_metadata()->set_resourceversion("9");
  runtime.setDown(true);
  start(false);
  EXPECT_EQ(server.lease->spec().renewtime().seconds(), 1'800'000'000);
}

TEST_F(Agent, NOD12_WithoutARuntimeTheNodeIsThereAndNotReady) {
  runtime.setDown(true);
  start(false);
  EXPECT_FALSE(server.node);
  advance(seconds(2));
  ASSERT_TRUE(server.node);
  EXPECT_EQ(ready(),
            "False: [container runtime status check may not have completed yet, PLEG is not healthy: pleg has "
            "yet to be successful]");
  runtime.setDown(false);
  agent->runtimeSynced();
  loop.poll();
  EXPECT_EQ(ready(), "True");
  EXPECT_THAT(reasons(), Contains("NodeReady"));
}

TEST_F(Agent, NOD14_ReadyIsToldAsSoonAsTheNetworkIs) {
  runtime.setNetworkReady(false);
  start();
  EXPECT_EQ(ready(),
            "False: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:cni plugin not initialized");
  advance(seconds(30));
  runtime.setNetworkReady(true);
  advance(milliseconds(101));
  EXPECT_EQ(ready(), "True");
}

TEST_F(Agent, NOD12_ARuntimeThatWentAwayMakesItNotReadyAfterHalfAMinute) {
  start();
  advance(seconds(60));
  runtime.setDown(true);
  agent->runtimeLost();
  advance(seconds(25));
  EXPECT_EQ(ready(), "True");
  advance(seconds(20));
  EXPECT_EQ(ready(), "False: container runtime is down");
  EXPECT_THAT(reasons(), Contains("NodeNotReady"));
  runtime.setDown(false);
  agent->runtimeSynced();
  loop.poll();
  EXPECT_EQ(ready(), "True");
}

TEST_F(Agent, AShortAbsenceOfTheRuntimeIsNoNews) {
  start();
  advance(seconds(60));
  server.takeRequests();
  runtime.setDown(true);
  agent->runtimeLost();
  advance(seconds(20));
  runtime.setDown(false);
  agent->runtimeSynced();
  advance(seconds(20));
  EXPECT_EQ(count("PATCH nodes/n1/status"), 0u);
}

TEST_F(Agent, NOD14_SteadyStateSendsLeasesOnly) {
  start();
  server.takeRequests();
  advance(minutes(10));
  EXPECT_EQ(count("PUT lease"), 58u);  // every 10.2 s
  EXPECT_LE(count("PATCH nodes/n1/status"), 2u);
  EXPECT_EQ(server.requests.size(), count("PUT lease") + count("PATCH nodes/n1/status"));
}

TEST_F(Agent, NOD12_NOD14_WhatOthersSayIsReportedAtOnce) {
  start();
  agent->setPressure({.memory = true, .disk = false, .pid = false});
  loop.poll();
  EXPECT_EQ(findCondition(server.node->status(), "MemoryPressure")->status(), "True");
  EXPECT_THAT(reasons(), Contains("NodeHasInsufficientMemory"));
  agent->setVolumesInUse({"kubernetes.io/csi/d^v"});
  loop.poll();
  EXPECT_THAT(server.node->status().volumesinuse(), ElementsAre("kubernetes.io/csi/d^v"));
  agent->setStorageProblem("CSINode is not yet initialized");
  loop.poll();
  EXPECT_EQ(ready(), "False: CSINode is not yet initialized");
  agent->setStorageProblem("");
  agent->setShuttingDown(true);
  loop.poll();
  EXPECT_EQ(ready(), "False: node is shutting down");
}

TEST_F(Agent, RepeatingWhatIsKnownReportsNothing) {
  start();
  agent->setVolumesInUse({});
  loop.poll();
  server.takeRequests();
  agent->setPressure({});
  agent->setVolumesInUse({});
  agent->setStorageProblem("");
  agent->setShuttingDown(false);
  loop.poll();
  EXPECT_THAT(server.requests, IsEmpty());
}

TEST_F(Agent, AnApiServerThatIsAwayIsAwaited) {
  server.down = true;
  start();
  advance(minutes(5));
  EXPECT_FALSE(agent->registered());
  EXPECT_EQ(agent->node(), nullptr);
  server.down = false;
  agent->serverIsBack();
  advance(milliseconds(1));
  EXPECT_TRUE(agent->registered());
  EXPECT_EQ(ready(), "True");
  advance(seconds(2));
  EXPECT_TRUE(server.lease);
}

TEST_F(Agent, AfterAnOutageLeaseAndStatusAreRightWithinTwoSeconds) {
  start();
  server.down = true;
  advance(seconds(30));
  agent->setPressure({.memory = false, .disk = true, .pid = false});
  advance(minutes(3));
  server.down = false;
  advance(seconds(2));
  EXPECT_EQ(findCondition(server.node->status(), "DiskPressure")->status(), "True");
  EXPECT_GE(server.lease->spec().renewtime().seconds(), 1'800'000'000 + 210);
}

TEST_F(Agent, TheWatchShowsWhatOthersWrite) {
  start();
  EXPECT_TRUE(agent->watched());
  const std::size_t before = labels;
  server.change([](core::Node& node) { (*node.mutable_metadata()->mutable_labels())["team"] = "a"; });
  loop.poll();
  EXPECT_EQ(labels, before + 1);
  EXPECT_EQ(agent->node()->metadata().labels().at("team"), "a");
}

TEST_F(Agent, NOD11_ForeignConditionsAndTaintsSurviveOurPatches) {
  start();
  server.change([](core::Node& node) {
    core::NodeCondition& condition = *node.mutable_status()->add_conditions();
    condition.set_type("NetworkUnavailable");
    condition.set_status("False");
    node.mutable_spec()->add_taints()->set_key("mine");
  });
  agent->setPressure({.memory = false, .disk = true, .pid = false});
  loop.poll();
  EXPECT_EQ(findCondition(server.node->status(), "DiskPressure")->status(), "True");
  EXPECT_NE(findCondition(server.node->status(), "NetworkUnavailable"), nullptr);
  EXPECT_EQ(server.node->spec().taints_size(), 1);
}

TEST_F(Agent, NOD13_CordoningIsAnEvent) {
  start();
  server.change([](core::Node& node) { node.mutable_spec()->set_unschedulable(true); });
  advance(seconds(11));
  EXPECT_THAT(reasons(), Contains("NodeNotSchedulable"));
}

TEST_F(Agent, NOD13_ARebootIsToldOnce) {
  makeNode();
  machine.bootId = "boot-2";
  start();
  advance(minutes(1));
  EXPECT_EQ(std::ranges::count(reasons(), "Rebooted"), 1);
  EXPECT_EQ(server.node->status().nodeinfo().bootid(), "boot-2");
}

TEST_F(Agent, NET_14_TheRuntimeHearsOfTheAddressesForPods) {
  start();
  runtime.failNext("UpdateRuntimeConfig", Error(Code::kUnavailable, "", "busy"));
  server.change([](core::Node& node) { node.mutable_spec()->add_podcidrs("10.1.0.0/24"); });
  loop.poll();
  EXPECT_EQ(runtime.podCidr(), "");
  advance(seconds(11));
  EXPECT_EQ(runtime.podCidr(), "10.1.0.0/24");
}

TEST_F(Agent, NOD6_AddressesFollowTheMachine) {
  settings.addresses.nodeIps = {};
  settings.addresses.nodeName = "10.0.0.5";  // an address: nothing to look up
  start();
  settings.addresses.nodeName = "n1";
  EXPECT_EQ(server.node->status().addresses(0).address(), "10.0.0.5");
}

TEST_F(Agent, NOD6_TheNameIsLookedUp) {
  settings.addresses.nodeIps = {};
  network.interfaces.push_back({"eth1", true, false, parseNodeIps("192.168.7.1")});
  resolved = parseNodeIps("192.168.7.1");
  start();
  ASSERT_TRUE(loop.runUntil([&] { return server.node.has_value(); }, seconds(5)));
  EXPECT_EQ(server.node->status().addresses(0).address(), "192.168.7.1");
}

TEST_F(Agent, NOD7_MachineIsLookedAtAgain) {
  start();
  machine.memoryBytes *= 2;
  advance(minutes(5) + seconds(11));
  EXPECT_EQ(server.node->status().capacity().at("memory").string(), "32Gi");
  EXPECT_EQ(agent->allocatable().at("memory"), "32Gi");
}

TEST_F(Agent, EndsAtAnyMoment) {
  for (const Duration after : {Duration(0), Duration(milliseconds(50)), Duration(seconds(3)), Duration(seconds(21))}) {
    for (const bool hanging : {false, true}) {
      server.hanging = hanging;
      server.node.reset();
      server.lease.reset();
      start(after != Duration(0));
      advance(after);
      stop();
    }
  }
}

}  // namespace
}  // namespace cubelet::node
