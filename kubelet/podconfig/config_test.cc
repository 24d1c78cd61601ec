#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/podconfig/container_config.h"
#include "kubelet/podconfig/resources.h"
#include "kubelet/podconfig/sandbox_config.h"
#include "kubelet/podconfig/security.h"

namespace cubelet::podconfig {
namespace {

struct PodConfig : testing::Test {
  PodConfig() {
    auto& meta = *pod.mutable_metadata();
    meta.set_name("web-n1");
    meta.set_namespace_("default");
    meta.set_uid("u1");
    (*meta.mutable_labels())["app"] = "shop";
    (*meta.mutable_annotations())["kubernetes.io/config.source"] = "file";
    pod.mutable_spec()->set_terminationgraceperiodseconds(30);
    container.set_name("web");
    container.set_image("busybox:1");
    container.set_terminationmessagepath("/dev/termination-log");
    container.set_terminationmessagepolicy("File");
    node.nodeName = "n1";
    node.memoryBytes = 1LL << 30;
    inputs.imageRef = "sha256:abc";
    inputs.volumePaths = {{"data", "/srv/data"}};
    *pod.mutable_spec()->add_containers() = container;
  }
  core::Pod pod;
  core::Container container;
  NodeFacts node;
  ContainerInputs inputs;
};

TEST_F(PodConfig, SBX_4_SandboxCarriesLabelsAndAnnotationsOfThePod) {
  const auto config = makeSandboxConfig(pod, 2, node);
  EXPECT_EQ(config.metadata().attempt(), 2u);
  EXPECT_EQ(config.labels().at("app"), "shop");
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.name"), "web-n1");
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.namespace"), "default");
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.uid"), "u1");
  EXPECT_EQ(config.annotations().at("kubernetes.io/config.source"), "file");
  EXPECT_EQ(config.log_directory(), "/var/log/pods/default_web-n1_u1");
}

TEST_F(PodConfig, SBX_5_NET_13_SandboxHasPortsSysctlsAndNamespaces) {
  auto* port = pod.mutable_spec()->mutable_containers(0)->add_ports();
  port->set_containerport(80);
  port->set_hostport(8080);
  port->set_hostip("10.0.0.1");
  port->set_protocol("UDP");
  auto* sysctl = pod.mutable_spec()->mutable_securitycontext()->add_sysctls();
  sysctl->set_name("net/ipv4/ip_unprivileged_port_start");
  sysctl->set_value("0");
  const auto config = makeSandboxConfig(pod, 0, node);
  ASSERT_EQ(config.port_mappings_size(), 1);
  EXPECT_EQ(config.port_mappings(0).host_port(), 8080);
  EXPECT_EQ(config.port_mappings(0).host_ip(), "10.0.0.1");
  EXPECT_EQ(config.port_mappings(0).container_port(), 80);
  EXPECT_EQ(config.port_mappings(0).protocol(), cri::v1::UDP);
  EXPECT_EQ(config.linux().sysctls().at("net.ipv4.ip_unprivileged_port_start"), "0");
  EXPECT_EQ(config.linux().security_context().namespace_options().pid(), cri::v1::CONTAINER);
  EXPECT_EQ(config.linux().security_context().seccomp().profile_type(), cri::v1::SecurityProfile::RuntimeDefault);
}

TEST_F(PodConfig, SEC_13_HostNamespaces) {
  pod.mutable_spec()->set_hostnetwork(true);
  pod.mutable_spec()->set_hostpid(true);
  pod.mutable_spec()->set_hostipc(true);
  const auto config = makeSandboxConfig(pod, 0, node);
  EXPECT_EQ(config.hostname(), "");
  const auto& options = config.linux().security_context().namespace_options();
  EXPECT_EQ(options.network(), cri::v1::NODE);
  EXPECT_EQ(options.pid(), cri::v1::NODE);
  EXPECT_EQ(options.ipc(), cri::v1::NODE);
}

TEST_F(PodConfig, SEC_14_NodeIsTheUserNamespaceUnlessThePodHasItsOwn) {
  const auto shared = makeSandboxConfig(pod, 0, node);
  EXPECT_EQ(shared.linux().security_context().namespace_options().userns_options().mode(), cri::v1::NODE);
  const auto own = makeSandboxConfig(pod, 0, node, {.users = IdRange{131072, 65536}});
  const auto& users = own.linux().security_context().namespace_options().userns_options();
  EXPECT_EQ(users.mode(), cri::v1::POD);
  ASSERT_EQ(users.uids_size(), 1);
  EXPECT_EQ(users.uids(0).host_id(), 131072u);
  EXPECT_EQ(users.uids(0).container_id(), 0u);
  EXPECT_EQ(users.uids(0).length(), 65536u);
  EXPECT_EQ(users.gids(0).host_id(), 131072u);
}

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

TEST_F(PodConfig, EPH_2_ATargetGivesItsProcessesUnlessThePodSharesThem) {
  inputs.namespaces.targetContainerId = "c1";
  const auto options = [&] {
    return makeContainerConfig(pod, container, inputs, node)->linux().security_context().namespace_options();
  };
  EXPECT_EQ(options().pid(), cri::v1::TARGET);
  EXPECT_EQ(options().target_id(), "c1");
  pod.mutable_spec()->set_shareprocessnamespace(true);
  EXPECT_EQ(options().pid(), cri::v1::POD);
  EXPECT_EQ(options().target_id(), "");
  pod.mutable_spec()->set_hostpid(true);
  EXPECT_EQ(options().pid(), cri::v1::NODE);
}

TEST_F(PodConfig, SEC_5_APrivilegedDebuggerCountsForTheSandbox) {
  EXPECT_FALSE(anyPrivileged(pod));
  pod.mutable_spec()
      ->add_ephemeralcontainers()
      ->mutable_ephemeralcontainercommon()
      ->mutable_securitycontext()
      ->set_privileged(true);
  EXPECT_TRUE(anyPrivileged(pod));
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

TEST_F(PodConfig, ContainerLabelsAndAnnotationsAreUpstreams) {
  auto* port = container.add_ports();
  port->set_containerport(80);
  port->set_protocol("TCP");
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->labels_size(), 4);
  EXPECT_EQ(config->labels().at("io.kubernetes.container.name"), "web");
  const auto& annotations = config->annotations();
  EXPECT_EQ(annotations.at("io.kubernetes.container.restartCount"), "0");
  EXPECT_EQ(annotations.at("io.kubernetes.container.terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(annotations.at("io.kubernetes.container.terminationMessagePolicy"), "File");
  EXPECT_EQ(annotations.at("io.kubernetes.pod.terminationGracePeriod"), "30");
  EXPECT_EQ(annotations.at("io.kubernetes.container.ports"), R"([{"containerPort":80,"protocol":"TCP"}])");
  EXPECT_EQ(annotations.count("io.kubernetes.pod.deletionGracePeriod"), 0u);
  EXPECT_FALSE(annotations.at("io.kubernetes.container.hash").empty());
}

TEST_F(PodConfig, StopSignalsHaveTheRuntimesNames) {
  const auto signalOf = [&](const std::string& name) {
    container.mutable_lifecycle()->set_stopsignal(name);
    return makeContainerConfig(pod, container, inputs, node).value().stop_signal();
  };
  EXPECT_EQ(makeContainerConfig(pod, container, inputs, node).value().stop_signal(), cri::v1::SIGNAL_RUNTIME_DEFAULT);
  EXPECT_EQ(signalOf("SIGUSR1"), cri::v1::SIGNAL_SIGUSR1);
  EXPECT_EQ(signalOf("SIGRTMIN+3"), cri::v1::SIGNAL_SIGRTMINPLUS3);
  EXPECT_EQ(signalOf("SIGRTMAX-2"), cri::v1::SIGNAL_SIGRTMAXMINUS2);
  EXPECT_EQ(signalOf("nonsense"), cri::v1::SIGNAL_RUNTIME_DEFAULT);
}

TEST_F(PodConfig, CFG_25_ImageIsTheResolvedReference) {
  inputs.attempt = 3;
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->image().image(), "sha256:abc");
  EXPECT_EQ(config->image().user_specified_image(), "busybox:1");
  EXPECT_EQ(config->log_path(), "web/3.log");
  EXPECT_EQ(config->metadata().attempt(), 3u);
}

TEST_F(PodConfig, CFG_3_CommandSeesTheFinalEnvironment) {
  auto* variable = container.add_env();
  variable->set_name("WHO");
  variable->set_value("you");
  container.add_command("echo");
  container.add_args("$(WHO)");
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->command(0), "echo");
  EXPECT_EQ(config->args(0), "you");
}

TEST_F(PodConfig, CFG_13_WorkingDirectoryStdinAndTerminal) {
  const auto plain = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->working_dir(), "");
  EXPECT_FALSE(plain->stdin() || plain->stdin_once() || plain->tty());
  container.set_workingdir("/srv");
  container.set_stdin(true);
  container.set_stdinonce(true);
  container.set_tty(true);
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->working_dir(), "/srv");
  EXPECT_TRUE(config->stdin() && config->stdin_once() && config->tty());
}

