#include "kubelet/objects/pod_references.h"

#include <functional>
#include <gtest/gtest.h>

#include "kubelet/objects/objects.h"

namespace cubelet::objects {
namespace {

using Names = std::set<std::string>;

struct Case {
  std::string name;
  std::function<void(core::PodSpec&)> arrange;
  PodReferences want;
};

class References : public testing::TestWithParam<Case> {};

TEST_P(References, AreFound) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("web");
  GetParam().arrange(*pod.mutable_spec());
  EXPECT_EQ(referencesOf(pod), GetParam().want);
}

void envKey(core::EnvVar* variable, const std::string& configMap, const std::string& secret) {
  if (!configMap.empty())
    variable->mutable_valuefrom()->mutable_configmapkeyref()->mutable_localobjectreference()->set_name(configMap);
  if (!secret.empty())
    variable->mutable_valuefrom()->mutable_secretkeyref()->mutable_localobjectreference()->set_name(secret);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, References,
    testing::Values(
        Case{"None", [](core::PodSpec& spec) { spec.add_containers()->add_env()->set_name("A"); }, {}},
        Case{"EnvKeys",
             [](core::PodSpec& spec) {
               envKey(spec.add_containers()->add_env(), "c", "");
               envKey(spec.add_initcontainers()->add_env(), "", "s");
               envKey(spec.add_ephemeralcontainers()->mutable_ephemeralcontainercommon()->add_env(), "e", "");
             },
             {Names{"c", "e"}, Names{"s"}}},
        Case{"EnvFrom",
             [](core::PodSpec& spec) {
               core::Container* container = spec.add_containers();
               container->add_envfrom()->mutable_configmapref()->mutable_localobjectreference()->set_name("c");
               container->add_envfrom()->mutable_secretref()->mutable_localobjectreference()->set_name("s");
             },
             {Names{"c"}, Names{"s"}}},
        Case{"Claims",
             [](core::PodSpec& spec) {
               core::Volume* volume = spec.add_volumes();
               volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
               volume = spec.add_volumes();
               volume->set_name("scratch");
               volume->mutable_volumesource()->mutable_ephemeral();
             },
             {{}, {}, "", Names{"web-scratch", "data"}}},
        Case{"OptionalToo",
             [](core::PodSpec& spec) {
               auto* ref = spec.add_containers()->add_envfrom()->mutable_configmapref();
               ref->mutable_localobjectreference()->set_name("c");
               ref->set_optional(true);
             },
             {Names{"c"}, {}}},
        Case{"Volumes",
             [](core::PodSpec& spec) {
               spec.add_volumes()->mutable_volumesource()->mutable_secret()->set_secretname("s");
               auto* configMap = spec.add_volumes()->mutable_volumesource()->mutable_configmap();
               configMap->mutable_localobjectreference()->set_name("c");
             },
             {Names{"c"}, Names{"s"}}},
        Case{"Projected",
             [](core::PodSpec& spec) {
               auto* projected = spec.add_volumes()->mutable_volumesource()->mutable_projected();
               projected->add_sources()->mutable_serviceaccounttoken()->set_path("token");
               projected->add_sources()->mutable_configmap()->mutable_localobjectreference()->set_name("root-ca");
               projected->add_sources()->mutable_secret()->mutable_localobjectreference()->set_name("s");
             },
             {Names{"root-ca"}, Names{"s"}}},
        Case{"PullSecretsButNoEmptyNames",
             [](core::PodSpec& spec) {
               spec.add_imagepullsecrets()->set_name("registry");
               spec.add_imagepullsecrets();
             },
             {{}, Names{"registry"}}}),
    [](const auto& test) { return test.param.name; });

TEST(RefersTo, AnswersForAllKinds) {
  core::Pod pod;
  envKey(pod.mutable_spec()->add_containers()->add_env(), "c", "");
  pod.mutable_spec()->add_imagepullsecrets()->set_name("s");
  pod.mutable_metadata()->set_namespace_("prod");
  pod.mutable_spec()->set_runtimeclassname("gvisor");
  EXPECT_TRUE(refersTo(pod, "prod", "c"));
  EXPECT_TRUE(refersTo(pod, "prod", "s"));
  EXPECT_TRUE(refersTo(pod, "", "gvisor"));
  EXPECT_FALSE(refersTo(pod, "", "d.csi"));
  pod.mutable_spec()->add_volumes()->mutable_volumesource()->mutable_csi()->set_driver("d.csi");
  EXPECT_TRUE(refersTo(pod, "", "d.csi"));
  EXPECT_FALSE(refersTo(pod, "prod", "x"));
  EXPECT_FALSE(refersTo(pod, "other", "c"));
  EXPECT_FALSE(refersTo(pod, "prod", "gvisor"));
  EXPECT_FALSE(refersTo(pod, "", kTrustBundles));
  pod.mutable_spec()
      ->add_volumes()
      ->mutable_volumesource()
      ->mutable_projected()
      ->add_sources()
      ->mutable_clustertrustbundle();
  EXPECT_TRUE(refersTo(pod, "", kTrustBundles));
  EXPECT_TRUE(referencesOf(pod).trustBundles);
}

}  // namespace
}  // namespace cubelet::objects
