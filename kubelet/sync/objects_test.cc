// What pods refer to: environment from ConfigMaps, Secrets and services, and pull secrets.
#include <gtest/gtest.h>
#include <map>

#include "kubelet/objects/fake_objects.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

core::ConfigMap settings(const std::string& color) {
  core::ConfigMap object;
  object.mutable_metadata()->set_name("settings");
  object.mutable_metadata()->set_namespace_("default");
  (*object.mutable_data())["COLOR"] = color;
  return object;
}

core::Secret pullSecret(const std::string& name, const std::string& user) {
  core::Secret object;
  object.mutable_metadata()->set_name(name);
  object.mutable_metadata()->set_namespace_("default");
  object.set_type("kubernetes.io/dockerconfigjson");
  (*object.mutable_data())[".dockerconfigjson"] =
      R"({"auths":{"reg.test":{"username":")" + user + R"(","password":"hidden"}}})";
  return object;
}

objects::ServicePtr service(const std::string& ns, const std::string& name) {
  core::Service out;
  out.mutable_metadata()->set_name(name);
  out.mutable_metadata()->set_namespace_(ns);
  out.mutable_spec()->set_clusterip("10.0.0.1");
  return std::make_shared<const core::Service>(out);
}

struct ClusterSync : testing::Test {
  ClusterSync() {
    node.objects = &objects;
    objects.onChange([this](const std::string& ns, const std::string& name) { node.sync().objectChanged(ns, name); });
    node.startAgent({"api"});
  }
  // A pod of the API server.
  static core::Pod apiPod() {
    core::Pod pod = makePod("a", "u1");
    (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
    return pod;
  }
  static core::Pod podWithSettings(bool optional = false) {
    core::Pod pod = apiPod();
    auto* from = pod.mutable_spec()->mutable_containers(0)->add_envfrom()->mutable_configmapref();
    from->mutable_localobjectreference()->set_name("settings");
    from->set_optional(optional);
    return pod;
  }
  static core::Pod podWithPullSecrets(const std::vector<std::string>& names) {
    core::Pod pod = apiPod();
    pod.mutable_spec()->mutable_containers(0)->set_image("reg.test/web:1");
    for (const std::string& name : names) pod.mutable_spec()->add_imagepullsecrets()->set_name(name);
    return pod;
  }
  void run(core::Pod pod) { node.setPods({std::move(pod)}, "api"); }
  std::map<std::string, std::string> environment() {
    std::map<std::string, std::string> out;
    if (const cri::FakeContainer* container = runtime.container("web"))
      for (const auto& variable : container->config.envs()) out[variable.key()] = variable.value();
    return out;
  }
  using Environment = std::map<std::string, std::string>;

  objects::FakeObjects objects;
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
};

TEST_F(ClusterSync, CFG_5_EnvironmentComesFromAConfigMap) {
  objects.put(settings("red"));
  run(podWithSettings());
  ASSERT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(environment(), (Environment{{"COLOR", "red"}}));
}

TEST_F(ClusterSync, CFG_6_AMissingObjectIsTold) {
  run(podWithSettings());
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_EQ(node.countCalls("CreateContainer"), 0u);
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_EQ(node.status("a").containerstatuses(0).state().waiting().message(), "configmap \"settings\" not found");
  EXPECT_TRUE(node.hasEvent("Failed", "Error: configmap \"settings\" not found"));
}

TEST_F(ClusterSync, CFG_6_ItsAppearanceStartsTheContainerAtOnce) {
  run(podWithSettings());
  ASSERT_TRUE(runtime.running().empty());
  objects.put(settings("red"));
  node.settle();
  EXPECT_EQ(runtime.running().size(), 1u) << "no time has passed";
}

TEST_F(ClusterSync, AnObjectThatAppearsWhileItIsAskedForIsNotMissed) {
  objects.onQuestion = [this] { objects.put(settings("red")); };
  run(podWithSettings());
  EXPECT_EQ(runtime.running().size(), 1u) << "no time has passed";
}

TEST_F(ClusterSync, ChangesOfOtherObjectsStartNothing) {
  run(podWithSettings());
  core::ConfigMap other = settings("red");
  other.mutable_metadata()->set_name("other");
  const int before = objects.questions;
  objects.put(other);
  node.settle();
  EXPECT_EQ(objects.questions, before);
}

TEST_F(ClusterSync, WithoutNewsItIsAskedForAgainAfterTenSeconds) {
  run(podWithSettings());
  const int before = objects.questions;
  node.advance(seconds(9));
  EXPECT_EQ(objects.questions, before);
  objects.changed = nullptr;
  objects.put(settings("red"));
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running().size(), 1u);
}

