#include "kubelet/podconfig/sandbox_config.h"

#include "kubelet/podconfig/config_test.h"

namespace cubelet::podconfig {
namespace {

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

}  // namespace
}  // namespace cubelet::podconfig
