#include "kubelet/images/image_volumes.h"

#include <gtest/gtest.h>

namespace cubelet::images {
namespace {

TEST(ImageVolumes, CFG_24_OldRuntimesAreTold) {
  EXPECT_EQ(
      whyNoImageVolumes("containerd", "1.6.20~ds1"),
      "the container runtime of this node, containerd 1.6.20~ds1, cannot mount images; containerd 2.1 and newer can");
  EXPECT_NE(whyNoImageVolumes("containerd", "v2.0.4"), "");
  EXPECT_NE(whyNoImageVolumes("cri-o", "1.30.2"), "");
}

TEST(ImageVolumes, CFG_24_NewOrUnknownOnesMayTry) {
  EXPECT_EQ(whyNoImageVolumes("containerd", "v2.1.0"), "");
  EXPECT_EQ(whyNoImageVolumes("containerd", "3.0"), "");
  EXPECT_EQ(whyNoImageVolumes("cri-o", "1.31.0"), "");
  EXPECT_EQ(whyNoImageVolumes("other", "0.1"), "");
  EXPECT_EQ(whyNoImageVolumes("containerd", "unknown"), "");
}

}  // namespace
}  // namespace cubelet::images
