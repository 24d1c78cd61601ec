#include "kubelet/volumes/pod_volumes.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/files.h"
#include "base/project_quota.h"
#include "base/quota_disk.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/set_up_all.h"

namespace cubelet::volumes {
namespace {

mode_t modeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

struct Volumes : testing::Test {
  Volumes() {
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("default");
    dirs.root = temp.path();
  }
  core::VolumeSource* add(const std::string& name) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    return volume->mutable_volumesource();
  }
  Result<PodVolumes::HostPaths> setUp(const Sources& sources = {}) {
    PodVolumes volumes(pool, clock, dirs, sources);
    return setUpAll(loop, volumes, pod);
  }
  Result<void> tearDown() {
    PodVolumes volumes(pool, clock, dirs, {});
    return loop.runToEnd(volumes.tearDown("u1"));
  }
  bool exists(const std::string& path) { return std::filesystem::exists(std::filesystem::symlink_status(path)); }

  TempDir temp;
  Loop loop;
  SystemClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  layout::Directories dirs;
  core::Pod pod;
};

TEST_F(Volumes, CSI_14_OnAHostWithSelinuxTheAgentsOwnVolumesAreRelabelled) {
  add("cache")->mutable_emptydir();
  add("host")->mutable_hostpath()->set_path(temp.path());
  add("info")->mutable_downwardapi();
  add("all")->mutable_projected();
  Sources sources;
  sources.fieldValue = [](const core::Pod&, std::string_view) { return Result<std::string>(""); };
  for (const bool selinux : {false, true}) {
    if (selinux)
      sources.selinux.keepsLabels = [](const std::string& path) {
        ADD_FAILURE() << "nobody has mounted " << path;
        return Result<bool>(false);
      };
    PodVolumes volumes(pool, clock, dirs, sources);
    Result<PodVolumes::HostPaths> paths = setUpAll(loop, volumes, pod);
    if (!paths && paths.error().message.find("not permitted") != std::string::npos)
      GTEST_SKIP() << "may not mount here";
    ASSERT_TRUE(paths) << paths.error().message;
    const std::set<std::string> all = {"all", "cache", "info"};
    EXPECT_EQ(volumes.traits("u1").relabelled, selinux ? all : std::set<std::string>());
  }
  ASSERT_TRUE(tearDown());
}

TEST_F(Volumes, EMP_1_EmptyDirIsOpenToAllWhateverTheUmask) {
  add("cache")->mutable_emptydir();
  const mode_t before = ::umask(077);
  Result<PodVolumes::HostPaths> paths = setUp();
  ::umask(before);
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("cache"), temp.path() + "/pods/u1/volumes/kubernetes.io~empty-dir/cache");
  EXPECT_EQ(modeOf(paths->at("cache")), 0777u);
}

TEST_F(Volumes, EMP_1_FsGroupOwnsTheDirectory) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to give a directory to another group";
  pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(1234);
  add("cache")->mutable_emptydir();
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  struct stat info = {};
  ASSERT_EQ(::stat(paths->at("cache").c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 1234u);
  EXPECT_EQ(info.st_mode & 07777, 02777u);
}

TEST_F(Volumes, EMP_1_ContentSurvivesASecondSetUpAndGoesWithThePod) {
  add("cache")->mutable_emptydir();
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths);
  const std::string file = paths->at("cache") + "/kept";
  ASSERT_TRUE(writeFileAtomic(file, "x", 0644));
  ASSERT_TRUE(setUp());
  EXPECT_TRUE(exists(file));
  Result<void> torn = tearDown();
  ASSERT_TRUE(torn) << torn.error().message;
  EXPECT_FALSE(exists(temp.path() + "/pods/u1"));
  EXPECT_TRUE(tearDown()) << "tearing down twice is no error";
}

