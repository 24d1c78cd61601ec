// Volumes behind claims: the rules, and the types that persistent volumes may have.
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/claim_rules.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/local_volume.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/nfs.h"
#include "kubelet/volumes/pod_volumes.h"
#include "kubelet/volumes/set_up_all.h"

namespace cubelet::volumes {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

core::Pod podOf() {
  core::Pod pod;
  pod.mutable_metadata()->set_uid("u1");
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_namespace_("default");
  return pod;
}

core::Volume claimVolume(const std::string& claim = "data") {
  core::Volume volume;
  volume.set_name("v");
  volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname(claim);
  return volume;
}

core::PersistentVolumeClaim boundClaim() {
  core::PersistentVolumeClaim claim;
  claim.mutable_metadata()->set_name("data");
  claim.mutable_metadata()->set_namespace_("default");
  claim.mutable_metadata()->set_uid("c1");
  claim.mutable_spec()->set_volumename("disk");
  claim.mutable_status()->set_phase("Bound");
  return claim;
}

core::PersistentVolume volumeFor(const core::PersistentVolumeClaim& claim) {
  core::PersistentVolume volume;
  volume.mutable_metadata()->set_name(claim.spec().volumename());
  volume.mutable_spec()->mutable_claimref()->set_uid(claim.metadata().uid());
  return volume;
}

// ---- Rules

struct ClaimCase {
  std::string name;
  void (*arrange)(core::PersistentVolumeClaim&, core::PersistentVolume&);
  std::string want;  // empty: it may be used
};

class CSI_3_ClaimRules : public testing::TestWithParam<ClaimCase> {};

TEST_P(CSI_3_ClaimRules, SayWhyNot) {
  core::PersistentVolumeClaim claim = boundClaim();
  core::PersistentVolume volume = volumeFor(claim);
  GetParam().arrange(claim, volume);
  Result<void> usable = checkClaim(podOf(), claimVolume(), claim);
  if (usable) usable = checkBinding(claim, volume);
  EXPECT_EQ(usable ? "" : usable.error().message, GetParam().want);
  if (!usable) EXPECT_EQ(usable.error().reason, kNotProcessed);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CSI_3_ClaimRules,
    testing::Values(
        ClaimCase{"Bound", [](auto&, auto&) {}, ""},
        ClaimCase{"Pending", [](auto& claim, auto&) { claim.mutable_status()->set_phase("Pending"); },
                  "PVC is not bound"},
        ClaimCase{"Lost", [](auto& claim, auto&) { claim.mutable_status()->set_phase("Lost"); }, "PVC is not bound"},
        ClaimCase{"NoVolume", [](auto& claim, auto&) { claim.mutable_spec()->clear_volumename(); },
                  "PVC has empty pvc.Spec.VolumeName"},
        ClaimCase{"Deleted",
                  [](auto& claim, auto&) { claim.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1); },
                  "PVC is being deleted"},
        ClaimCase{"NoClaimRef", [](auto&, auto& volume) { volume.mutable_spec()->clear_claimref(); },
                  "found PV object disk but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"},
        ClaimCase{"AnotherClaim", [](auto&, auto& volume) { volume.mutable_spec()->mutable_claimref()->set_uid("c0"); },
                  "found PV object disk but its pv.Spec.ClaimRef.UID c0 does not point to claim.UID c1"}),
    [](const auto& test) { return test.param.name; });

TEST(ClaimRules, CSI_11_AnEphemeralClaimMustBeThePodsOwn) {
  core::Volume volume;
  volume.set_name("v");
  volume.mutable_volumesource()->mutable_ephemeral();
  core::PersistentVolumeClaim claim = boundClaim();
  Result<void> usable = checkClaim(podOf(), volume, claim);
  ASSERT_FALSE(usable);
  EXPECT_EQ(usable.error().message, "PVC default/data was not created for pod default/web (pod is not owner)");
  k8s::meta::v1::OwnerReference* owner = claim.mutable_metadata()->add_ownerreferences();
  owner->set_uid("u1");
  EXPECT_FALSE(checkClaim(podOf(), volume, claim)) << "an owner that does not control it";
  owner->set_controller(true);
  EXPECT_TRUE(checkClaim(podOf(), volume, claim));
}

