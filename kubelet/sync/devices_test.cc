// Pods with devices of plug-ins, which are real gRPC servers here.
#include <algorithm>
#include <gtest/gtest.h>

#include "kubelet/devices/test_plugin.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

constexpr char kGpu[] = "example.com/gpu";

core::Pod podAsking(const std::string& name, const std::string& count) {
  core::Pod pod = makePod(name, "uid-" + name);
  auto& resources = *pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  (*resources.mutable_limits())[kGpu].set_string(count);
  (*resources.mutable_requests())[kGpu].set_string(count);
  return pod;
}

struct PodDevices : testing::Test {
  PodDevices() {
    EXPECT_TRUE(makeDirectories(directory, 0750));
    view.name = "n1";
    node.admissionNode = &view;
    startAgent();
  }
  ~PodDevices() override { stopAgent(); }

  void startAgent() {
    devices = std::make_unique<devices::Devices>(
        devices::Devices::Services{.loop = node.loop, .clock = node.clock, .pool = node.pool, .pump = node.pump},
        directory, [this] { devicesChanged(); });
    EXPECT_TRUE(devices->start());
    view.allocatable = {{"cpu", 1000}, {"pods", 10}};
    showDevices();
    node.devices = devices.get();
    node.startAgent();
  }
  void stopAgent() {
    node.stopAgent();
    node.loop.runToEnd(devices->close());
    devices.reset();
  }
  void showDevices() {
    for (const auto& [resource, amount] : devices->admissible()) view.allocatable[resource] = amount;
  }
  void devicesChanged() {
    showDevices();
    if (node.running()) node.sync().devicesChanged();
  }

  bool await(const std::function<bool()>& done) { return node.loop.runUntil(done, seconds(20)); }
  void registerGpus(const std::map<std::string, bool>& gpus) {
    plugin.reset();
    plugin = std::make_unique<devices::TestPlugin>(node.loop, node.clock, directory, "gpu.sock");
    plugin->setDevices(gpus);
    plugin->options.set_get_preferred_allocation_available(prefers);
    Result<rpc::ChannelPtr> kubelet = rpc::Channel::create(node.pump, directory + "/kubelet.sock");
    ASSERT_TRUE(node.loop.runToEnd(devices::registerPlugin(*kubelet, plugin->registration(kGpu))));
    const auto amount = static_cast<std::int64_t>(gpus.size());
    const auto healthy = std::ranges::count_if(gpus, [](const auto& gpu) { return gpu.second; });
    // The capacity is known from an earlier agent, too: only what is healthy tells that the plug-in has.
    ASSERT_TRUE(await([&] {
      const auto amounts = devices->amounts();
      return amounts.contains(kGpu) && amounts.at(kGpu).capacity == amount && amounts.at(kGpu).allocatable == healthy;
    }));
  }
  bool runs(const std::string& pod) {
    return await([&] { return node.status(pod).phase() == "Running"; });
  }
  // DEVICES of the newest container of the pod.
  std::string given(const std::string& pod) {
    for (const auto& container : runtime.containers())
      if (container->config.labels().at("io.kubernetes.pod.name") == pod)
        for (const auto& variable : container->config.envs())
          if (variable.key() == "DEVICES") return variable.value();
    return "none";
  }

  admission::NodeView view;
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  std::string directory = node.root("device-plugins");
  std::unique_ptr<devices::Devices> devices;
  std::unique_ptr<devices::TestPlugin> plugin;
  bool prefers = false;  // the plug-in is asked which devices it would choose
};

TEST_F(PodDevices, SRV_14_AContainerIsMadeWithWhatThePluginSays) {
  registerGpus({{"a", true}, {"b", true}});
  node.setPods({podAsking("p", "2")});
  ASSERT_TRUE(runs("p"));
  const cri::v1::ContainerConfig& config = runtime.containers().front()->config;
  EXPECT_EQ(config.envs(0).key(), "DEVICES") << "before the pod's own";
  EXPECT_EQ(config.envs(0).value(), "a,b");
  EXPECT_EQ(config.mounts(0).container_path(), "/vendor");
  EXPECT_TRUE(config.mounts(0).readonly());
  ASSERT_EQ(config.devices_size(), 1);
  EXPECT_EQ(config.devices(0).host_path(), "/dev/null");
  EXPECT_EQ(config.devices(0).container_path(), "/dev/vendor0");
  EXPECT_EQ(config.devices(0).permissions(), "rw");
  EXPECT_EQ(config.annotations().at("vendor.example.com/devices"), "a,b");
}

TEST_F(PodDevices, SRV_14_TheStatusTellsHowTheDevicesAre) {
  registerGpus({{"a", true}});
  node.setPods({podAsking("p", "1")});
  ASSERT_TRUE(runs("p"));
  auto health = [&] {
    const core::ContainerStatus& container = node.status("p").containerstatuses(0);
    if (container.allocatedresourcesstatus_size() != 1) return std::string("none");
    const core::ResourceStatus& resource = container.allocatedresourcesstatus(0);
    return resource.name() + " " + resource.resources(0).resourceid() + " " + resource.resources(0).health();
  };
  EXPECT_EQ(health(), "example.com/gpu a Healthy");
  plugin->setDevices({{"a", false}});
  EXPECT_TRUE(await([&] { return health() == "example.com/gpu a Unhealthy"; })) << health();
  plugin->setDevices({{"b", true}});
  EXPECT_TRUE(await([&] { return health() == "example.com/gpu a Unknown"; })) << health();
}

TEST_F(PodDevices, SRV_14_APodThatAsksForTooManyIsRejected) {
  registerGpus({{"a", true}, {"b", false}});
  node.setPods({podAsking("p", "2")});
  // A static pod is a critical one: what says no is that nobody can make room for it.
  EXPECT_NE(node.status("p").message().find("(res: example.com/gpu, q: 1)"), std::string::npos)
      << node.status("p").message();
}

