#include "kubelet/eviction/local_storage.h"

#include <gtest/gtest.h>

#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

PodUsage written(std::int64_t writable, std::int64_t logs, std::int64_t volume) {
  PodUsage usage;
  usage.containers["c"].writable.bytes = writable;
  usage.containers["c"].logs.bytes = logs;
  usage.volumes["v"].bytes = volume;
  return usage;
}

// "c" and "side" with a limit each.
core::Pod withTwo(const std::string& limit, const std::string& other) {
  core::Pod pod = limited(makePod("p"), limit);
  core::Container& side = *pod.mutable_spec()->add_containers();
  side.set_name("side");
  (*side.mutable_resources()->mutable_limits())["ephemeral-storage"].set_string(other);
  return pod;
}

struct Case {
  std::string name;  // begins with the behaviour's ID
  core::Pod pod;
  PodUsage usage;
  std::string message;  // empty: it stays
  FsLayout layout = {};
};

class LocalStorage : public testing::TestWithParam<Case> {};

TEST_P(LocalStorage, Excess) {
  const Case& row = GetParam();
  EXPECT_EQ(storageExcess(row.pod, row.usage, row.layout).value_or(Excess()).message, row.message);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LocalStorage,
    testing::Values(
        Case{"EMP_4_EVI_9_EmptyDirBeyondItsLimit", withEmptyDir(makePod("p"), "v", "1Gi"), written(0, 0, kGi + 1),
             "Usage of EmptyDir volume \"v\" exceeds the limit \"1Gi\". "},
        Case{"EMP_4_AllOfTheLimitMayBeUsed", withEmptyDir(makePod("p"), "v", "1Gi"), written(0, 0, kGi), ""},
        Case{"EMP_4_WithoutALimitNothingIsTooMuch", withEmptyDir(makePod("p"), "v", ""), written(0, 0, kGi), ""},
        Case{"EMP_4_ZeroIsNoLimit", withEmptyDir(makePod("p"), "v", "0"), written(0, 0, kGi), ""},
        Case{"EVI_9_TheWholePodBeyondTheSumOfLimits", withTwo("1Gi", "1Gi"), written(kGi, kMi, kGi),
             "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. "},
        Case{"EVI_9_OneContainerBeyondItsOwn", withTwo("1Mi", "1Gi"), written(kMi, 1, 0),
             "Container c exceeded its local ephemeral storage limit \"1Mi\". "},
        Case{"EVI_9_LogsCountForTheContainer", withTwo("1Mi", "1Gi"), written(0, kMi + 1, 0),
             "Container c exceeded its local ephemeral storage limit \"1Mi\". "},
        Case{"EVI_9_VolumesDoNotCountForTheContainer", withTwo("1Mi", "1Gi"), written(0, 0, 2 * kMi), ""},
        Case{"EVI_9_LayersBesideImagesDoNotCountForTheContainer",
             withTwo("1Mi", "1Gi"),
             written(2 * kMi, 0, 0),
             "",
             {.imagesApart = true}},
        Case{"EVI_9_WithinAll", withTwo("1Gi", "1Gi"), written(kMi, kMi, kMi), ""}),
    [](const auto& test) { return test.param.name; });

TEST(LocalStorageLimits, EachHasTheNameThatMetricsKnow) {
  const auto limit = [](const core::Pod& pod, const PodUsage& usage) { return storageExcess(pod, usage, {})->limit; };
  EXPECT_EQ(limit(withEmptyDir(makePod("p"), "v", "1Gi"), written(0, 0, kGi + 1)), "emptydirfs.limit");
  EXPECT_EQ(limit(withTwo("1Gi", "1Gi"), written(kGi, kMi, kGi)), "ephemeralpodfs.limit");
  EXPECT_EQ(limit(withTwo("1Mi", "1Gi"), written(kMi, 1, 0)), "ephemeralcontainerfs.limit");
}

TEST(LocalStorageLimits, EVI_9_OnlyPodsWithALimitAreMeasured) {
  EXPECT_FALSE(limitsStorage(makePod("p")));
  EXPECT_FALSE(limitsStorage(withEmptyDir(makePod("p"), "v", "")));
  EXPECT_TRUE(limitsStorage(withEmptyDir(makePod("p"), "v", "1Gi")));
  EXPECT_TRUE(limitsStorage(limited(makePod("p"), "1Gi")));
}

}  // namespace
}  // namespace cubelet::eviction
