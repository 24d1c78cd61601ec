#include "kubelet/devices/checkpoint.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/api/base64.h"

namespace cubelet::devices {
namespace {

// Of the form that upstream 1.36 writes. Its checksum was confirmed with files of running clusters.
constexpr char kUpstream[] =
    R"({"Data":{"PodDeviceEntries":[{"PodUID":"bf52b2cd-b611-4e79-86b1-280b283185c3","ContainerName":"check",)"
    R"("ResourceName":"nvidia.com/gpu","DeviceIDs":{"-1":["tegra"]},)"
    R"("AllocResp":"Ch8KFk5WSURJQV9WSVNJQkxFX0RFVklDRVMSBXRlZ3Jh"}],)"
    R"("RegisteredDevices":{"nvidia.com/gpu":["tegra"]}},"Checksum":3660592824})";

TEST(DeviceCheckpoint, REC_6_IsUpstreamsFileWithItsChecksum) {
  Result<Checkpoint> read = fromText(kUpstream);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->allocations.size(), 1u);
  const auto& [place, allocation] = *read->allocations.begin();
  EXPECT_EQ(place, (Place{"bf52b2cd-b611-4e79-86b1-280b283185c3", "check", "nvidia.com/gpu"}));
  EXPECT_EQ(allocation.ids(), Ids{"tegra"});
  ASSERT_TRUE(allocation.response);
  EXPECT_EQ(allocation.response->envs().at("NVIDIA_VISIBLE_DEVICES"), "tegra");
  EXPECT_EQ(read->registered, (std::map<std::string, Ids>{{"nvidia.com/gpu", {"tegra"}}}));
  EXPECT_EQ(nlohmann::json::parse(toText(*read)), nlohmann::json::parse(kUpstream));
}

TEST(DeviceCheckpoint, REC_6_ComesBackAsItWas) {
  Checkpoint checkpoint;
  Allocation& two = checkpoint.allocations[{"u1", "a", "example.com/gpu"}];
  two.byNode = {{0, {"g1"}}, {1, {"g1", "g2"}}};
  two.response.emplace();
  (*two.response->mutable_envs())["A"] = "1";
  (*two.response->mutable_envs())["B"] = "2";
  checkpoint.allocations[{"u2", "b", "example.com/nic"}].byNode = {{kNoNode, {"n1"}}};
  checkpoint.registered["example.com/gpu"] = {"g1", "g2", "g3"};
  Result<Checkpoint> read = fromText(toText(checkpoint));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->registered, checkpoint.registered);
  ASSERT_EQ(read->allocations.size(), 2u);
  const Allocation& again = read->allocations.at({"u1", "a", "example.com/gpu"});
  EXPECT_EQ(again.byNode, two.byNode);
  EXPECT_EQ(again.ids(), (Ids{"g1", "g2"}));
  EXPECT_EQ(again.response->envs().at("B"), "2");
  EXPECT_FALSE(read->allocations.at({"u2", "b", "example.com/nic"}).response) << "its plug-in was not asked yet";
  EXPECT_EQ(toText(*read), toText(checkpoint));
}

TEST(DeviceCheckpoint, REC_6_WhatIsNoneIsAnErrorAndBadEntriesAreLeftOut) {
  EXPECT_FALSE(fromText(""));
  EXPECT_FALSE(fromText("{}"));
  EXPECT_FALSE(fromText("[1]"));
  EXPECT_TRUE(fromText(R"({"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":1})"));
  Result<Checkpoint> read = fromText(
      R"({"Data":{"PodDeviceEntries":[1,{},{"PodUID":"u"},{"PodUID":"u","ContainerName":"c","ResourceName":"e.com/x",)"
      R"("DeviceIDs":{"0":["d",5]},"AllocResp":"%%"}],"RegisteredDevices":[]}})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->allocations.size(), 1u);
  EXPECT_EQ(read->allocations.begin()->second.ids(), Ids{"d"});
}

}  // namespace
}  // namespace cubelet::devices