TEST_F(PodConfig, SEC_16_WindowsOptionsChangeNothing) {
  const auto before = makeContainerConfig(pod, container, inputs, node);
  container.mutable_securitycontext()->mutable_windowsoptions()->set_runasusername("Administrator");
  pod.mutable_spec()->mutable_securitycontext()->mutable_windowsoptions()->set_hostprocess(true);
  const auto after = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->linux().DebugString(), before->linux().DebugString());
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

TEST_F(PodConfig, SEC_3_NonRoot) {
  pod.mutable_spec()->mutable_securitycontext()->set_runasnonroot(true);
  cri::v1::Image image;
  auto rootImage = containerSecurity(pod, container, image, node);
  ASSERT_FALSE(rootImage);
  EXPECT_EQ(rootImage.error().message,
            "container has runAsNonRoot and image will run as root (pod: \"web-n1_default(u1)\", container: web)");
  image.set_username("app");
  auto named = containerSecurity(pod, container, image, node);
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message.find("non-numeric user (app)"), std::string::npos);
  container.mutable_securitycontext()->set_runasuser(1000);
  auto numeric = containerSecurity(pod, container, image, node);
  ASSERT_TRUE(numeric);
  EXPECT_EQ(numeric->run_as_user().value(), 1000);
  container.mutable_securitycontext()->set_runasuser(0);
  EXPECT_FALSE(containerSecurity(pod, container, image, node));
}

