#include "kubelet/volumes/growth_rules.h"

#include <gtest/gtest.h>

#include "proto/k8s/claim_resize.pb.h"

namespace cubelet::volumes {
namespace {

core::PersistentVolume volumeOf(const std::string& capacity) {
  core::PersistentVolume volume;
  if (!capacity.empty()) (*volume.mutable_spec()->mutable_capacity())["storage"].set_string(capacity);
  return volume;
}

core::PersistentVolumeClaim claimOf(const std::string& capacity, const std::string& step = "", bool allocated = false,
                                    const std::vector<std::string>& conditions = {}) {
  core::PersistentVolumeClaim claim;
  claim.mutable_metadata()->set_uid("c1");
  claim.mutable_metadata()->set_resourceversion("7");
  if (!capacity.empty()) (*claim.mutable_status()->mutable_capacity())["storage"].set_string(capacity);
  core::PersistentVolumeClaimResize resize;
  if (!step.empty()) (*resize.mutable_allocatedresourcestatuses())["storage"] = step;
  if (allocated) (*resize.mutable_allocatedresources())["storage"].set_string("3");
  for (const std::string& type : conditions) resize.add_conditions()->set_type(type);
  // As from the server: fields that core.proto does not have.
  EXPECT_TRUE(claim.mutable_status()->MergeFromString(resize.SerializeAsString()));
  return claim;
}

struct Case {
  std::string name;
  core::PersistentVolumeClaim claim;
  core::PersistentVolume volume;
  csi::Volumes::Size size;
  std::string want;  // "" nothing; "3 tell stepwise"
};

std::string textOf(const std::optional<Growth>& growth) {
  if (!growth) return "";
  return std::to_string(growth->bytes) + (growth->tellClaim ? " tell" : "") + (growth->stepwise ? " stepwise" : "");
}

class GrowthRules : public testing::TestWithParam<Case> {};

TEST_P(GrowthRules, CSI_15_SayWhenAVolumeIsToBeGrown) {
  const Case& one = GetParam();
  EXPECT_EQ(textOf(growthOf(one.claim, one.volume, one.size)), one.want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, GrowthRules,
    testing::Values(
        Case{"AsLargeAsPromised", claimOf("2"), volumeOf("2"), {}, ""},
        Case{"Smaller", claimOf("3"), volumeOf("2"), {}, ""},
        Case{"TheNodesTurn", claimOf("2", "NodeResizePending", true), volumeOf("3"), {}, "3 tell stepwise"},
        Case{"Begun", claimOf("2", "NodeResizeInProgress", true), volumeOf("3"), {}, "3 tell stepwise"},
        Case{
            "DoneHereButNotTold", claimOf("2", "NodeResizeInProgress"), volumeOf("3"), {.known = 3}, "3 tell stepwise"},
        Case{"TheControllersTurn", claimOf("2", "ControllerResizeInProgress", true), volumeOf("3"), {}, ""},
        Case{"Impossible", claimOf("2", "NodeResizeInfeasible", true), volumeOf("3"), {}, ""},
        Case{"AllocatedWithoutAStep", claimOf("2", "", true), volumeOf("3"), {}, ""},
        Case{"AResizerWithoutSteps", claimOf("2"), volumeOf("3"), {}, "3 tell"},
        Case{"AnotherNodeHasTold", claimOf("3"), volumeOf("3"), {.known = 2}, "3"},
        Case{"AnotherNodeIsAtIt", claimOf("3", "NodeResizeInProgress"), volumeOf("3"), {.known = 2}, ""},
        Case{"RefusedHere", claimOf("2"), volumeOf("3"), {.known = 2, .refused = 3}, ""},
        Case{"ASmallerSizeWasRefused", claimOf("2"), volumeOf("4"), {.known = 2, .refused = 3}, "4 tell"},
        Case{"StandaloneAndUnknown", claimOf(""), volumeOf("3"), {}, "3"},
        Case{"StandaloneAndDone", claimOf(""), volumeOf("3"), {.known = 3}, ""},
        Case{"NoSizePromised", claimOf(""), volumeOf(""), {}, ""},
        Case{"Nonsense", claimOf("2"), volumeOf("lots"), {}, ""}),
    [](const auto& test) { return test.param.name; });

TEST(GrowthPatches, CSI_15_TellWhatHasBegun) {
  EXPECT_EQ(patchResizing(claimOf("2", "NodeResizePending")),
            R"({"metadata":{"uid":"c1","resourceVersion":"7"},)"
            R"("status":{"allocatedResourceStatuses":{"storage":"NodeResizeInProgress"}}})");
  EXPECT_TRUE(isResizing(claimOf("2", "NodeResizeInProgress")));
  EXPECT_FALSE(isResizing(claimOf("2", "NodeResizePending")));
}

TEST(GrowthPatches, CSI_15_TakeBackWhatIsOver) {
  EXPECT_EQ(patchResized(claimOf("2", "NodeResizeInProgress", true, {"FileSystemResizePending", "ModifyingVolume"}),
                         volumeOf("3Gi")),
            R"({"metadata":{"uid":"c1","resourceVersion":"7"},"status":{"capacity":{"storage":"3Gi"},)"
            R"("allocatedResourceStatuses":{"storage":null},)"
            R"("conditions":[{"$patch":"delete","type":"FileSystemResizePending"}]}})");
  EXPECT_EQ(patchResized(claimOf("2"), volumeOf("3")),
            R"({"metadata":{"uid":"c1","resourceVersion":"7"},"status":{"capacity":{"storage":"3"}}})");
}

TEST(GrowthPatches, CSI_15_TellWhyNot) {
  const std::string failed = patchNotResized(claimOf("2", "NodeResizeInProgress"), "no", false, WallTime());
  EXPECT_EQ(failed, R"({"metadata":{"uid":"c1","resourceVersion":"7"},"status":{"conditions":[)"
                    R"({"type":"NodeResizeError","status":"True","lastTransitionTime":"1970-01-01T00:00:00Z",)"
                    R"("message":"no"}]}})");
  const std::string never = patchNotResized(claimOf("2", "NodeResizeInProgress"), "no", true, WallTime());
  EXPECT_NE(never.find(R"("allocatedResourceStatuses":{"storage":"NodeResizeInfeasible"})"), std::string::npos);
}

}  // namespace
}  // namespace cubelet::volumes
