#include "kubelet/podconfig/security.h"

#include <cstdint>
#include <gmock/gmock.h>
#include <set>
#include <string>

#include "kubelet/podconfig/config_test.h"
#include "kubelet/podconfig/sandbox_config.h"

namespace cubelet::podconfig {
namespace {

TEST_F(PodConfig, SEC_5_APrivilegedDebuggerCountsForTheSandbox) {
  EXPECT_FALSE(anyPrivileged(pod));
  pod.mutable_spec()
      ->add_ephemeralcontainers()
      ->mutable_ephemeralcontainercommon()
      ->mutable_securitycontext()
      ->set_privileged(true);
  EXPECT_TRUE(anyPrivileged(pod));
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

}  // namespace
}  // namespace cubelet::podconfig