TEST_F(ClusterSync, CFG_6_AMissingKeyIsTold) {
  objects.put(settings("red"));
  core::Pod pod = apiPod();
  core::EnvVar* variable = pod.mutable_spec()->mutable_containers(0)->add_env();
  variable->set_name("SIZE");
  auto* selector = variable->mutable_valuefrom()->mutable_configmapkeyref();
  selector->mutable_localobjectreference()->set_name("settings");
  selector->set_key("SIZE");
  run(pod);
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_TRUE(node.hasEvent("Failed", "Error: couldn't find key SIZE in ConfigMap default/settings"));
}

TEST_F(ClusterSync, CFG_5_AnOptionalOneMayBeMissing) {
  run(podWithSettings(true));
  ASSERT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(environment(), Environment{});
}

TEST_F(ClusterSync, AnOptionalOneThatCannotBeAskedForIsAwaited) {
  objects.down = Error(Code::kTimedOut, "", "failed to sync configmap cache: timed out waiting for the condition");
  run(podWithSettings(true));
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  objects.down.reset();
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(11)));
}

TEST_F(ClusterSync, CFG_7_ARunningContainerKeepsItsEnvironment) {
  objects.put(settings("red"));
  run(podWithSettings());
  objects.put(settings("blue"));
  node.advance(seconds(30));
  EXPECT_EQ(environment(), (Environment{{"COLOR", "red"}}));
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(environment(), (Environment{{"COLOR", "blue"}}));
}

TEST_F(ClusterSync, NamesThatAreNoVariablesAreAnEvent) {
  core::ConfigMap odd = settings("red");
  (*odd.mutable_data())["a=b"] = "1";
  objects.put(odd);
  run(podWithSettings());
  EXPECT_EQ(environment(), (Environment{{"COLOR", "red"}}));
  EXPECT_TRUE(node.hasEvent("InvalidEnvironmentVariableNames", "Keys [a=b] from the EnvFrom configMap"));
}

TEST_F(ClusterSync, CFG_12_APodWaitsForTheServices) {
  objects.serviceList.reset();
  run(apiPod());
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_TRUE(runtime.running().empty());
  objects.serviceList = {service("default", "db")};
  node.advance(seconds(1));
  ASSERT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(environment(), (Environment{{"DB_SERVICE_HOST", "10.0.0.1"}}));
}

TEST_F(ClusterSync, STA_10_AStaticPodDoesNotWaitForThem) {
  objects.serviceList.reset();
  run(makePod("a", "u1"));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(environment(), Environment{});
}

TEST_F(ClusterSync, AStaticPodSeesTheServicesThatAreKnown) {
  objects.serviceList = {service("default", "db")};
  run(makePod("a", "u1"));
  EXPECT_EQ(environment(), (Environment{{"DB_SERVICE_HOST", "10.0.0.1"}}));
}

TEST_F(ClusterSync, AnAgentWithoutAClusterSaysSo) {
  node.stopAgent();
  node.objects = nullptr;
  node.startAgent({"api"});
  run(podWithSettings());
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_TRUE(node.hasEvent("Failed", "couldn't get configMap default/settings, no kubeClient defined"));
}

TEST_F(ClusterSync, ObjectsAreUsedAsLongAsThePodIsThere) {
  objects.put(settings("red"));
  run(podWithSettings());
  EXPECT_TRUE(objects.used.contains("u1"));
  node.setPods({}, "api");
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(40)));
  node.settle();
  EXPECT_TRUE(objects.used.empty());
}