TEST_F(PodConfig, SEC_1_ContainerWinsOverPod) {
  pod.mutable_spec()->mutable_securitycontext()->set_runasuser(1);
  pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(7);
  container.mutable_securitycontext()->set_runasuser(2);
  container.mutable_securitycontext()->set_allowprivilegeescalation(false);
  container.mutable_securitycontext()->mutable_capabilities()->add_drop("ALL");
  auto context = containerSecurity(pod, container, {}, node);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->run_as_user().value(), 2);
  EXPECT_TRUE(context->no_new_privs());
  EXPECT_EQ(context->capabilities().drop_capabilities(0), "ALL");
  EXPECT_EQ(context->supplemental_groups(0), 7);
  EXPECT_EQ(context->seccomp().profile_type(), cri::v1::SecurityProfile::Unconfined);
  EXPECT_GT(context->masked_paths_size(), 5);
}

TEST_F(PodConfig, SEC_9_SeccompDefaultsAndProfiles) {
  node.seccompDefault = true;
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->seccomp().profile_type(),
            cri::v1::SecurityProfile::RuntimeDefault);
  auto* profile = container.mutable_securitycontext()->mutable_seccompprofile();
  profile->set_type("Localhost");
  profile->set_localhostprofile("audit.json");
  auto context = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(context->seccomp().localhost_ref(), "/var/lib/kubelet/seccomp/audit.json");
  profile->clear_localhostprofile();
  auto nameless = containerSecurity(pod, container, {}, node);
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().message, "localhostProfile must be set if seccompProfile type is Localhost.");
}

TEST_F(PodConfig, SEC_9_ThePodsProfileCountsWhereTheContainerHasNone) {
  pod.mutable_spec()->mutable_securitycontext()->mutable_seccompprofile()->set_type("RuntimeDefault");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->seccomp().profile_type(),
            cri::v1::SecurityProfile::RuntimeDefault);
  container.mutable_securitycontext()->mutable_seccompprofile()->set_type("Unconfined");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->seccomp().profile_type(),
            cri::v1::SecurityProfile::Unconfined);
}

TEST_F(PodConfig, SEC_2_WithoutAUserTheImagesCounts) {
  cri::v1::Image image;
  EXPECT_EQ(containerSecurity(pod, container, image, node)->run_as_user().value(), 0);
  image.set_username("app");
  auto named = containerSecurity(pod, container, image, node);
  EXPECT_EQ(named->run_as_username(), "app");
  EXPECT_FALSE(named->has_run_as_user());
  image.mutable_uid()->set_value(1000);
  EXPECT_EQ(containerSecurity(pod, container, image, node)->run_as_user().value(), 1000);
}