TEST(ClaimRules, VOL_5_TheModeMattersToContainersThatUseTheVolume) {
  core::Pod pod = podOf();
  core::PersistentVolume filesystem = volumeFor(boundClaim());
  core::PersistentVolume block = filesystem;
  block.mutable_spec()->set_volumemode("Block");
  EXPECT_TRUE(checkMode(pod, "v", block));
  EXPECT_TRUE(checkMode(pod, "v", filesystem));
  pod.mutable_spec()->add_containers()->add_volumemounts()->set_name("v");
  EXPECT_TRUE(checkMode(pod, "v", filesystem));
  Result<void> fits = checkMode(pod, "v", block);
  ASSERT_FALSE(fits);
  EXPECT_EQ(fits.error().message, "volume v has volumeMode Block, but is specified in volumeMounts");
  pod.mutable_spec()->clear_containers();
  pod.mutable_spec()->add_initcontainers()->add_volumedevices()->set_name("v");
  EXPECT_TRUE(checkMode(pod, "v", block));
  fits = checkMode(pod, "v", filesystem);
  ASSERT_FALSE(fits);
  EXPECT_EQ(fits.error().message, "volume v has volumeMode Filesystem, but is specified in volumeDevices");
}

TEST(NfsCommand, TellsServerPathAndOptions) {
  VolumeRequest request;
  core::NFSVolumeSource* source = request.volume.mutable_volumesource()->mutable_nfs();
  source->set_server("10.0.0.1");
  source->set_path("/exports/a");
  EXPECT_THAT(nfsCommand(request, "/p"), ElementsAre("mount.nfs", "10.0.0.1:/exports/a", "/p"));
  source->set_readonly(true);
  source->set_server("fd00::1");
  EXPECT_THAT(nfsCommand(request, "/p"), ElementsAre("mount.nfs", "[fd00::1]:/exports/a", "/p", "-o", "ro"));
}

TEST(NfsCommand, OfAPersistentVolumeHasItsMountOptions) {
  core::PersistentVolume volume;
  volume.mutable_spec()->mutable_persistentvolumesource()->mutable_nfs()->set_server("nas");
  volume.mutable_spec()->mutable_persistentvolumesource()->mutable_nfs()->set_path("/a");
  volume.mutable_spec()->add_mountoptions("hard");
  volume.mutable_spec()->add_mountoptions("nfsvers=4.1");
  VolumeRequest request;
  request.volume = claimVolume();
  request.volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
  request.persistent = std::make_shared<const core::PersistentVolume>(volume);
  EXPECT_THAT(nfsCommand(request, "/p"), ElementsAre("mount.nfs", "nas:/a", "/p", "-o", "hard,nfsvers=4.1,ro"));
}

// ---- From the pod to the directory

struct ClaimVolumes : testing::Test {
  ClaimVolumes() {
    dirs.root = temp.path();
    sources.objects = &objects;
    sources.runProgram = [this](std::vector<std::string> command) { return run(std::move(command)); };
    objects.claims["default/data"] = boundClaim();
    objects.persistentVolumes["/disk"] = volumeFor(boundClaim());
    *pod.mutable_spec()->add_volumes() = claimVolume();
    fs::create_directories(directory);
    std::ofstream(directory + "/file") << "content";
  }
  ~ClaimVolumes() override { EXPECT_TRUE(unmountBelow(temp.path())); }

  Task<Result<void>> run(std::vector<std::string> command) {
    programs.push_back(command);
    co_return programResult;
  }
  core::PersistentVolumeSpec& disk() { return *objects.persistentVolumes["/disk"].mutable_spec(); }
  void makeLocal() { disk().mutable_persistentvolumesource()->mutable_local()->set_path(directory); }
  Result<PodVolumes::HostPaths> setUp() {
    PodVolumes volumes(pool, clock, dirs, sources);
    return setUpAll(loop, volumes, pod);
  }
  std::string errorOf() {
    Result<PodVolumes::HostPaths> paths = setUp();
    return paths ? "" : paths.error().message;
  }
  // True when the test may go on.
  static bool mayMount(const std::string& probe) {
    if (::getuid() != 0 || !makeDirectories(probe, 0755) || !mountFileSystem("tmpfs", probe, "")) return false;
    return true;
  }

