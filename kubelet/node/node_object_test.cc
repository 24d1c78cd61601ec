#include "kubelet/node/node_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node/node_patch.h"
#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

core::Node fresh(const NodeSettings& settings = testSettings(), const NodeFacts& facts = testFacts()) {
  return newNode(settings, facts, kNow, kWallNow).node;
}

std::map<std::string, std::string> labelsOf(const core::Node& node) {
  return {node.metadata().labels().begin(), node.metadata().labels().end()};
}

TEST(NewNode, NOD3_HasTheLabelsOfTheMachineAndTheGivenOnes) {
  NodeSettings settings = testSettings();
  settings.labels = {{"disk", "ssd"}, {"node.kubernetes.io/instance-type", "m5"}};
  const core::Node node = fresh(settings);
  EXPECT_EQ(node.metadata().name(), "n1");
  EXPECT_EQ(labelsOf(node), (std::map<std::string, std::string>{{"kubernetes.io/hostname", "n1"},
                                                                {"kubernetes.io/os", "linux"},
                                                                {"kubernetes.io/arch", "amd64"},
                                                                {"beta.kubernetes.io/os", "linux"},
                                                                {"beta.kubernetes.io/arch", "amd64"},
                                                                {"disk", "ssd"},
                                                                {"node.kubernetes.io/instance-type", "m5"}}));
}

TEST(NewNode, NOD4_HasTaintsAnnotationsAndProviderId) {
  NodeSettings settings = testSettings();
  core::Taint taint;
  taint.set_key("dedicated");
  taint.set_effect("NoExecute");
  settings.taints = {taint};
  settings.providerId = "aws:///zone/i-1";
  const core::Node node = fresh(settings);
  ASSERT_EQ(node.spec().taints_size(), 1);
  EXPECT_EQ(node.spec().taints(0).key(), "dedicated");
  EXPECT_EQ(node.spec().providerid(), "aws:///zone/i-1");
  EXPECT_EQ(node.metadata().annotations().at("volumes.kubernetes.io/controller-managed-attach-detach"), "true");
  EXPECT_EQ(node.metadata().annotations().size(), 1u);
}

TEST(NewNode, NOD4_OfAnExternalProviderIsUninitialized) {
  NodeSettings settings = testSettings();
  settings.addresses.externalProvider = true;
  settings.addresses.nodeIps = parseNodeIps("10.0.0.5");
  const core::Node node = fresh(settings);
  ASSERT_EQ(node.spec().taints_size(), 1);
  EXPECT_EQ(node.spec().taints(0).key(), "node.cloudprovider.kubernetes.io/uninitialized");
  EXPECT_EQ(node.spec().taints(0).value(), "true");
  EXPECT_EQ(node.spec().taints(0).effect(), "NoSchedule");
  EXPECT_EQ(node.metadata().annotations().at("alpha.kubernetes.io/provided-node-ip"), "10.0.0.5");
}

TEST(NewNode, NOD4_SaysWhenTheAgentAttaches) {
  NodeSettings settings = testSettings();
  settings.controllerAttaches = false;
  EXPECT_FALSE(
      fresh(settings).metadata().annotations().contains("volumes.kubernetes.io/controller-managed-attach-detach"));
}

TEST(NewNode, HasItsWholeStatus) {
  const core::Node node = fresh();
  EXPECT_EQ(node.status().conditions_size(), 4);
  EXPECT_EQ(node.status().addresses_size(), 2);
  EXPECT_EQ(node.status().capacity().at("pods").string(), "110");
}

TEST(ExistingNode, NOD1_ThatIsAsItShouldBeStays) {
  EXPECT_FALSE(NodePatcher().changes(fresh(), reconciled(fresh(), fresh())));
}

TEST(ExistingNode, NOD1_KeepsTaintsAndForeignLabels) {
  core::Node existing = fresh();
  auto& labels = *existing.mutable_metadata()->mutable_labels();
  labels["node-role.kubernetes.io/worker"] = "";
  labels["disk"] = "hdd";
  labels["kubernetes.io/hostname"] = "old";
  existing.mutable_spec()->add_taints()->set_key("mine");
  NodeSettings settings = testSettings();
  settings.labels = {{"disk", "ssd"}, {"topology.kubernetes.io/zone", "z1"}};
  settings.taints.emplace_back().set_key("new");
  const core::Node node = reconciled(existing, fresh(settings));
  EXPECT_EQ(node.metadata().labels().at("node-role.kubernetes.io/worker"), "");
  EXPECT_EQ(node.metadata().labels().at("disk"), "hdd");
  EXPECT_EQ(node.metadata().labels().at("kubernetes.io/hostname"), "n1");
  EXPECT_EQ(node.metadata().labels().at("topology.kubernetes.io/zone"), "z1");
  ASSERT_EQ(node.spec().taints_size(), 1);
  EXPECT_EQ(node.spec().taints(0).key(), "mine");
}

