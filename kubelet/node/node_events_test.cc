#include "kubelet/node/node_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node/node_object.h"
#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

core::Node node(const NodeFacts& facts = testFacts()) {
  return newNode(testSettings(), facts, kNow, kWallNow).node;
}

NodeFacts notReady() {
  NodeFacts facts = testFacts();
  facts.runtime = {};
  return facts;
}

std::vector<std::string> reasons(const NodeNews& before, const core::Node& now) {
  std::vector<std::string> out;
  for (const NodeEvent& event : eventsBetween(before, newsOf(now), "n1")) out.push_back(event.reason);
  return out;
}

TEST(NodeEvents, NOD13_OfANewNode) {
  EXPECT_THAT(reasons({}, node(notReady())),
              ElementsAre("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"));
  EXPECT_THAT(reasons({}, node()),
              ElementsAre("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"));
}

TEST(NodeEvents, NOD13_OfANodeThatWasThereBeforeOurStart) {
  EXPECT_THAT(reasons(newsBeforeStart(node()), node()),
              ElementsAre("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"));
}

TEST(NodeEvents, NOD13_ReadyComesAndGoes) {
  EXPECT_THAT(reasons(newsOf(node(notReady())), node()), ElementsAre("NodeReady"));
  EXPECT_THAT(reasons(newsOf(node()), node(notReady())), ElementsAre("NodeNotReady"));
  EXPECT_THAT(reasons(newsOf(node()), node()), IsEmpty());
}

TEST(NodeEvents, NOD13_PressureComesAndGoes) {
  NodeFacts facts = testFacts();
  facts.pressure = {.memory = true, .disk = true, .pid = true};
  EXPECT_THAT(reasons(newsOf(node()), node(facts)),
              ElementsAre("NodeHasInsufficientMemory", "NodeHasDiskPressure", "NodeHasInsufficientPID"));
  EXPECT_THAT(reasons(newsOf(node(facts)), node()),
              ElementsAre("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"));
}

TEST(NodeEvents, NOD13_Cordoning) {
  core::Node cordoned = node();
  cordoned.mutable_spec()->set_unschedulable(true);
  EXPECT_THAT(reasons(newsOf(node()), cordoned), ElementsAre("NodeNotSchedulable"));
  EXPECT_THAT(reasons(newsOf(cordoned), node()), ElementsAre("NodeSchedulable"));
}

TEST(NodeEvents, NOD13_RebootedIsAWarning) {
  NodeFacts facts = testFacts();
  facts.machine.bootId = "boot-2";
  const auto events = eventsBetween(newsOf(node()), newsOf(node(facts)), "n1");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].warning);
  EXPECT_EQ(events[0].reason, "Rebooted");
  EXPECT_EQ(events[0].message, "Node n1 has been rebooted, boot id: boot-2");
}

TEST(NodeEvents, NOD13_MessageNamesNodeAndStatus) {
  const auto events = eventsBetween(newsOf(node(notReady())), newsOf(node()), "n1");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].warning);
  EXPECT_EQ(events[0].message, "Node n1 status is now: NodeReady");
}

}  // namespace
}  // namespace cubelet::node
