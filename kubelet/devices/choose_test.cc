#include "kubelet/devices/choose.h"

#include <gtest/gtest.h>

namespace cubelet::devices {
namespace {

constexpr char kGpu[] = "example.com/gpu";

core::Container* asking(core::Container* container, const std::string& name, const std::string& count) {
  container->set_name(name);
  (*container->mutable_resources()->mutable_limits())[kGpu].set_string(count);
  return container;
}

core::Pod podOf(const std::string& uid) {
  core::Pod pod;
  pod.mutable_metadata()->set_uid(uid);
  return pod;
}

Inventory gpus(const std::map<std::string, bool>& devices, bool connected = true) {
  Inventory out;
  out[kGpu].connected = connected;
  for (const auto& [id, healthy] : devices) out[kGpu].devices[id].healthy = healthy;
  return out;
}

Allocation holding(const Ids& ids) {
  Allocation out;
  out.byNode[kNoNode] = ids;
  return out;
}

// All demands of a pod, one after the other; the first that cannot be met is an error.
Result<Allocations> allocateAll(const core::Pod& pod, const Inventory& inventory, Allocations allocations) {
  for (const Demand& demand : openDemands(pod, inventory, allocations)) {
    Result<Offer> offer = offerFor(pod, demand, inventory, allocations);
    if (!offer) return fail(offer.error());
    allocations[{pod.metadata().uid(), demand.container, demand.resource}] =
        allocationOf(choose(*offer, {}), inventory.at(demand.resource));
  }
  return allocations;
}

Ids of(const Allocations& allocations, const std::string& pod, const std::string& container) {
  const auto found = allocations.find({pod, container, kGpu});
  return found == allocations.end() ? Ids() : found->second.ids();
}

struct Case {
  std::string name;
  std::map<std::string, bool> devices;
  Ids taken;                                                    // by another pod
  std::vector<std::pair<std::string, std::string>> containers;  // name -> count; "init-..." and "side-..." are such
  std::map<std::string, Ids> want;
  std::string wantError;
};

struct Choice : testing::TestWithParam<Case> {};

TEST_P(Choice, SRV_14_OfDevicesForAPod) {
  core::Pod pod = podOf("u1");
  for (const auto& [name, count] : GetParam().containers) {
    core::PodSpec& spec = *pod.mutable_spec();
    const bool isFirst = name.starts_with("init") || name.starts_with("side");
    core::Container* container = asking(isFirst ? spec.add_initcontainers() : spec.add_containers(), name, count);
    if (name.starts_with("side")) container->set_restartpolicy("Always");
  }
  Allocations before;
  if (!GetParam().taken.empty()) before[{"other", "c", kGpu}] = holding(GetParam().taken);
  Result<Allocations> after = allocateAll(pod, gpus(GetParam().devices), before);
  EXPECT_EQ(after ? "" : after.error().message, GetParam().wantError);
  if (!after) return;
  for (const auto& [container, ids] : GetParam().want) EXPECT_EQ(of(*after, "u1", container), ids) << container;
}

const std::map<std::string, bool> kThree = {{"a", true}, {"b", true}, {"c", true}};

INSTANTIATE_TEST_SUITE_P(
    Cases, Choice,
    testing::Values(Case{"One", kThree, {}, {{"web", "1"}}, {{"web", {"a"}}}, ""},
                    Case{"EachItsOwn", kThree, {}, {{"x", "1"}, {"y", "2"}}, {{"x", {"a"}}, {"y", {"b", "c"}}}, ""},
                    Case{"NotThoseOfOthers", kThree, {"a"}, {{"web", "2"}}, {{"web", {"b", "c"}}}, ""},
                    Case{"NotTheUnhealthy", {{"a", false}, {"b", true}}, {}, {{"web", "1"}}, {{"web", {"b"}}}, ""},
                    Case{"TooFew",
                         kThree,
                         {"a", "b"},
                         {{"web", "2"}},
                         {},
                         "requested number of devices unavailable for example.com/gpu. Requested: 2, Available: 1"},
                    Case{"LaterContainersReuseThoseOfInitContainers",
                         kThree,
                         {"c"},
                         {{"init", "2"}, {"web", "2"}},
                         {{"init", {"a", "b"}}, {"web", {"a", "b"}}},
                         ""},
                    Case{"InitContainersReuseEachOthers",
                         kThree,
                         {"b", "c"},
                         {{"init-1", "1"}, {"init-2", "1"}, {"web", "1"}},
                         {{"init-1", {"a"}}, {"init-2", {"a"}}, {"web", {"a"}}},
                         ""},
                    Case{"WhatOneContainerReusesTheNextDoesNot",
                         kThree,
                         {},
                         {{"init", "1"}, {"x", "1"}, {"y", "1"}},
                         {{"init", {"a"}}, {"x", {"a"}}, {"y", {"b"}}},
                         ""},
                    Case{"SidecarsKeepTheirs",
                         kThree,
                         {},
                         {{"side", "1"}, {"init", "1"}, {"web", "1"}},
                         {{"side", {"a"}}, {"init", {"b"}}, {"web", {"b"}}},
                         ""},
                    Case{"SidecarsTakeThoseOfInitContainers",
                         kThree,
                         {"c"},
                         {{"init", "1"}, {"side", "1"}, {"web", "1"}},
                         {{"init", {"a"}}, {"side", {"a"}}, {"web", {"b"}}},
                         ""},
                    Case{"MoreThanTheInitContainerHad",
                         kThree,
                         {},
                         {{"init", "1"}, {"web", "3"}},
                         {{"init", {"a"}}, {"web", {"a", "b", "c"}}},
                         ""},
                    Case{"NoneAsked", kThree, {}, {{"web", "0"}}, {{"web", {}}}, ""}),
    [](const auto& test) { return test.param.name; });

TEST(Choice, SRV_14_FollowsWhatThePluginPrefersWhereItCan) {
  const Offer offer{.count = 2, .given = {"a"}, .available = {"b", "c"}};
  EXPECT_EQ(choose(offer, {"c"}), (Ids{"a", "c"}));
  EXPECT_EQ(choose(offer, {"a", "z"}), (Ids{"a", "b"})) << "z is not on offer";
  EXPECT_EQ(choose(offer, {}), (Ids{"a", "b"}));
  EXPECT_EQ(choose({.count = 1, .given = {}, .available = {"b", "c"}}, {"b", "c"}), Ids{"b"}) << "no more than asked";
}

TEST(Choice, SRV_14_ADeviceWhosePluginIsAwayIsForNobodyNew) {
  core::Pod pod = podOf("u1");
  asking(pod.mutable_spec()->add_containers(), "web", "1");
  const Inventory away = gpus({{"a", false}}, false);
  Result<Allocations> refused = allocateAll(pod, away, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cannot allocate unregistered device example.com/gpu");
  Allocations held;
  held[{"u1", "web", kGpu}] = holding({"a"});
  EXPECT_TRUE(allocateAll(pod, away, held)) << "it has them already";
}

TEST(Choice, SRV_14_ResourcesWithoutPluginAreNoDevices) {
  core::Pod pod = podOf("u1");
  asking(pod.mutable_spec()->add_containers(), "web", "1");
  EXPECT_TRUE(openDemands(pod, {}, {}).empty());
}

TEST(DeviceAmounts, SRV_14_AllocatableIsWhatIsHealthy) {
  EXPECT_EQ(amountsOf(gpus({{"a", true}, {"b", false}, {"c", true}})), (Amounts{{kGpu, {3, 2}}}));
  EXPECT_EQ(amountsOf(gpus({})), (Amounts{{kGpu, {0, 0}}}));
}

TEST(DeviceAllocation, SRV_14_NamesADeviceForEachOfItsNumaNodes) {
  Resource resource;
  resource.devices = {{"a", {.healthy = true, .numaNodes = {0, 1}}}, {"b", {}}};
  const Allocation allocation = allocationOf({"a", "b"}, resource);
  EXPECT_EQ(allocation.byNode, (std::map<std::int64_t, Ids>{{-1, {"b"}}, {0, {"a"}}, {1, {"a"}}}));
  EXPECT_EQ(allocation.ids(), (Ids{"a", "b"}));
}

TEST(DeviceResponses, SRV_14_OfSeveralPluginsComeTogetherAndTheFirstIsRight) {
  wire::ContainerAllocateResponse all;
  wire::ContainerAllocateResponse one;
  (*one.mutable_envs())["A"] = "1";
  (*one.mutable_annotations())["x"] = "1";
  one.add_mounts()->set_container_path("/m");
  one.mutable_mounts(0)->set_host_path("/first");
  one.add_devices()->set_container_path("/dev/a");
  one.add_cdi_devices()->set_name("v.com/c=1");
  wire::ContainerAllocateResponse other = one;
  (*other.mutable_envs())["A"] = "2";
  (*other.mutable_envs())["B"] = "2";
  other.mutable_mounts(0)->set_host_path("/second");
  other.add_devices()->set_container_path("/dev/b");
  mergeInto(all, one);
  mergeInto(all, other);
  EXPECT_EQ(all.envs().at("A"), "1");
  EXPECT_EQ(all.envs().at("B"), "2");
  ASSERT_EQ(all.mounts_size(), 1);
  EXPECT_EQ(all.mounts(0).host_path(), "/first");
  ASSERT_EQ(all.devices_size(), 2);
  EXPECT_EQ(all.devices(1).container_path(), "/dev/b");
  EXPECT_EQ(all.cdi_devices_size(), 1);
  EXPECT_EQ(all.annotations_size(), 1);
}

}  // namespace
}  // namespace cubelet::devices
