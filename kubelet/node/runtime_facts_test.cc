#include "kubelet/node/runtime_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node/test_facts.h"

namespace cubelet::node {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

cri::v1::StatusResponse answer(bool runtimeReady, bool networkReady) {
  cri::v1::StatusResponse out;
  for (const auto& [type, holds] : {std::pair{"RuntimeReady", runtimeReady}, std::pair{"NetworkReady", networkReady}}) {
    cri::v1::RuntimeCondition& condition = *out.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status(holds);
    if (holds) continue;
    condition.set_reason("NotYet");
    condition.set_message("wait for it");
  }
  return out;
}

RuntimeFacts after(const cri::v1::StatusResponse& status) {
  RuntimeFacts facts;
  facts.pictureComplete = true;
  applyStatus(facts, status, kNow);
  return facts;
}

TEST(RuntimeCauses, NOD12_NoneWhenAllIsWell) {
  EXPECT_THAT(runtimeCauses(after(answer(true, true)), kNow), IsEmpty());
}

TEST(RuntimeCauses, NOD12_BeforeTheFirstAnswer) {
  EXPECT_THAT(runtimeCauses({}, kNow), ElementsAre("container runtime status check may not have completed yet",
                                                   "PLEG is not healthy: pleg has yet to be successful"));
}

TEST(RuntimeCauses, NOD12_RuntimeIsDownAfterThirtySeconds) {
  const RuntimeFacts facts = after(answer(true, true));
  EXPECT_THAT(runtimeCauses(facts, kNow + seconds(29)), IsEmpty());
  EXPECT_THAT(runtimeCauses(facts, kNow + seconds(30)), ElementsAre("container runtime is down"));
}

TEST(RuntimeCauses, NOD12_NetworkNotReady) {
  EXPECT_THAT(runtimeCauses(after(answer(true, false)), kNow),
              ElementsAre("container runtime network not ready: NetworkReady=false reason:NotYet message:wait for it"));
}

TEST(RuntimeCauses, NOD12_RuntimeNotReady) {
  const RuntimeFacts facts = after(answer(false, true));
  EXPECT_FALSE(facts.readyAt);
  EXPECT_THAT(runtimeCauses(facts, kNow),
              ElementsAre("container runtime status check may not have completed yet",
                          "container runtime not ready: RuntimeReady=false reason:NotYet message:wait for it"));
}

TEST(RuntimeCauses, NOD12_RuntimeWithoutConditions) {
  EXPECT_THAT(runtimeCauses(after({}), kNow),
              ElementsAre("container runtime status check may not have completed yet",
                          "container runtime not ready: <nil>", "container runtime network not ready: <nil>"));
}

TEST(RuntimeCauses, NOD12_PictureMayBeThreeMinutesOld) {
  RuntimeFacts facts = after(answer(true, true));
  facts.pictureComplete = false;
  facts.pictureLostAt = kNow - minutes(3);
  EXPECT_THAT(runtimeCauses(facts, kNow - seconds(1)), IsEmpty());
  EXPECT_THAT(runtimeCauses(facts, kNow),
              ElementsAre("PLEG is not healthy: pleg was last seen active 3m0s ago; threshold is 3m0s"));
  EXPECT_EQ(runtimeCauses(facts, kNow), runtimeCauses(facts, kNow + seconds(20)));
}

TEST(RuntimeFacts, NOD10_HandlersAreSortedByName) {
  cri::v1::StatusResponse status = answer(true, true);
  for (const char* name : {"runc", "", "kata"}) status.add_runtime_handlers()->set_name(name);
  status.mutable_runtime_handlers(0)->mutable_features()->set_user_namespaces(true);
  status.mutable_features()->set_supplemental_groups_policy(true);
  const RuntimeFacts facts = after(status);
  ASSERT_EQ(facts.handlers.size(), 3u);
  EXPECT_EQ(facts.handlers[0].name(), "");
  EXPECT_EQ(facts.handlers[1].name(), "kata");
  EXPECT_EQ(facts.handlers[2].name(), "runc");
  EXPECT_TRUE(facts.handlers[2].features().usernamespaces());
  EXPECT_TRUE(facts.handlers[2].features().has_recursivereadonlymounts());
  EXPECT_EQ(facts.supplementalGroupsPolicy, true);
  EXPECT_FALSE(after(answer(true, true)).supplementalGroupsPolicy);
}

TEST(RuntimeFacts, NOD10_StayAsTheyWereWhileTheRuntimeIsNotReady) {
  cri::v1::StatusResponse status = answer(true, true);
  status.add_runtime_handlers()->set_name("runc");
  RuntimeFacts facts = after(status);
  applyStatus(facts, answer(false, false), kNow + seconds(5));
  EXPECT_EQ(facts.handlers.size(), 1u);
  EXPECT_EQ(facts.readyAt, kNow);
}

cri::v1::Image image(const std::string& id, std::uint64_t size) {
  cri::v1::Image out;
  out.set_id(id);
  out.set_size(size);
  out.add_repo_tags(id + ":1");
  return out;
}

TEST(ImagesForNode, NOD9_LargestComeFirst) {
  const auto images = imagesForNode({image("a", 5), image("b", 20), image("d", 5), image("c", 5)}, -1);
  std::vector<std::string> names;
  for (const auto& one : images) names.push_back(one.names(0));
  EXPECT_THAT(names, ElementsAre("b:1", "d:1", "c:1", "a:1"));
  EXPECT_EQ(images[0].sizebytes(), 20);
}

TEST(ImagesForNode, NOD9_AreAtMostSoMany) {
  const std::vector<cri::v1::Image> all = {image("a", 1), image("b", 2), image("c", 3)};
  EXPECT_EQ(imagesForNode(all, 2).size(), 2u);
  EXPECT_EQ(imagesForNode(all, 2)[1].names(0), "b:1");
  EXPECT_EQ(imagesForNode(all, 0).size(), 0u);
  EXPECT_EQ(imagesForNode(all, -1).size(), 3u);
}

TEST(ImagesForNode, NOD9_ShowFiveNamesDigestsFirst) {
  cri::v1::Image many;
  for (int i = 0; i < 4; ++i) many.add_repo_tags("t:" + std::to_string(i));
  for (int i = 0; i < 3; ++i) many.add_repo_digests("d@" + std::to_string(i));
  EXPECT_THAT(imagesForNode({many}, -1)[0].names(), ElementsAre("d@0", "d@1", "d@2", "t:0", "t:1"));
}

}  // namespace
}  // namespace cubelet::node
