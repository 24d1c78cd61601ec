#include "kubelet/config/suggest.h"

#include <gtest/gtest.h>

namespace cubelet::config {
namespace {

const std::vector<std::string_view> kKnown = {"config", "config-dir", "kubeconfig", "max-pods", "v", "EventedPLEG"};

TEST(NearestName, IsTheOneWithTheFewestEdits) {
  EXPECT_EQ(nearestName("confg", kKnown), "config");
  EXPECT_EQ(nearestName("max-pod", kKnown), "max-pods");
  EXPECT_EQ(nearestName("kube-config", kKnown), "kubeconfig");
}

TEST(NearestName, IgnoresLetterCase) {
  EXPECT_EQ(nearestName("eventedpleg", kKnown), "EventedPLEG");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  EXPECT_EQ(nearestName("network-plugin", kKnown), "");
  EXPECT_EQ(nearestName("x", kKnown), "");
}

}  // namespace
}  // namespace cubelet::config
