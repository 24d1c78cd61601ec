// Why a container waits, and what is told of the life of each instance. Behaviours CST-7, CST-10.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

core::Container& web(core::Pod& pod) {
  return *pod.mutable_spec()->mutable_containers(0);
}

// ---- Reasons ----

struct Case {
  std::string reason;
  void (*arrange)(TestNode& node, core::Pod& pod);
  // What happens to the pod; null: nothing but the start that fails.
  void (*act)(TestNode& node) = nullptr;
  std::string event = {};  // of reason Failed; empty: this is no failure
};

class CST_7_WaitingReasons : public testing::TestWithParam<Case> {};

TEST_P(CST_7_WaitingReasons, AreShown) {
  TestNode node;
  core::Pod pod = makePod("a", "u1");
  GetParam().arrange(node, pod);
  api::setDefaults(pod);
  node.startAgent();
  node.setPods({pod});
  if (GetParam().act != nullptr) GetParam().act(node);
  EXPECT_EQ(node.waitingReason("a"), GetParam().reason);
  if (!GetParam().event.empty()) EXPECT_TRUE(node.hasEvent("Failed", GetParam().event));
}

void unpullable(TestNode& node, core::Pod& pod, const std::string& why) {
  node.runtime.makeUnpullable("other:2", Error(Code::kUnavailable, "", why));
  web(pod).set_image("other:2");
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CST_7_WaitingReasons,
    testing::Values(
        Case{"ContainerCreating", [](TestNode& node, core::Pod&) { node.runtime.hangNext("RunPodSandbox"); }},
        Case{"PodInitializing",
             [](TestNode&, core::Pod& pod) {
               core::Container& init = *pod.mutable_spec()->add_initcontainers();
               init.set_name("init");
               init.set_image("web:1");
             }},
        Case{"CrashLoopBackOff", [](TestNode&, core::Pod&) {},
             [](TestNode& node) {
               for (int i = 0; i < 2; ++i) {
                 node.runtime.exitContainer("web", 1);
                 node.settle();
               }
             }},
        Case{"ErrImagePull", [](TestNode& node, core::Pod& pod) { unpullable(node, pod, "manifest unknown"); }, nullptr,
             "Error: ErrImagePull"},
        Case{"ImagePullBackOff", [](TestNode& node, core::Pod& pod) { unpullable(node, pod, "manifest unknown"); },
             [](TestNode& node) { node.advance(seconds(5)); }, "Error: ImagePullBackOff"},
        Case{"ErrImageNeverPull",
             [](TestNode&, core::Pod& pod) {
               web(pod).set_image("other:2");
               web(pod).set_imagepullpolicy("Never");
             },
             nullptr, "Error: ErrImageNeverPull"},
        Case{"InvalidImageName", [](TestNode&, core::Pod& pod) { web(pod).set_image("No Name"); }, nullptr,
             "Error: InvalidImageName"},
        Case{"ImageInspectError",
             [](TestNode& node, core::Pod&) {
               node.runtime.failNext("ImageStatus", Error(Code::kInternal, "", "broken store"));
             },
             nullptr, "Error: ImageInspectError"},
        Case{"RegistryUnavailable",
             [](TestNode& node, core::Pod& pod) { unpullable(node, pod, "RegistryUnavailable: refused"); }, nullptr,
             "Error: RegistryUnavailable"},
        Case{"SignatureValidationFailed",
             [](TestNode& node, core::Pod& pod) { unpullable(node, pod, "SignatureValidationFailed: no key"); },
             nullptr, "Error: SignatureValidationFailed"},
        Case{"CreateContainerConfigError",
             [](TestNode&, core::Pod& pod) {
               core::EnvVar& variable = *web(pod).add_env();
               variable.set_name("WHO");
               variable.mutable_valuefrom()->mutable_configmapkeyref()->set_key("who");
               variable.mutable_valuefrom()->mutable_configmapkeyref()->mutable_localobjectreference()->set_name("c");
             },
             nullptr, "Error: "},
        Case{"CreateContainerError",
             [](TestNode& node, core::Pod&) {
               node.runtime.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
             },
             nullptr, "no space"},
        Case{"RunContainerError",
             [](TestNode& node, core::Pod&) { node.runtime.program("web").startError = "exec: no such file"; }, nullptr,
             "exec: no such file"},
        Case{"PostStartHookError",
             [](TestNode& node, core::Pod& pod) {
               web(pod).mutable_lifecycle()->mutable_poststart()->mutable_exec()->add_command("warm");
               node.runtime.onExec = [](const cri::FakeContainer&, const std::vector<std::string>&) {
                 return cri::FakeExec{.exitCode = 1};
               };
             }}),
    [](const auto& test) { return test.param.reason; });

// ---- Events ----

struct InstanceEvents : testing::Test {
  std::size_t count(const std::string& reason, const std::string& message) {
    std::size_t found = 0;
    for (const core::Event& event : node.events())
      if (event.reason() == reason && event.message() == message) {
        EXPECT_EQ(event.involvedobject().fieldpath(), "spec.containers{web}") << reason;
        found += static_cast<std::size_t>(std::max(event.count(), 1));
      }
    return found;
  }
  TestNode node;
};

TEST_F(InstanceEvents, CST_10_EachInstanceTellsOfItsLife) {
  const std::string present = "Container image \"web:1\" already present on machine and can be accessed by the pod";
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (const std::size_t instances : {1U, 2U}) {
    EXPECT_EQ(count("Pulled", present), instances);
    EXPECT_EQ(count("Created", "Container created"), instances);
    EXPECT_EQ(count("Started", "Container started"), instances);
    EXPECT_EQ(count("Killing", "Stopping container web"), 0U);
    if (instances == 1) node.runtime.exitContainer("web", 1);
    node.settle();
  }
  EXPECT_FALSE(node.hasEvent("Failed"));
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
  EXPECT_EQ(count("Killing", "Stopping container web"), 1U);
}

TEST_F(InstanceEvents, CST_10_APullIsToldBeforeTheInstance) {
  core::Pod pod = makePod("a", "u1");
  web(pod).set_image("other:2");
  node.startAgent();
  node.setPods({pod});
  EXPECT_EQ(count("Pulling", "Pulling image \"other:2\""), 1U);
  EXPECT_TRUE(node.hasEvent("Pulled", "Successfully pulled image \"other:2\" in "));
  EXPECT_EQ(count("Created", "Container created"), 1U);
  EXPECT_EQ(count("Started", "Container started"), 1U);
}

TEST_F(InstanceEvents, CST_10_WhatFailsIsToldAndTheNextTryTellsItsOwn) {
  node.startAgent();
  node.runtime.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(count("Failed", "Error: no space"), 1U);
  EXPECT_EQ(count("Created", "Container created"), 0U);
  node.runtime.program("web").startError = "no such file";
  node.advance(seconds(11));
  EXPECT_EQ(count("Created", "Container created"), 1U);
  EXPECT_EQ(count("Started", "Container started"), 0U);
  EXPECT_TRUE(node.hasEvent("Failed", "no such file"));
  node.runtime.program("web").startError.clear();
  ASSERT_TRUE(node.advanceUntil([&] { return node.runtime.running().size() == 1; }, seconds(40)));
  EXPECT_EQ(count("Created", "Container created"), 2U);
  EXPECT_EQ(count("Started", "Container started"), 1U);
}

}  // namespace
}  // namespace cubelet::sync
