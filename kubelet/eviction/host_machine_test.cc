#include "kubelet/eviction/host_machine.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "base/async_test.h"
#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/cgroups/fake_bus.h"
#include "kubelet/cgroups/fake_tree.h"
#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

namespace fs = std::filesystem;

class HostMachineTest : public AsyncTest {
 protected:
  HostMachineTest() {
    fs::create_directories(dirs.root);
    runtime.imageFsMount = temp.path();
  }
  ~HostMachineTest() override { run(pods.close()); }
  template <class T>
  T run(Task<T> task) {
    return loop.runToEnd(std::move(task));
  }
  static Task<Result<std::optional<cgroups::DriverKind>>> noDriver() { co_return std::optional<cgroups::DriverKind>(); }

  cri::FakeRuntime runtime{clock};
  BlockingPool pool{loop, clock, 2};
  TempDir temp;
  layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs"};
  cgroups::FakeTree tree;
  cgroups::FakeBus bus;
  cgroups::PodCgroupsOptions options = [] {
    cgroups::PodCgroupsOptions out;
    out.node.memoryMax = kGi;
    return out;
  }();
  cgroups::PodCgroups pods{
      loop, clock, pool, tree, bus, cgroups::DriverKind::kCgroupfs, options, {.askDriver = &noDriver}};
  HostMachine machine{{.pool = pool, .runtime = runtime, .images = runtime, .cgroups = pods}, dirs};
};

TEST_F(HostMachineTest, EVI_1_ReadsWhatThereIs) {
  ASSERT_TRUE(run(pods.start()));
  tree.setContent("/kubepods/memory.current", std::to_string(300 * kMi) + "\n");
  tree.setContent("/kubepods/memory.stat", "inactive_file " + std::to_string(100 * kMi) + "\n");
  const Result<NodeReadings> node = run(machine.node());
  ASSERT_TRUE(node) << node.error().message;
  for (const Signal signal : {Signal::kMemoryAvailable, Signal::kNodeFsAvailable, Signal::kImageFsAvailable,
                              Signal::kContainerFsAvailable, Signal::kPidAvailable})
    EXPECT_GT(node->readings.at(signal).available, 0) << nameOf(signal);
  EXPECT_EQ(node->layout, FsLayout());
  EXPECT_EQ(node->readings.at(Signal::kAllocatableMemoryAvailable),
            (Reading{.available = kGi - 200 * kMi, .capacity = kGi}));
}

TEST_F(HostMachineTest, WithoutTheRuntimeNothingIsKnown) {
  runtime.setDown(true);
  EXPECT_FALSE(run(machine.node()));
  runtime.setDown(false);
  EXPECT_TRUE(run(machine.node()));
}

TEST_F(HostMachineTest, EVI_6_UsageOfPods) {
  core::Pod pod = makePod("u1");
  ASSERT_TRUE(run(pods.add(pod)));
  tree.setContent("/kubepods/besteffort/podu1/memory.current", "5000\n");
  tree.setContent("/kubepods/besteffort/podu1/memory.stat", "inactive_file 1000\n");
  tree.setContent("/kubepods/besteffort/podu1/pids.current", "7\n");
  cri::v1::PodSandboxConfig sandbox;
  sandbox.mutable_metadata()->set_name("u1");
  const std::string id = run(runtime.runPodSandbox(sandbox, "")).value();
  cri::v1::ContainerConfig config;
  config.mutable_metadata()->set_name("c");
  (*config.mutable_labels())["io.kubernetes.pod.uid"] = "u1";
  (*config.mutable_labels())["io.kubernetes.container.name"] = "c";
  runtime.addImage("web:1");
  config.mutable_image()->set_image("web:1");
  const std::string container = run(runtime.createContainer(id, config, sandbox)).value();
  ASSERT_TRUE(run(runtime.startContainer(container)));
  runtime.container("c")->memoryBytes = 3000;
  runtime.container("c")->writableBytes = 8192;
  fs::create_directories(temp / "logs/default_u1_u1/c");
  std::ofstream(temp / "logs/default_u1_u1/c/0.log") << std::string(10000, 'x');

  std::map<std::string, PodUsage> usage =
      run(machine.usageOf({pod}, {.memory = true, .processes = true, .storage = true}));
  ASSERT_TRUE(usage.contains("u1"));
  EXPECT_EQ(usage["u1"].memory, 4000);
  EXPECT_EQ(usage["u1"].processes, 7);
  EXPECT_EQ(usage["u1"].containers["c"].memory, 3000);
  EXPECT_EQ(usage["u1"].containers["c"].writable.bytes, 8192);
  EXPECT_GE(usage["u1"].containers["c"].logs.bytes, 10000);
}

}  // namespace
}  // namespace cubelet::eviction
