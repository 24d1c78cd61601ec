#include "kubelet/layout/layout.h"

#include <gtest/gtest.h>

namespace cubelet::layout {
namespace {

const Directories kDirs;

TEST(Layout, LOG_1_VOL_4_MatchesUpstream) {
  EXPECT_EQ(podDirectory(kDirs, "u1"), "/var/lib/kubelet/pods/u1");
  EXPECT_EQ(volumeDirectory(kDirs, "u1", "kubernetes.io/empty-dir", "cache"),
            "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/cache");
  EXPECT_EQ(subPathTarget(kDirs, "u1", "cache", "web", 2), "/var/lib/kubelet/pods/u1/volume-subpaths/cache/web/2");
  EXPECT_EQ(podLogDirectory(kDirs, "default", "web-n1", "u1"), "/var/log/pods/default_web-n1_u1");
  EXPECT_EQ(containerLogFile("web", 3), "web/3.log");
  EXPECT_EQ(containerLogLink(kDirs, "web-n1", "default", "web", "abc"),
            "/var/log/containers/web-n1_default_web-abc.log");
  EXPECT_EQ(ownStateDirectory(kDirs), "/var/lib/kubelet/cubelet");
}

TEST(Layout, LinkNameIsCutToWhatFileSystemsTake) {
  std::string link = containerLogLink(kDirs, std::string(253, 'p'), "default", "web", std::string(64, 'a'));
  std::string name = link.substr(link.rfind('/') + 1);
  EXPECT_EQ(name.size(), 255u);
  EXPECT_TRUE(name.ends_with(".log"));
}

}  // namespace
}  // namespace cubelet::layout
