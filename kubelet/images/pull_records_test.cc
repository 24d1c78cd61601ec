// Who may use an image that was pulled for somebody else. Behaviour CFG-23.
#include "kubelet/images/pull_records.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/loop.h"
#include "base/temp_dir.h"

namespace cubelet::images {
namespace {

namespace fs = std::filesystem;

struct PolicyCase {
  std::string name;
  std::string policy;
  std::string image;
  bool preloaded;
  bool pulled;
};

class CFG_23_Policy : public testing::TestWithParam<PolicyCase> {};

TEST_P(CFG_23_Policy, MustVerify) {
  const VerificationPolicy policy{GetParam().policy, {"reg.test/base", "reg.test/team/*", "busybox"}};
  EXPECT_EQ(mustVerify(policy, GetParam().image, false), GetParam().preloaded);
  EXPECT_EQ(mustVerify(policy, GetParam().image, true), GetParam().pulled);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CFG_23_Policy,
    testing::Values(PolicyCase{"Never", "NeverVerify", "reg.test/a:1", false, false},
                    PolicyCase{"NotPreloaded", "NeverVerifyPreloadedImages", "reg.test/a:1", false, true},
                    PolicyCase{"Always", "AlwaysVerify", "reg.test/a:1", true, true},
                    PolicyCase{"Listed", "NeverVerifyAllowlistedImages", "reg.test/base:1", false, true},
                    PolicyCase{"ListedByFolder", "NeverVerifyAllowlistedImages", "reg.test/team/web:1", false, true},
                    PolicyCase{"ListedByShortName", "NeverVerifyAllowlistedImages", "docker.io/library/busybox:1",
                               false, true},
                    PolicyCase{"NotListed", "NeverVerifyAllowlistedImages", "reg.test/teammate/web", true, true},
                    PolicyCase{"ListedIsNoPrefix", "NeverVerifyAllowlistedImages", "reg.test/base2", true, true}),
    [](const auto& test) { return test.param.name; });

struct CFG_23_Records : testing::Test {
  CFG_23_Records() { restart(); }
  void restart() { records.emplace(clock, dir / "image_manager", VerificationPolicy()); }
  void pull(const std::string& image, const std::string& id, const std::optional<SecretLogin>& by) {
    ASSERT_TRUE(records->begin(image));
    ASSERT_TRUE(records->pulled(image, id, by));
    records->end(image);
  }
  static SecretLogin login(const std::string& name, const std::string& password) {
    return {"uid-" + name, "shop", name, loginHash("robot", password)};
  }
  std::size_t files(const std::string& folder) {
    std::error_code none;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir / ("image_manager/" + folder), none), fs::directory_iterator()));
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  std::optional<PullRecords> records;
};

TEST_F(CFG_23_Records, APreloadedImageIsOpenToAll) {
  EXPECT_TRUE(records->isOpen("reg.test/a:1", "sha256:1"));
}

TEST_F(CFG_23_Records, WhatWasPulledWithoutASecretIsOpenToAll) {
  pull("reg.test/a:1", "sha256:1", std::nullopt);
  EXPECT_TRUE(records->isOpen("reg.test/a:1", "sha256:1"));
  EXPECT_FALSE(records->isOpen("other.test/a:1", "sha256:1")) << "under another name it may not be public";
}

TEST_F(CFG_23_Records, WhatAnAccountHasOpenedIsOpenToThatAccount) {
  const SecretLogin buyer{.uid = "u1", .ns = "shop", .name = "buyer", .hash = "", .ofAccount = true};
  SecretLogin renewed = buyer;
  renewed.uid = "u2";
  SecretLogin secret = buyer;
  secret.ofAccount = false;
  pull("reg.test/a:1", "sha256:1", buyer);
  restart();
  EXPECT_FALSE(records->isOpen("reg.test/a:1", "sha256:1"));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {buyer}));
  EXPECT_FALSE(records->mayUse("reg.test/a:1", "sha256:1", {renewed}));
  EXPECT_FALSE(records->mayUse("reg.test/a:1", "sha256:1", {secret})) << "a secret of the same name is none";
  const fs::directory_iterator file(dir / "image_manager/pulled");
  EXPECT_NE(readFile(file->path(), 10000)
                ->find(R"("kubernetesServiceAccounts":[{"name":"buyer","namespace":"shop","uid":"u1"}])"),
            std::string::npos);
}

