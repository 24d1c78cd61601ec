#include "kubelet/volumes/selinux_mount.h"

#include <functional>
#include <gtest/gtest.h>

namespace cubelet::volumes {
namespace {

TEST(SelinuxPolicy, CSI_14_HasTheLabelOfContainersFiles) {
  EXPECT_EQ(
      fileLabelIn("process = \"system_u:system_r:container_t:s0\"\ncontent = \"system_u:object_r:virt_var_lib_t:s0\"\n"
                  "file = \"system_u:object_r:container_file_t:s0\"\nro_file=\"x\"\n"),
      "system_u:object_r:container_file_t:s0");
  EXPECT_EQ(fileLabelIn("# file = \"no\"\nfile = none\n"), "");
  EXPECT_EQ(fileLabelIn(""), "");
}

TEST(SelinuxLabels, CSI_14_AreKeptByWhatIsMountedLast) {
  const std::string table =
      "20 1 8:1 / / rw - ext4 /dev/sda rw,seclabel\n"
      "31 20 8:2 / /v rw shared:1 - ext4 /dev/sdb rw,seclabel,data=ordered\n"
      "32 20 8:3 / /fixed rw - ext4 /dev/sdc rw,context=system_u:object_r:x:s0\n"
      "33 20 0:9 / /nfs rw - nfs4 host:/x rw,vers=4.2\n"
      "34 31 8:4 / /over rw - ext4 /dev/sdd rw,seclabel\n"
      "35 34 0:9 / /over rw - nfs4 host:/x rw\n"
      "36\n";
  EXPECT_TRUE(keepsLabels(table, "/v"));
  EXPECT_FALSE(keepsLabels(table, "/fixed"));
  EXPECT_FALSE(keepsLabels(table, "/nfs"));
  EXPECT_FALSE(keepsLabels(table, "/over"));
  EXPECT_FALSE(keepsLabels(table, "/elsewhere"));
}

struct World {
  World() {
    pod.mutable_spec()->mutable_securitycontext()->mutable_selinuxoptions()->set_level("s0:c1,c2");
    for (const char* name : {"a", "b"}) {
      core::Container& container = *pod.mutable_spec()->add_containers();
      container.set_name(name);
      container.add_volumemounts()->set_name("v");
    }
    volume.mutable_spec()->add_accessmodes("ReadWriteOncePod");
    driver.mutable_spec()->set_selinuxmount(true);
    host.fileLabel = "system_u:object_r:container_file_t:s0";
  }
  core::SELinuxOptions& optionsOf(int container) {
    return *pod.mutable_spec()->mutable_containers(container)->mutable_securitycontext()->mutable_selinuxoptions();
  }
  core::Pod pod;
  core::PersistentVolume volume;
  ::k8s::storage::v1::CSIDriver driver;
  SelinuxHost host;
};

struct Case {
  std::string name;
  std::function<void(World&)> arrange;
  std::string want;
};

class SelinuxMounts : public testing::TestWithParam<Case> {};

TEST_P(SelinuxMounts, CSI_14_HaveTheLabelOfTheirPod) {
  World world;
  GetParam().arrange(world);
  const Result<std::string> label = mountLabel(world.pod, "v", world.volume, &world.driver, world.host);
  EXPECT_EQ(label ? *label : label.error().message, GetParam().want);
}

constexpr char kLabel[] = "system_u:object_r:container_file_t:s0:c1,c2";

INSTANTIATE_TEST_SUITE_P(
    Cases, SelinuxMounts,
    testing::Values(
        Case{"ThePodsOwn", [](World&) {}, kLabel},
        Case{"NoSelinuxOnTheHost", [](World& w) { w.host.fileLabel.clear(); }, ""},
        Case{"TheDriverDoesNotSaySo", [](World& w) { w.driver.mutable_spec()->set_selinuxmount(false); }, ""},
        Case{"AnotherAccessMode", [](World& w) { w.volume.mutable_spec()->set_accessmodes(0, "ReadWriteOnce"); }, ""},
        Case{"AnotherAccessModeWithTheGate",
             [](World& w) {
               w.volume.mutable_spec()->set_accessmodes(0, "ReadWriteOnce");
               w.host.anyAccessMode = true;
             },
             kLabel},
        Case{"MoreAccessModes", [](World& w) { w.volume.mutable_spec()->add_accessmodes("ReadOnlyMany"); }, ""},
        Case{"ADevice", [](World& w) { w.volume.mutable_spec()->set_volumemode("Block"); }, ""},
        Case{"RelabellingIsWanted",
             [](World& w) { w.pod.mutable_spec()->mutable_securitycontext()->set_selinuxchangepolicy("Recursive"); },
             ""},
        Case{"NoLevel", [](World& w) { w.pod.mutable_spec()->mutable_securitycontext()->clear_selinuxoptions(); }, ""},
        Case{"TheUserCountsRoleAndTypeDoNot",
             [](World& w) {
               core::SELinuxOptions& options =
                   *w.pod.mutable_spec()->mutable_securitycontext()->mutable_selinuxoptions();
               options.set_user("u");
               options.set_role("r");
               options.set_type("t");
             },
             "u:object_r:container_file_t:s0:c1,c2"},
        Case{"TheContainersGoFirst",
             [](World& w) {
               w.optionsOf(0).set_level("s0:c3");
               w.optionsOf(1).set_level("s0:c3");
             },
             "system_u:object_r:container_file_t:s0:c3"},
        Case{"TwoLabels", [](World& w) { w.optionsOf(0).set_level("s0:c3"); },
             "multiple SELinux labels found: \"system_u:object_r:container_file_t:s0:c1,c2\", "
             "\"system_u:object_r:container_file_t:s0:c3\""},
        Case{"OnlyOfThoseThatMountIt",
             [](World& w) {
               w.optionsOf(0).set_level("s0:c3");
               w.pod.mutable_spec()->mutable_containers(0)->clear_volumemounts();
             },
             kLabel},
        Case{"Nobody",
             [](World& w) {
               for (int i = 0; i < 2; ++i) w.pod.mutable_spec()->mutable_containers(i)->clear_volumemounts();
             },
             ""}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::volumes
