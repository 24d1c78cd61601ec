// In-place resize on a real runtime. The API server of the scenarios is older than the subresource "resize", so its
// store is edited: what the agent sees is an object with other resources, as a newer server would show it.
#include "integration/harness/cgroups.h"
#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

constexpr long long kMi = 1 << 20;

class Resize : public ClusterTest {
 protected:
  // Of the pod's only container.
  std::string cgroupOfContainer(const std::string& pod) {
    return cgroupOfPod(pod) + "/" + node().cri().containersOf(pod).at(0).id();
  }
  std::string cgroupOfPod(const std::string& pod) {
    const std::string uid = cluster().get({"pod", pod})["metadata"]["uid"];
    return node().cgroupRoot() + "/kubepods/pod" + uid;
  }
  static Look has(const std::string& cgroup, const std::string& quota, long long memory) {
    return [=]() -> std::string {
      const bool v2 = isCgroupV2();
      const std::string cpu = cgroupValue("cpu", cgroup, v2 ? "cpu.max" : "cpu.cfs_quota_us");
      if (cpu != (v2 ? quota + " 100000" : quota)) return "cpu of " + cgroup + " is " + cpu;
      const std::string bytes = cgroupValue("memory", cgroup, v2 ? "memory.max" : "memory.limit_in_bytes");
      return bytes == std::to_string(memory) ? "" : "memory of " + cgroup + " is " + bytes;
    };
  }
  // A pod that has what it asks for, and no more.
  void startWeb() {
    ASSERT_NO_FATAL_FAILURE(startJoined());
    json one = marker("c", "web");
    const json amounts = {{"cpu", "100m"}, {"memory", "64Mi"}};
    one["resources"] = {{"requests", amounts}, {"limits", amounts}};
    cluster().apply(clusterPod("web", {one}));
    ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  }
};

TEST_F(Resize, RSZ_1_RSZ_7_ARunningContainerGetsMoreAndLess) {
  ASSERT_NO_FATAL_FAILURE(startWeb());
  const std::string container = cgroupOfContainer("web");
  const std::string pod = cgroupOfPod("web");
  ASSERT_EQ(has(container, "10000", 64 * kMi)(), "");

  cluster().rewriteStored("/registry/pods/default/web", {{"100m", "200m"}, {"64Mi", "96Mi"}});
  EXPECT_TRUE(eventually("the container has more", kSoon, has(container, "20000", 96 * kMi)));
  EXPECT_TRUE(eventually("so has its pod", kSoon, has(pod, "20000", 96 * kMi)));
  cluster().rewriteStored("/registry/pods/default/web", {{"200m", "150m"}, {"96Mi", "32Mi"}});
  EXPECT_TRUE(eventually("the container has less", kSoon, has(container, "15000", 32 * kMi)));
  EXPECT_TRUE(eventually("so has its pod", kSoon, has(pod, "15000", 32 * kMi)));
  EXPECT_EQ(node().starts("web"), 1U) << "no restart";
}

TEST_F(Resize, REC_6_WhatCannotBeGrantedStaysAsItIsOverARestartOfTheAgent) {
  ASSERT_NO_FATAL_FAILURE(startWeb());
  const std::string container = cgroupOfContainer("web");
  // More than any machine has.
  cluster().rewriteStored("/registry/pods/default/web", {{"100m", "999k"}});
  const auto pending = [&]() -> std::string {
    for (const json& condition : cluster().get({"pod", "web"})["status"]["conditions"])
      if (condition["type"] == "PodResizePending" && condition["reason"] == "Infeasible") return "";
    return "no such condition";
  };
  ASSERT_TRUE(eventually("the resize is refused", kSoon, pending));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  EXPECT_EQ(pending(), "") << "it is refused again";
  EXPECT_EQ(has(container, "10000", 64 * kMi)(), "");
  EXPECT_EQ(node().starts("web"), 1U);
}

}  // namespace
}  // namespace cubelet::integration
