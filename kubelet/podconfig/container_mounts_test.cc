// What of its volumes a container sees, and where.
#include <string>

#include "kubelet/podconfig/config_test.h"

namespace cubelet::podconfig {
namespace {

TEST_F(PodConfig, SEC_14_EveryMountIsMapped) {
  auto* mount = container.add_volumemounts();
  mount->set_name("data");
  mount->set_mountpath("/data");
  inputs.terminationMessageFile = "/pods/u1/containers/web/01234567";
  inputs.hostsFile = "/pods/u1/etc-hosts";
  inputs.namespaces.users = IdRange{131072, 65536};
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->mounts_size(), 3);
  for (const auto& one : config->mounts()) {
    ASSERT_EQ(one.uidmappings_size(), 1) << one.container_path();
    EXPECT_EQ(one.uidmappings(0).host_id(), 131072u);
    EXPECT_EQ(one.gidmappings(0).length(), 65536u);
  }
  EXPECT_EQ(config->linux().security_context().namespace_options().userns_options().mode(), cri::v1::POD);
}

TEST_F(PodConfig, RTC_4_RecursiveReadOnlyNeedsTheRuntime) {
  auto* mount = container.add_volumemounts();
  mount->set_name("data");
  mount->set_mountpath("/data");
  mount->set_readonly(true);
  mount->set_recursivereadonly("IfPossible");
  EXPECT_FALSE(makeContainerConfig(pod, container, inputs, node)->mounts(0).recursive_read_only());
  inputs.recursiveReadOnlyMounts = true;
  EXPECT_TRUE(makeContainerConfig(pod, container, inputs, node)->mounts(0).recursive_read_only());
  mount->set_recursivereadonly("Enabled");
  EXPECT_TRUE(makeContainerConfig(pod, container, inputs, node)->mounts(0).recursive_read_only());
  inputs.recursiveReadOnlyMounts = false;
  const auto refused = makeContainerConfig(pod, container, inputs, node);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "CreateContainerConfigError");
  EXPECT_EQ(refused.error().message,
            "volume \"data\" requested recursive read-only mode, but it is not supported by the runtime");
}

TEST_F(PodConfig, VOL_7_MountsWithPropagation) {
  auto* mount = container.add_volumemounts();
  mount->set_name("data");
  mount->set_mountpath("/data");
  mount->set_readonly(true);
  mount->set_mountpropagation("HostToContainer");
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  ASSERT_EQ(config->mounts_size(), 1);
  EXPECT_EQ(config->mounts(0).host_path(), "/srv/data");
  EXPECT_TRUE(config->mounts(0).readonly());
  EXPECT_EQ(config->mounts(0).propagation(), cri::v1::PROPAGATION_HOST_TO_CONTAINER);
}

TEST_F(PodConfig, VOL_6_WhatTheAgentWritesIsReadOnlyForContainers) {
  const auto add = [this](const std::string& name) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    inputs.volumePaths[name] = "/srv/" + name;
    auto* mount = container.add_volumemounts();
    mount->set_name(name);
    mount->set_mountpath("/" + name);
    return volume->mutable_volumesource();
  };
  add("cache")->mutable_emptydir();
  add("settings")->mutable_configmap();
  add("keys")->mutable_secret();
  add("self")->mutable_downwardapi();
  add("all")->mutable_projected();
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  ASSERT_EQ(config->mounts_size(), 5);
  for (const auto& mount : config->mounts()) EXPECT_EQ(mount.readonly(), mount.container_path() != "/cache");
}

TEST_F(PodConfig, VOL_6_AReadOnlyClaimIsReadOnlyForContainers) {
  core::Volume* volume = pod.mutable_spec()->add_volumes();
  volume->set_name("data");
  volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
  auto* mount = container.add_volumemounts();
  mount->set_name("data");
  mount->set_mountpath("/data");
  inputs.volumePaths["data"] = "/srv/data";
  for (const bool readOnly : {false, true}) {
    volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(readOnly);
    const auto config = makeContainerConfig(pod, container, inputs, node);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->mounts(0).readonly(), readOnly);
  }
}

TEST_F(PodConfig, CSI_14_TheRuntimeRelabelsOnlyTheVolumesThatAreNamed) {
  for (const char* name : {"data", "other"}) {
    auto* mount = container.add_volumemounts();
    mount->set_name(name);
    mount->set_mountpath(std::string("/") + name);
    inputs.volumePaths[name] = std::string("/srv/") + name;
  }
  inputs.relabelled = {"data"};
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->mounts(0).selinux_relabel());
  EXPECT_FALSE(config->mounts(1).selinux_relabel());
}

TEST_F(PodConfig, SEC_15_TheRuntimeRelabelsTheAgentsFilesOnAHostWithSelinux) {
  inputs.hostsFile = "/pods/u1/etc-hosts";
  inputs.terminationMessageFile = "/pods/u1/containers/c/1";
  for (const bool selinux : {false, true}) {
    node.selinux = selinux;
    const auto config = makeContainerConfig(pod, container, inputs, node);
    ASSERT_TRUE(config);
    ASSERT_EQ(config->mounts_size(), 2);
    for (const cri::v1::Mount& mount : config->mounts()) EXPECT_EQ(mount.selinux_relabel(), selinux);
  }
}

TEST_F(PodConfig, CSI_12_ABlockVolumeIsADeviceInTheContainer) {
  core::Volume* volume = pod.mutable_spec()->add_volumes();
  volume->set_name("disk");
  volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("disk");
  core::VolumeDevice* wanted = container.add_volumedevices();
  wanted->set_name("disk");
  wanted->set_devicepath("/dev/xvda");
  EXPECT_FALSE(makeContainerConfig(pod, container, inputs, node)) << "it is not set up";
  inputs.volumePaths["disk"] = "/host/publish/disk";
  for (const bool readOnly : {false, true}) {
    volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(readOnly);
    const auto config = makeContainerConfig(pod, container, inputs, node);
    ASSERT_TRUE(config);
    ASSERT_EQ(config->devices_size(), 1);
    EXPECT_EQ(config->devices(0).host_path(), "/host/publish/disk");
    EXPECT_EQ(config->devices(0).container_path(), "/dev/xvda");
    EXPECT_EQ(config->devices(0).permissions(), readOnly ? "r" : "mrw");
    EXPECT_EQ(config->mounts_size(), 0);
  }
}

TEST_F(PodConfig, VOL_8_ASubPathIsMountedFromWhereItWasPinned) {
  for (const char* path : {"/whole", "/part"}) {
    auto* mount = container.add_volumemounts();
    mount->set_name("data");
    mount->set_mountpath(path);
  }
  container.mutable_volumemounts(1)->set_subpath("x");
  inputs.volumePaths["data"] = "/host/data";
  inputs.subPaths[1] = "/host/volume-subpaths/data/web/1";
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->mounts(0).host_path(), "/host/data");
  EXPECT_EQ(config->mounts(1).host_path(), "/host/volume-subpaths/data/web/1");
  inputs.subPaths.clear();
  EXPECT_FALSE(makeContainerConfig(pod, container, inputs, node)) << "never the whole volume in its place";
}

}  // namespace
}  // namespace cubelet::podconfig