  TempDir temp;
  std::string directory = temp / "source";
  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  layout::Directories dirs;
  objects::FakeObjects objects;
  Sources sources;
  core::Pod pod = podOf();
  std::vector<std::vector<std::string>> programs;
  Result<void> programResult;
};

TEST_F(ClaimVolumes, VOL_2_AMissingClaimIsTold) {
  objects.claims.clear();
  const Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().reason, kNotProcessed);
  EXPECT_EQ(paths.error().code, Code::kNotFound);
  EXPECT_EQ(paths.error().message,
            "error processing PVC default/data: failed to fetch PVC from API server: persistentvolumeclaims \"data\" "
            "not found");
}

TEST_F(ClaimVolumes, VOL_2_AnUnboundClaimIsTold) {
  objects.claims["default/data"].mutable_status()->set_phase("Pending");
  EXPECT_EQ(errorOf(), "error processing PVC default/data: PVC is not bound");
}

TEST_F(ClaimVolumes, VOL_2_AMissingVolumeIsTold) {
  objects.persistentVolumes.clear();
  EXPECT_THAT(errorOf(), StartsWith("error processing PVC default/data: failed to fetch PV disk from API server: "));
}

TEST_F(ClaimVolumes, WithoutAnApiServerThatIsSaid) {
  sources.objects = nullptr;
  EXPECT_THAT(errorOf(), HasSubstr("this node has no API server to get persistentvolumeclaim \"data\" from"));
}

TEST_F(ClaimVolumes, ATypeThatIsNotThereYetIsSaid) {
  EXPECT_EQ(
      errorOf(),
      "MountVolume.SetUp failed for volume \"v\" : persistent volume disk is of a type that is not supported yet");
}

TEST_F(ClaimVolumes, CSI_3_TheNodeMustMatch) {
  makeLocal();
  disk().mutable_nodeaffinity()->mutable_required()->add_nodeselectorterms();
  sources.nodeMatches = [](const core::NodeSelector&) { return false; };
  EXPECT_THAT(errorOf(), HasSubstr("no matching NodeSelectorTerms"));
}

TEST_F(ClaimVolumes, HostPathIsAnsweredAsItIs) {
  disk().mutable_persistentvolumesource()->mutable_hostpath()->set_path(directory);
  const Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("v"), directory);
}

TEST_F(ClaimVolumes, VOL_4_ALocalDirectoryIsBoundIntoThePod) {
  if (!mayMount(temp / "probe")) GTEST_SKIP() << "may not mount here";
  makeLocal();
  for (int i = 0; i < 2; ++i) {
    const Result<PodVolumes::HostPaths> paths = setUp();
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(paths->at("v"), dirs.root + "/pods/u1/volumes/kubernetes.io~local-volume/disk");
    EXPECT_TRUE(fs::exists(paths->at("v") + "/file"));
  }
  PodVolumes volumes(pool, clock, dirs, sources);
  EXPECT_TRUE(loop.runToEnd(volumes.tearDown("u1")));
  EXPECT_FALSE(fs::exists(dirs.root + "/pods/u1"));
  EXPECT_TRUE(fs::exists(directory + "/file")) << "bound once, and its content is not the pod's";
}

TEST(LocalVolumes, CSI_14_AreRelabelledUnlessReadOnlyOrDevices) {
  const LocalVolume type;
  for (const auto& [mode, readOnly, want] :
       {std::tuple("Filesystem", false, Relabel::kAlways), std::tuple("Filesystem", true, Relabel::kNever),
        std::tuple("Block", false, Relabel::kNever)}) {
    core::PersistentVolume volume = volumeFor(boundClaim());
    volume.mutable_spec()->set_volumemode(mode);
    VolumeRequest request;
    request.pod = podOf();
    request.volume = claimVolume();
    request.volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(readOnly);
    request.persistent = std::make_shared<const core::PersistentVolume>(volume);
    EXPECT_EQ(type.relabels(request), want) << mode << readOnly;
  }
}

