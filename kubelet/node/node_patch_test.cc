#include "kubelet/node/node_patch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/node/node_object.h"
#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

core::Node node() {
  return newNode(testSettings(), testFacts(), kNow, kWallNow).node;
}

Json patchOf(const core::Node& stored, const core::Node& wanted) {
  const std::optional<std::string> patch = NodePatcher().changes(stored, wanted);
  return patch ? Json::parse(*patch) : Json();
}

// Without the conditions, which go along with every change.
Json statusPatch(const core::Node& stored, const core::Node& wanted) {
  Json status = patchOf(stored, wanted)["status"];
  status.erase("conditions");
  return status;
}

TEST(NodePatch, NOD14_OfTheSameIsNothing) {
  EXPECT_FALSE(NodePatcher().changes(node(), node()));
}

TEST(NodePatch, NOD14_HeartbeatsAloneAreNoChange) {
  const core::Node later = wantedNode(node(), testSettings(), testFacts(), kNow, kWallNow + seconds(10)).node;
  EXPECT_NE(later.SerializeAsString(), node().SerializeAsString());
  EXPECT_FALSE(NodePatcher().changes(node(), later));
}

TEST(NodePatch, NOD14_ZerosThatTheServerAddsAreNoChange) {
  core::Node stored = node();
  stored.mutable_spec()->set_podcidr("");
  stored.mutable_status()->set_phase("");
  stored.mutable_status()->mutable_nodeinfo()->set_kubeproxyversion("");
  stored.mutable_status()->mutable_config();
  EXPECT_FALSE(NodePatcher().changes(stored, node()));
}

TEST(NodePatch, NOD14_OrderOfConditionsIsNoChange) {
  core::Node stored = node();
  stored.mutable_status()->mutable_conditions()->SwapElements(0, 3);
  EXPECT_FALSE(NodePatcher().changes(stored, node()));
}

TEST(NodePatch, NOD11_AChangedConditionTakesAllHeartbeatsAlong) {
  NodeFacts facts = testFacts();
  facts.pressure.disk = true;
  const core::Node wanted = wantedNode(node(), testSettings(), facts, kNow, kWallNow + seconds(10)).node;
  const Json patch = patchOf(node(), wanted);
  EXPECT_EQ(patch.size(), 1u);
  EXPECT_EQ(patch["status"].size(), 1u);
  ASSERT_EQ(patch["status"]["conditions"].size(), 4u);
  for (const Json& condition : patch["status"]["conditions"])
    EXPECT_EQ(condition["lastHeartbeatTime"], "2027-01-15T08:00:10Z") << condition;
  EXPECT_EQ(patch["status"]["conditions"][1], (Json{{"type", "DiskPressure"},
                                                    {"status", "True"},
                                                    {"lastHeartbeatTime", "2027-01-15T08:00:10Z"},
                                                    {"lastTransitionTime", "2027-01-15T08:00:10Z"},
                                                    {"reason", "KubeletHasDiskPressure"},
                                                    {"message", "kubelet has disk pressure"}}));
}

TEST(NodePatch, NOD11_ForeignConditionsAreNotNamed) {
  core::Node stored = node();
  stored.mutable_status()->add_conditions()->set_type("NetworkUnavailable");
  NodeFacts facts = testFacts();
  facts.pressure.pid = true;
  const Json patch = patchOf(stored, wantedNode(stored, testSettings(), facts, kNow, kWallNow).node);
  EXPECT_EQ(patch["status"]["conditions"].size(), 4u);
  EXPECT_EQ(patch.dump().find("NetworkUnavailable"), std::string::npos);
}

TEST(NodePatch, NOD6_AddressesAreReplacedAsAWhole) {
  core::Node wanted = node();
  wanted.mutable_status()->mutable_addresses(0)->set_address("10.0.0.6");
  EXPECT_EQ(statusPatch(node(), wanted), (Json{{"addresses",
                                                {{{"type", "InternalIP"}, {"address", "10.0.0.6"}},
                                                 {{"type", "Hostname"}, {"address", "n1"}},
                                                 {{"$patch", "replace"}}}}}));
}

TEST(NodePatch, NOD6_FirstAddressesNeedNoDirective) {
  core::Node stored = node();
  stored.mutable_status()->clear_addresses();
  EXPECT_EQ(statusPatch(stored, node())["addresses"].size(), 2u);
}

