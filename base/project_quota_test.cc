#include "base/project_quota.h"

#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fake_projects.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/quota_disk.h"
#include "base/temp_dir.h"

namespace cubelet {
namespace {

using Project = ProjectCalls::Project;

struct ProjectQuota : testing::Test {
  ProjectQuota() {
    for (const char* name : {"a", "b"}) EXPECT_TRUE(makeDirectories(temp / name, 0755));
  }
  static Project projectOf(const std::string& path, ProjectCalls& calls) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return calls.projectOf(fd.get()).value_or(Project());
  }
  Project projectOf(const std::string& name) { return projectOf(temp / name, calls); }
  Result<bool> make(const std::string& name, const std::set<std::uint32_t>& taken = {}) {
    return makeProject(temp / name, taken, calls);
  }

  TempDir temp;
  FakeProjects calls;
};

TEST_F(ProjectQuota, EachEmptyDirectoryGetsOneOfItsOwn) {
  EXPECT_EQ(make("a"), true);
  EXPECT_EQ(make("b"), true);
  const Project a = projectOf("a");
  const Project b = projectOf("b");
  EXPECT_TRUE(a.inherited && b.inherited);
  EXPECT_NE(a.id, b.id);
  EXPECT_GE(std::min(a.id, b.id), kFirstProject);
  calls.usage[a.id] = {.bytes = 4096, .inodes = 3};
  EXPECT_EQ(projectUsage(temp / "a", calls), (DiskUsage{.bytes = 4096, .inodes = 3}));
}

TEST_F(ProjectQuota, ARepeatChangesNothing) {
  ASSERT_EQ(make("a"), true);
  const Project before = projectOf("a");
  std::ofstream(temp / "a/file") << "x";
  EXPECT_EQ(make("a"), true);
  EXPECT_EQ(projectOf("a"), before);
}

TEST_F(ProjectQuota, WhatIsUsedOrNamedIsLeftToItsOwners) {
  ASSERT_EQ(make("a"), true);
  const std::uint32_t last = projectOf("a").id;
  calls.usage[last + 1].inodes = 1;
  calls.asked = 0;
  ASSERT_EQ(make("b", {last + 2}), true);
  EXPECT_EQ(projectOf("b").id, last + 3);
  EXPECT_EQ(calls.asked, 2);
}

TEST_F(ProjectQuota, ADirectoryWithFilesIsNotCounted) {
  std::ofstream(temp / "a/file") << "x";
  EXPECT_EQ(make("a"), false);
  EXPECT_EQ(projectOf("a"), Project());
  EXPECT_EQ(projectUsage(temp / "a", calls).error().code, Code::kNotFound);
}

TEST_F(ProjectQuota, AFileThatAppearsMeanwhileUndoesIt) {
  calls.appears = temp / "a/file";
  EXPECT_EQ(make("a"), false);
  EXPECT_EQ(projectOf("a"), Project());
}

TEST_F(ProjectQuota, SomebodyElsesProjectStays) {
  const Fd fd(::open((temp / "a").c_str(), O_RDONLY | O_CLOEXEC));
  const Project theirs{.id = 7, .inherited = true};
  ASSERT_TRUE(calls.setProject(fd.get(), theirs));
  EXPECT_EQ(make("a"), false);
  EXPECT_EQ(projectOf("a"), theirs);
  EXPECT_FALSE(projectUsage(temp / "a", calls));
}

TEST_F(ProjectQuota, TheProjectOfTheDirectoryAroundItIsNotItsOwn) {
  ASSERT_EQ(make("a"), true);
  ASSERT_TRUE(makeDirectories(temp / "a/inner", 0755));
  const Fd fd(::open((temp / "a/inner").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(calls.setProject(fd.get(), projectOf("a")));
  EXPECT_EQ(make("a/inner"), false);
  EXPECT_FALSE(projectUsage(temp / "a/inner", calls));
}

TEST_F(ProjectQuota, AFileSystemThatCannotCountIsAnError) {
  calls.counts = false;
  EXPECT_FALSE(make("a"));
  EXPECT_EQ(projectOf("a"), Project()) << "it is left as it was";
  calls.knowsProjects = false;
  EXPECT_FALSE(make("a"));
  EXPECT_FALSE(projectUsage(temp / "a", calls));
}

TEST_F(ProjectQuota, NamesOfAnAdministrator) {
  EXPECT_EQ(namedProjects("# comment:3\n42:/var/log\n\nbad:/x\n43:/a:b", "logs:42\nother:1048577\nodd:12x\n"),
            (std::set<std::uint32_t>{42, 43, 1048577}));
  EXPECT_EQ(namedProjects("", ""), std::set<std::uint32_t>());
}

// On a true file system.
struct ProjectQuotaOnDisk : testing::Test {
  void SetUp() override {
    if (!disk.missing().empty()) GTEST_SKIP() << disk.missing();
    ASSERT_TRUE(makeDirectories(volume, 0755));
    const Result<bool> made = makeProject(volume, namedProjects(), kernelProjects());
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(*made);
  }
  DiskUsage counted() const {
    const Result<DiskUsage> usage = projectUsage(volume, kernelProjects());
    EXPECT_TRUE(usage) << usage.error().message;
    return usage.value_or(DiskUsage());
  }
  DiskUsage walked() const {
    ::sync();  // blocks are given to files when they are written
    return diskUsage(volume, stop).value_or(DiskUsage());
  }

  QuotaDisk disk;
  const std::string volume = disk.root() + "/volume";
  std::atomic<bool> stop = false;
};

TEST_F(ProjectQuotaOnDisk, CountsWhatAWalkFinds) {
  EXPECT_EQ(counted().inodes, 1);
  ASSERT_TRUE(makeDirectories(volume + "/deep/deeper", 0755));
  std::ofstream(volume + "/deep/deeper/file") << std::string(3 << 20, 'x');
  ASSERT_EQ(::link((volume + "/deep/deeper/file").c_str(), (volume + "/again").c_str()), 0);
  ASSERT_EQ(::truncate((volume + "/deep/deeper/file").c_str(), 1 << 30), 0);  // a hole
  const DiskUsage found = walked();
  EXPECT_GE(found.bytes, 3 << 20);
  EXPECT_LT(found.bytes, 4 << 20);
  EXPECT_EQ(found.inodes, 4);
  EXPECT_EQ(counted(), found);
}

TEST_F(ProjectQuotaOnDisk, NothingIsLimited) {
  std::ofstream file(volume + "/file");
  file << std::string(20 << 20, 'x');
  file.close();
  EXPECT_TRUE(file.good());
}

TEST_F(ProjectQuotaOnDisk, FilesThatAreRemovedButOpenStillCount) {
  std::ofstream file(volume + "/file");
  file << std::string(1 << 20, 'x') << std::flush;
  ASSERT_EQ(::unlink((volume + "/file").c_str()), 0);
  EXPECT_EQ(walked().inodes, 1);
  EXPECT_EQ(counted().inodes, 2);
  EXPECT_GE(counted().bytes, 1 << 20);
}

TEST_F(ProjectQuotaOnDisk, TheProjectIsFreeWhenTheDirectoryHasGone) {
  const std::uint32_t id = ProjectQuota::projectOf(volume, kernelProjects()).id;
  ASSERT_GE(id, kFirstProject);
  std::ofstream(volume + "/file") << "x";
  ASSERT_TRUE(removeTree(volume));
  ::sync();
  const Fd fd(::open(disk.root().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(kernelProjects().usageOf(fd.get(), id), DiskUsage());
}

TEST_F(ProjectQuotaOnDisk, AnotherRunFindsItAndTakesAnotherForTheNext) {
  const Project before = ProjectQuota::projectOf(volume, kernelProjects());
  EXPECT_EQ(makeProject(volume, {}, kernelProjects()), true);
  EXPECT_EQ(ProjectQuota::projectOf(volume, kernelProjects()), before);
  ASSERT_TRUE(makeDirectories(disk.root() + "/next", 0755));
  ASSERT_EQ(makeProject(disk.root() + "/next", {}, kernelProjects()), true);
  EXPECT_NE(ProjectQuota::projectOf(disk.root() + "/next", kernelProjects()).id, before.id);
}

}  // namespace
}  // namespace cubelet
