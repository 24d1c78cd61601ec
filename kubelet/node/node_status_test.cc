#include "kubelet/node/node_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

constexpr std::int64_t kWallSeconds = 1'800'000'000;

core::Node wanted(const core::Node& stored, const NodeFacts& facts, Duration later = Duration(0)) {
  return wantedNode(stored, testSettings(), facts, kNow + later,
                    kWallNow + std::chrono::duration_cast<WallTime::duration>(later))
      .node;
}

// "MemoryPressure=False KubeletHasSufficientMemory: kubelet has sufficient memory available"
std::string text(const core::Node& node, const std::string& type) {
  const core::NodeCondition* c = findCondition(node.status(), type);
  return c == nullptr ? "none" : c->status() + " " + c->reason() + ": " + c->message();
}

std::vector<std::string> conditionTypes(const core::Node& node) {
  std::vector<std::string> types;
  for (const auto& condition : node.status().conditions()) types.push_back(condition.type());
  return types;
}

core::NodeCondition& addCondition(core::Node& node, const std::string& type, const std::string& status) {
  core::NodeCondition& added = *node.mutable_status()->add_conditions();
  added.set_type(type);
  added.set_status(status);
  added.mutable_lasttransitiontime()->set_seconds(5);
  added.mutable_lastheartbeattime()->set_seconds(6);
  return added;
}

TEST(NodeConditions, NOD11_OfAHealthyNode) {
  const core::Node node = wanted({}, testFacts());
  EXPECT_THAT(conditionTypes(node), ElementsAre("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"));
  EXPECT_EQ(text(node, "MemoryPressure"), "False KubeletHasSufficientMemory: kubelet has sufficient memory available");
  EXPECT_EQ(text(node, "DiskPressure"), "False KubeletHasNoDiskPressure: kubelet has no disk pressure");
  EXPECT_EQ(text(node, "PIDPressure"), "False KubeletHasSufficientPID: kubelet has sufficient PID available");
  EXPECT_EQ(text(node, "Ready"), "True KubeletReady: kubelet is posting ready status");
}

TEST(NodeConditions, NOD11_UnderPressure) {
  NodeFacts facts = testFacts();
  facts.pressure = {.memory = true, .disk = true, .pid = true};
  const core::Node node = wanted({}, facts);
  EXPECT_EQ(text(node, "MemoryPressure"),
            "True KubeletHasInsufficientMemory: kubelet has insufficient memory available");
  EXPECT_EQ(text(node, "DiskPressure"), "True KubeletHasDiskPressure: kubelet has disk pressure");
  EXPECT_EQ(text(node, "PIDPressure"), "True KubeletHasInsufficientPID: kubelet has insufficient PID available");
}

TEST(NodeConditions, NOD11_ForeignOnesStayInTheirPlace) {
  core::Node stored;
  addCondition(stored, "Ready", "True");
  addCondition(stored, "NetworkUnavailable", "False").set_reason("FlannelIsUp");
  const core::Node node = wanted(stored, testFacts());
  EXPECT_THAT(conditionTypes(node),
              ElementsAre("Ready", "NetworkUnavailable", "MemoryPressure", "DiskPressure", "PIDPressure"));
  EXPECT_EQ(node.status().conditions(1).SerializeAsString(), stored.status().conditions(1).SerializeAsString());
}

TEST(NodeConditions, NOD11_TransitionTimeMovesOnlyWithTheStatus) {
  core::Node stored;
  addCondition(stored, "Ready", "True");
  addCondition(stored, "MemoryPressure", "Unknown");
  const core::Node node = wanted(stored, testFacts());
  EXPECT_EQ(findCondition(node.status(), "Ready")->lasttransitiontime().seconds(), 5);
  EXPECT_EQ(findCondition(node.status(), "Ready")->lastheartbeattime().seconds(), kWallSeconds);
  EXPECT_EQ(findCondition(node.status(), "MemoryPressure")->lasttransitiontime().seconds(), kWallSeconds);
  EXPECT_EQ(findCondition(node.status(), "DiskPressure")->lasttransitiontime().seconds(), kWallSeconds);
}

TEST(NodeConditions, NOD12_OneCauseStandsAlone) {
  NodeFacts facts = testFacts();
  facts.runtime.networkProblem = "NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized";
  EXPECT_EQ(text(wanted({}, facts), "Ready"),
            "False KubeletNotReady: container runtime network not ready: NetworkReady=false "
            "reason:NetworkPluginNotReady message:cni plugin not initialized");
}

