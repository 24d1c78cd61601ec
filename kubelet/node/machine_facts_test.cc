#include "kubelet/node/machine_facts.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "base/temp_dir.h"

namespace cubelet::node {
namespace {

struct Machine : testing::Test {
  void write(const std::string& path, const std::string& content) {
    const std::filesystem::path full = root.path() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << content;
  }
  MachineFacts read() { return readMachineFacts(root.path(), root.path()); }
  TempDir root;
};

TEST_F(Machine, NOD8_ReadsWhatIdentifiesIt) {
  write("/etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
  write("/sys/class/dmi/id/product_uuid", "4c4c4544-0042-3510-8043-b4c04f4d3933\n");
  write("/proc/sys/kernel/random/boot_id", "0a1b2c3d-1111-2222-3333-444455556666\n");
  write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  write("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n");
  const MachineFacts facts = read();
  EXPECT_EQ(facts.machineId, "3d1219c7c4c5404aaa1f6d2a48adfda4");
  EXPECT_EQ(facts.systemUuid, "4c4c4544-0042-3510-8043-b4c04f4d3933");
  EXPECT_EQ(facts.bootId, "0a1b2c3d-1111-2222-3333-444455556666");
  EXPECT_EQ(facts.kernelVersion, "6.1.0-18-amd64");
  EXPECT_EQ(facts.osImage, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(facts.operatingSystem, "linux");
  EXPECT_FALSE(facts.architecture.empty());
}

TEST_F(Machine, NOD7_MeasuresProcessorsMemorySwapAndStorage) {
  write("/sys/devices/system/cpu/online", "0-3,8\n");
  write("/proc/meminfo", "MemTotal:       16393244 kB\nMemFree: 1 kB\nSwapCached: 3 kB\nSwapTotal:       2097148 kB\n");
  const MachineFacts facts = read();
  EXPECT_EQ(facts.cpus, 5);
  EXPECT_EQ(facts.memoryBytes, 16393244LL * 1024);
  EXPECT_EQ(facts.swapBytes, 2097148LL * 1024);
  ASSERT_TRUE(facts.storageBytes);
  EXPECT_GT(*facts.storageBytes, 0);
}

TEST_F(Machine, NOD7_CountsHugePagesByTheirSize) {
  write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
  write("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
  write("/sys/kernel/mm/hugepages/strange", "");
  EXPECT_EQ(read().hugePages, (std::map<std::int64_t, std::int64_t>{{2 << 20, 512}, {1 << 30, 0}}));
}

TEST_F(Machine, CountsProcessorsOfCpuinfoWithoutSysfs) {
  write("/proc/cpuinfo", "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\nmodel name\t: x\n");
  EXPECT_EQ(read().cpus, 2);
}

TEST_F(Machine, TakesItsUuidFromTheDeviceTreeOrItsMachineId) {
  write("/etc/machine-id", "abc\n");
  EXPECT_EQ(read().systemUuid, "abc");
  write("/proc/device-tree/vm,uuid", std::string("4c4c-33\0", 8));
  EXPECT_EQ(read().systemUuid, "4c4c-33");
}

TEST_F(Machine, ReadsTheFilesOfOlderSystems) {
  write("/var/lib/dbus/machine-id", "dbus\n");
  write("/usr/lib/os-release", "PRETTY_NAME='Alpine Linux v3.19'\n");
  EXPECT_EQ(read().machineId, "dbus");
  EXPECT_EQ(read().osImage, "Alpine Linux v3.19");
}

TEST_F(Machine, ThatTellsNothingHasZeros) {
  MachineFacts facts = readMachineFacts(root.path(), root / "missing");
  EXPECT_EQ(facts.cpus, 0);
  EXPECT_EQ(facts.memoryBytes, 0);
  EXPECT_FALSE(facts.storageBytes);
  EXPECT_TRUE(facts.hugePages.empty());
  EXPECT_EQ(facts.machineId, "");
  EXPECT_EQ(facts.osImage, "Linux");
}

TEST(RealMachine, TellsWhatEveryNodeNeeds) {
  const MachineFacts facts = readMachineFacts("", "/");
  EXPECT_GT(facts.cpus, 0);
  EXPECT_GT(facts.memoryBytes, 0);
  EXPECT_TRUE(facts.storageBytes);
  EXPECT_FALSE(facts.bootId.empty());
  EXPECT_FALSE(facts.kernelVersion.empty());
}

TEST(CpuList, IsCounted) {
  const std::pair<std::string, std::int64_t> cases[] = {{"0", 1}, {"0-1", 2}, {"0-3,8,10-11", 7}, {"", 0},
                                                        {"x", 0}, {"3-1", 0}, {"1-", 0},          {"0-3;", 0}};
  for (const auto& [text, count] : cases) EXPECT_EQ(countCpuList(text), count) << text;
}

TEST(Architecture, HasGosName) {
  const std::pair<std::string, std::string> cases[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}, {"s390x", "s390x"}};
  for (const auto& [machine, go] : cases) EXPECT_EQ(goArchitecture(machine), go);
}

}  // namespace
}  // namespace cubelet::node
