#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;

TEST_F(Client, VolumesPrintsALineForEachPod) {
  server::VolumeView& staged = view.volumeList.emplace_back();
  staged.name = "pv-a";
  staged.driver = "d.csi";
  staged.kind = "persistent";
  staged.stage = "staged";
  staged.uses = {{"default/web", "published"}, {"default/db", "publishing"}};
  staged.waitsFor = "driver";
  server::VolumeView& left = view.volumeList.emplace_back();
  left.name = "pv-b";
  left.driver = "d.csi";
  left.kind = "block";
  left.stage = "unstaging";
  left.problem = "device busy";
  serve();
  EXPECT_EQ(run({"volumes"}), kDone) << err.str();
  EXPECT_EQ(text(),
            "VOLUME   DRIVER   KIND         POD           STATE        SINCE   WAITS FOR   PROBLEM\n"
            "pv-a     d.csi    persistent   default/web   published    -       driver      -\n"
            "pv-a     d.csi    persistent   default/db    publishing   -       driver      -\n"
            "pv-b     d.csi    block        -             unstaging    -       -           device busy\n");
  EXPECT_EQ(run({"volumes", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["volumes"][1]["problem"], "device busy");
  onAgent([this] { view.volumeList.clear(); });
  EXPECT_EQ(run({"volumes"}), kDone);
  EXPECT_THAT(err.str(), HasSubstr("no CSI volumes"));
}

TEST_F(Client, CSI_20_VolumesCanBeCheckedAndRepaired) {
  serve();
  EXPECT_EQ(run({"volumes", "--check"}), kDone);
  EXPECT_THAT(err.str(), HasSubstr("journal, mounts and pods agree"));
  onAgent([this] { view.volumeCheck.found.push_back({"pv-1", "/mnt/1", "pod u1 is gone, and still has it", true}); });
  EXPECT_EQ(run({"volumes", "--check"}), kFailed);
  EXPECT_THAT(text(), HasSubstr("pv-1     /mnt/1   pod u1 is gone, and still has it   cubelet volumes --repair"));
  EXPECT_EQ(run({"volumes", "--check", "-o", "json"}), kFailed);
  EXPECT_EQ(nlohmann::json::parse(text())["found"][0]["leak"], true);
  EXPECT_EQ(run({"volumes", "--repair"}), kDone);
  EXPECT_THAT(text(), HasSubstr("repaired"));
}

}  // namespace
}  // namespace cubelet::client
