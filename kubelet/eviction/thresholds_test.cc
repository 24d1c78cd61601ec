#include "kubelet/eviction/thresholds.h"

#include <gtest/gtest.h>

#include "kubelet/config/defaults.h"
#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

using config::KubeletConfiguration;
using std::chrono::seconds;

// "memory.available<100Mi, nodefs.available<10% for 30s reclaim 1Gi"
std::string amountIn(const Amount& amount) {
  return amount.quantity.empty() ? std::to_string(static_cast<int>(amount.share * 1000)) + "/1000" : amount.quantity;
}
std::string toText(const std::vector<Threshold>& thresholds) {
  std::string text;
  for (const Threshold& one : thresholds) {
    text += (text.empty() ? "" : ", ") + std::string(nameOf(one.signal)) + "<" + amountIn(one.value);
    if (!one.isHard()) text += " for " + std::to_string(std::chrono::round<seconds>(one.grace).count()) + "s";
    if (one.minimumReclaim) text += " reclaim " + amountIn(*one.minimumReclaim);
  }
  return text;
}

TEST(Thresholds, EVI_1_EverySignalHasAName) {
  for (const char* name :
       {"memory.available", "allocatableMemory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available",
        "imagefs.inodesFree", "containerfs.available", "containerfs.inodesFree", "pid.available"}) {
    const std::optional<Signal> signal = signalOf(name);
    ASSERT_TRUE(signal) << name;
    EXPECT_EQ(nameOf(*signal), name);
  }
  EXPECT_FALSE(signalOf("memory.free"));
}

TEST(Thresholds, EVI_2_TheDefaults) {
  KubeletConfiguration config;
  config::applyDefaults(config, {});
  EXPECT_EQ(toText(thresholdsOf(config)),
            "memory.available<100Mi, nodefs.available<100/1000, nodefs.inodesFree<50/1000, imagefs.available<150/1000, "
            "imagefs.inodesFree<50/1000, allocatableMemory.available<100Mi");
}

TEST(Thresholds, EVI_2_SoftOnesHaveTheirGraceAndWhatIsToBeFreed) {
  KubeletConfiguration config;
  (*config.mutable_evictionhard())["pid.available"] = "100";
  (*config.mutable_evictionhard())["nodefs.available"] = "0%";
  (*config.mutable_evictionsoft())["nodefs.available"] = "20%";
  (*config.mutable_evictionsoftgraceperiod())["nodefs.available"] = "1m30s";
  (*config.mutable_evictionminimumreclaim())["nodefs.available"] = "1024Mi";
  EXPECT_EQ(toText(thresholdsOf(config)), "pid.available<100, nodefs.available<200/1000 for 90s reclaim 1Gi");
}

TEST(Thresholds, EVI_2_TheLimitOfAllPodsHasNoneUnlessItIsEnforced) {
  KubeletConfiguration config;
  (*config.mutable_evictionhard())["memory.available"] = "1Gi";
  EXPECT_EQ(toText(thresholdsOf(config)), "memory.available<1Gi");
}

TEST(Thresholds, EVI_1_ContainerfsIsNobodysToChoose) {
  KubeletConfiguration config;
  (*config.mutable_evictionhard())["nodefs.available"] = "1Gi";
  (*config.mutable_evictionhard())["imagefs.available"] = "2Gi";
  (*config.mutable_evictionhard())["containerfs.available"] = "9Gi";
  const std::vector<Threshold> thresholds = thresholdsOf(config);
  const std::string others = "nodefs.available<1Gi, imagefs.available<2Gi, containerfs.available<";
  EXPECT_EQ(toText(withContainerFs(thresholds, {})), others + "1Gi");
  EXPECT_EQ(toText(withContainerFs(thresholds, {.imagesApart = true})), others + "2Gi");
  EXPECT_EQ(toText(withContainerFs(thresholds, {.imagesApart = true, .containersApart = true})), others + "1Gi");
}

TEST(Thresholds, SharesAreAsUpstreamCountsThem) {
  EXPECT_EQ((Amount{.quantity = "", .share = 0.1F}).of(1000), 100);
  EXPECT_EQ((Amount{.quantity = "1Ki", .share = 0}).of(1000), 1024);
}

TEST(Thresholds, AmountsInWords) {
  EXPECT_EQ(bytesText(0), "0");
  EXPECT_EQ(bytesText(1000), "1000");
  EXPECT_EQ(bytesText(50 * kMi), "50Mi");
  EXPECT_EQ(bytesText(50 * kMi + kKi), "51201Ki");
  EXPECT_EQ(amountText(Resource::kInodes, 2048), "2048");
}

}  // namespace
}  // namespace cubelet::eviction
