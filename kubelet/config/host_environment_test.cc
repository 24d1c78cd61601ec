#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/config/load.h"

namespace cubelet::config {
namespace {

class HostEnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/cubelet-config-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::path path = directory_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  std::string directory_;
  Environment environment_ = hostEnvironment();
};

TEST_F(HostEnvironmentTest, ListsFilesRecursivelyInLexicalOrder) {
  write("30-c.conf", "");
  write("20-b/x.conf", "");
  write("10-a.conf", "");
  write("readme", "");
  auto files = environment_.listFiles(directory_);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(*files, testing::ElementsAre(directory_ + "/10-a.conf", directory_ + "/20-b/x.conf",
                                           directory_ + "/30-c.conf", directory_ + "/readme"));
}

TEST_F(HostEnvironmentTest, LinkToAFileIsAFile) {
  write("real", "");
  std::filesystem::create_symlink("real", directory_ + "/link.conf");
  auto files = environment_.listFiles(directory_);
  ASSERT_TRUE(files);
  EXPECT_THAT(*files, testing::ElementsAre(directory_ + "/link.conf", directory_ + "/real"));
}

TEST_F(HostEnvironmentTest, MissingDirectoryIsAnError) {
  EXPECT_FALSE(environment_.listFiles(directory_ + "/none"));
}

TEST_F(HostEnvironmentTest, LoadsRealFiles) {
  std::string head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
  write("config.yaml", head + "failSwapOn: false\nfailCgroupV1: false\nstaticPodPath: manifests\nmaxPods: 20\n");
  write("conf.d/10.conf", head + "maxPods: 30\n");
  auto effective =
      load({"--config=" + directory_ + "/config.yaml", "--config-dir=" + directory_ + "/conf.d"}, environment_);
  ASSERT_TRUE(effective) << effective.error().message;
  EXPECT_EQ(effective->config.maxpods(), 30);
  EXPECT_EQ(effective->config.staticpodpath(), directory_ + "/manifests");
  EXPECT_FALSE(effective->nodeName.empty());
}

TEST_F(HostEnvironmentTest, MissingConfigFileIsAnErrorThatNamesIt) {
  auto effective = load({"--config=" + directory_ + "/none.yaml"}, environment_);
  ASSERT_FALSE(effective);
  EXPECT_THAT(effective.error().message, testing::HasSubstr(directory_ + "/none.yaml"));
}

}  // namespace
}  // namespace cubelet::config