TEST_F(Volumes, EMP_2_MemoryIsATmpfsOfTheSizeLimit) {
  core::VolumeSource* source = add("shm");
  source->mutable_emptydir()->set_medium("Memory");
  source->mutable_emptydir()->mutable_sizelimit()->set_string("1Mi");
  Result<PodVolumes::HostPaths> paths = setUp();
  if (!paths && paths.error().message.find("not permitted") != std::string::npos) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(paths) << paths.error().message;
  struct statvfs info = {};
  ASSERT_EQ(::statvfs(paths->at("shm").c_str(), &info), 0);
  EXPECT_EQ(info.f_blocks * info.f_frsize, 1u << 20);
  EXPECT_EQ(modeOf(paths->at("shm")), 0777u);
  ASSERT_TRUE(setUp());
  ASSERT_TRUE(tearDown());
  EXPECT_FALSE(exists(temp.path() + "/pods/u1"));
}

TEST_F(Volumes, EMP_2_MemoryIsNoLargerThanWhatPodsMayUseTogether) {
  Sources sources;
  sources.nodeMemory = [] { return std::int64_t{2} << 20; };
  core::VolumeSource* source = add("shm");
  source->mutable_emptydir()->set_medium("Memory");
  source->mutable_emptydir()->mutable_sizelimit()->set_string("4Mi");
  Result<PodVolumes::HostPaths> paths = setUp(sources);
  if (!paths && paths.error().message.find("not permitted") != std::string::npos) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(paths) << paths.error().message;
  struct statvfs info = {};
  ASSERT_EQ(::statvfs(paths->at("shm").c_str(), &info), 0);
  EXPECT_EQ(info.f_blocks * info.f_frsize, 2u << 20);
  ASSERT_TRUE(tearDown());
}

// On a true file system with project quota.
struct CountedVolumes : Volumes {
  void SetUp() override {
    if (!disk.missing().empty()) GTEST_SKIP() << disk.missing();
    dirs.root = disk.root();
    sources.projectQuotas = true;
    pod.mutable_spec()->set_hostusers(false);
    add("cache")->mutable_emptydir();
    add("shm")->mutable_emptydir()->set_medium("Memory");
  }
  std::optional<DiskUsage> counted() {
    const Result<PodVolumes::HostPaths> paths = setUp(sources);
    EXPECT_TRUE(paths) << paths.error().message;
    const Result<DiskUsage> usage = projectUsage(paths->at("cache"), kernelProjects());
    return usage ? std::optional(*usage) : std::nullopt;
  }

  QuotaDisk disk;
  Sources sources;
};

TEST_F(CountedVolumes, EMP_1_ItsFileSystemCountsWhatAPodWrites) {
  ASSERT_TRUE(counted());
  EXPECT_EQ(counted()->inodes, 1);
  const std::string directory = disk.root() + "/pods/u1/volumes/kubernetes.io~empty-dir/cache";
  ASSERT_TRUE(writeFileAtomic(directory + "/file", std::string(1 << 20, 'x'), 0644));
  EXPECT_EQ(counted()->inodes, 2) << "setting it up again changes nothing";
  EXPECT_GE(counted()->bytes, 1 << 20);
  ASSERT_TRUE(tearDown());
}

TEST_F(CountedVolumes, EMP_1_NotWithoutTheFeature) {
  sources.projectQuotas = false;
  EXPECT_FALSE(counted());
  ASSERT_TRUE(tearDown());
}

TEST_F(CountedVolumes, EMP_1_NotWhereThePodHasTheNodesUsers) {
  pod.mutable_spec()->clear_hostusers();
  EXPECT_FALSE(counted());
  ASSERT_TRUE(tearDown());
}

TEST_F(Volumes, VOL_12_ABusyMountIsNeverDeletedThrough) {
  add("cache")->mutable_emptydir();
  ASSERT_TRUE(setUp());
  const std::string target = temp.path() + "/pods/u1/volumes/kubernetes.io~empty-dir/cache";
  if (!mountFileSystem("tmpfs", target, "")) GTEST_SKIP() << "may not mount here";
  ASSERT_TRUE(writeFileAtomic(target + "/precious", "x", 0644));
  {
    Result<Fd> busy = openDirectory(target);
    ASSERT_TRUE(busy);
    EXPECT_FALSE(tearDown());
    EXPECT_TRUE(exists(target + "/precious"));
  }
  EXPECT_TRUE(tearDown());
}

