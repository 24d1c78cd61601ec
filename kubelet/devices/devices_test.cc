// Registration, lists and calls, over real gRPC on unix sockets.
#include "kubelet/devices/devices.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/held_threads.h"
#include "base/temp_dir.h"
#include "kubelet/devices/test_plugin.h"

namespace cubelet::devices {
namespace {

using std::chrono::seconds;

constexpr char kGpu[] = "example.com/gpu";

core::Pod podAsking(const std::string& uid, const std::string& count) {
  core::Pod pod;
  pod.mutable_metadata()->set_uid(uid);
  core::Container& container = *pod.mutable_spec()->add_containers();
  container.set_name("web");
  (*container.mutable_resources()->mutable_limits())[kGpu].set_string(count);
  return pod;
}

struct DevicePlugins : testing::Test {
  DevicePlugins() {
    EXPECT_TRUE(makeDirectories(directory, 0750));
    startAgent();
    plugin = std::make_unique<TestPlugin>(loop, clock, directory, "gpu.sock");
    plugin->setDevices({{"a", true}, {"b", true}});
  }
  ~DevicePlugins() override {
    stopAgent();
    plugin.reset();
  }

  void startAgent() {
    devices = std::make_unique<Devices>(Devices::Services{.loop = loop, .clock = clock, .pool = pool, .pump = pump},
                                        directory, [this] { ++changes; });
    EXPECT_TRUE(devices->start());
  }
  void stopAgent() {
    if (!devices) return;
    loop.runToEnd(devices->close());
    devices.reset();
  }
  Result<wire::Empty> registers(wire::RegisterRequest request) {
    Result<rpc::ChannelPtr> kubelet = rpc::Channel::create(pump, directory + "/kubelet.sock");
    return loop.runToEnd(registerPlugin(*kubelet, std::move(request)));
  }
  bool offers(Amount amount) {
    return loop.runUntil([&] { return devices->amounts() == Amounts{{kGpu, amount}}; }, seconds(20));
  }
  void registerGpus() {
    ASSERT_TRUE(registers(plugin->registration(kGpu)));
    ASSERT_TRUE(offers({2, 2}));
  }
  Result<void> reserve(const core::Pod& pod) { return loop.runToEnd(devices->reserve(pod)); }
  Result<wire::ContainerAllocateResponse> prepare(const core::Pod& pod) {
    return loop.runToEnd(devices->prepare(pod, pod.spec().containers(0)));
  }
  void prepareAside(const core::Pod& pod) { aside.spawn("prepare", prepareInto(this, pod)); }
  static Task<void> prepareInto(DevicePlugins* test, core::Pod pod) {
    core::Container container = pod.spec().containers(0);
    Result<wire::ContainerAllocateResponse> done =
        co_await test->devices->prepare(std::move(pod), std::move(container));
    test->prepared = done.has_value();
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 1};
  rpc::Pump pump{loop};
  TempDir temp;
  std::string directory = temp / "device-plugins";
  int changes = 0;
  std::unique_ptr<Devices> devices;
  std::unique_ptr<TestPlugin> plugin;
  TaskGroup aside{loop};
  std::optional<bool> prepared;  // how prepareAside() went, once it has ended
};

TEST_F(DevicePlugins, SRV_14_RegisterAndTheirListIsFollowed) {
  EXPECT_TRUE(devices->amounts().empty());
  registerGpus();
  plugin->setDevices({{"a", true}, {"b", false}, {"c", false}});
  EXPECT_TRUE(offers({3, 1}));
  plugin->setDevices({{"a", true}});
  EXPECT_TRUE(offers({1, 1}));
  EXPECT_GE(changes, 3);
}

TEST_F(DevicePlugins, SRV_14_ARefusedOneIsToldWhy) {
  wire::RegisterRequest old = plugin->registration(kGpu);
  old.set_version("v1alpha");
  Result<wire::Empty> refused = registers(old);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("Supported version is \"v1beta1\""), std::string::npos);
  wire::RegisterRequest elsewhere = plugin->registration(kGpu);
  elsewhere.set_endpoint("../gpu.sock");
  EXPECT_FALSE(registers(elsewhere));
  EXPECT_TRUE(devices->amounts().empty());
}

TEST_F(DevicePlugins, SRV_14_AContainerGetsWhatThePluginSays) {
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  EXPECT_TRUE(devices->isLacking(pod));
  ASSERT_TRUE(reserve(pod));
  EXPECT_FALSE(devices->isLacking(pod));
  EXPECT_EQ(plugin->count("Allocate"), 0u);
  Result<wire::ContainerAllocateResponse> first = prepare(pod);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->envs().at("DEVICES"), "a");
  EXPECT_EQ(first->mounts(0).container_path(), "/vendor");
  EXPECT_EQ(prepare(pod)->envs().at("DEVICES"), "a") << "the next instance has the same";
  EXPECT_EQ(plugin->calls, std::vector<std::string>{"Allocate a"}) << "asked once";
  EXPECT_TRUE(prepare(podAsking("u2", "0"))->envs().empty());
}

