#include <gtest/gtest.h>

#include "base/files.h"
#include "base/rpc/call.h"
#include "base/temp_dir.h"
#include "kubelet/devices/checkpoint.h"
#include "kubelet/podresources/answers.h"
#include "kubelet/podresources/server.h"

namespace cubelet::podresources {
namespace {

core::Pod examplePod() {
  core::Pod pod;
  pod.mutable_metadata()->set_name("p");
  pod.mutable_metadata()->set_namespace_("ns");
  pod.mutable_metadata()->set_uid("u1");
  pod.mutable_spec()->add_initcontainers()->set_name("init");
  core::Container& sidecar = *pod.mutable_spec()->add_initcontainers();
  sidecar.set_name("side");
  sidecar.set_restartpolicy("Always");
  pod.mutable_spec()->add_containers()->set_name("web");
  pod.mutable_spec()->add_containers()->set_name("log");
  return pod;
}

devices::Checkpoint exampleState() {
  devices::Checkpoint out;
  out.allocations[{"u1", "web", "example.com/gpu"}].byNode = {{0, {"a", "b"}}, {1, {"b"}}};
  out.allocations[{"u1", "side", "example.com/nic"}].byNode = {{devices::kNoNode, {"n"}}};
  out.allocations[{"u2", "web", "example.com/gpu"}].byNode = {{0, {"c"}}};
  return out;
}

TEST(PodResources, SRV_14_ListEachDeviceOfEachContainer) {
  const ::v1::PodResources found = resourcesOf(examplePod(), exampleState().allocations);
  EXPECT_EQ(found.name(), "p");
  EXPECT_EQ(found.namespace_(), "ns");
  ASSERT_EQ(found.containers_size(), 3) << "without the init container";
  EXPECT_EQ(found.containers(0).name(), "side");
  ASSERT_EQ(found.containers(0).devices_size(), 1);
  EXPECT_FALSE(found.containers(0).devices(0).has_topology());
  EXPECT_EQ(found.containers(1).name(), "web");
  ASSERT_EQ(found.containers(1).devices_size(), 2);
  EXPECT_EQ(found.containers(1).devices(0).resource_name(), "example.com/gpu");
  EXPECT_EQ(found.containers(1).devices(0).device_ids(0), "a");
  EXPECT_EQ(found.containers(1).devices(0).topology().nodes(0).id(), 0);
  EXPECT_EQ(found.containers(1).devices(1).topology().nodes_size(), 2);
  EXPECT_EQ(found.containers(2).devices_size(), 0);
}

TEST(PodResources, SRV_14_AllocatableIsWhatIsHealthy) {
  devices::Inventory inventory;
  inventory["example.com/gpu"].devices = {{"a", {.healthy = true, .numaNodes = {1}}},
                                          {"b", {.healthy = false, .numaNodes = {}}}};
  const ::v1::AllocatableResourcesResponse found = allocatableOf(inventory);
  ASSERT_EQ(found.devices_size(), 1);
  EXPECT_EQ(found.devices(0).device_ids(0), "a");
  EXPECT_EQ(found.devices(0).topology().nodes(0).id(), 1);
}

struct PodResourcesCalls : testing::Test {
  PodResourcesCalls() {
    EXPECT_TRUE(makeDirectories(temp / "device-plugins", 0750));
    EXPECT_TRUE(
        writeFileAtomic(temp / "device-plugins/kubelet_internal_checkpoint", devices::toText(exampleState()), 0600));
    EXPECT_TRUE(devices.start());
    EXPECT_TRUE(server.start());
  }
  ~PodResourcesCalls() override {
    loop.runToEnd(server.close());
    loop.runToEnd(devices.close());
  }
  template <class Reply>
  Result<Reply> ask(const std::string& method, const google::protobuf::MessageLite& request) {
    return loop.runToEnd(rpc::call<Reply>(channel, "/v1.PodResourcesLister/" + method, request, rpc::CallOptions()));
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 1};
  rpc::Pump pump{loop};
  TempDir temp;
  devices::Devices devices{{.loop = loop, .clock = clock, .pool = pool, .pump = pump}, temp / "device-plugins", [] {}};
  Server server{
      loop, clock, pump, temp / "pod-resources", devices, [] { return std::vector<core::Pod>{examplePod()}; }};
  rpc::ChannelPtr channel = rpc::Channel::create(pump, temp / "pod-resources/kubelet.sock").value();
};

TEST_F(PodResourcesCalls, SRV_14_AreAnswered) {
  const auto all = ask<::v1::ListPodResourcesResponse>("List", ::v1::ListPodResourcesRequest());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->pod_resources_size(), 1);
  EXPECT_EQ(all->pod_resources(0).containers(1).devices_size(), 2);
  ::v1::GetPodResourcesRequest request;
  request.set_pod_name("p");
  request.set_pod_namespace("ns");
  const auto one = ask<::v1::GetPodResourcesResponse>("Get", request);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->pod_resources().name(), "p");
  request.set_pod_name("other");
  EXPECT_EQ(ask<::v1::GetPodResourcesResponse>("Get", request).error().code, Code::kNotFound);
  const auto node = ask<::v1::AllocatableResourcesResponse>("GetAllocatableResources", request);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->devices_size(), 0) << "no plug-in has registered";
}

TEST_F(PodResourcesCalls, SRV_14_TheAlphaVersionListsDevicesOfContainers) {
  const auto all = loop.runToEnd(rpc::call<::v1::ListPodResourcesResponse>(
      channel, "/v1alpha1.PodResourcesLister/List", ::v1::ListPodResourcesRequest(), rpc::CallOptions()));
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->pod_resources_size(), 1);
  const ::v1::PodResources& pod = all->pod_resources(0);
  EXPECT_EQ(pod.name(), "p");
  EXPECT_EQ(pod.namespace_(), "ns");
  std::size_t devices = 0;
  for (const ::v1::ContainerResources& container : pod.containers()) {
    EXPECT_NE(container.name(), "side");
    for (const ::v1::ContainerDevices& one : container.devices()) {
      EXPECT_FALSE(one.has_topology());
      devices += static_cast<std::size_t>(one.device_ids_size());
    }
  }
  EXPECT_EQ(devices, 2u);
}

TEST_F(PodResourcesCalls, SRV_14_AreLimitedTo10AtOnceAnd100InASecond) {
  const ::v1::ListPodResourcesRequest request;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ask<::v1::ListPodResourcesResponse>("List", request));
  EXPECT_EQ(ask<::v1::ListPodResourcesResponse>("List", request).error().code, Code::kExhausted);
  clock.advance(std::chrono::milliseconds(10));
  EXPECT_TRUE(ask<::v1::ListPodResourcesResponse>("List", request));
}

}  // namespace
}  // namespace cubelet::podresources
