#include "kubelet/images/images.h"

#include <gtest/gtest.h>

#include "cri/fake/fake_runtime.h"

namespace cubelet::images {
namespace {

struct NameCase {
  std::string name;
  std::string image;
  std::string want;  // empty: refused
};

class CFG_17_DefaultTag : public testing::TestWithParam<NameCase> {};

TEST_P(CFG_17_DefaultTag, Answers) {
  Result<std::string> full = withDefaultTag(GetParam().image);
  EXPECT_EQ(full.value_or(""), GetParam().want);
  if (!full) EXPECT_EQ(full.error().reason, "InvalidImageName");
}

INSTANTIATE_TEST_SUITE_P(Cases, CFG_17_DefaultTag,
                         testing::Values(NameCase{"Bare", "busybox", "busybox:latest"},
                                         NameCase{"Tagged", "busybox:1.36", "busybox:1.36"},
                                         NameCase{"PortIsNoTag", "reg:5000/a/b", "reg:5000/a/b:latest"},
                                         NameCase{"PortAndTag", "reg:5000/a/b:2", "reg:5000/a/b:2"},
                                         NameCase{"Digest", "a@sha256:0123", "a@sha256:0123"},
                                         NameCase{"Id", "sha256:0123", "sha256:0123"}, NameCase{"Empty", "", ""},
                                         NameCase{"Space", "a b", ""}, NameCase{"NoTagAfterColon", "a:", ""},
                                         NameCase{"LeadingSlash", "/a", ""}),
                         [](const auto& test) { return test.param.name; });

struct Pulls : testing::Test {
  Loop loop;
  ManualClock clock{loop};
  cri::FakeRuntime runtime{clock};
  Images images{runtime, clock, {.parallelPulls = 1}};
};

TEST_F(Pulls, AnswersWhatContainersAreMadeFrom) {
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}));
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_FALSE(pulled->wasPresent);
  EXPECT_FALSE(pulled->image.ref.empty());
}

TEST_F(Pulls, ImageThatHasComeMeanwhileIsNotPulledAgain) {
  runtime.addImage("web:1");
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}));
  ASSERT_TRUE(pulled);
  EXPECT_TRUE(pulled->wasPresent);
  Result<Images::Pulled> always = loop.runToEnd(images.pull("web:1", true, {}));
  ASSERT_TRUE(always);
  EXPECT_FALSE(always->wasPresent);
}

TEST_F(Pulls, CST_7_FailureHasTheWaitingReason) {
  runtime.makeUnpullable("web:1", Error(Code::kUnavailable, "", "RegistryUnavailable: connection refused"));
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}));
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().reason, "RegistryUnavailable");
}

std::vector<Login> logins(const std::vector<std::string>& users) {
  std::vector<Login> out;
  for (const std::string& user : users) out.push_back({user, "", {}});
  return out;
}

TEST_F(Pulls, CFG_22_CredentialsAreTriedOneAfterTheOther) {
  runtime.failNext("PullImage", Error(Code::kInternal, "", "denied"));
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}, logins({"a", "b", "c"})));
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(runtime.lastAuth().username(), "b");
}

TEST_F(Pulls, CFG_22_WhenAllFailEachErrorIsToldOnce) {
  runtime.failNext("PullImage", Error(Code::kInternal, "", "denied"));
  runtime.failNext("PullImage", Error(Code::kInternal, "", "denied"));
  runtime.failNext("PullImage", Error(Code::kInternal, "", "no such user"));
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}, logins({"a", "b", "c"})));
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().reason, "ErrImagePull");
  EXPECT_EQ(pulled.error().message, "[denied, no such user]");
  EXPECT_FALSE(runtime.hasImage("web:1"));
}

TEST_F(Pulls, CFG_23_TheSecretThatHasOpenedTheRegistryIsTold) {
  std::vector<Login> credentials = logins({"a", "b"});
  credentials[1].secret = SecretLogin{.uid = "u", .ns = "shop", .name = "mine", .hash = "hash"};
  runtime.failNext("PullImage", Error(Code::kInternal, "", "denied"));
  Result<Images::Pulled> pulled = loop.runToEnd(images.pull("web:1", false, {}, credentials));
  ASSERT_TRUE(pulled) << pulled.error().message;
  ASSERT_TRUE(pulled->by);
  EXPECT_EQ(pulled->by->name, "mine");
  pulled = loop.runToEnd(images.pull("web:2", false, {}, credentials));
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_FALSE(pulled->by) << "the first login did, and it is no secret's";
}

TEST_F(Pulls, CFG_21_PullsPerSecondAreLimited) {
  Images limited(runtime, clock, {.parallelPulls = 10, .pullsPerSecond = 1, .burst = 2});
  EXPECT_TRUE(loop.runToEnd(limited.pull("web:1", true, {})));
  EXPECT_TRUE(loop.runToEnd(limited.pull("web:1", true, {})));
  Result<Images::Pulled> refused = loop.runToEnd(limited.pull("web:1", true, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "ErrImagePull");
  EXPECT_EQ(refused.error().message, "pull QPS exceeded");
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(loop.runToEnd(limited.pull("web:1", true, {})));
}

TEST_F(Pulls, WithoutCredentialsNoneAreSent) {
  ASSERT_TRUE(loop.runToEnd(images.pull("web:1", false, {})));
  EXPECT_EQ(runtime.lastAuth().ByteSizeLong(), 0u);
}

}  // namespace
}  // namespace cubelet::images
