#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/stats/disk_usage.h"
#include "kubelet/stats/pod_to_read.h"
#include "kubelet/stats/rates.h"
#include "kubelet/stats/runtime_figures.h"
#include "kubelet/stats/summary_json.h"
#include "kubelet/stats/test_summary.h"

namespace cubelet::stats {
namespace {

using nlohmann::json;
using std::chrono::seconds;

TEST(SummaryJson, SRV_5_HasUpstreamsShape) {
  Summary summary = testSummary();
  summary.node.network = Network{atSecond(0), "eth0", {{.name = "eth0", .rxBytes = 7, .txErrors = 2}}};
  summary.node.fs = FsUsage{.at = atSecond(0), .available = 40, .capacity = 100, .used = 60};
  summary.node.imageFs = FsUsage{.at = atSecond(0), .used = 5};
  summary.node.processes = ProcessLimit{atSecond(0), 5000, 80};
  PodFigures& pod = summary.pods[0];
  pod.processes = 3;
  pod.containers[0].sample->nanoCores = 250;
  pod.containers[0].logs = FsUsage{.at = atSecond(0), .used = 11, .inodesUsed = 2};
  pod.volumes.push_back({.name = "data", .claim = "disk", .fs = {.at = atSecond(0), .used = 8}, .ephemeral = false});
  const json got = json::parse(summaryJson(summary, false));
  EXPECT_EQ(got["node"]["nodeName"], "n1");
  EXPECT_EQ(got["node"]["cpu"]["time"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(got["node"]["cpu"]["usageCoreNanoSeconds"], 9'000'000'000);
  EXPECT_FALSE(got["node"]["cpu"].contains("usageNanoCores")) << "not known";
  EXPECT_EQ(got["node"]["memory"]["availableBytes"], 500'000);
  EXPECT_EQ(got["node"]["network"]["name"], "eth0");
  EXPECT_EQ(got["node"]["network"]["rxBytes"], 7);
  EXPECT_EQ(got["node"]["network"]["interfaces"][0]["txErrors"], 2);
  EXPECT_EQ(got["node"]["fs"]["usedBytes"], 60);
  EXPECT_EQ(got["node"]["runtime"]["imageFs"]["usedBytes"], 5);
  EXPECT_EQ(got["node"]["rlimit"]["maxpid"], 5000);
  EXPECT_EQ(got["node"]["rlimit"]["curproc"], 80);
  EXPECT_EQ(got["node"]["systemContainers"][0]["name"], "pods");
  const json& one = got["pods"][0];
  EXPECT_EQ(one["podRef"], json::parse(R"({"name":"web","namespace":"shop","uid":"u1"})"));
  EXPECT_EQ(one["startTime"], "2027-01-15T07:58:20Z");
  EXPECT_EQ(one["memory"]["workingSetBytes"], 3000);
  EXPECT_EQ(one["process_stats"]["process_count"], 3);
  EXPECT_EQ(one["containers"][0]["name"], "main");
  EXPECT_EQ(one["containers"][0]["cpu"]["usageNanoCores"], 250);
  EXPECT_EQ(one["containers"][0]["logs"]["inodesUsed"], 2);
  EXPECT_EQ(one["volume"][0]["name"], "data");
  EXPECT_EQ(one["volume"][0]["pvcRef"]["name"], "disk");
  EXPECT_EQ(one["volume"][0]["pvcRef"]["namespace"], "shop");
}

TEST(SummaryJson, SRV_2_OnlyCpuAndMemoryLeavesOutTheRest) {
  Summary summary = testSummary();
  summary.node.fs = FsUsage{.at = atSecond(0), .used = 60};
  summary.pods[0].processes = 3;
  summary.pods[0].sample->usage.swap.emplace();
  const json got = json::parse(summaryJson(summary, true));
  EXPECT_TRUE(got["node"].contains("cpu"));
  EXPECT_FALSE(got["node"].contains("fs"));
  EXPECT_TRUE(got["pods"][0].contains("memory"));
  EXPECT_FALSE(got["pods"][0].contains("swap"));
  EXPECT_FALSE(got["pods"][0].contains("process_stats"));
  EXPECT_TRUE(got["pods"][0]["containers"][0].contains("cpu"));
}

TEST(SummaryJson, SRV_5_PressureIsToldWhereTheKernelCountsIt) {
  Summary summary = testSummary();
  cgroups::Pressure pressure;
  pressure.some = {.avg10 = 1.5, .avg60 = 0, .avg300 = 0, .totalNanos = 40'000};
  summary.pods[0].sample->usage.cpu->pressure = pressure;
  summary.pods[0].sample->usage.io = pressure;
  const json pod = json::parse(summaryJson(summary, false))["pods"][0];
  EXPECT_EQ(pod["cpu"]["psi"]["some"]["total"], 40'000);
  EXPECT_EQ(pod["cpu"]["psi"]["full"]["total"], 0);
  EXPECT_EQ(pod["io"]["psi"]["some"]["avg10"], 1.5);
  EXPECT_FALSE(pod["memory"].contains("psi"));
}

TEST(Rates, SRV_5_AreWhatWasUsedBetweenTwoSamples) {
  const Summary before = testSummary();
  Summary now = testSummary();
  now.node.sample = sampleAt(atSecond(10), 14'000'000'000, 1);
  *now.pods[0].containers[0].sample = sampleAt(atSecond(12), 3'500'000'000, 1);
  addRates(before, now);
  EXPECT_EQ(now.node.sample.nanoCores, 500'000'000u);
  EXPECT_EQ(now.pods[0].containers[0].sample->nanoCores, 100'000'000u);
  EXPECT_FALSE(now.pods[0].sample->nanoCores) << "the same sample again";
}

TEST(Rates, SRV_5_OldOnesAndThoseOfOthersDoNotCount) {
  const Summary before = testSummary();
  Summary now = testSummary();
  now.node.sample = sampleAt(atSecond(300), 14'000'000'000, 1);
  *now.pods[0].sample = sampleAt(atSecond(11), 1, 1);
  now.pods[0].containers[0].id = "c2";
  addRates(before, now);
  EXPECT_FALSE(now.node.sample.nanoCores) << "five minutes are no moment";
  EXPECT_FALSE(now.pods[0].sample->nanoCores) << "a counter that went back";
  EXPECT_FALSE(now.pods[0].containers[0].sample->nanoCores) << "another container";
}

v1::ContainerStats statsOf(const std::string& id) {
  v1::ContainerStats stats;
  stats.mutable_attributes()->set_id(id);
  stats.mutable_cpu()->set_timestamp(1'800'000'005'000'000'000);
  stats.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(77);
  stats.mutable_cpu()->mutable_usage_nano_cores()->set_value(7);
  stats.mutable_memory()->mutable_working_set_bytes()->set_value(88);
  stats.mutable_writable_layer()->mutable_used_bytes()->set_value(99);
  stats.mutable_writable_layer()->mutable_inodes_used()->set_value(9);
  return stats;
}

TEST(RuntimeFigures, SRV_5_WritableLayersAndImages) {
  Summary summary = testSummary();
  RuntimeAnswers answers;
  *answers.containers.emplace().add_stats() = statsOf("c1");
  v1::FilesystemUsage& image = *answers.images.emplace().add_image_filesystems();
  image.mutable_fs_id()->set_mountpoint("/images");
  image.mutable_used_bytes()->set_value(5);
  answers.fileSystems["/images"] = {.at = atSecond(0), .available = 40, .capacity = 100, .used = 60};
  EXPECT_EQ(mountPoints(*answers.images), std::vector<std::string>{"/images"});
  addRuntimeFigures(answers, summary);
  EXPECT_EQ(summary.node.imageFs->used, 5u);
  EXPECT_EQ(summary.node.imageFs->capacity, 100u);
  EXPECT_EQ(summary.node.containerFs->capacity, 100u) << "the same when the runtime names one only";
  const ContainerFigures& container = summary.pods[0].containers[0];
  EXPECT_EQ(container.rootfs->used, 99u);
  EXPECT_EQ(container.rootfs->inodesUsed, 9u);
  EXPECT_EQ(container.rootfs->capacity, 100u);
  EXPECT_EQ(container.sample->usage.cpu->nanos, 2'500'000'000u) << "the kernel's own counter is the newer one";
  EXPECT_EQ(container.sample->nanoCores, 7u) << "until we know it ourselves";
}

TEST(RuntimeFigures, SRV_5_TakeTheKernelsPlaceWhereItHasNone) {
  Summary summary = testSummary();
  summary.pods[0].containers[0].sample.reset();
  RuntimeAnswers answers;
  *answers.containers.emplace().add_stats() = statsOf("c1");
  addRuntimeFigures(answers, summary);
  ASSERT_TRUE(summary.pods[0].containers[0].sample);
  EXPECT_EQ(summary.pods[0].containers[0].sample->usage.cpu->nanos, 77u);
  EXPECT_EQ(summary.pods[0].containers[0].sample->usage.memory->workingSet, 88u);
  EXPECT_EQ(summary.pods[0].containers[0].sample->at, atSecond(5));
}

TEST(DiskFigures, SRV_5_EphemeralStorageIsTheSumOfWhatThePodWrites) {
  Summary summary = testSummary();
  summary.node.fs = FsUsage{.at = atSecond(0), .available = 40, .capacity = 100, .used = 60};
  summary.pods[0].containers[0].rootfs = FsUsage{.at = atSecond(0), .used = 1, .inodesUsed = 1};
  PodDisk disk;
  disk.logs["main"] = {.at = atSecond(1), .used = 10, .inodesUsed = 2};
  disk.volumes.push_back({.name = "tmp", .fs = {.at = atSecond(1), .used = 100, .inodesUsed = 3}, .ephemeral = true});
  disk.volumes.push_back(
      {.name = "data", .claim = "disk", .fs = {.at = atSecond(1), .used = 1000}, .ephemeral = false});
  addDiskUsage({{"u1", disk}}, summary);
  const PodFigures& pod = summary.pods[0];
  EXPECT_EQ(pod.volumes.size(), 2u);
  EXPECT_EQ(pod.containers[0].logs->used, 10u);
  ASSERT_TRUE(pod.ephemeralStorage);
  EXPECT_EQ(pod.ephemeralStorage->used, 111u);
  EXPECT_EQ(pod.ephemeralStorage->inodesUsed, 6u);
  EXPECT_EQ(pod.ephemeralStorage->capacity, 100u);
}

TEST(PodToRead, SRV_5_RunningContainersAndMeasurableVolumes) {
  core::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_uid("u1");
  auto volume = [&](const std::string& name) {
    core::Volume& one = *pod.mutable_spec()->add_volumes();
    one.set_name(name);
    return one.mutable_volumesource();
  };
  volume("tmp")->mutable_emptydir();
  volume("shm")->mutable_emptydir()->set_medium("Memory");
  volume("settings")->mutable_configmap();
  volume("host")->mutable_hostpath();
  volume("data")->mutable_persistentvolumeclaim()->set_claimname("disk");
  volume("later")->mutable_persistentvolumeclaim()->set_claimname("not-there-yet");
  volume("scratch")->mutable_ephemeral();
  observe::ObservedPod have;
  have.sandboxes.push_back(
      {.id = "s1", .attempt = 0, .ready = true, .hostNetwork = false, .ips = {}, .createdAt = {}, .podSource = {}});
  auto container = [&](const std::string& name, const std::string& id, observe::ContainerState state) {
    observe::ObservedContainer& one = have.containers.emplace_back();
    one.name = name;
    one.id = id;
    one.state = state;
  };
  container("main", "c2", observe::ContainerState::kRunning);
  container("main", "c1", observe::ContainerState::kExited);
  container("init", "c0", observe::ContainerState::kExited);
  const layout::Directories dirs;
  const std::string volumes = "/var/lib/kubelet/pods/u1/volumes/";
  const std::map<std::string, std::string> paths = {{"host", "/data"},
                                                    {"data", volumes + "kubernetes.io~nfs/pv1"},
                                                    {"scratch", volumes + "kubernetes.io~local-volume/pv2"}};
  const std::optional<PodToRead> got = podToRead(pod, have, paths, dirs);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sandboxId, "s1");
  ASSERT_EQ(got->containers.size(), 1u);
  EXPECT_EQ(got->containers[0].id, "c2");
  EXPECT_EQ(got->containers[0].logDirectory, "/var/log/pods/shop_web_u1/main");
  ASSERT_EQ(got->volumes.size(), 5u);
  EXPECT_EQ(got->volumes[0].path, volumes + "kubernetes.io~empty-dir/tmp");
  EXPECT_TRUE(got->volumes[0].ephemeral);
  EXPECT_FALSE(got->volumes[1].ephemeral) << "memory is no storage";
  EXPECT_TRUE(got->volumes[2].ephemeral);
  EXPECT_EQ(got->volumes[3].claim, "disk");
  EXPECT_EQ(got->volumes[3].measure, VolumeMeasure::kFileSystem);
  EXPECT_EQ(got->volumes[4].claim, "web-scratch");
  EXPECT_FALSE(podToRead(pod, {}, paths, dirs)) << "nothing of it runs";
  EXPECT_EQ(podToRead(pod, have, paths, dirs, {}, true)->volumes[0].measure, VolumeMeasure::kWalk);
  pod.mutable_spec()->set_hostusers(false);
  EXPECT_EQ(podToRead(pod, have, paths, dirs, {}, true)->volumes[0].measure, VolumeMeasure::kProject);
  EXPECT_EQ(podToRead(pod, have, paths, dirs, {}, false)->volumes[0].measure, VolumeMeasure::kWalk);
}

}  // namespace
}  // namespace cubelet::stats