TEST_F(PodConfig, SEC_4_GroupsOfThePodReachEveryContainer) {
  auto& security = *pod.mutable_spec()->mutable_securitycontext();
  security.set_runasgroup(2000);
  security.add_supplementalgroups(3000);
  security.set_fsgroup(4000);
  auto merged = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(merged->run_as_group().value(), 2000);
  ASSERT_EQ(merged->supplemental_groups_size(), 2);
  EXPECT_EQ(merged->supplemental_groups(0), 3000);
  EXPECT_EQ(merged->supplemental_groups(1), 4000);
  EXPECT_EQ(merged->supplemental_groups_policy(), cri::v1::SupplementalGroupsPolicy::Merge);
  security.set_supplementalgroupspolicy("Strict");
  container.mutable_securitycontext()->set_runasgroup(2001);
  auto strict = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(strict->run_as_group().value(), 2001);
  EXPECT_EQ(strict->supplemental_groups_policy(), cri::v1::SupplementalGroupsPolicy::Strict);
}

TEST_F(PodConfig, SEC_4_GroupsOfPersistentVolumesReachBoth) {
  auto& security = *pod.mutable_spec()->mutable_securitycontext();
  security.add_supplementalgroups(3000);
  security.set_fsgroup(4000);
  const std::set<std::int64_t> groups = {1234, 3000, 4000};
  EXPECT_THAT(sandboxSecurity(pod, {}, groups).supplemental_groups(), testing::ElementsAre(3000, 4000, 1234));
  EXPECT_THAT(
      makeSandboxConfig(pod, 0, node, {.volumeGroups = groups}).linux().security_context().supplemental_groups(),
      testing::ElementsAre(3000, 4000, 1234));
  EXPECT_THAT(containerSecurity(pod, container, {}, node, {}, groups)->supplemental_groups(),
              testing::ElementsAre(3000, 4000, 1234));
}

TEST_F(PodConfig, SEC_5_PrivilegedHidesNothing) {
  container.mutable_securitycontext()->set_privileged(true);
  auto context = containerSecurity(pod, container, {}, node);
  EXPECT_TRUE(context->privileged());
  EXPECT_EQ(context->masked_paths_size(), 0);
  *pod.mutable_spec()->mutable_containers(0) = container;
  EXPECT_TRUE(makeSandboxConfig(pod, 0, node).linux().security_context().privileged());
}

TEST_F(PodConfig, SEC_6_CapabilitiesArePassedAsTheyAre) {
  container.mutable_securitycontext()->mutable_capabilities()->add_add("NET_ADMIN");
  container.mutable_securitycontext()->mutable_capabilities()->add_drop("ALL");
  auto context = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(context->capabilities().add_capabilities(0), "NET_ADMIN");
  EXPECT_EQ(context->capabilities().drop_capabilities(0), "ALL");
}

TEST_F(PodConfig, SEC_7_SEC_8_ReadOnlyRootAndNoNewPrivileges) {
  auto plain = containerSecurity(pod, container, {}, node);
  EXPECT_FALSE(plain->readonly_rootfs());
  EXPECT_FALSE(plain->no_new_privs());
  container.mutable_securitycontext()->set_readonlyrootfilesystem(true);
  container.mutable_securitycontext()->set_allowprivilegeescalation(true);
  EXPECT_TRUE(containerSecurity(pod, container, {}, node)->readonly_rootfs());
  EXPECT_FALSE(containerSecurity(pod, container, {}, node)->no_new_privs());
  container.mutable_securitycontext()->set_allowprivilegeescalation(false);
  EXPECT_TRUE(containerSecurity(pod, container, {}, node)->no_new_privs());
}

TEST_F(PodConfig, SEC_10_AppArmorOfContainerThenAnnotationThenPod) {
  EXPECT_FALSE(containerSecurity(pod, container, {}, node)->has_apparmor());
  auto* ofPod = pod.mutable_spec()->mutable_securitycontext()->mutable_apparmorprofile();
  ofPod->set_type("RuntimeDefault");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->apparmor().profile_type(),
            cri::v1::SecurityProfile::RuntimeDefault);
  (*pod.mutable_metadata()->mutable_annotations())["container.apparmor.security.beta.kubernetes.io/web"] =
      "localhost/mine";
  auto annotated = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(annotated->apparmor().profile_type(), cri::v1::SecurityProfile::Localhost);
  EXPECT_EQ(annotated->apparmor().localhost_ref(), "mine");
  container.mutable_securitycontext()->mutable_apparmorprofile()->set_type("Unconfined");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->apparmor().profile_type(),
            cri::v1::SecurityProfile::Unconfined);
}

