#include "csi/plugins/csi_node.h"

#include <gtest/gtest.h>

namespace cubelet::csi {
namespace {

const DriverFacts kFacts{"a.csi", "i-1", 5, {{"topology.a/zone", "z1"}, {"topology.a/rack", "r1"}}};

core::Node node(std::map<std::string, std::string> labels = {}, const std::string& ids = "") {
  core::Node node;
  node.mutable_metadata()->set_name("n1");
  for (auto& [key, value] : labels) (*node.mutable_metadata()->mutable_labels())[key] = value;
  if (!ids.empty()) (*node.mutable_metadata()->mutable_annotations())["csi.volume.kubernetes.io/nodeid"] = ids;
  return node;
}

TEST(CsiNode, CSI_2_BelongsToItsNodeAndNamesMigratedPlugins) {
  const storage::CSINode made = newCsiNode("n1", "uid");
  EXPECT_TRUE(isOwnedBy(made, "n1", "uid"));
  EXPECT_FALSE(isOwnedBy(made, "n1", "another"));
  EXPECT_TRUE(made.metadata().annotations().contains("storage.alpha.kubernetes.io/migrated-plugins"));
  EXPECT_EQ(made.spec().drivers_size(), 0);
}

TEST(CsiNode, CSI_2_ListsADriverOnce) {
  const storage::CSINode with = withDriver(newCsiNode("n1", "uid"), kFacts).value();
  ASSERT_EQ(with.spec().drivers_size(), 1);
  EXPECT_EQ(with.spec().drivers(0).nodeid(), "i-1");
  EXPECT_EQ(with.spec().drivers(0).allocatable().count(), 5);
  EXPECT_EQ(with.spec().drivers(0).topologykeys(0), "topology.a/rack") << "sorted";
  EXPECT_FALSE(withDriver(with, kFacts)) << "nothing to write";
  DriverFacts unlimited = kFacts;
  unlimited.maxVolumes = 0;
  EXPECT_FALSE(withDriver(with, unlimited)->spec().drivers(0).has_allocatable());
  EXPECT_EQ(withoutDriver(with, "a.csi")->spec().drivers_size(), 0);
  EXPECT_FALSE(withoutDriver(with, "b.csi"));
}

TEST(NodePatch, CSI_2_HasTheNodeIdAndTheTopology) {
  EXPECT_EQ(patchForDriver(node(), kFacts).value(),
            R"({"metadata":{"labels":{"topology.a/rack":"r1","topology.a/zone":"z1"},)"
            R"("annotations":{"csi.volume.kubernetes.io/nodeid":"{\"a.csi\":\"i-1\"}"}}})");
  EXPECT_EQ(patchForDriver(node({{"topology.a/rack", "r1"}, {"topology.a/zone", "z1"}}, R"({"a.csi":"i-1"})"), kFacts)
                .value(),
            "");
  EXPECT_EQ(
      patchForDriver(node({{"topology.a/rack", "r1"}, {"topology.a/zone", "z1"}}, R"({"b.csi":"x"})"), kFacts).value(),
      R"({"metadata":{"annotations":{"csi.volume.kubernetes.io/nodeid":"{\"a.csi\":\"i-1\",\"b.csi\":\"x\"}"}}})");
}

TEST(NodePatch, CSI_2_ATopologyThatConflictsIsRefused) {
  const auto refused = patchForDriver(node({{"topology.a/zone", "z2"}}), kFacts);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().message, "topology topology.a/zone=z1: node n1 has the label topology.a/zone=z2 already");
  DriverFacts odd = kFacts;
  odd.topology = {{"zone", "has spaces"}};
  EXPECT_FALSE(patchForDriver(node(), odd));
}

TEST(NodePatch, CSI_2_ADriverThatIsGoneLeavesTheAnnotation) {
  EXPECT_EQ(patchWithoutDriver(node({}, R"({"a.csi":"i-1","b.csi":"x"})"), "a.csi"),
            R"({"metadata":{"annotations":{"csi.volume.kubernetes.io/nodeid":"{\"b.csi\":\"x\"}"}}})");
  EXPECT_EQ(patchWithoutDriver(node({}, R"({"a.csi":"i-1"})"), "a.csi"),
            R"({"metadata":{"annotations":{"csi.volume.kubernetes.io/nodeid":null}}})");
  EXPECT_EQ(patchWithoutDriver(node(), "a.csi"), "");
  EXPECT_EQ(patchWithoutDriver(node({}, "damaged"), "a.csi"), "");
}

}  // namespace
}  // namespace cubelet::csi