TEST_F(ClaimVolumes, VOL_4_ALocalDeviceIsLinkedIntoThePod) {
  const std::string device = temp / "device";
  if (::mknod(device.c_str(), S_IFBLK | 0600, makedev(7, 0)) != 0) GTEST_SKIP() << "may not make devices here";
  makeLocal();
  disk().set_volumemode("Block");
  disk().mutable_persistentvolumesource()->mutable_local()->set_path(device);
  pod.mutable_spec()->add_containers()->add_volumedevices()->set_name("v");
  const std::string link = dirs.root + "/pods/u1/volumeDevices/kubernetes.io~local-volume/disk";
  for (int i = 0; i < 2; ++i) {
    const Result<PodVolumes::HostPaths> paths = setUp();
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(paths->at("v"), device);
    EXPECT_EQ(fs::read_symlink(link), device);
  }
  PodVolumes volumes(pool, clock, dirs, sources);
  EXPECT_TRUE(loop.runToEnd(volumes.tearDown("u1")));
  EXPECT_FALSE(fs::exists(dirs.root + "/pods/u1"));
  EXPECT_TRUE(fs::exists(device));
}

TEST_F(ClaimVolumes, VOL_6_AReadOnlyClaimIsBoundReadOnly) {
  if (!mayMount(temp / "probe")) GTEST_SKIP() << "may not mount here";
  makeLocal();
  ASSERT_TRUE(setUp()) << "as if the agent was killed before it made the mount read-only";
  pod.mutable_spec()->mutable_volumes(0)->mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
  const Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths);
  EXPECT_FALSE(std::ofstream(paths->at("v") + "/new").is_open());
  EXPECT_TRUE(std::ofstream(directory + "/new").is_open());
}

TEST_F(ClaimVolumes, WhatIsNoDirectoryIsRefused) {
  makeLocal();
  disk().mutable_persistentvolumesource()->mutable_local()->set_path(directory + "/none");
  EXPECT_THAT(errorOf(), HasSubstr("path \"" + directory + "/none\" does not exist"));
  disk().mutable_persistentvolumesource()->mutable_local()->set_path(directory + "/file");
  EXPECT_THAT(errorOf(), HasSubstr("is no directory and no block device"));
  disk().set_volumemode("Block");
  EXPECT_THAT(errorOf(), HasSubstr("is no block device, as volumeMode Block needs it"));
}

TEST_F(ClaimVolumes, NfsIsMountedByItsHelper) {
  disk().mutable_persistentvolumesource()->mutable_nfs()->set_server("nas");
  disk().mutable_persistentvolumesource()->mutable_nfs()->set_path("/a");
  const std::string target = dirs.root + "/pods/u1/volumes/kubernetes.io~nfs/disk";
  const Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("v"), target);
  EXPECT_TRUE(fs::is_directory(target));
  EXPECT_THAT(programs, ElementsAre(ElementsAre("mount.nfs", "nas:/a", target)));
}

TEST_F(ClaimVolumes, NfsThatIsMountedStays) {
  if (!mayMount(temp / "probe")) GTEST_SKIP() << "may not mount here";
  pod.mutable_spec()->mutable_volumes(0)->mutable_volumesource()->mutable_nfs()->set_server("nas");
  const std::string target = dirs.root + "/pods/u1/volumes/kubernetes.io~nfs/v";
  ASSERT_TRUE(makeDirectories(target, 0755));
  ASSERT_TRUE(mountFileSystem("tmpfs", target, ""));
  ASSERT_TRUE(setUp());
  EXPECT_THAT(programs, IsEmpty());
}

TEST_F(ClaimVolumes, NfsSaysWhatIsMissing) {
  disk().mutable_persistentvolumesource()->mutable_nfs()->set_server("nas");
  programResult = fail(Code::kNotFound, "", "no such program");
  EXPECT_EQ(
      errorOf(),
      "MountVolume.SetUp failed for volume \"v\" : there is no program mount.nfs on this node: install nfs-common "
      "or nfs-utils");
  programResult = fail(Code::kInternal, "", "mount.nfs failed with exit status 32: mount.nfs: access denied");
  EXPECT_THAT(errorOf(), HasSubstr("access denied"));
}

}  // namespace
}  // namespace cubelet::volumes
