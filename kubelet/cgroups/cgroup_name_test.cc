#include "kubelet/cgroups/cgroup_name.h"

#include <gtest/gtest.h>

namespace cubelet::cgroups {
namespace {

struct Case {
  std::string name;
  CgroupName cgroup;
  std::string cgroupfs;
  std::string systemd;
};
void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}

class Names : public testing::TestWithParam<Case> {};
TEST_P(Names, RES_3) {
  EXPECT_EQ(pathOf(GetParam().cgroup, DriverKind::kCgroupfs), GetParam().cgroupfs);
  EXPECT_EQ(pathOf(GetParam().cgroup, DriverKind::kSystemd), GetParam().systemd);
}

INSTANTIATE_TEST_SUITE_P(
    Cgroups, Names,
    testing::Values(Case{"Root", {}, "/", "/"}, Case{"Node", nodeCgroup({}), "/kubepods", "/kubepods.slice"},
                    Case{"Guaranteed", podCgroup({}, QosClass::kGuaranteed, "12-34"), "/kubepods/pod12-34",
                         "/kubepods.slice/kubepods-pod12_34.slice"},
                    Case{"Burstable", podCgroup({}, QosClass::kBurstable, "12-34"), "/kubepods/burstable/pod12-34",
                         "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice"},
                    Case{"BestEffort", podCgroup({}, QosClass::kBestEffort, "12-34"), "/kubepods/besteffort/pod12-34",
                         "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod12_34.slice"},
                    Case{"RES_4_StaticPod", podCgroup({}, QosClass::kBestEffort, "0123456789abcdef"),
                         "/kubepods/besteffort/pod0123456789abcdef",
                         "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0123456789abcdef.slice"},
                    Case{"BelowAnotherRoot", nodeCgroup({"my-pods", "a"}), "/my-pods/a/kubepods",
                         "/my_pods.slice/my_pods-a.slice/my_pods-a-kubepods.slice"}),
    [](const auto& test) { return test.param.name; });

TEST(CgroupNames, SliceOfTheRoot) {
  EXPECT_EQ(sliceOf({}), "-.slice");
  EXPECT_EQ(sliceOf({"kubepods", "burstable"}), "kubepods-burstable.slice");
}

TEST(CgroupNames, RootOfTheConfiguration) {
  EXPECT_EQ(parseRoot(""), CgroupName{});
  EXPECT_EQ(parseRoot("/"), CgroupName{});
  EXPECT_EQ(parseRoot("/a//b/"), (CgroupName{"a", "b"}));
  EXPECT_FALSE(parseRoot("/a/../b"));
  EXPECT_FALSE(parseRoot("/./b"));
}

TEST(CgroupNames, PodsAreFoundAgain) {
  for (DriverKind driver : {DriverKind::kCgroupfs, DriverKind::kSystemd})
    for (QosClass qos : kQosClasses) {
      const std::string path = pathOf(podCgroup({}, qos, "12-34"), driver);
      EXPECT_EQ(podUidOf(path.substr(path.rfind('/') + 1), qosCgroup({}, qos), driver), "12-34") << path;
    }
}

TEST(CgroupNames, OtherDirectoriesAreNoPods) {
  const CgroupName node = nodeCgroup({});
  EXPECT_EQ(podUidOf("burstable", node, DriverKind::kCgroupfs), std::nullopt);
  EXPECT_EQ(podUidOf("pod", node, DriverKind::kCgroupfs), std::nullopt);
  EXPECT_EQ(podUidOf("kubepods-burstable.slice", node, DriverKind::kSystemd), std::nullopt);
  EXPECT_EQ(podUidOf("kubepods-burstable-pod1.slice", node, DriverKind::kSystemd), std::nullopt);
  EXPECT_EQ(podUidOf("kubepods-pod1.scope", node, DriverKind::kSystemd), std::nullopt);
  EXPECT_EQ(podUidOf("kubepods-pod.slice", node, DriverKind::kSystemd), std::nullopt);
}

TEST(CgroupNames, UidsThatLeadElsewhereAreNotUsable) {
  EXPECT_TRUE(isUsableUid("12-34"));
  for (const char* uid : {"", ".", "..", "a/b", "../x"}) EXPECT_FALSE(isUsableUid(uid)) << uid;
}

}  // namespace
}  // namespace cubelet::cgroups
