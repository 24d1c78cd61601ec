#include "kubelet/eviction/ranking.h"

#include <gtest/gtest.h>

#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

Candidate usingMemory(core::Pod pod, std::optional<std::int64_t> memory) {
  return {.pod = std::move(pod), .usage = {.memory = memory}};
}
Candidate usingDisk(core::Pod pod, std::int64_t writable, std::int64_t logs, std::int64_t volume) {
  Candidate one{.pod = std::move(pod)};
  one.usage.containers["c"].writable = {.bytes = writable, .inodes = writable};
  one.usage.containers["c"].logs = {.bytes = logs, .inodes = logs};
  one.usage.volumes["v"] = {.bytes = volume, .inodes = volume};
  return one;
}
Candidate usingPids(core::Pod pod, std::int64_t processes) {
  return {.pod = std::move(pod), .usage = {.processes = processes}};
}
core::Pod askingMemory(const std::string& uid, const std::string& amount) {
  return asking(makePod(uid), "memory", amount);
}
core::Pod askingDisk(const std::string& uid, const std::string& amount) {
  return asking(makePod(uid), "ephemeral-storage", amount);
}

struct Case {
  std::string name;  // begins with the behaviour's ID
  std::vector<Candidate> candidates;
  Signal signal;
  std::string order;
  FsLayout layout = {};
};

class Ranking : public testing::TestWithParam<Case> {};

TEST_P(Ranking, Order) {
  const Case& row = GetParam();
  std::string order;
  for (const Candidate& one : ranked(row.candidates, row.signal, row.layout))
    order += (order.empty() ? "" : " ") + one.pod.metadata().uid();
  EXPECT_EQ(order, row.order);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Ranking,
    testing::Values(
        Case{"EVI_6_BeyondItsRequestGoesFirst",
             {usingMemory(askingMemory("within", "1Gi"), 900 * kMi),
              usingMemory(withPriority(askingMemory("beyond", "1Mi"), 1000), 2 * kMi)},
             Signal::kMemoryAvailable,
             "beyond within"},
        Case{"EVI_6_ThenTheLowerPriority",
             {usingMemory(withPriority(makePod("high"), 10), 900 * kMi),
              usingMemory(withPriority(makePod("low"), -5), 2 * kMi), usingMemory(makePod("none"), 1 * kMi)},
             Signal::kMemoryAvailable,
             "low none high"},
        Case{"EVI_6_ThenTheLargerUseBeyondTheRequest",
             {usingMemory(askingMemory("large", "1Gi"), 1100 * kMi),
              usingMemory(askingMemory("greedy", "100Mi"), 300 * kMi)},
             Signal::kAllocatableMemoryAvailable,
             "greedy large"},
        Case{"EVI_6_WhatNobodyKnowsGoesFirst",
             {usingMemory(makePod("known"), 900 * kMi), usingMemory(makePod("unknown"), std::nullopt)},
             Signal::kMemoryAvailable,
             "unknown known"},
        Case{"EVI_6_DiskCountsLayersLogsAndVolumes",
             {usingDisk(makePod("layer"), 10, 0, 0), usingDisk(makePod("logs"), 0, 20, 0),
              usingDisk(makePod("volume"), 0, 0, 30)},
             Signal::kNodeFsAvailable,
             "volume logs layer"},
        Case{"EVI_6_DiskBeyondItsRequestGoesFirst",
             {usingDisk(askingDisk("within", "100"), 50, 0, 0), usingDisk(askingDisk("beyond", "5"), 10, 0, 0)},
             Signal::kImageFsAvailable,
             "beyond within"},
        Case{"EVI_6_NoRequestHelpsAgainstInodes",
             {usingDisk(askingDisk("few", "1Gi"), 1, 1, 1), usingDisk(makePod("many"), 5, 5, 5)},
             Signal::kNodeFsInodesFree,
             "many few"},
        Case{"EVI_6_LayersBesideImagesDoNotFillTheNodesDisk",
             {usingDisk(makePod("layer"), 100, 0, 0), usingDisk(makePod("logs"), 0, 1, 0)},
             Signal::kNodeFsAvailable,
             "logs layer",
             {.imagesApart = true}},
        Case{"EVI_6_LogsDoNotFillTheImagesDisk",
             {usingDisk(makePod("logs"), 0, 100, 0), usingDisk(makePod("layer"), 1, 0, 0)},
             Signal::kImageFsAvailable,
             "layer logs",
             {.imagesApart = true}},
        Case{"EVI_6_LayersApartFromImagesFillTheNodesDisk",
             {usingDisk(makePod("logs"), 0, 1, 0), usingDisk(makePod("layer"), 100, 0, 0)},
             Signal::kContainerFsAvailable,
             "layer logs",
             {.imagesApart = true, .containersApart = true}},
        Case{"EVI_6_PidsByPriorityThenByNumber",
             {usingPids(withPriority(makePod("high"), 1), 1000), usingPids(makePod("few"), 2),
              usingPids(makePod("many"), 20)},
             Signal::kPidAvailable,
             "many few high"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::eviction