TEST_F(CFG_23_Records, WhatASecretHasOpenedIsOpenToThatSecretAndThatLogin) {
  pull("reg.test/a:1", "sha256:1", login("mine", "hidden"));
  EXPECT_FALSE(records->isOpen("reg.test/a:1", "sha256:1"));
  EXPECT_FALSE(records->mayUse("reg.test/a:1", "sha256:1", {}));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("mine", "hidden")}));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("mine", "rotated")}));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("yours", "hidden")}));
  EXPECT_FALSE(records->mayUse("reg.test/a:1", "sha256:1", {login("yours", "other")}));
  EXPECT_TRUE(records->mayUse("reg.test/a:2", "sha256:1", {login("mine", "hidden")})) << "tags do not count";
}

TEST_F(CFG_23_Records, ASecondSecretAddsToTheFirst) {
  pull("reg.test/a:1", "sha256:1", login("mine", "hidden"));
  pull("reg.test/a:1", "sha256:1", login("yours", "other"));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("mine", "hidden")}));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("yours", "other")}));
}

TEST_F(CFG_23_Records, RecordsOutliveTheAgentAndTellNoPassword) {
  pull("reg.test/a:1", "sha256:1", login("mine", "hidden"));
  restart();
  EXPECT_FALSE(records->isOpen("reg.test/a:1", "sha256:1"));
  EXPECT_TRUE(records->mayUse("reg.test/a:1", "sha256:1", {login("mine", "hidden")}));
  EXPECT_EQ(files("pulling"), 0u);
  ASSERT_EQ(files("pulled"), 1u);
  const auto path = fs::directory_iterator(dir / "image_manager/pulled")->path();
  const std::string text = readFile(path, 4096).value();
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find(R"("kind":"ImagePulledRecord")"), std::string::npos) << text;
}

TEST_F(CFG_23_Records, APullThatTheAgentDidNotLiveToSeeIsNotPreloaded) {
  ASSERT_TRUE(records->begin("reg.test/a:1"));
  restart();
  EXPECT_FALSE(records->isOpen("reg.test/a:1", "sha256:1"));
  pull("reg.test/a:1", "sha256:1", std::nullopt);
  EXPECT_TRUE(records->isOpen("reg.test/a:1", "sha256:1"));
}

TEST_F(CFG_23_Records, TheNoteGoesWithTheLastPull) {
  ASSERT_TRUE(records->begin("reg.test/a:1"));
  ASSERT_TRUE(records->begin("reg.test/a:1"));
  records->end("reg.test/a:1");
  EXPECT_EQ(files("pulling"), 1u);
  records->end("reg.test/a:1");
  EXPECT_EQ(files("pulling"), 0u);
}

TEST_F(CFG_23_Records, AnImageThatWasRemovedIsForgotten) {
  pull("reg.test/a:1", "sha256:1", login("mine", "hidden"));
  records->removed("sha256:1");
  EXPECT_TRUE(records->isOpen("reg.test/a:1", "sha256:1"));
}

TEST_F(CFG_23_Records, ABrokenRecordOpensNothing) {
  pull("reg.test/a:1", "sha256:1", std::nullopt);
  const auto path = fs::directory_iterator(dir / "image_manager/pulled")->path();
  ASSERT_TRUE(writeFileAtomic(path, "{", 0600));
  EXPECT_FALSE(records->isOpen("reg.test/a:1", "sha256:1"));
}

}  // namespace
}  // namespace cubelet::images