TEST(NodePatch, NamesOnlyTheResourceThatChanged) {
  core::Node stored = node();
  (*stored.mutable_status()->mutable_capacity())["hugepages-64Ki"].set_string("0");
  (*stored.mutable_status()->mutable_allocatable())["memory"].set_string("1Gi");
  EXPECT_EQ(statusPatch(stored, node()),
            (Json{{"capacity", {{"hugepages-64Ki", nullptr}}}, {"allocatable", {{"memory", "16Gi"}}}}));
}

TEST(NodePatch, NamesOnlyTheNodeInfoThatChanged) {
  core::Node stored = node();
  stored.mutable_status()->mutable_nodeinfo()->set_bootid("boot-0");
  stored.mutable_status()->mutable_nodeinfo()->set_kubeproxyversion("v1.30.0");
  EXPECT_EQ(statusPatch(stored, node()), (Json{{"nodeInfo", {{"bootID", "boot-1"}, {"kubeProxyVersion", nullptr}}}}));
}

TEST(NodePatch, ImagesAreSentAsAList) {
  core::Node wanted = node();
  core::ContainerImage& image = *wanted.mutable_status()->add_images();
  image.add_names("web:1");
  image.set_sizebytes(7);
  EXPECT_EQ(statusPatch(node(), wanted), (Json{{"images", {{{"names", {"web:1"}}, {"sizeBytes", 7}}}}}));
  EXPECT_EQ(statusPatch(wanted, node()), (Json{{"images", nullptr}}));
}

TEST(NodePatch, NOD1_LabelsAndAnnotationsComeAndGo) {
  core::Node stored = node();
  (*stored.mutable_metadata()->mutable_labels())["kubernetes.io/os"] = "plan9";
  (*stored.mutable_metadata()->mutable_labels())["team"] = "a";
  (*stored.mutable_metadata()->mutable_annotations())["alpha.kubernetes.io/provided-node-ip"] = "10.0.0.9";
  const core::Node wanted = wantedNode(stored, testSettings(), testFacts(), kNow, kWallNow).node;
  EXPECT_EQ(patchOf(stored, wanted)["metadata"],
            (Json{{"labels", {{"kubernetes.io/os", "linux"}}},
                  {"annotations", {{"alpha.kubernetes.io/provided-node-ip", nullptr}}}}));
}

TEST(NodePatch, HeartbeatNamesOurConditionsOnly) {
  core::Node wanted = node();
  wanted.mutable_status()->add_conditions()->set_type("NetworkUnavailable");
  const Json patch = Json::parse(NodePatcher::heartbeat(wanted));
  EXPECT_EQ(patch.size(), 1u);
  EXPECT_EQ(patch["status"].size(), 1u);
  EXPECT_EQ(patch["status"]["conditions"].size(), 4u);
}

// What an API server of another age does not know.
struct OldServer : testing::Test {
  OldServer() {
    NodeFacts facts = testFacts();
    facts.machine.swapBytes = 1024;
    facts.runtime.handlers.emplace_back().set_name("runc");
    wanted = newNode(testSettings(), facts, kNow, kWallNow).node;
    kept = wanted;
    kept.mutable_status()->mutable_nodeinfo()->clear_swap();
    kept.mutable_status()->clear_runtimehandlers();
  }
  core::Node wanted;
  core::Node kept;
  NodePatcher patcher;
};

TEST_F(OldServer, NOD14_IsNotAskedAgainForWhatItDoesNotKeep) {
  EXPECT_TRUE(patcher.changes(kept, wanted));
  patcher.answered(kept, wanted);
  EXPECT_FALSE(patcher.changes(kept, wanted));
}

TEST_F(OldServer, NOD14_IsAskedForSomethingElseThere) {
  patcher.answered(kept, wanted);
  wanted.mutable_status()->mutable_runtimehandlers(0)->set_name("kata");
  wanted.mutable_status()->mutable_nodeinfo()->set_kernelversion("6.2.0");
  const Json status = Json::parse(*patcher.changes(kept, wanted))["status"];
  EXPECT_EQ(status["runtimeHandlers"][0]["name"], "kata");
  EXPECT_EQ(status["nodeInfo"], (Json{{"kernelVersion", "6.2.0"}}));
}

TEST_F(OldServer, NOD14_AChangeBySomebodyElseIsPutRight) {
  patcher.answered(kept, wanted);
  kept.mutable_status()->mutable_nodeinfo()->set_kernelversion("1.0");
  EXPECT_EQ(Json::parse(*patcher.changes(kept, wanted))["status"]["nodeInfo"], (Json{{"kernelVersion", "6.1.0"}}));
}

}  // namespace
}  // namespace cubelet::node