struct SizeCase {
  std::string name;
  std::string podLimit;
  std::string containerLimit;
  std::string sizeLimit;
  std::int64_t nodeMemory;
  std::int64_t want;
};

class EMP_2_Size : public testing::TestWithParam<SizeCase> {};

TEST_P(EMP_2_Size, IsTheSmallest) {
  core::Pod pod;
  auto limit = [](core::ResourceRequirements* resources, const std::string& text) {
    if (!text.empty()) (*resources->mutable_limits())["memory"].set_string(text);
  };
  limit(pod.mutable_spec()->mutable_resources(), GetParam().podLimit);
  limit(pod.mutable_spec()->add_containers()->mutable_resources(), GetParam().containerLimit);
  core::EmptyDirVolumeSource source;
  if (!GetParam().sizeLimit.empty()) source.mutable_sizelimit()->set_string(GetParam().sizeLimit);
  EXPECT_EQ(memoryVolumeSize(pod, source, GetParam().nodeMemory), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Cases, EMP_2_Size,
                         testing::Values(SizeCase{"NothingSet", "", "", "", 0, 0},
                                         SizeCase{"SizeLimit", "", "", "1Mi", 0, 1 << 20},
                                         SizeCase{"ContainerLimit", "", "2Mi", "", 0, 2 << 20},
                                         SizeCase{"Smaller", "4Mi", "8Mi", "16Mi", 0, 4 << 20},
                                         SizeCase{"NodeAlone", "", "", "", 2 << 20, 2 << 20},
                                         SizeCase{"NodeIsLess", "4Mi", "", "8Mi", 2 << 20, 2 << 20},
                                         SizeCase{"NodeIsMore", "4Mi", "", "3Mi", 8 << 20, 3 << 20}),
                         [](const auto& test) { return test.param.name; });

struct HostCase {
  std::string name;
  std::string type;
  std::string path;       // below the temporary directory, which holds dir/ and file
  std::string wantError;  // empty: works
};

class EMP_5_HostPath : public Volumes, public testing::WithParamInterface<HostCase> {};

TEST_P(EMP_5_HostPath, ChecksItsType) {
  ASSERT_TRUE(makeDirectories(temp.path() + "/dir", 0755));
  ASSERT_TRUE(writeFileAtomic(temp.path() + "/file", "", 0644));
  core::VolumeSource* source = add("host");
  const std::string path = temp.path() + "/" + GetParam().path;
  source->mutable_hostpath()->set_path(path);
  source->mutable_hostpath()->set_type(GetParam().type);
  Result<PodVolumes::HostPaths> paths = setUp();
  if (GetParam().wantError.empty()) {
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(paths->at("host"), path);
    if (!GetParam().type.empty()) EXPECT_TRUE(exists(path));
  } else {
    ASSERT_FALSE(paths);
    EXPECT_EQ(paths.error().message, "MountVolume.SetUp failed for volume \"host\" : hostPath type check failed: " +
                                         path + GetParam().wantError);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, EMP_5_HostPath,
    testing::Values(HostCase{"AnythingGoes", "", "missing", ""}, HostCase{"Directory", "Directory", "dir", ""},
                    HostCase{"DirectoryMissing", "Directory", "missing", " is not a directory"},
                    HostCase{"DirectoryIsFile", "Directory", "file", " is not a directory"},
                    HostCase{"DirectoryOrCreate", "DirectoryOrCreate", "new/deep", ""},
                    HostCase{"DirectoryOrCreateIsFile", "DirectoryOrCreate", "file", " is not a directory"},
                    HostCase{"File", "File", "file", ""}, HostCase{"FileIsDirectory", "File", "dir", " is not a file"},
                    HostCase{"FileOrCreate", "FileOrCreate", "newfile", ""},
                    HostCase{"Socket", "Socket", "file", " is not a socket file"},
                    HostCase{"CharDevice", "CharDevice", "file", " is not a character device"},
                    HostCase{"BlockDevice", "BlockDevice", "file", " is not a block device"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Volumes, UnsupportedTypeSaysSo) {
  add("v")->mutable_flocker();
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().message, "MountVolume.SetUp failed for volume \"v\" : this volume type is not supported yet");
}

}  // namespace
}  // namespace cubelet::volumes
