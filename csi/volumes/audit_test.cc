#include "csi/volumes/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"

namespace cubelet::csi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kRoot[] = "/r";

struct Audit : testing::Test {
  Audit() {
    AuditedVolume& volume = volumes.emplace_back();
    volume.record.name = "pv";
    volume.record.stage = StageState::kStaged;
    volume.record.pods["u1"] = PublishState::kPublished;
    volume.stagingPath = stagingPath(kRoot, "d", "h");
    volume.publishPaths["u1"] = publishPath(kRoot, "u1", "pv");
    mounts = {volume.stagingPath, volume.publishPaths["u1"], "/r/pods/u1/volumes/kubernetes.io~empty-dir/x"};
  }
  std::vector<std::string> found() {
    std::vector<std::string> out;
    for (const Finding& one : audit(kRoot, volumes, mounts, pods))
      out.push_back((one.leak ? "leak " : "") + one.volume + " " + one.path + ": " + one.problem);
    return out;
  }
  std::vector<AuditedVolume> volumes;
  std::vector<std::string> mounts;
  std::set<std::string> pods = {"u1"};
};

TEST_F(Audit, CSI_20_AllIsWell) {
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Audit, CSI_20_AMountThatIsGone) {
  mounts.erase(mounts.begin() + 1);
  EXPECT_THAT(found(),
              ElementsAre("pv /r/pods/u1/volumes/kubernetes.io~csi/pv/mount: it is noted as mounted for pod u1 "
                          "and is not: delete that pod, a new one mounts it"));
  volumes[0].record.pods["u1"] = PublishState::kPublishing;
  EXPECT_THAT(found(), IsEmpty()) << "it is on its way";
}

TEST_F(Audit, CSI_20_APodThatIsGone) {
  pods.clear();
  EXPECT_THAT(found(), ElementsAre("leak pv /r/pods/u1/volumes/kubernetes.io~csi/pv/mount: pod u1 is gone, and still "
                                   "has it: published"));
}

TEST_F(Audit, CSI_20_AVolumeOfNobody) {
  volumes[0].record.pods.clear();
  volumes[0].publishPaths.clear();
  mounts.resize(1);
  EXPECT_THAT(found(), ElementsAre("leak pv " + mounts[0] + ": no pod uses it, and it is still there: staged"));
  volumes[0].users.insert("u2");
  EXPECT_THAT(found(), IsEmpty()) << "somebody is about to";
}

TEST_F(Audit, CSI_20_MountsThatNobodyHasNoted) {
  mounts.push_back(stagingPath(kRoot, "d", "other"));
  mounts.push_back(publishPath(kRoot, "u1", "more"));
  mounts.push_back(blockPublishPath(kRoot, "raw", "u9"));
  EXPECT_THAT(found(),
              testing::UnorderedElementsAre(
                  "leak  " + stagingPath(kRoot, "d", "other") + ": it is mounted, and not noted",
                  " /r/pods/u1/volumes/kubernetes.io~csi/more/mount: it is mounted for pod u1, and not noted",
                  "leak  /r/plugins/kubernetes.io/csi/volumeDevices/publish/raw/u9: it is mounted, and not noted"));
}

TEST_F(Audit, CSI_20_DoubleMounts) {
  mounts.push_back(mounts[1]);
  EXPECT_THAT(found(),
              ElementsAre("pv /r/pods/u1/volumes/kubernetes.io~csi/pv/mount: it is mounted 2 times over itself"));
}

}  // namespace
}  // namespace cubelet::csi
