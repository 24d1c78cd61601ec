#include "kubelet/eviction/disk_usage.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fake_projects.h"
#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

namespace fs = std::filesystem;

class DiskUsageTest : public testing::Test {
 protected:
  void put(const std::string& path, std::size_t bytes) {
    const fs::path file = temp / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << std::string(bytes, 'x');
  }
  DiskUsage usage(const std::string& path) {
    Result<DiskUsage> measured = diskUsage(temp / path, stop);
    EXPECT_TRUE(measured) << measured.error().message;
    return measured.value_or(DiskUsage());
  }

  TempDir temp;
  std::atomic<bool> stop = false;
};

TEST_F(DiskUsageTest, EVI_9_CountsWhatTheDiskHolds) {
  put("d/sub/file", 100 * kKi);
  const DiskUsage measured = usage("d");
  EXPECT_GE(measured.bytes, 100 * kKi);
  EXPECT_LT(measured.bytes, 200 * kKi);
  EXPECT_EQ(measured.inodes, 3) << "the directories too";
  EXPECT_EQ(usage("d/sub/file").inodes, 1);
}

TEST_F(DiskUsageTest, HolesTakeNothing) {
  put("d/file", 1);
  fs::resize_file(temp / "d/file", kGi);
  EXPECT_LT(usage("d").bytes, kMi);
}

TEST_F(DiskUsageTest, WhatHasSeveralNamesCountsOnce) {
  put("d/file", 100 * kKi);
  fs::create_hard_link(temp / "d/file", temp / "d/other");
  EXPECT_LT(usage("d").bytes, 200 * kKi);
  EXPECT_EQ(usage("d").inodes, 2);
}

TEST_F(DiskUsageTest, LinksAreNotFollowed) {
  put("outside/file", 100 * kKi);
  fs::create_directories(temp / "d");
  fs::create_symlink(temp / "outside", temp / "d/link");
  EXPECT_EQ(usage("d").inodes, 2);
  fs::create_symlink(temp / "outside", temp / "alone");
  EXPECT_EQ(usage("alone").inodes, 1);
}

TEST_F(DiskUsageTest, WhatIsNotThereTakesNothing) {
  EXPECT_EQ(usage("nothing"), DiskUsage());
}

TEST_F(DiskUsageTest, StopsWhenNobodyWaitsForIt) {
  put("d/file", 1);
  stop = true;
  Result<DiskUsage> measured = diskUsage(temp / "d", stop);
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().code, Code::kCancelled);
}

TEST_F(DiskUsageTest, EVI_1_SpaceOfAFileSystem) {
  Result<FsSpace> space = fsSpace(temp.path());
  ASSERT_TRUE(space) << space.error().message;
  EXPECT_GT(space->bytes.capacity, space->bytes.available);
  EXPECT_FALSE(fsSpace(temp / "nothing"));
}

TEST_F(DiskUsageTest, EVI_9_APodsOwnStorage) {
  const layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs"};
  core::Pod pod = withEmptyDir(withEmptyDir(makePod("u1"), "disk", ""), "memory", "", "Memory");
  pod.mutable_spec()->add_volumes()->set_name("host");
  pod.mutable_spec()->mutable_volumes(2)->mutable_volumesource()->mutable_hostpath()->set_path("/");
  pod.mutable_spec()->add_initcontainers()->set_name("init");
  const PodPaths paths = pathsOf(pod, dirs);
  EXPECT_EQ(paths.volumes,
            (std::map<std::string, std::string>{{"disk", temp / "root/pods/u1/volumes/kubernetes.io~empty-dir/disk"}}));
  put("logs/default_u1_u1/c/0.log", 10 * kKi);
  put("logs/default_u1_u1/c/0.log.20260101-000000.gz", 10 * kKi);
  put("logs/default_u1_u1/init/0.log", 10 * kKi);
  put("root/pods/u1/volumes/kubernetes.io~empty-dir/disk/file", 100 * kKi);
  put("root/pods/u1/etc-hosts", 10);
  Result<PodUsage> usage = measureStorage(paths, stop);
  ASSERT_TRUE(usage) << usage.error().message;
  EXPECT_GE(usage->containers.at("c").logs.bytes, 20 * kKi);
  EXPECT_GE(usage->containers.at("init").logs.bytes, 10 * kKi);
  EXPECT_GE(usage->volumes.at("disk").bytes, 100 * kKi);
  EXPECT_EQ(usage->files.inodes, 1);
}

TEST_F(DiskUsageTest, EVI_9_AFileSystemThatCountsIsAsked) {
  const layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs"};
  core::Pod pod = withEmptyDir(withEmptyDir(makePod("u1"), "counted", ""), "old", "");
  EXPECT_TRUE(pathsOf(pod, dirs, true).projects.empty()) << "it has the node's users";
  pod.mutable_spec()->set_hostusers(false);
  EXPECT_TRUE(pathsOf(pod, dirs, false).projects.empty());
  const PodPaths paths = pathsOf(pod, dirs, true);
  EXPECT_EQ(paths.projects, (std::set<std::string>{"counted", "old"}));
  FakeProjects calls;
  ASSERT_TRUE(makeDirectories(paths.volumes.at("counted"), 0755));
  ASSERT_EQ(makeProject(paths.volumes.at("counted"), {}, calls), true);
  for (auto& [id, usage] : calls.usage) usage.bytes = 42;
  put("root/pods/u1/volumes/kubernetes.io~empty-dir/old/file", 100 * kKi);
  Result<PodUsage> usage = measureStorage(paths, stop, calls);
  ASSERT_TRUE(usage) << usage.error().message;
  EXPECT_EQ(usage->volumes.at("counted"), (DiskUsage{.bytes = 42, .inodes = 1}));
  EXPECT_GE(usage->volumes.at("old").bytes, 100 * kKi) << "it was there before";
  EXPECT_TRUE(usage->byQuota);
  EXPECT_FALSE(measureStorage(pathsOf(pod, dirs), stop, calls)->byQuota);
}

}  // namespace
}  // namespace cubelet::eviction
