#include "kubelet/api/project_volume.h"

#include <gtest/gtest.h>

namespace cubelet::api {
namespace {

TEST(ProjectVolume, IsAnEmptyDirOnDiskOfAPodWithItsOwnUsers) {
  k8s::core::v1::PodSpec spec;
  k8s::core::v1::VolumeSource source;
  source.mutable_emptydir();
  EXPECT_FALSE(mayBeProject(spec, source)) << "it has the node's users";
  spec.set_hostusers(true);
  EXPECT_FALSE(mayBeProject(spec, source));
  spec.set_hostusers(false);
  EXPECT_TRUE(mayBeProject(spec, source));
  source.mutable_emptydir()->set_medium("Memory");
  EXPECT_FALSE(mayBeProject(spec, source));
  source.mutable_configmap();
  source.clear_emptydir();
  EXPECT_FALSE(mayBeProject(spec, source));
}

}  // namespace
}  // namespace cubelet::api
