#include "kubelet/stats/disk_usage.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/fake_projects.h"
#include "base/temp_dir.h"
#include "kubelet/stats/test_summary.h"

namespace cubelet::stats {
namespace {

namespace fs = std::filesystem;

class DiskUsage : public testing::Test {
 protected:
  void file(const std::string& name, std::size_t bytes) {
    const fs::path path = dir / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << std::string(bytes, 'x');
  }
  Result<PodDisk> measure() { return measurePod(pod, atSecond(0), stop); }

  TempDir dir;
  PodToRead pod;
  std::atomic<bool> stop = false;
};

TEST_F(DiskUsage, SRV_5_LogsAndVolumesAreSummedUp) {
  file("logs/0.log", 100'000);
  file("logs/0.log.1.gz", 5000);
  file("tmp/a/b", 50'000);
  pod.containers.push_back({.name = "main", .logDirectory = dir / "logs"});
  pod.volumes.push_back({.name = "tmp", .path = dir / "tmp", .measure = VolumeMeasure::kWalk, .ephemeral = true});
  pod.volumes.push_back({.name = "data", .claim = "disk", .path = dir / "", .measure = VolumeMeasure::kFileSystem});
  const Result<PodDisk> disk = measure();
  ASSERT_TRUE(disk) << disk.error().message;
  const FsUsage& logs = disk->logs.at("main");
  EXPECT_GE(*logs.used, 105'000u);
  EXPECT_LT(*logs.used, 150'000u);
  EXPECT_EQ(logs.inodesUsed, 3u) << "two files and the directory";
  EXPECT_GT(*logs.capacity, *logs.used);
  ASSERT_EQ(disk->volumes.size(), 2u);
  EXPECT_GE(*disk->volumes[0].fs.used, 50'000u);
  EXPECT_EQ(disk->volumes[0].fs.inodesUsed, 3u);
  EXPECT_TRUE(disk->volumes[0].ephemeral);
  EXPECT_EQ(disk->volumes[1].claim, "disk");
  EXPECT_GT(*disk->volumes[1].fs.capacity, 0u);
}

TEST_F(DiskUsage, SRV_5_AFileSystemThatCountsIsAsked) {
  FakeProjects calls;
  fs::create_directories(dir / "tmp");
  ASSERT_EQ(makeProject(dir / "tmp", {}, calls), true);
  for (auto& [id, usage] : calls.usage) usage = {.bytes = 42, .inodes = 7};
  file("tmp/a", 50'000);
  file("old/a", 50'000);
  pod.volumes.push_back({.name = "tmp", .path = dir / "tmp", .measure = VolumeMeasure::kProject});
  pod.volumes.push_back({.name = "old", .path = dir / "old", .measure = VolumeMeasure::kProject});
  const Result<PodDisk> disk = measurePod(pod, atSecond(0), stop, calls);
  ASSERT_TRUE(disk) << disk.error().message;
  EXPECT_EQ(disk->volumes.at(0).fs.used, 42u);
  EXPECT_EQ(disk->volumes.at(0).fs.inodesUsed, 7u);
  EXPECT_GE(*disk->volumes.at(1).fs.used, 50'000u) << "it was there before";
}

TEST_F(DiskUsage, SRV_5_AFileWithTwoNamesCountsOnce) {
  file("tmp/one", 1 << 20);
  fs::create_hard_link(dir / "tmp/one", dir / "tmp/two");
  fs::create_symlink("/", dir / "tmp/root");
  pod.volumes.push_back({.name = "tmp", .path = dir / "tmp"});
  const Result<PodDisk> disk = measure();
  ASSERT_TRUE(disk);
  EXPECT_LT(*disk->volumes.at(0).fs.used, (1u << 20) + 100'000);
  EXPECT_EQ(disk->volumes[0].fs.inodesUsed, 3u) << "the link itself counts, not what it names";
}

TEST_F(DiskUsage, WhatIsGoneIsLeftOut) {
  pod.containers.push_back({.name = "main", .logDirectory = dir / "none"});
  pod.volumes.push_back({.name = "tmp", .path = dir / "none"});
  const Result<PodDisk> disk = measure();
  ASSERT_TRUE(disk);
  EXPECT_TRUE(disk->logs.empty());
  EXPECT_TRUE(disk->volumes.empty());
}

TEST_F(DiskUsage, AWalkCanBeEnded) {
  file("tmp/a", 1);
  pod.volumes.push_back({.name = "tmp", .path = dir / "tmp"});
  stop = true;
  const Result<PodDisk> disk = measure();
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().code, Code::kCancelled);
}

TEST_F(DiskUsage, TheThreadIsAsItWasAfterwards) {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  ASSERT_TRUE(measure());
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
}

}  // namespace
}  // namespace cubelet::stats