TEST_F(DevicePlugins, SRV_14_AreNotGivenTwice) {
  registerGpus();
  ASSERT_TRUE(reserve(podAsking("u1", "2")));
  Result<void> refused = reserve(podAsking("u2", "1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "requested number of devices unavailable for example.com/gpu. Requested: 1, Available: 0");
  devices->release("u1");
  EXPECT_TRUE(reserve(podAsking("u2", "1")));
}

TEST_F(DevicePlugins, SRV_14_ThePluginMayPrefer) {
  plugin->options.set_get_preferred_allocation_available(true);
  plugin->preferred = {"b"};
  registerGpus();
  ASSERT_TRUE(reserve(podAsking("u1", "1")));
  EXPECT_EQ(plugin->calls, std::vector<std::string>{"Preferred 1 of a b"});
  EXPECT_EQ(devices->allocations().begin()->second.ids(), Ids{"b"});
  ASSERT_TRUE(reserve(podAsking("u2", "1")));
  EXPECT_EQ(plugin->count("Preferred"), 1u) << "there is no choice";
}

TEST_F(DevicePlugins, SRV_14_PreStartContainerComesBeforeEachStartWhereWanted) {
  plugin->options.set_pre_start_required(true);
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  ASSERT_TRUE(reserve(pod));
  ASSERT_TRUE(prepare(pod));
  ASSERT_TRUE(prepare(pod));
  EXPECT_EQ(plugin->calls, (std::vector<std::string>{"Allocate a", "PreStart a", "PreStart a"}));
}

TEST_F(DevicePlugins, SRV_14_AFailedAllocateCallIsRepeatedWithTheNextTry) {
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  ASSERT_TRUE(reserve(pod));
  plugin->failure = "no such card";
  Result<wire::ContainerAllocateResponse> failed = prepare(pod);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("no such card"), std::string::npos);
  EXPECT_TRUE(prepare(pod));
}

TEST_F(DevicePlugins, SRV_14_OneThatIsGoneLeavesItsCapacityForFiveMinutes) {
  registerGpus();
  ASSERT_TRUE(reserve(podAsking("u1", "1")));
  plugin->stop();
  EXPECT_TRUE(offers({2, 0}));
  EXPECT_EQ(devices->admissible(), (std::map<std::string, std::int64_t>{{kGpu, 1}})) << "what the pod has";
  clock.advance(std::chrono::minutes(5) - seconds(1));
  EXPECT_EQ(devices->amounts(), (Amounts{{kGpu, {2, 0}}}));
  clock.advance(seconds(1));
  EXPECT_EQ(devices->amounts(), (Amounts{{kGpu, {0, 0}}}));
  plugin->serve();
  registerGpus();
  clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(devices->amounts(), (Amounts{{kGpu, {2, 2}}}));
}

TEST_F(DevicePlugins, SRV_14_TheLastRegistrationOfAResourceCounts) {
  registerGpus();
  TestPlugin other(loop, clock, directory, "other.sock");
  other.setDevices({{"x", true}});
  ASSERT_TRUE(registers(other.registration(kGpu)));
  ASSERT_TRUE(offers({1, 1}));
  EXPECT_TRUE(loop.runUntil([&] { return plugin->watchers() == 0; }, seconds(20))) << "the old one is left alone";
  ASSERT_TRUE(reserve(podAsking("u1", "1")));
  ASSERT_TRUE(prepare(podAsking("u1", "1")));
  EXPECT_EQ(other.calls, std::vector<std::string>{"Allocate x"});
  stopAgent();
}

TEST_F(DevicePlugins, SRV_14_OneThatSomebodyElseHasFoundIsTaken) {
  const std::string socket = directory + "/gpu.sock";
  const Result<void> refused = loop.runToEnd(devices->add(kGpu, {"v1alpha", "v2"}, socket));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "requested API version \"v1alpha, v2\" is not supported by kubelet. Supported version is \"v1beta1\"");
  EXPECT_FALSE(loop.runToEnd(devices->add("gpu", {"v1beta1"}, socket)));
  ASSERT_TRUE(loop.runToEnd(devices->add(kGpu, {"v1alpha", "v1beta1"}, socket)));
  ASSERT_TRUE(offers({2, 2}));
  devices->remove(directory + "/other.sock");
  EXPECT_TRUE(offers({2, 2}));
  devices->remove(socket);
  EXPECT_TRUE(offers({2, 0})) << "its capacity stays for a while";
  ASSERT_TRUE(loop.runToEnd(devices->add(kGpu, {"v1beta1"}, socket)));
  EXPECT_TRUE(offers({2, 2}));
}

