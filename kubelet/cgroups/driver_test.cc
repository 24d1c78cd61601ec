#include "kubelet/cgroups/driver.h"

#include <gtest/gtest.h>

#include "kubelet/cgroups/fake_bus.h"
#include "kubelet/cgroups/fake_tree.h"

namespace cubelet::cgroups {
namespace {

using Version = FakeTree::Version;
using Names = std::vector<std::string>;

CgroupFiles filesOf(FakeTree& tree) {
  Result<CgroupFiles> files = CgroupFiles::find(tree);
  EXPECT_TRUE(files) << files.error().message;
  return *files;
}

const CgroupName kPod = podCgroup({}, QosClass::kBurstable, "u-1");
const Values kValues{
    .cpuShares = 512, .cpuQuota = 50'000, .memoryMax = 1000, .pidsMax = 7, .hugePages = {{2 << 20, 0}}};

TEST(CgroupfsDriver, V2MakesTheWayAndSetsValues) {
  FakeTree tree(Version::kV2);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  EXPECT_EQ(driver->exists(kPod), false);
  ASSERT_TRUE(driver->apply(kPod, kValues));
  EXPECT_EQ(driver->exists(kPod), true);
  const std::string pod = "/kubepods/burstable/podu-1/";
  EXPECT_EQ(tree.content(pod + "cpu.weight"), "59");
  EXPECT_EQ(tree.content(pod + "cpu.max"), "50000 100000");
  EXPECT_EQ(tree.content(pod + "memory.max"), "1000");
  EXPECT_EQ(tree.content(pod + "pids.max"), "7");
  EXPECT_EQ(tree.content(pod + "hugetlb.2MB.max"), "0");
}

TEST(CgroupfsDriver, RES_6_V2ControllersAreOnInEveryParent) {
  FakeTree tree(Version::kV2);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  ASSERT_TRUE(driver->apply(kPod, {}));
  for (const char* parent : {"", "/kubepods", "/kubepods/burstable"})
    EXPECT_EQ(tree.content(std::string(parent) + "/cgroup.subtree_control"), "cpu cpuset memory pids hugetlb")
        << parent;
  EXPECT_EQ(tree.content("/kubepods/burstable/podu-1/cgroup.subtree_control"), "");  // processes live there
  const std::size_t writes = tree.writes();
  ASSERT_TRUE(driver->apply(kPod, {}));
  EXPECT_EQ(tree.writes(), writes);
}

TEST(CgroupfsDriver, RES_6_V2ControllersThatSomebodySwitchedOffAreOnAgain) {
  FakeTree tree(Version::kV2);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  ASSERT_TRUE(driver->apply(kPod, {}));
  tree.setContent("/kubepods/burstable/cgroup.subtree_control", "cpu pids");
  ASSERT_TRUE(driver->apply(podCgroup({}, QosClass::kBurstable, "u-2"), {}));
  EXPECT_EQ(tree.content("/kubepods/burstable/cgroup.subtree_control"), "cpu pids cpuset memory hugetlb");
}

TEST(CgroupfsDriver, MemoryInUseIsTheWorkingSet) {
  FakeTree v2(Version::kV2);
  auto driver = makeCgroupfsDriver(filesOf(v2));
  ASSERT_TRUE(driver->apply(kPod, kValues));
  EXPECT_FALSE(driver->memoryInUse(kPod)) << "the kernel does not tell";
  v2.setContent("/kubepods/burstable/podu-1/memory.current", "1000\n");
  v2.setContent("/kubepods/burstable/podu-1/memory.stat", "anon 300\nfile 700\ninactive_file 600\n");
  EXPECT_EQ(driver->memoryInUse(kPod), 400);

  FakeTree v1(Version::kV1);
  driver = makeCgroupfsDriver(filesOf(v1));
  ASSERT_TRUE(driver->apply(kPod, kValues));
  v1.setContent("/memory/kubepods/burstable/podu-1/memory.usage_in_bytes", "1000\n");
  v1.setContent("/memory/kubepods/burstable/podu-1/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
  EXPECT_EQ(driver->memoryInUse(kPod), 900);
}

TEST(CgroupfsDriver, ProcessesAreCounted) {
  for (const Version version : {Version::kV1, Version::kV2}) {
    FakeTree tree(version);
    auto driver = makeCgroupfsDriver(filesOf(tree));
    ASSERT_TRUE(driver->apply(kPod, kValues));
    const std::string mount = version == Version::kV1 ? "/pids" : "";
    tree.setContent(mount + "/kubepods/burstable/podu-1/pids.current", "12\n");
    EXPECT_EQ(driver->processesIn(kPod), 12);
  }
}

TEST(CgroupfsDriver, V1MakesItInEveryHierarchy) {
  FakeTree tree(Version::kV1);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  ASSERT_TRUE(driver->apply(kPod, kValues));
  const std::string pod = "/kubepods/burstable/podu-1";
  for (const char* mount : {"/cpu,cpuacct", "/cpuset", "/memory", "/pids", "/hugetlb", "/devices", "/systemd"})
    EXPECT_TRUE(tree.has(mount + pod)) << mount;
  EXPECT_EQ(tree.content("/cpu,cpuacct" + pod + "/cpu.shares"), "512");
  EXPECT_EQ(tree.content("/cpu,cpuacct" + pod + "/cpu.cfs_quota_us"), "50000");
  EXPECT_EQ(tree.content("/memory" + pod + "/memory.limit_in_bytes"), "1000");
  EXPECT_EQ(tree.content("/pids" + pod + "/pids.max"), "7");
  EXPECT_EQ(tree.content("/hugetlb" + pod + "/hugetlb.2MB.limit_in_bytes"), "0");
  EXPECT_EQ(tree.content("/cpuset" + pod + "/cpuset.cpus"), "0-3");
  EXPECT_EQ(tree.content("/cpuset" + pod + "/cpuset.mems"), "0");
}

TEST(CgroupfsDriver, AControllerThatIsNotThereIsDoneWithout) {
  FakeTree tree(Version::kV1);
  tree.removeController("hugetlb");
  tree.removeController("pids");
  auto driver = makeCgroupfsDriver(filesOf(tree));
  EXPECT_TRUE(driver->apply(kPod, kValues));
  tree.removeController("memory");
  const Result<CgroupFiles> none = CgroupFiles::find(tree);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("has no memory controller"), std::string::npos);
}

TEST(CgroupfsDriver, ExistsOnlyWithAllOfItsLimits) {
  FakeTree tree(Version::kV1);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  // As a runtime leaves one in hierarchies of its own.
  for (const char* path : {"/devices/kubepods", "/cpu,cpuacct/kubepods"}) ASSERT_TRUE(tree.makeDirectory(path));
  EXPECT_EQ(driver->exists(nodeCgroup({})), false);
  ASSERT_TRUE(tree.makeDirectory("/memory/kubepods"));
  EXPECT_EQ(driver->exists(nodeCgroup({})), true);
}

TEST(CgroupfsDriver, RES_21_RemovesWhatRunsAndLiesInIt) {
  for (Version version : {Version::kV1, Version::kV2}) {
    FakeTree tree(version);
    auto driver = makeCgroupfsDriver(filesOf(tree));
    ASSERT_TRUE(driver->apply(kPod, kValues));
    const std::string container =
        std::string(version == Version::kV1 ? "/memory" : "") + "/kubepods/burstable/podu-1/c";
    ASSERT_TRUE(tree.makeDirectory(container));
    tree.addProcess(container, 4711);
    EXPECT_TRUE(driver->remove(kPod));
    EXPECT_EQ(tree.processes(), 0u);
    EXPECT_EQ(driver->podUids(qosCgroup({}, QosClass::kBurstable)), Names{});
    EXPECT_TRUE(driver->remove(kPod)) << "it is gone already";
  }
}

TEST(CgroupfsDriver, RES_21_NeverKillsForeignPids) {
  FakeTree tree(Version::kV1);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  ASSERT_TRUE(driver->apply(kPod, kValues));
  for (int pid : {0, 1, ::getpid()}) tree.addProcess("/memory/kubepods/burstable/podu-1", pid);
  const Result<void> removed = driver->remove(kPod);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kUnavailable);
  EXPECT_EQ(tree.processes(), 3u);
}

TEST(CgroupfsDriver, ListsPods) {
  FakeTree tree(Version::kV1);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  EXPECT_EQ(driver->podUids(nodeCgroup({})), Names{});
  ASSERT_TRUE(driver->apply(kPod, {}));
  ASSERT_TRUE(driver->apply(podCgroup({}, QosClass::kGuaranteed, "u-2"), {}));
  EXPECT_EQ(driver->podUids(qosCgroup({}, QosClass::kBurstable)), Names{"u-1"});
  EXPECT_EQ(driver->podUids(nodeCgroup({})), Names{"u-2"});
}

TEST(CgroupfsDriver, AReadOnlyFileSystemIsAnError) {
  FakeTree tree(Version::kV2);
  auto driver = makeCgroupfsDriver(filesOf(tree));
  tree.setReadOnly(true);
  const Result<void> applied = driver->apply(kPod, kValues);
  ASSERT_FALSE(applied);
  EXPECT_NE(applied.error().message.find("Read-only file system"), std::string::npos);
}

struct Systemd : testing::Test {
  FakeTree tree{Version::kV2};
  FakeBus bus;
  std::unique_ptr<Driver> driver = makeSystemdDriver(filesOf(tree), bus);
  const std::string slice = "kubepods-burstable-podu_1.slice";
  const std::string path = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice";
};

TEST_F(Systemd, StartsASliceAndWritesTheFilesToo) {
  ASSERT_TRUE(driver->apply(kPod, kValues));
  EXPECT_EQ(bus.calls, Names{"start " + slice});
  EXPECT_EQ(std::get<std::uint64_t>(bus.units[slice]["MemoryMax"].value), 1000u);
  EXPECT_EQ(tree.content(path + "/memory.max"), "1000");
  EXPECT_EQ(tree.content(path + "/hugetlb.2MB.max"), "0");
}

TEST_F(Systemd, ChangesOneThatRuns) {
  ASSERT_TRUE(driver->apply(kPod, kValues));
  bus.calls.clear();
  ASSERT_TRUE(driver->apply(kPod, {.cpuShares = 2}));
  EXPECT_EQ(bus.calls, Names{"set " + slice});
  EXPECT_EQ(std::get<std::uint64_t>(bus.units[slice]["CPUWeight"].value), 1u);
  EXPECT_EQ(tree.content(path + "/cpu.weight"), "1");
}

TEST_F(Systemd, RES_21_StopsTheSliceAndRemovesTheRest) {
  ASSERT_TRUE(driver->apply(kPod, kValues));
  EXPECT_EQ(driver->podUids(qosCgroup({}, QosClass::kBurstable)), Names{"u-1"});
  ASSERT_TRUE(driver->remove(kPod));
  EXPECT_TRUE(bus.units.empty());
  EXPECT_FALSE(tree.has(path));
  EXPECT_TRUE(driver->remove(kPod)) << "systemd does not know it any more";
}

TEST_F(Systemd, ErrorsNameTheSlice) {
  bus.error = Error(Code::kUnavailable, "", "cannot reach systemd");
  const Result<void> applied = driver->apply(kPod, kValues);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message, "slice " + slice + ": cannot reach systemd");
}

}  // namespace
}  // namespace cubelet::cgroups