TEST_F(PodDevices, SRV_14_APodOfTheApiServerThatAsksForTooManyIsRejected) {
  registerGpus({{"a", true}, {"b", false}});
  core::Pod pod = podAsking("p", "2");
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  node.setPods({pod});
  EXPECT_EQ(node.status("p").reason(), "OutOfexample.com/gpu");
}

TEST_F(PodDevices, SRV_14_APodThatCannotHaveThemAllTheSameIsRejected) {
  registerGpus({{"a", true}});
  view.allocatable[kGpu] = 2;  // out of date
  node.setPods({podAsking("p", "2")});
  ASSERT_TRUE(await([&] { return node.status("p").phase() == "Failed"; }));
  EXPECT_EQ(node.status("p").reason(), "UnexpectedAdmissionError");
  EXPECT_EQ(node.status("p").message(),
            "Pod was rejected: Allocate failed due to requested number of devices unavailable for example.com/gpu. "
            "Requested: 2, Available: 1, which is unexpected");
  EXPECT_TRUE(devices->allocations().empty());
}

TEST_F(PodDevices, SRV_14_AreFreeOnceTheirPodHasEnded) {
  registerGpus({{"a", true}});
  core::Pod job = podAsking("job", "1");
  job.mutable_spec()->set_restartpolicy("Never");
  node.setPods({job});
  ASSERT_TRUE(runs("job"));
  EXPECT_EQ(devices->allocations().size(), 1u);
  runtime.exitContainer("web", 0);
  node.settle();
  EXPECT_EQ(node.status("job").phase(), "Succeeded");
  EXPECT_TRUE(devices->allocations().empty());
  node.setPods({job, podAsking("next", "1")});
  EXPECT_TRUE(runs("next"));
}

TEST_F(PodDevices, SRV_14_AreFreeOnceTheirPodIsGone) {
  registerGpus({{"a", true}});
  node.setPods({podAsking("p", "1")});
  ASSERT_TRUE(runs("p"));
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
  EXPECT_TRUE(devices->allocations().empty());
}

TEST_F(PodDevices, SRV_14_APodWaitsForThoseOfOneThatEnds) {
  registerGpus({{"a", true}});
  runtime.program("web").ignoresTerm = true;
  node.setPods({podAsking("old", "1")});
  ASSERT_TRUE(runs("old"));
  node.sync().evict("uid-old", {.reason = "Evicted", .message = "too much"}, seconds(30), {});
  node.setPods({podAsking("old", "1"), podAsking("new", "1")});
  node.advance(seconds(5));
  EXPECT_EQ(node.status("new").phase(), "Pending");
  ASSERT_TRUE(
      node.advanceUntil([&] { return devices->allocations().contains({"uid-new", "web", kGpu}); }, seconds(60)));
  ASSERT_TRUE(runs("new"));
}

TEST_F(PodDevices, SRV_14_AreFreeOfAPodThatMakesRoomBeforeItHasThem) {
  prefers = true;
  registerGpus({{"a", true}, {"b", true}});
  plugin->holdsPreferred = true;
  const auto takesMostCpu = [](core::Pod pod) {
    (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["cpu"].set_string("800m");
    return pod;
  };
  core::Pod victim = takesMostCpu(podAsking("victim", "1"));
  (*victim.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  node.setPods({victim});
  ASSERT_TRUE(await([&] { return plugin->count("Preferred") == 1; }));
  const core::Pod critical = takesMostCpu(makePod("critical", "uid-critical"));
  node.setPods({victim, critical});
  ASSERT_TRUE(runs("critical"));
  EXPECT_EQ(node.status("victim").reason(), "Preempting");
  plugin->letGo();
  node.setPods({victim, critical, podAsking("next", "2")});
  EXPECT_TRUE(runs("next"));
}

TEST_F(PodDevices, SRV_14_AStaticPodWaitsForItsPlugin) {
  node.setPods({podAsking("p", "1")});
  EXPECT_EQ(node.waitingReason("p"), "CreateContainerConfigError");
  EXPECT_EQ(node.status("p").containerstatuses(0).state().waiting().message(),
            "no device plug-in has registered for example.com/gpu yet: the container waits for it");
  registerGpus({{"a", true}});
  ASSERT_TRUE(runs("p")) << "at once, the clock stands still";
  EXPECT_EQ(given("p"), "a");
}

TEST_F(PodDevices, REC_6_ARestartOfTheAgentKeepsPodsAndTheirDevices) {
  registerGpus({{"a", true}, {"b", true}});
  node.setPods({podAsking("p", "1")});
  ASSERT_TRUE(runs("p"));
  const std::string id = runtime.containers().front()->id;
  stopAgent();
  startAgent();
  node.setPods({podAsking("p", "1")});
  ASSERT_TRUE(runs("p")) << "though the plug-in is not back";
  ASSERT_EQ(runtime.containers().size(), 1u);
  EXPECT_EQ(runtime.containers().front()->id, id);
  registerGpus({{"a", true}, {"b", true}});
  node.setPods({podAsking("p", "1"), podAsking("q", "1")});
  ASSERT_TRUE(runs("q"));
  EXPECT_EQ(given("q"), "b");
  runtime.exitContainer(id, 1);
  ASSERT_TRUE(node.advanceUntil([&] { return node.countCalls("CreateContainer") == 3; }, seconds(30)));
  EXPECT_EQ(given("p"), "a") << "the next instance has the same";
  EXPECT_EQ(plugin->calls, std::vector<std::string>{"Allocate b"});
}

}  // namespace
}  // namespace cubelet::sync