TEST(NodeConditions, NOD12_SeveralCausesAreJoined) {
  NodeFacts facts = testFacts();
  facts.storageProblem = "CSINode is not yet initialized";
  facts.shuttingDown = true;
  facts.machine.cpus = 0;
  facts.machine.memoryBytes = 0;
  EXPECT_EQ(text(wanted({}, facts), "Ready"),
            "False KubeletNotReady: [CSINode is not yet initialized, node is shutting down, "
            "missing node capacity for resources: cpu, memory]");
}

TEST(NodeConditions, NOD12_StorageCountsOnlyWhereItIsIsolated) {
  NodeFacts facts = testFacts();
  facts.machine.storageBytes.reset();
  EXPECT_EQ(text(wanted({}, facts), "Ready"),
            "False KubeletNotReady: missing node capacity for resources: ephemeral-storage");
  NodeSettings settings = testSettings();
  settings.resources.countsStorage = false;
  EXPECT_TRUE(notReadyCauses(settings, facts, kNow).empty());
}

TEST(NodeConditions, JoinedCausesCountRepetitionsOnce) {
  EXPECT_EQ(joinedCauses({"a", "a"}), "a");
  EXPECT_EQ(joinedCauses({"a", "b", "a"}), "[a, b]");
}

TEST(NodeStatus, NOD8_NodeInfo) {
  NodeFacts facts = testFacts();
  facts.machine.swapBytes = 1 << 30;
  const core::NodeStatus status = wanted({}, facts).status();
  const core::NodeSystemInfo& info = status.nodeinfo();
  EXPECT_EQ(info.machineid(), "machine-1");
  EXPECT_EQ(info.systemuuid(), "uuid-1");
  EXPECT_EQ(info.bootid(), "boot-1");
  EXPECT_EQ(info.kernelversion(), "6.1.0");
  EXPECT_EQ(info.osimage(), "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(info.containerruntimeversion(), "containerd://1.6.20");
  EXPECT_EQ(info.kubeletversion(), "v1.36.0");
  EXPECT_EQ(info.kubeproxyversion(), "");
  EXPECT_EQ(info.operatingsystem(), "linux");
  EXPECT_EQ(info.architecture(), "amd64");
  EXPECT_EQ(info.swap().capacity(), 1 << 30);
  EXPECT_EQ(status.daemonendpoints().kubeletendpoint().port(), 10250);
}

TEST(NodeStatus, NOD8_KeepsTheRuntimesVersionUntilTheRuntimeTells) {
  core::Node stored;
  stored.mutable_status()->mutable_nodeinfo()->set_containerruntimeversion("containerd://1.6.19");
  stored.mutable_status()->mutable_nodeinfo()->set_kubeproxyversion("v1.30.0");
  NodeFacts facts = testFacts();
  facts.runtime.name.clear();
  const core::Node node = wanted(stored, facts);
  EXPECT_EQ(node.status().nodeinfo().containerruntimeversion(), "containerd://1.6.19");
  EXPECT_EQ(node.status().nodeinfo().kubeproxyversion(), "");
}

TEST(NodeStatus, NOD7_ResourcesOfOthersStayAndOldHugePagesGo) {
  core::Node stored;
  auto& capacity = *stored.mutable_status()->mutable_capacity();
  capacity["example.com/gpu"].set_string("2");
  capacity["hugepages-64Ki"].set_string("1Mi");
  capacity["cpu"].set_string("64");
  const core::NodeStatus status = wanted(stored, testFacts()).status();
  EXPECT_EQ(status.capacity().at("example.com/gpu").string(), "2");
  EXPECT_EQ(status.allocatable().at("example.com/gpu").string(), "2");
  EXPECT_FALSE(status.capacity().contains("hugepages-64Ki"));
  EXPECT_EQ(status.capacity().at("cpu").string(), "4");
  EXPECT_EQ(status.allocatable().at("memory").string(), "16Gi");
}

TEST(NodeStatus, NOD7_DevicesOfPluginsReplaceWhatWasThere) {
  core::Node stored;
  (*stored.mutable_status()->mutable_capacity())["example.com/gpu"].set_string("5");
  (*stored.mutable_status()->mutable_capacity())["example.com/other"].set_string("7");
  NodeFacts facts = testFacts();
  facts.devices = {{"example.com/gpu", {.capacity = 4, .allocatable = 3}}, {"example.com/gone", {}}};
  const core::NodeStatus status = wanted(stored, facts).status();
  EXPECT_EQ(status.capacity().at("example.com/gpu").string(), "4");
  EXPECT_EQ(status.allocatable().at("example.com/gpu").string(), "3");
  EXPECT_EQ(status.capacity().at("example.com/gone").string(), "0");
  EXPECT_EQ(status.allocatable().at("example.com/gone").string(), "0");
  EXPECT_EQ(status.allocatable().at("example.com/other").string(), "7");
}

TEST(NodeStatus, NOD6_AddressesStayWhenNoneCanBeChosen) {
  core::Node stored = wanted({}, testFacts());
  NodeFacts facts = testFacts();
  facts.network = {};
  const WantedNode now = wantedNode(stored, testSettings(), facts, kNow, kWallNow);
  EXPECT_NE(now.addressProblem, "");
  ASSERT_EQ(now.node.status().addresses_size(), 2);
  EXPECT_EQ(now.node.status().addresses(0).address(), "10.0.0.5");
}

TEST(NodeStatus, NOD6_AddressesOfACloudStay) {
  NodeSettings settings = testSettings();
  settings.addresses.externalProvider = true;
  core::Node stored;
  core::NodeAddress& address = *stored.mutable_status()->add_addresses();
  address.set_type("ExternalIP");
  address.set_address("198.51.100.7");
  const core::Node node = wantedNode(stored, settings, testFacts(), kNow, kWallNow).node;
  ASSERT_EQ(node.status().addresses_size(), 1);
  EXPECT_EQ(node.status().addresses(0).address(), "198.51.100.7");
}

TEST(NodeStatus, NOD9_ImagesStayUntilTheRuntimeHasListedThem) {
  core::Node stored;
  stored.mutable_status()->add_images()->add_names("web:1");
  NodeFacts facts = testFacts();
  facts.runtime.images.reset();
  EXPECT_EQ(wanted(stored, facts).status().images_size(), 1);
  facts.runtime.images.emplace();
  EXPECT_EQ(wanted(stored, facts).status().images_size(), 0);
}

TEST(NodeStatus, NOD10_VolumesInUseAreSortedAndOursOnlyWhenControllersAttach) {
  NodeFacts facts = testFacts();
  core::Node stored;
  stored.mutable_status()->add_volumesinuse("old");
  stored.mutable_status()->add_volumesattached()->set_name("old");
  EXPECT_THAT(wanted(stored, facts).status().volumesinuse(), ElementsAre("old"));
  facts.volumesInUse = {"b", "a"};
  EXPECT_THAT(wanted(stored, facts).status().volumesinuse(), ElementsAre("a", "b"));
  EXPECT_EQ(wanted(stored, facts).status().volumesattached_size(), 1);
  NodeSettings settings = testSettings();
  settings.controllerAttaches = false;
  EXPECT_THAT(wantedNode(stored, settings, facts, kNow, kWallNow).node.status().volumesinuse(), ElementsAre("old"));
}

TEST(NodeStatus, NOD10_FeaturesAndHandlersComeFromAReadyRuntime) {
  NodeFacts facts = testFacts();
  facts.runtime.handlers.emplace_back().set_name("runc");
  facts.runtime.supplementalGroupsPolicy = true;
  const core::Node node = wanted({}, facts);
  EXPECT_EQ(node.status().runtimehandlers_size(), 1);
  EXPECT_TRUE(node.status().features().supplementalgroupspolicy());
  facts.runtime = {};
  EXPECT_EQ(wanted(node, facts).status().runtimehandlers_size(), 1);
}

TEST(NodeLabels, OfTheMachineComeBackWhenSomebodyTookThem) {
  core::Node stored;
  (*stored.mutable_metadata()->mutable_labels())["kubernetes.io/arch"] = "sparc";
  (*stored.mutable_metadata()->mutable_labels())["team"] = "a";
  const core::Node node = wanted(stored, testFacts());
  EXPECT_EQ(node.metadata().labels().at("kubernetes.io/arch"), "amd64");
  EXPECT_EQ(node.metadata().labels().at("kubernetes.io/os"), "linux");
  EXPECT_EQ(node.metadata().labels().at("team"), "a");
  EXPECT_EQ(node.metadata().labels().size(), 3u);
}

TEST(NodeAnnotations, NOD4_ProvidedNodeIpComesAndGoes) {
  NodeSettings settings = testSettings();
  settings.addresses.externalProvider = true;
  settings.addresses.nodeIps = parseNodeIps("10.0.0.5");
  const core::Node node = wantedNode({}, settings, testFacts(), kNow, kWallNow).node;
  EXPECT_EQ(node.metadata().annotations().at("alpha.kubernetes.io/provided-node-ip"), "10.0.0.5");
  EXPECT_FALSE(wanted(node, testFacts()).metadata().annotations().contains("alpha.kubernetes.io/provided-node-ip"));
}

}  // namespace
}  // namespace cubelet::node