TEST_F(ClusterSync, CFG_22_PullSecretsOpenTheRegistry) {
  objects.put(pullSecret("registry", "robot"));
  run(podWithPullSecrets({"registry"}));
  EXPECT_EQ(runtime.lastAuth().username(), "robot");
  EXPECT_EQ(runtime.lastAuth().password(), "hidden");
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_FALSE(node.hasEvent("FailedToRetrieveImagePullSecret"));
}

TEST_F(ClusterSync, CFG_22_AMissingPullSecretIsToldAndThePullGoesOn) {
  objects.put(pullSecret("broken", "\"hidden"));
  run(podWithPullSecrets({"none", "broken"}));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(runtime.lastAuth().username(), "");
  EXPECT_TRUE(node.hasEvent(
      "FailedToRetrieveImagePullSecret",
      "Unable to retrieve some image pull secrets (none, broken); attempting to pull the image may not succeed."));
  EXPECT_FALSE(node.hasEvent("FailedToRetrieveImagePullSecret", "hidden"));
}

// ---- Claims

core::PersistentVolumeClaim claim(const std::string& phase) {
  core::PersistentVolumeClaim out;
  out.mutable_metadata()->set_name("data");
  out.mutable_metadata()->set_namespace_("default");
  out.mutable_metadata()->set_uid("c1");
  out.mutable_spec()->set_volumename("disk");
  out.mutable_status()->set_phase(phase);
  return out;
}

struct ClaimSync : ClusterSync {
  ClaimSync() {
    volume.mutable_metadata()->set_name("disk");
    volume.mutable_spec()->mutable_claimref()->set_uid("c1");
    volume.mutable_spec()->mutable_persistentvolumesource()->mutable_hostpath()->set_path(node.temp.path());
    objects.put(volume);
  }
  static core::Pod podWithClaim() {
    core::Pod pod = apiPod();
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name("v");
    volume->mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
    core::VolumeMount* mount = pod.mutable_spec()->mutable_containers(0)->add_volumemounts();
    mount->set_name("v");
    mount->set_mountpath("/data");
    return pod;
  }

  core::PersistentVolume volume;
};

TEST_F(ClaimSync, VOL_1_VOL_2_AMissingClaimIsToldAndThePodWaits) {
  run(podWithClaim());
  EXPECT_TRUE(node.gone());
  EXPECT_EQ(node.status("a").phase(), "Pending");
  EXPECT_EQ(node.waitingReason("a"), "ContainerCreating");
  EXPECT_TRUE(node.hasEvent(
      "FailedMount",
      "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: "
      "error processing PVC default/data: failed to fetch PVC from API server: persistentvolumeclaims \"data\" not "
      "found"));
}

TEST_F(ClaimSync, CSI_3_ItsBindingStartsThePodAtOnce) {
  run(podWithClaim());
  node.advance(seconds(60));  // back-off has grown
  objects.put(claim("Pending"));
  node.settle();
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_TRUE(node.hasEvent("FailedMount", "error processing PVC default/data: PVC is not bound"));
  objects.put(claim("Bound"));
  node.settle();
  ASSERT_EQ(runtime.running().size(), 1u) << "no time has passed";
  EXPECT_EQ(runtime.container("web")->config.mounts(0).host_path(), node.temp.path());
}

TEST_F(ClaimSync, SEC_4_ItsGroupReachesTheContainers) {
  (*volume.mutable_metadata()->mutable_annotations())["pv.beta.kubernetes.io/gid"] = "1234";
  objects.put(volume);
  objects.put(claim("Bound"));
  run(podWithClaim());
  ASSERT_EQ(runtime.running().size(), 1u);
  const auto groups = runtime.container("web")->config.linux().security_context().supplemental_groups();
  EXPECT_EQ(std::vector<std::int64_t>(groups.begin(), groups.end()), std::vector<std::int64_t>{1234});
  const auto ofPod = runtime.sandbox("a")->config.linux().security_context().supplemental_groups();
  EXPECT_EQ(std::vector<std::int64_t>(ofPod.begin(), ofPod.end()), std::vector<std::int64_t>{1234});
}

