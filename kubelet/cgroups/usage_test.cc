#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/cgroups/fake_tree.h"
#include "kubelet/cgroups/usage_files.h"

namespace cubelet::cgroups {
namespace {

constexpr char kPod[] = "/kubepods/podu1";

void putV2(FakeTree& tree) {
  const std::string pod = kPod;
  tree.put(pod + "/cpu.stat",
           "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 7\nnr_throttled 2\nthrottled_usec 90\n");
  tree.put(pod + "/cpu.pressure",
           "some avg10=1.50 avg60=0.20 avg300=0.03 total=40\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n");
  tree.put(pod + "/memory.current", "1000\n");
  tree.put(pod + "/memory.max", "4096\n");
  tree.put(pod + "/memory.stat", "anon 300\nfile 650\nfile_mapped 20\ninactive_file 400\npgfault 11\npgmajfault 3\n");
  tree.put(pod + "/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n");
  tree.put(pod + "/memory.swap.current", "64\n");
  tree.put(pod + "/memory.swap.max", "max\n");
  tree.put(pod + "/pids.current", "9\n");
  tree.put(pod + "/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n");
}

void putV1(FakeTree& tree) {
  const std::string pod = kPod;
  tree.put("/cpu,cpuacct" + pod + "/cpuacct.usage", "5000000\n");
  tree.put("/cpu,cpuacct" + pod + "/cpuacct.stat", "user 30\nsystem 20\n");
  tree.put("/cpu,cpuacct" + pod + "/cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 90000\n");
  tree.put("/memory" + pod + "/memory.usage_in_bytes", "1000\n");
  tree.put("/memory" + pod + "/memory.limit_in_bytes", "4096\n");
  tree.put("/memory" + pod + "/memory.memsw.limit_in_bytes", "5096\n");
  tree.put("/memory" + pod + "/memory.failcnt", "5\n");
  tree.put("/memory" + pod + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  tree.put("/memory" + pod + "/memory.stat",
           "cache 1\nrss 1\ntotal_cache 650\ntotal_rss 300\ntotal_mapped_file 20\ntotal_inactive_file 400\n"
           "total_pgfault 11\ntotal_pgmajfault 3\ntotal_swap 64\n");
  tree.put("/pids" + pod + "/pids.current", "9\n");
  tree.put("/blkio" + pod + "/blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n");
  tree.put("/blkio" + pod + "/blkio.throttle.io_serviced", "8:0 Read 1\n8:0 Write 2\nTotal 3\n");
}

class UsageOf : public testing::TestWithParam<FakeTree::Version> {
 protected:
  static bool v2() { return GetParam() == FakeTree::Version::kV2; }
  static void put(FakeTree& tree) { v2() ? putV2(tree) : putV1(tree); }
};

TEST_P(UsageOf, SRV_5_TheSameFiguresComeFromBothVersions) {
  FakeTree tree(GetParam());
  put(tree);
  UsageReader reader(*CgroupFiles::find(tree));
  UsageFiles pod(kPod);
  const Usage usage = reader.read(pod, Depth::kCounters, Keep::kClosed);
  ASSERT_TRUE(usage.cpu);
  EXPECT_EQ(usage.cpu->nanos, 5'000'000u);
  EXPECT_EQ(usage.cpu->periods, 7u);
  EXPECT_EQ(usage.cpu->throttledPeriods, 2u);
  EXPECT_EQ(usage.cpu->throttledNanos, 90'000u);
  EXPECT_EQ(usage.cpu->pressure.has_value(), v2());
  ASSERT_TRUE(usage.memory);
  EXPECT_EQ(usage.memory->usage, 1000u);
  EXPECT_EQ(usage.memory->workingSet, 600u);
  EXPECT_EQ(usage.memory->rss, 300u);
  EXPECT_EQ(usage.memory->cache, 650u);
  EXPECT_EQ(usage.memory->mappedFile, 20u);
  EXPECT_EQ(usage.memory->pageFaults, 11u);
  EXPECT_EQ(usage.memory->majorPageFaults, 3u);
  EXPECT_EQ(usage.memory->limit, 4096u);
  EXPECT_EQ(usage.memory->failures, 5u);
  EXPECT_EQ(usage.memory->oomKills, 1u);
  ASSERT_TRUE(usage.swap);
  EXPECT_EQ(usage.swap->usage, 64u);
  EXPECT_EQ(usage.swap->limit, v2() ? Count() : Count(1000));
  EXPECT_EQ(usage.tasks, 9u);
  ASSERT_TRUE(usage.devices.contains("8:0"));
  EXPECT_EQ(usage.devices.at("8:0").readBytes, 10u);
  EXPECT_EQ(usage.devices.at("8:0").writtenBytes, 20u);
  EXPECT_EQ(usage.devices.at("8:0").reads, 1u);
  EXPECT_EQ(usage.devices.at("8:0").writes, 2u);
}

TEST_P(UsageOf, SRV_5_ACgroupThatIsGoneHasNoFigures) {
  FakeTree tree(GetParam());
  UsageReader reader(*CgroupFiles::find(tree));
  UsageFiles none("/kubepods/podu2");
  const Usage usage = reader.read(none, Depth::kCounters, Keep::kOpen);
  EXPECT_FALSE(usage.cpu);
  EXPECT_FALSE(usage.memory);
  EXPECT_FALSE(usage.swap);
  EXPECT_FALSE(usage.tasks);
  EXPECT_TRUE(usage.devices.empty());
  EXPECT_FALSE(reader.processes(none, Keep::kOpen));
  EXPECT_EQ(tree.openFiles(), 0u);
  put(tree);
  UsageFiles later(kPod);
  EXPECT_TRUE(reader.read(later, Depth::kUsage, Keep::kOpen).cpu);
}

TEST_P(UsageOf, SRV_5_LessIsReadForWhoAsksForLess) {
  FakeTree tree(GetParam());
  put(tree);
  UsageReader reader(*CgroupFiles::find(tree));
  UsageFiles pod(kPod);
  const Usage usage = reader.read(pod, Depth::kUsage, Keep::kClosed);
  EXPECT_EQ(usage.cpu->nanos, 5'000'000u);
  EXPECT_EQ(usage.memory->workingSet, 600u);
  EXPECT_EQ(usage.memory->limit, 4096u);
  EXPECT_EQ(usage.swap->usage, 64u);
  EXPECT_FALSE(usage.cpu->pressure);
  EXPECT_FALSE(usage.memory->failures);
  EXPECT_FALSE(usage.tasks);
  EXPECT_EQ(tree.reads(), v2() ? 6u : 5u);
  EXPECT_EQ(reader.read(pod, Depth::kPressure, Keep::kClosed).cpu->pressure.has_value(), v2());
}

TEST_P(UsageOf, SRV_5_FilesThatStayOpenAreReadOnceEach) {
  FakeTree tree(GetParam());
  put(tree);
  tree.addProcess(v2() ? kPod : "/memory" + std::string(kPod), 77);
  UsageReader reader(*CgroupFiles::find(tree));
  auto pod = std::make_unique<UsageFiles>(kPod);
  reader.read(*pod, Depth::kCounters, Keep::kOpen);
  EXPECT_EQ(reader.processes(*pod, Keep::kOpen)->first, 77u);
  const std::size_t opens = tree.opens();
  const std::size_t reads = tree.reads();
  tree.put(v2() ? "/kubepods/podu1/pids.current" : "/pids/kubepods/podu1/pids.current", "10\n");
  EXPECT_EQ(reader.read(*pod, Depth::kCounters, Keep::kOpen).tasks, 10u);
  EXPECT_EQ(reader.processes(*pod, Keep::kOpen)->count, 1u);
  EXPECT_EQ(tree.opens(), opens) << "not even those that this kernel does not have";
  EXPECT_EQ(tree.reads() - reads, reads);
  EXPECT_EQ(tree.openFiles(), reads);
  pod.reset();
  EXPECT_EQ(tree.openFiles(), 0u);
}

TEST_P(UsageOf, SRV_5_ACgroupThatWasMadeAnewIsReadAnew) {
  FakeTree tree(GetParam());
  put(tree);
  UsageReader reader(*CgroupFiles::find(tree));
  UsageFiles pod(kPod);
  reader.read(pod, Depth::kCounters, Keep::kOpen);
  reader.processes(pod, Keep::kOpen);
  ASSERT_TRUE(reader.files().remove(kPod));
  EXPECT_FALSE(reader.processes(pod, Keep::kOpen));
  EXPECT_FALSE(reader.read(pod, Depth::kCounters, Keep::kOpen).cpu);
  EXPECT_EQ(tree.openFiles(), 0u);
  put(tree);
  EXPECT_EQ(reader.read(pod, Depth::kCounters, Keep::kOpen).cpu->nanos, 5'000'000u);
  EXPECT_EQ(reader.processes(pod, Keep::kOpen)->count, 0u);
  ASSERT_TRUE(reader.files().remove(kPod));
  put(tree);
  EXPECT_EQ(reader.read(pod, Depth::kCounters, Keep::kOpen).memory->usage, 1000u) << "between two readings";
}

INSTANTIATE_TEST_SUITE_P(Versions, UsageOf, testing::Values(FakeTree::Version::kV1, FakeTree::Version::kV2),
                         [](const auto& test) { return test.param == FakeTree::Version::kV1 ? "V1" : "V2"; });

TEST(Usage, SRV_5_TheWorkingSetIsNeverNegative) {
  EXPECT_EQ(memoryUsage("100", "max", "inactive_file 400\n", true).workingSet, 0u);
}

TEST(Usage, NoLimitIsSaidInTwoWays) {
  EXPECT_FALSE(memoryUsage("1", "max\n", "", true).limit);
  EXPECT_FALSE(memoryUsage("1", "9223372036854771712\n", "", false).limit);
}

TEST(Usage, SRV_5_PressureIsReadWithItsTotalInNanoseconds) {
  const std::optional<Pressure> pressure = parsePressure(
      "some avg10=1.50 avg60=0.20 avg300=0.03 total=40\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=4\n");
  ASSERT_TRUE(pressure);
  EXPECT_DOUBLE_EQ(pressure->some.avg10, 1.5);
  EXPECT_DOUBLE_EQ(pressure->some.avg300, 0.03);
  EXPECT_EQ(pressure->some.totalNanos, 40'000u);
  EXPECT_EQ(pressure->full.totalNanos, 4'000u);
  EXPECT_FALSE(parsePressure(""));
}

TEST(Usage, BrokenTextsAreNoFigures) {
  EXPECT_FALSE(fieldOf("usage_usec", "usage_usec"));
  EXPECT_FALSE(fieldOf("usage_usec x\n", "usage_usec"));
  EXPECT_FALSE(fieldOf("a 1\nb 2", "c"));
  EXPECT_EQ(fieldOf("a 1\nb 2", "b"), 2u);
  EXPECT_TRUE(devicesV2("8:0\nno device here\n").contains("8:0"));
  EXPECT_TRUE(devicesV1("Total 5\n", "junk").empty());
}

}  // namespace
}  // namespace cubelet::cgroups