TEST(ExistingNode, NOD1_AttachAnnotationFollowsTheConfiguration) {
  const std::string key = "volumes.kubernetes.io/controller-managed-attach-detach";
  NodeSettings own = testSettings();
  own.controllerAttaches = false;
  EXPECT_FALSE(reconciled(fresh(), fresh(own)).metadata().annotations().contains(key));
  EXPECT_EQ(reconciled(fresh(own), fresh()).metadata().annotations().at(key), "true");
}

TEST(ExistingNode, NOD1_HugePagesAndExtendedResourcesAreReconciled) {
  core::Node existing = fresh();
  for (auto* list : {existing.mutable_status()->mutable_capacity(), existing.mutable_status()->mutable_allocatable()}) {
    (*list)["hugepages-64Ki"].set_string("1Mi");
    (*list)["hugepages-2Mi"].set_string("1Gi");
    (*list)["example.com/gpu"].set_string("2");
  }
  NodeFacts facts = testFacts();
  facts.machine.hugePages = {{2 << 20, 1}};
  const core::NodeStatus status = reconciled(existing, fresh(testSettings(), facts)).status();
  EXPECT_FALSE(status.capacity().contains("hugepages-64Ki"));
  EXPECT_FALSE(status.allocatable().contains("hugepages-64Ki"));
  EXPECT_EQ(status.capacity().at("hugepages-2Mi").string(), "2Mi");
  EXPECT_EQ(status.allocatable().at("hugepages-2Mi").string(), "2Mi");
  EXPECT_EQ(status.capacity().at("example.com/gpu").string(), "0");
  EXPECT_EQ(status.allocatable().at("example.com/gpu").string(), "0");
  EXPECT_EQ(status.capacity().at("cpu").string(), "4");
}

TEST(NodeSettings, ComeFromTheConfiguration) {
  config::Effective effective;
  effective.nodeName = "n7";
  effective.commandLine.nodeIp = "10.0.0.5,fd00::5";
  effective.commandLine.cloudProvider = "external";
  effective.commandLine.nodeLabels = {{"a", "b"}};
  auto& config = effective.config;
  auto& taint = *config.add_registerwithtaints();
  taint.set_key("k");
  taint.set_value("v");
  taint.set_effect("NoSchedule");
  config.set_providerid("p://1");
  config.set_registernode(false);
  config.set_enablecontrollerattachdetach(false);
  config.set_nodestatusmaximages(-1);
  config.set_port(10251);
  config.mutable_nodestatusupdatefrequency()->set_duration(5'000'000'000);
  config.mutable_nodestatusreportfrequency()->set_duration(60'000'000'000);
  config.set_nodeleasedurationseconds(20);
  const NodeSettings settings = nodeSettings(effective, "v1.36.0");
  EXPECT_EQ(settings.name(), "n7");
  EXPECT_EQ(settings.addresses.nodeIps.size(), 2u);
  EXPECT_TRUE(settings.addresses.externalProvider);
  EXPECT_EQ(settings.labels.at("a"), "b");
  ASSERT_EQ(settings.taints.size(), 1u);
  EXPECT_EQ(settings.taints[0].value(), "v");
  EXPECT_EQ(settings.providerId, "p://1");
  EXPECT_FALSE(settings.registerNode);
  EXPECT_FALSE(settings.controllerAttaches);
  EXPECT_EQ(settings.maxImages, -1);
  EXPECT_EQ(settings.serverPort, 10251);
  EXPECT_EQ(settings.computeEvery, Duration(std::chrono::seconds(5)));
  EXPECT_EQ(settings.reportEvery, Duration(std::chrono::minutes(1)));
  EXPECT_EQ(settings.leaseDuration, std::chrono::seconds(20));
  EXPECT_EQ(settings.kubeletVersion, "v1.36.0");
}

}  // namespace
}  // namespace cubelet::node