TEST_F(DevicePlugins, SRV_14_FindANewSocketAfterARestart) {
  registerGpus();
  struct stat before{};
  ASSERT_EQ(::stat((directory + "/kubelet.sock").c_str(), &before), 0);
  stopAgent();
  startAgent();
  struct stat after{};
  ASSERT_EQ(::stat((directory + "/kubelet.sock").c_str(), &after), 0);
  EXPECT_NE(std::pair(before.st_ctim.tv_sec, before.st_ctim.tv_nsec),
            std::pair(after.st_ctim.tv_sec, after.st_ctim.tv_nsec));
  EXPECT_FALSE(std::filesystem::exists(directory + "/gpu.sock")) << "plug-ins watch for that";
  EXPECT_TRUE(std::filesystem::exists(directory + "/kubelet_internal_checkpoint"));
}

TEST_F(DevicePlugins, REC_6_ARestartKeepsWhatPodsHave) {
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  ASSERT_TRUE(reserve(pod));
  ASSERT_TRUE(prepare(pod));
  stopAgent();
  startAgent();
  EXPECT_EQ(devices->amounts(), (Amounts{{kGpu, {2, 0}}})) << "until the plug-in has registered";
  EXPECT_EQ(devices->admissible().at(kGpu), 1) << "so the pod that runs is admitted";
  EXPECT_FALSE(devices->isLacking(pod));
  EXPECT_EQ(prepare(pod)->envs().at("DEVICES"), "a") << "a container may restart meanwhile";
  plugin->stop();
  plugin->serve();
  registerGpus();
  EXPECT_EQ(plugin->count("Allocate"), 1u);
  ASSERT_TRUE(reserve(podAsking("u2", "1")));
  EXPECT_EQ(devices->allocations().at({"u2", "web", kGpu}).ids(), Ids{"b"});
}

TEST_F(DevicePlugins, REC_6_AfterAReboot_ThePluginIsAskedAgain) {
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  ASSERT_TRUE(reserve(pod));
  ASSERT_TRUE(prepare(pod));
  stopAgent();
  startAgent();
  devices->askAgain("u1");
  Result<wire::ContainerAllocateResponse> early = prepare(pod);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::kUnavailable);
  EXPECT_NE(early.error().message.find("has not registered yet"), std::string::npos);
  plugin->stop();
  plugin->serve();
  registerGpus();
  ASSERT_TRUE(prepare(pod));
  EXPECT_EQ(plugin->calls, (std::vector<std::string>{"Allocate a", "Allocate a"}));
}

TEST_F(DevicePlugins, REC_6_WhatNoPodHasIsFreeOnceAllAreKnown) {
  registerGpus();
  ASSERT_TRUE(reserve(podAsking("u1", "1")));
  ASSERT_TRUE(reserve(podAsking("u2", "1")));
  devices->keepOnly({"u2"});
  ASSERT_EQ(devices->allocations().size(), 1u);
  EXPECT_EQ(devices->allocations().begin()->first.pod, "u2");
}

TEST_F(DevicePlugins, REC_6_AContainerWaitsUntilItsDevicesAreNotedAndTheLoopDoesNot) {
  registerGpus();
  const core::Pod pod = podAsking("u1", "1");
  ASSERT_TRUE(reserve(pod));
  ASSERT_TRUE(prepare(pod));
  HeldThreads disk(loop, pool, 1);
  ASSERT_TRUE(reserve(podAsking("u2", "1")));
  prepareAside(pod);
  loop.poll();
  EXPECT_FALSE(prepared) << "another pod's device has been given away, and a crash would forget that";
  disk.letGo();
  ASSERT_TRUE(loop.runUntil([&] { return prepared.has_value(); }, seconds(20)));
  EXPECT_TRUE(*prepared);
}

TEST_F(DevicePlugins, REC_6_AFileThatCannotBeReadStopsNothing) {
  stopAgent();
  ASSERT_TRUE(writeFileAtomic(directory + "/kubelet_internal_checkpoint", "not JSON", 0600));
  startAgent();
  plugin->stop();
  plugin->serve();
  registerGpus();
  EXPECT_TRUE(reserve(podAsking("u1", "1")));
}

}  // namespace
}  // namespace cubelet::devices