TEST_F(PodConfig, SEC_12_ProcMount) {
  node.thermalPaths = {"/sys/devices/system/cpu/cpu0/thermal_throttle"};
  auto usual = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(usual->masked_paths_size(), 13);
  EXPECT_EQ(usual->masked_paths(12), node.thermalPaths[0]);
  EXPECT_EQ(usual->readonly_paths_size(), 5);
  container.mutable_securitycontext()->set_procmount("Unmasked");
  auto unmasked = containerSecurity(pod, container, {}, node);
  EXPECT_EQ(unmasked->masked_paths_size(), 0);
  EXPECT_EQ(unmasked->readonly_paths_size(), 0);
}

TEST_F(PodConfig, SEC_13_SharedProcessNamespace) {
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->namespace_options().pid(), cri::v1::CONTAINER);
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->namespace_options().ipc(), cri::v1::POD);
  pod.mutable_spec()->set_shareprocessnamespace(true);
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->namespace_options().pid(), cri::v1::POD);
  EXPECT_EQ(makeSandboxConfig(pod, 0, node).linux().security_context().namespace_options().pid(), cri::v1::POD);
}

TEST_F(PodConfig, SEC_15_SelinuxOptionsGoToBoth) {
  pod.mutable_spec()->mutable_securitycontext()->mutable_selinuxoptions()->set_level("s0:c1,c2");
  EXPECT_EQ(makeSandboxConfig(pod, 0, node).linux().security_context().selinux_options().level(), "s0:c1,c2");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->selinux_options().level(), "s0:c1,c2");
  container.mutable_securitycontext()->mutable_selinuxoptions()->set_level("s0:c3");
  EXPECT_EQ(containerSecurity(pod, container, {}, node)->selinux_options().level(), "s0:c3");
}

TEST_F(PodConfig, RES_17_OomScores) {
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 1000);
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  (*resources->mutable_requests())["memory"].set_string("512Mi");
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 500);
  for (const char* resource : {"cpu", "memory"}) {
    (*resources->mutable_requests())[resource].set_string("1");
    (*resources->mutable_limits())[resource].set_string("1");
  }
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), -997);
}

TEST_F(PodConfig, RES_17_ASidecarIsNotKilledBeforeTheContainers) {
  auto request = [](core::Container* one, const char* amount) {
    (*one->mutable_resources()->mutable_requests())["memory"].set_string(amount);
  };
  request(pod.mutable_spec()->mutable_containers(0), "256Mi");
  core::Container* sidecar = pod.mutable_spec()->add_initcontainers();
  sidecar->set_name("proxy");
  sidecar->set_restartpolicy("Always");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 750);
  request(sidecar, "512Mi");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 500);
  request(pod.mutable_spec()->add_containers(), "128Mi");
  request(sidecar, "1Mi");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 875);
  sidecar->clear_restartpolicy();
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 999);
}

TEST_F(PodConfig, RES_17_WhatOnlyThePodAsksForIsShared) {
  *pod.mutable_spec()->add_containers() = container;
  (*pod.mutable_spec()->mutable_resources()->mutable_requests())["memory"].set_string("512Mi");
  (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["memory"].set_string("256Mi");
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 625);
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(1), node.memoryBytes), 875);
}

TEST_F(PodConfig, RES_3_SandboxNamesItsCgroup) {
  EXPECT_EQ(makeSandboxConfig(pod, 0, node, {.cgroupParent = "/kubepods/podu1"}).linux().cgroup_parent(),
            "/kubepods/podu1");
}

