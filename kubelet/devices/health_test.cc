#include "kubelet/devices/health.h"

#include <gtest/gtest.h>

namespace cubelet::devices {
namespace {

constexpr char kGpu[] = "example.com/gpu";
constexpr char kNic[] = "example.com/nic";

TEST(DeviceHealth, SRV_14_IsToldForEachContainer) {
  Allocations allocations;
  allocations[{"u1", "web", kGpu}].byNode[kNoNode] = {"a", "b", "lost"};
  allocations[{"u1", "web", kNic}].byNode[0] = {"n"};
  allocations[{"u1", "init", kGpu}].byNode[kNoNode] = {"a"};
  allocations[{"u2", "log", kGpu}].byNode[kNoNode] = {"a"};
  Inventory inventory;
  inventory[kGpu].devices["a"].healthy = true;
  inventory[kGpu].devices["b"].healthy = false;
  ::k8s::core::v1::PodStatus status;
  status.add_initcontainerstatuses()->set_name("init");
  status.add_containerstatuses()->set_name("log");
  status.add_containerstatuses()->set_name("web");
  addHealth("u1", allocations, inventory, status);
  EXPECT_EQ(status.initcontainerstatuses(0).allocatedresourcesstatus_size(), 0);
  EXPECT_EQ(status.containerstatuses(0).allocatedresourcesstatus_size(), 0) << "those are another pod's";
  std::string text;
  for (const auto& resource : status.containerstatuses(1).allocatedresourcesstatus()) {
    text += resource.name() + ":";
    for (const auto& one : resource.resources()) text += " " + one.resourceid() + " " + one.health();
    text += ";";
  }
  EXPECT_EQ(text, "example.com/gpu: a Healthy b Unhealthy lost Unknown;example.com/nic: n Unknown;");
}

TEST(DeviceHealth, SRV_14_ConcernsPodsWithDevices) {
  Allocations allocations;
  EXPECT_FALSE(hasDevices(allocations, "u1"));
  allocations[{"u1", "web", kGpu}];
  EXPECT_TRUE(hasDevices(allocations, "u1"));
  EXPECT_FALSE(hasDevices(allocations, "u"));
  EXPECT_FALSE(hasDevices(allocations, "u2"));
}

}  // namespace
}  // namespace cubelet::devices
