#include "kubelet/podconfig/sub_paths.h"

#include <gtest/gtest.h>

namespace cubelet::podconfig {
namespace {

struct Case {
  std::string name;
  std::string subPath;
  std::string expression;
  std::string want;       // the path
  std::string wantError;  // or the message
};

class VOL_9_SubPath : public testing::TestWithParam<Case> {};

TEST_P(VOL_9_SubPath, IsExpandedAndChecked) {
  core::Container container;
  container.set_name("web");
  container.add_volumemounts()->set_name("whole");
  core::VolumeMount* mount = container.add_volumemounts();
  mount->set_name("data");
  mount->set_subpath(GetParam().subPath);
  mount->set_subpathexpr(GetParam().expression);
  const Environment environment = {
      {"NAME", "web-0"}, {"UP", ".."}, {"ROOT", "/etc"}, {"EMPTY", ""}, {"NEST", "$(NAME)"}};
  const Result<std::vector<SubPathMount>> mounts = subPathMounts(container, environment);
  if (GetParam().wantError.empty()) {
    ASSERT_TRUE(mounts) << mounts.error().message;
    EXPECT_EQ(*mounts, (std::vector<SubPathMount>{{1, "data", GetParam().want}}));
  } else {
    ASSERT_FALSE(mounts);
    EXPECT_EQ(mounts.error().reason, "CreateContainerConfigError");
    EXPECT_EQ(mounts.error().message, GetParam().wantError);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, VOL_9_SubPath,
                         testing::Values(Case{"Plain", "logs/web", "", "logs/web", ""},
                                         Case{"PlainIsNotExpanded", "$(NAME)", "", "$(NAME)", ""},
                                         Case{"Variable", "", "logs/$(NAME)/x", "logs/web-0/x", ""},
                                         Case{"Escaped", "", "a$$(NAME)", "a$(NAME)", ""},
                                         Case{"ValuesAreNotExpandedAgain", "", "$(NEST)", "$(NAME)", ""},
                                         Case{"DotsInANameAreFine", "..data/a..b", "", "..data/a..b", ""},
                                         Case{"Unset", "", "$(Z)/$(A)", "", "missing value for A, Z"},
                                         Case{"Empty", "", "x$(EMPTY)", "", "missing value for EMPTY"},
                                         Case{"Absolute", "", "$(ROOT)/x", "",
                                              "error SubPath `/etc/x` must not be an absolute path"},
                                         Case{"Backstep", "", "a/$(UP)/b", "",
                                              "unable to provision SubPath `a/../b`: must not contain '..'"}),
                         [](const auto& test) { return test.param.name; });

TEST(SubPaths, VOL_8_TheMessageTellsNothingOfTheHost) {
  core::Container container;
  container.set_name("web");
  container.add_volumemounts()->set_name("data");
  EXPECT_EQ(subPathFailure("create", container, 0),
            "failed to create subPath directory for volumeMount \"data\" of container \"web\"");
  EXPECT_EQ(subPathFailure("prepare", container, 0),
            "failed to prepare subPath for volumeMount \"data\" of container \"web\"");
}

}  // namespace
}  // namespace cubelet::podconfig