TEST_F(PodConfig, RES_12_SandboxIsToldOfThePodsSize) {
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  (*resources->mutable_requests())["cpu"].set_string("500m");
  (*resources->mutable_limits())["cpu"].set_string("1");
  (*resources->mutable_limits())["memory"].set_string("1Mi");
  EXPECT_EQ(makeSandboxConfig(pod, 0, node).linux().overhead().cpu_shares(), 0);
  (*pod.mutable_spec()->mutable_overhead())["cpu"].set_string("250m");
  const auto linux = makeSandboxConfig(pod, 0, node).linux();
  EXPECT_EQ(linux.resources().cpu_shares(), 512);
  EXPECT_EQ(linux.resources().cpu_quota(), 100'000);
  EXPECT_EQ(linux.resources().memory_limit_in_bytes(), 1 << 20);
  EXPECT_EQ(linux.overhead().cpu_shares(), 256);
  EXPECT_EQ(linux.overhead().cpu_quota(), 25'000);
}

TEST_F(PodConfig, RES_11_ThePodsLimitHoldsForAContainerWithoutOne) {
  auto* limits = pod.mutable_spec()->mutable_resources()->mutable_limits();
  (*limits)["cpu"].set_string("2");
  (*limits)["memory"].set_string("4Mi");
  auto resources = containerResources(pod, container, node);
  EXPECT_EQ(resources.cpu_quota(), 200'000);
  EXPECT_EQ(resources.memory_limit_in_bytes(), 4 << 20);
  (*container.mutable_resources()->mutable_limits())["memory"].set_string("1Mi");
  EXPECT_EQ(containerResources(pod, container, node).memory_limit_in_bytes(), 1 << 20);
}

TEST_F(PodConfig, RES_14_HugePagesOfEachSizeTheKernelHas) {
  node.hugePageSizes = {2 << 20, 1 << 30};
  (*container.mutable_resources()->mutable_limits())["hugepages-2Mi"].set_string("4Mi");
  const auto resources = containerResources(pod, container, node);
  ASSERT_EQ(resources.hugepage_limits_size(), 2);
  EXPECT_EQ(resources.hugepage_limits(0).page_size(), "2MB");
  EXPECT_EQ(resources.hugepage_limits(0).limit(), 4u << 20);
  EXPECT_EQ(resources.hugepage_limits(1).page_size(), "1GB");
  EXPECT_EQ(resources.hugepage_limits(1).limit(), 0u);
}

TEST_F(PodConfig, RES_18_TheWholeContainerDiesOfOom) {
  EXPECT_EQ(containerResources(pod, container, node).unified().count("memory.oom.group"), 0u);
  node.cgroupV2 = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().at("memory.oom.group"), "1");
  node.singleProcessOomKill = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().count("memory.oom.group"), 0u);
}

TEST_F(PodConfig, RES_20_NoSwapUnlessTheNodeAllowsIt) {
  (*container.mutable_resources()->mutable_limits())["memory"].set_string("1Mi");
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 0) << "the kernel cannot limit swap";
  node.swapController = true;
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 1 << 20);
  node.cgroupV2 = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().at("memory.swap.max"), "0");
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 0);
}

TEST_F(PodConfig, RES_20_LimitedSwapIsInProportionToTheRequest) {
  node.cgroupV2 = node.swapController = node.limitedSwap = true;
  node.swapBytes = 1000;
  pod.mutable_metadata()->clear_annotations();
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  auto swap = [&] { return containerResources(pod, pod.spec().containers(0), node).unified().at("memory.swap.max"); };
  EXPECT_EQ(swap(), "0") << "nothing asked for";
  (*resources->mutable_requests())["memory"].set_string("256Mi");
  EXPECT_EQ(swap(), "250");
  (*resources->mutable_limits())["memory"].set_string("256Mi");
  EXPECT_EQ(swap(), "0") << "request and limit are the same";
  (*resources->mutable_limits())["memory"].set_string("512Mi");
  EXPECT_EQ(swap(), "250");
  pod.mutable_spec()->set_priority(2'000'000'000);
  EXPECT_EQ(swap(), "0") << "a critical pod";
  pod.mutable_spec()->clear_priority();
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  EXPECT_EQ(swap(), "0") << "static pods are critical";
}

TEST_F(PodConfig, MemoryIsThrottledBelowTheLimit) {
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  auto high = [&] {
    const auto sent = containerResources(pod, pod.spec().containers(0), node);
    const auto found = sent.unified().find("memory.high");
    return found == sent.unified().end() ? std::string("none") : found->second;
  };
  (*resources->mutable_limits())["memory"].set_string("200Mi");
  (*resources->mutable_requests())["memory"].set_string("100Mi");
  node.memoryThrottling = 0.9;
  EXPECT_EQ(high(), "none") << "cgroup v1 cannot";
  node.cgroupV2 = true;
  EXPECT_EQ(high(), std::to_string(190 << 20));
  (*resources->mutable_requests())["memory"].set_string("200Mi");
  EXPECT_EQ(high(), "none") << "asks for all that it may have";
  resources->Clear();
  node.memoryBytes = 1'000'000;
  EXPECT_EQ(high(), "897024") << "the node's memory is the limit, in whole pages";
  node.memoryThrottling.reset();
  EXPECT_EQ(high(), "none");
}

}  // namespace
}  // namespace cubelet::podconfig