TEST_F(ClaimSync, AClaimThatChangesWhileItIsAskedForIsNotMissed) {
  objects.put(claim("Pending"));
  objects.onQuestion = [this] { objects.put(claim("Bound")); };
  run(podWithClaim());
  EXPECT_EQ(runtime.running().size(), 1u) << "no time has passed";
}

// ---- CFG-23: images that were pulled with somebody's secret

struct PulledImages : ClusterSync {
  PulledImages() : records(node.clock, node.temp / "image_manager", images::VerificationPolicy()) {
    node.stopAgent();
    node.pullRecords = &records;
    node.startAgent({"api"});
    objects.put(pullSecret("registry", "robot"));
  }
  ~PulledImages() override { node.stopAgent(); }  // a pull under way notes its end in `records`
  static core::Pod another(const std::vector<std::string>& secrets) {
    core::Pod pod = podWithPullSecrets(secrets);
    pod.mutable_metadata()->set_name("b");
    pod.mutable_metadata()->set_uid("u2");
    return pod;
  }
  void runBoth(core::Pod second) { node.setPods({podWithPullSecrets({"registry"}), std::move(second)}, "api"); }

  images::PullRecords records;
};

TEST_F(PulledImages, CFG_23_APodWithTheSameSecretUsesTheImage) {
  run(podWithPullSecrets({"registry"}));
  ASSERT_EQ(node.countCalls("PullImage"), 1u);
  runBoth(another({"registry"}));
  EXPECT_EQ(runtime.running().size(), 2u);
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
}

TEST_F(PulledImages, CFG_23_APodWithoutItMustAskTheRegistry) {
  run(podWithPullSecrets({"registry"}));
  runtime.makeUnpullable("reg.test/web:1", Error(Code::kInternal, "", "401 Unauthorized"));
  runBoth(another({}));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
  EXPECT_EQ(node.waitingReason("b"), "ErrImagePull");
}

TEST_F(PulledImages, CFG_23_WhatTheRegistryGivesToAnybodyIsOpenToAll) {
  run(podWithPullSecrets({"registry"}));
  runBoth(another({}));
  EXPECT_EQ(runtime.running().size(), 2u) << "the registry has given it without credentials, too";
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
  core::Pod third = another({});
  third.mutable_metadata()->set_name("c");
  third.mutable_metadata()->set_uid("u3");
  node.setPods({podWithPullSecrets({"registry"}), another({}), third}, "api");
  EXPECT_EQ(runtime.running().size(), 3u);
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
}

TEST_F(PulledImages, CFG_23_APullThatWaitedForAnotherDoesNotLendItsImage) {
  runtime.delayNext("PullImage", seconds(1));
  core::Pod third = another({});
  third.mutable_metadata()->set_name("c");
  third.mutable_metadata()->set_uid("u3");
  third.mutable_spec()->mutable_containers(0)->set_image("reg.test/other:1");
  // There are two places for pulls: the second pod waits for one.
  runtime.delayNext("PullImage", seconds(2));
  node.setPods({podWithPullSecrets({"registry"}), third, another({})}, "api");
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
  node.advance(seconds(1));
  EXPECT_EQ(node.countCalls("PullImage"), 3u) << "it asked the registry itself";
}

TEST_F(PulledImages, CFG_23_NeverFailsAsIfItWereNotThere) {
  run(podWithPullSecrets({"registry"}));
  core::Pod second = another({});
  second.mutable_spec()->mutable_containers(0)->set_imagepullpolicy("Never");
  runBoth(second);
  EXPECT_EQ(node.waitingReason("b"), "ErrImageNeverPull");
  EXPECT_EQ(runtime.running().size(), 1u);
}

TEST_F(PulledImages, CFG_23_PreloadedImagesAreOpenToAll) {
  runtime.addImage("reg.test/web:1");
  run(podWithPullSecrets({}));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(node.countCalls("PullImage"), 0u);
}

}  // namespace
}  // namespace cubelet::sync
