#include "kubelet/stats/host_reader.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "base/temp_dir.h"
#include "kubelet/cgroups/fake_tree.h"

namespace cubelet::stats {
namespace {

using cgroups::FakeTree;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kNetDev[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
    "compressed\n"
    "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0 "
    "0\n"
    "  eth0:    1500      10    1    2    0     0          0         0     2500      20    3    4    0     0       0 "
    "0\n";
constexpr char kRoute[] =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

// A machine with one pod: a sandbox "s1" and a container "c1".
class HostReaderTest : public testing::TestWithParam<FakeTree::Version> {
 protected:
  HostReaderTest() {
    file("meminfo", "MemTotal: 1000 kB\nMemFree: 400 kB\nSwapTotal: 100 kB\nSwapFree: 75 kB\n");
    file("stat", "cpu 1 2 3\nbtime 1700000000\n");
    file("loadavg", "0.20 0.18 0.12 1/80 11206\n");
    file("sys/kernel/pid_max", "32768\n");
    file("sys/kernel/threads-max", "5000\n");
    file("net/dev", kNetDev);
    file("net/route", kRoute);
    file("77/net/dev", kNetDev);
    file("77/net/route", kRoute);
    file("partitions", "major minor  #blocks  name\n\n   8        0    1024 sda\n");
    file("self/cgroup", v2() ? "0::/system.slice/cubelet.service\n"
                             : "4:memory:/system.slice/cubelet.service\n2:cpu,cpuacct:/system.slice\n");
    question.nodeName = "n1";
    question.rootDir = "/";
    question.podsCgroup = "/kubepods";
    PodToRead& pod = question.pods.emplace_back();
    pod.ns = "shop";
    pod.name = "web";
    pod.uid = "u1";
    pod.cgroup = "/kubepods/podu1";
    pod.sandboxId = "s1";
    pod.containers.push_back({.name = "main", .id = "c1", .image = "web:1", .startedAt = {}, .logDirectory = {}});
  }
  bool v2() const { return GetParam() == FakeTree::Version::kV2; }
  void file(const std::string& name, const std::string& text) {
    const std::filesystem::path path = dir / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // CPU in milliseconds, memory in bytes.
  void cgroup(const std::string& path, int cpu, int memory) {
    if (v2()) {
      tree->put(path + "/cpu.stat", "usage_usec " + std::to_string(cpu * 1000) + "\n");
      if (!path.empty()) tree->put(path + "/memory.current", std::to_string(memory) + "\n");
      tree->put(path + "/memory.stat", "inactive_file 10\n");
      return;
    }
    tree->put("/cpu,cpuacct" + path + "/cpuacct.usage", std::to_string(cpu) + "000000\n");
    tree->put("/memory" + path + "/memory.usage_in_bytes", std::to_string(memory) + "\n");
    tree->put("/memory" + path + "/memory.stat", "total_inactive_file 10\n");
  }
  void process(const std::string& path, int pid) { tree->addProcess((v2() ? "" : "/memory") + path, pid); }
  Summary read(Detail detail = Detail::kCounters, Share share = {}) {
    if (!reader) reader.emplace(std::move(owned), [] { return WallTime(seconds(1'800'000'000)); }, dir / "", mostOpen);
    return reader->read(question, detail, share);
  }
  void pod() {
    cgroup("/kubepods/podu1", 30, 3000);
    cgroup("/kubepods/podu1/s1", 10, 1000);
    cgroup("/kubepods/podu1/c1", 20, 2000);
    process("/kubepods/podu1/s1", 77);
    process("/kubepods/podu1/c1", 78);
    process("/kubepods/podu1/c1", 79);
  }

  TempDir dir;
  std::unique_ptr<FakeTree> owned = std::make_unique<FakeTree>(GetParam());
  FakeTree* tree = owned.get();
  Question question;
  std::size_t mostOpen = HostReader::kMostOpen;
  std::optional<HostReader> reader;
};

TEST_P(HostReaderTest, SRV_5_NodeAndSystemCgroups) {
  cgroup("", 9000, 600 * 1024);
  cgroup("/kubepods", 4000, 5000);
  cgroup("/system.slice/cubelet.service", 100, 3000);
  const NodeFigures node = read().node;
  EXPECT_EQ(node.name, "n1");
  EXPECT_EQ(node.bootTime, WallTime(seconds(1'700'000'000)));
  ASSERT_TRUE(node.sample.usage.cpu && node.sample.usage.memory && node.sample.usage.swap);
  EXPECT_EQ(node.sample.usage.cpu->nanos, 9'000'000'000u);
  EXPECT_EQ(node.sample.usage.memory->workingSet, 600u * 1024 - 10);
  EXPECT_EQ(node.sample.usage.memory->limit, 1000u * 1024) << "what the machine has";
  EXPECT_EQ(node.sample.usage.swap->usage, 25u * 1024);
  EXPECT_EQ(node.sample.usage.swap->limit, 100u * 1024);
  ASSERT_EQ(node.systemCgroups.size(), 2u);
  EXPECT_EQ(node.systemCgroups[0].name, "kubelet");
  EXPECT_EQ(node.systemCgroups[0].sample.usage.cpu->nanos, 100'000'000u);
  EXPECT_EQ(node.systemCgroups[1].name, "pods");
  EXPECT_EQ(node.systemCgroups[1].sample.usage.memory->usage, 5000u);
  ASSERT_TRUE(node.network);
  EXPECT_EQ(node.network->defaultName, "eth0");
  ASSERT_TRUE(node.processes);
  EXPECT_EQ(node.processes->most, 5000u);
  EXPECT_EQ(node.processes->current, 80u);
  EXPECT_EQ(node.devices.at("8:0"), "sda");
  ASSERT_TRUE(node.fs);
  EXPECT_GT(node.fs->capacity, 0u);
}

TEST_P(HostReaderTest, SRV_5_PodsAndContainersByTheirCgroups) {
  pod();
  const Summary summary = read();
  const PodFigures& pod = summary.pods.at(0);
  ASSERT_TRUE(pod.sample && pod.sandboxSample);
  EXPECT_EQ(pod.sample->usage.memory->workingSet, 2990u);
  EXPECT_EQ(pod.sandboxSample->usage.memory->usage, 1000u);
  const ContainerFigures& container = pod.containers.at(0);
  EXPECT_EQ(container.cgroup, "/kubepods/podu1/c1");
  ASSERT_TRUE(container.sample);
  EXPECT_EQ(container.sample->usage.cpu->nanos, 20'000'000u);
  EXPECT_EQ(container.sample->at, WallTime(seconds(1'800'000'000)));
  EXPECT_EQ(pod.processes, 3u);
  ASSERT_TRUE(pod.network);
  ASSERT_EQ(pod.network->interfaces.size(), 1u);
  EXPECT_EQ(pod.network->interfaces[0].rxBytes, 1500u);
}

TEST_P(HostReaderTest, SRV_5_APodInTheHostsNetworkHasNoneOfItsOwn) {
  cgroup("/kubepods/podu1/s1", 10, 1000);
  process("/kubepods/podu1/s1", 77);
  question.pods[0].hostNetwork = true;
  EXPECT_FALSE(read().pods.at(0).network);
}

TEST_P(HostReaderTest, SRV_5_WhatHasEndedMeanwhileHasNoFigures) {
  const Summary summary = read();
  const PodFigures& pod = summary.pods.at(0);
  EXPECT_FALSE(pod.sample);
  EXPECT_FALSE(pod.network);
  EXPECT_FALSE(pod.processes);
  ASSERT_EQ(pod.containers.size(), 1u);
  EXPECT_FALSE(pod.containers[0].sample);
  EXPECT_THAT(summary.node.systemCgroups, IsEmpty());
}

TEST_P(HostReaderTest, SRV_6_LessIsReadForResourceMetrics) {
  cgroup("", 9000, 600 * 1024);
  pod();
  const Summary summary = read(Detail::kUsage);
  EXPECT_EQ(summary.node.sample.usage.cpu->nanos, 9'000'000'000u);
  EXPECT_FALSE(summary.node.network);
  EXPECT_FALSE(summary.node.fs);
  const PodFigures& one = summary.pods.at(0);
  EXPECT_EQ(one.sample->usage.memory->workingSet, 2990u);
  EXPECT_EQ(one.containers.at(0).sample->usage.memory->workingSet, 1990u);
  EXPECT_FALSE(one.sandboxSample);
  EXPECT_FALSE(one.network);
  EXPECT_FALSE(one.processes);
  const Summary more = read(Detail::kSummary);
  EXPECT_TRUE(more.pods.at(0).network);
  EXPECT_EQ(more.pods[0].processes, 3u);
  EXPECT_FALSE(more.pods[0].sandboxSample);
}

TEST_P(HostReaderTest, SRV_5_TheSecondReadingOpensAndListsNothing) {
  cgroup("", 9000, 600 * 1024);
  cgroup("/kubepods", 4000, 5000);
  cgroup("/system.slice/cubelet.service", 100, 3000);
  pod();
  read();
  const std::size_t opens = tree->opens();
  const std::size_t listings = tree->listings();
  cgroup("/kubepods/podu1/c1", 40, 2000);
  EXPECT_EQ(read().pods.at(0).containers.at(0).sample->usage.cpu->nanos, 40'000'000u);
  EXPECT_EQ(tree->opens(), opens);
  EXPECT_EQ(tree->listings(), listings);
}

TEST_P(HostReaderTest, SRV_5_WhatHasEndedIsClosed) {
  pod();
  read();
  const std::size_t with = tree->openFiles();
  cgroup("/kubepods/podu1/c2", 1, 1000);
  question.pods[0].containers[0].id = "c2";
  EXPECT_EQ(read().pods.at(0).containers.at(0).cgroup, "/kubepods/podu1/c2");
  EXPECT_EQ(tree->openFiles(), with) << "instead of those of c1";
  const Question before = std::exchange(question, {});
  read();
  EXPECT_LT(tree->openFiles(), with);
  question = before;
  question.pods[0].containers.clear();
  question.pods[0].sandboxId = "none";
  EXPECT_FALSE(read().pods.at(0).network);
  EXPECT_LT(tree->openFiles(), with);
}

TEST_P(HostReaderTest, SRV_5_PodsBeyondTheBoundAreReadWithoutKeepingAnythingOpen) {
  pod();
  mostOpen = 0;
  EXPECT_TRUE(read().pods.at(0).containers.at(0).sample);
  EXPECT_EQ(tree->openFiles(), 0u) << "there are no cgroups of the system";
  EXPECT_EQ(read().pods.at(0).processes, 3u);
}

TEST_P(HostReaderTest, SRV_5_SharesHoldEachPodOnce) {
  for (int i = 2; i < 20; ++i) {
    PodToRead more = question.pods[0];
    more.uid = "u" + std::to_string(i);
    question.pods.push_back(more);
  }
  std::vector<std::string> uids;
  for (std::size_t i = 0; i < 3; ++i)
    for (const PodFigures& pod : read(Detail::kUsage, {.index = i, .of = 3}).pods) uids.push_back(pod.uid);
  EXPECT_EQ(uids.size(), question.pods.size());
  EXPECT_EQ(std::set(uids.begin(), uids.end()).size(), uids.size());
  EXPECT_EQ(read(Detail::kUsage, {.index = 1, .of = 3}).node.name, "") << "the first share has the node";
}

INSTANTIATE_TEST_SUITE_P(Versions, HostReaderTest, testing::Values(FakeTree::Version::kV1, FakeTree::Version::kV2),
                         [](const auto& test) { return test.param == FakeTree::Version::kV1 ? "V1" : "V2"; });

TEST(HostFiles, SRV_5_InterfacesButForTheLoopback) {
  const std::vector<Interface> all = parseNetDev(kNetDev);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "eth0");
  EXPECT_EQ(all[0].rxPackets, 10u);
  EXPECT_EQ(all[0].rxErrors, 1u);
  EXPECT_EQ(all[0].rxDropped, 2u);
  EXPECT_EQ(all[0].txBytes, 2500u);
  EXPECT_EQ(all[0].txPackets, 20u);
  EXPECT_EQ(all[0].txErrors, 3u);
  EXPECT_EQ(all[0].txDropped, 4u);
  EXPECT_EQ(defaultInterface(kRoute), "eth0");
  EXPECT_EQ(defaultInterface("Iface\tDestination\n"), "");
}

TEST(HostFiles, ACgroupIsFoundByItsContainersId) {
  const std::vector<std::string> names = {"abc", "cri-containerd-def.scope", "crio-conmon-0a1.scope", "crio-0a1.scope"};
  EXPECT_EQ(cgroupOfContainer(names, "abc"), "abc");
  EXPECT_EQ(cgroupOfContainer(names, "def"), "cri-containerd-def.scope");
  EXPECT_EQ(cgroupOfContainer(names, "0a1"), "crio-0a1.scope");
  EXPECT_EQ(cgroupOfContainer(names, "ef"), "") << "only the end of another id";
  EXPECT_EQ(cgroupOfContainer(names, ""), "");
}

TEST(HostFiles, TheAgentsOwnCgroup) {
  EXPECT_EQ(ownCgroup("0::/system.slice/a\n", true), "/system.slice/a");
  EXPECT_EQ(ownCgroup("3:cpu:/x\n2:memory:/y\n0::/z\n", false), "/y");
  EXPECT_EQ(ownCgroup("0::/\n", true), "") << "the root is the node";
}

}  // namespace
}  // namespace cubelet::stats
