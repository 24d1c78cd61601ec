#include "kubelet/eviction/node_files.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

class NodeFilesTest : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& content) {
    const std::string file = temp / path;
    ASSERT_TRUE(makeDirectories(file.substr(0, file.rfind('/')), 0755));
    ASSERT_TRUE(writeFileAtomic(file, content, 0644));
  }
  void SetUp() override { put("proc/meminfo", "MemTotal:        2048 kB\nMemFree:          1 kB\n"); }

  TempDir temp;
  NodeFiles files{.proc = temp / "proc", .cgroups = temp / "cgroup"};
};

TEST_F(NodeFilesTest, EVI_3_V1) {
  put("cgroup/memory/memory.usage_in_bytes", "1048576\n");
  put("cgroup/memory/memory.stat", "cache 1\ninactive_file 7\ntotal_inactive_file 524288\n");
  const Result<Reading> memory = readMemory(files);
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_EQ(*memory, (Reading{.available = 2 * kMi - kMi / 2, .capacity = 2 * kMi}));
}

TEST_F(NodeFilesTest, EVI_3_TheRootOfV2HasNoCountOfItsOwn) {
  put("cgroup/cgroup.controllers", "cpu memory\n");
  put("cgroup/memory.stat", "anon 1000\nfile 500\nkernel 1\ninactive_file 300\n");
  const Result<Reading> memory = readMemory(files);
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_EQ(memory->available, 2 * kMi - 1200);
}

TEST_F(NodeFilesTest, EVI_3_V2InAContainer) {
  put("cgroup/cgroup.controllers", "cpu memory\n");
  put("cgroup/memory.current", "2000\n");
  put("cgroup/memory.stat", "anon 1000\nfile 500\ninactive_file 300\n");
  EXPECT_EQ(readMemory(files)->available, 2 * kMi - 1700);
}

TEST_F(NodeFilesTest, EVI_1_ProcessIds) {
  put("proc/loadavg", "0.20 0.18 0.12 1/80 11206\n");
  put("proc/sys/kernel/pid_max", "32768\n");
  EXPECT_EQ(*readPids(files), (Reading{.available = 32688, .capacity = 32768}));
  put("proc/sys/kernel/threads-max", "1000\n");
  EXPECT_EQ(*readPids(files), (Reading{.available = 920, .capacity = 1000}));
}

TEST_F(NodeFilesTest, WhatCannotBeReadIsAnError) {
  EXPECT_FALSE(readMemory(files));
  EXPECT_FALSE(readPids(files));
  put("proc/loadavg", "nothing\n");
  put("proc/sys/kernel/pid_max", "32768\n");
  EXPECT_FALSE(readPids(files));
}

TEST(NodeFilesOfThisMachine, CanBeRead) {
  const Result<Reading> memory = readMemory({});
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_GT(memory->available, 0);
  const Result<Reading> pids = readPids({});
  ASSERT_TRUE(pids) << pids.error().message;
  EXPECT_GT(pids->available, 0);
}

}  // namespace
}  // namespace cubelet::eviction
