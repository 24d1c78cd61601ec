#include "kubelet/node/admission_view.h"

#include <gtest/gtest.h>

#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

TEST(AdmissionView, ADM_3_WithoutAServerItIsTheNodeAsWeWouldMakeIt) {
  NodeSettings settings = testSettings();
  settings.labels = {{"disk", "ssd"}};
  settings.resources.kubeReserved = {{"cpu", "500m"}};
  const admission::NodeView view = admissionView(settings, testMachine(), nullptr);
  EXPECT_FALSE(view.fromServer);
  EXPECT_EQ(view.name, "n1");
  EXPECT_EQ(view.labels.at("disk"), "ssd");
  EXPECT_EQ(view.labels.at("kubernetes.io/os"), "linux");
  EXPECT_EQ(view.allocatable.at("cpu"), 3500);
  EXPECT_EQ(view.allocatable.at("pods"), 110);
}

TEST(AdmissionView, ADM_2_TheServersLabelsAndExtendedResourcesOurMachine) {
  core::Node stored;
  stored.mutable_metadata()->set_name("n1");
  (*stored.mutable_metadata()->mutable_labels())["zone"] = "a";
  (*stored.mutable_status()->mutable_allocatable())["cpu"].set_string("64");
  (*stored.mutable_status()->mutable_allocatable())["example.com/gpu"].set_string("2");
  (*stored.mutable_status()->mutable_allocatable())["hugepages-1Gi"].set_string("4Gi");
  const admission::NodeView view = admissionView(testSettings(), testMachine(), &stored);
  EXPECT_TRUE(view.fromServer);
  EXPECT_EQ(view.labels, (std::map<std::string, std::string>{{"zone", "a"}}));
  EXPECT_EQ(view.allocatable.at("cpu"), 4000) << "an old status does not count";
  EXPECT_EQ(view.allocatable.at("example.com/gpu"), 2);
  EXPECT_FALSE(view.allocatable.contains("hugepages-1Gi"));
}

}  // namespace
}  // namespace cubelet::node
