#include "kubelet/status/status_patch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cubelet::status {
namespace {

using Json = nlohmann::json;

core::PodCondition& condition(core::PodStatus& status, const std::string& type, const std::string& value) {
  core::PodCondition& added = *status.add_conditions();
  added.set_type(type);
  added.set_status(value);
  return added;
}

core::PodStatus running() {
  core::PodStatus status;
  status.set_phase("Running");
  status.set_podip("10.1.0.5");
  status.add_podips()->set_ip("10.1.0.5");
  condition(status, "Ready", "True");
  core::ContainerStatus& container = *status.add_containerstatuses();
  container.set_name("c");
  container.set_ready(true);
  return status;
}

Json patchOf(const core::PodStatus& stored, const core::PodStatus& wanted) {
  const std::optional<std::string> patch = statusPatch("u1", stored, wanted);
  return patch ? Json::parse(*patch) : Json();
}

TEST(StatusPatch, OfTheSameIsNothing) {
  EXPECT_FALSE(statusPatch("u1", running(), running()));
}

TEST(StatusPatch, SRC10_NamesThePodsUid) {
  EXPECT_EQ(patchOf({}, running())["metadata"], (Json{{"uid", "u1"}}));
}

TEST(StatusPatch, HoldsOnlyWhatChanged) {
  core::PodStatus wanted = running();
  wanted.set_message("hm");
  EXPECT_EQ(patchOf(running(), wanted)["status"], (Json{{"message", "hm"}}));
}

TEST(StatusPatch, PCO9_OurDisruptionIsToldAndThatOfOthersLeftAlone) {
  core::PodStatus wanted = running();
  condition(wanted, "DisruptionTarget", "True").set_reason("TerminationByKubelet");
  const Json told = patchOf(running(), wanted)["status"]["conditions"];
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0]["type"], "DisruptionTarget");
  EXPECT_FALSE(statusPatch("u1", wanted, running())) << "never taken back";
  core::PodStatus others = running();
  condition(others, "DisruptionTarget", "True").set_reason("EvictionByEvictionAPI");
  EXPECT_FALSE(statusPatch("u1", others, running()));
  EXPECT_FALSE(statusPatch("u1", running(), others));
}

TEST(StatusPatch, TakesAFieldBack) {
  core::PodStatus stored = running();
  stored.set_reason("Evicted");
  EXPECT_EQ(patchOf(stored, running())["status"], (Json{{"reason", nullptr}}));
}

TEST(StatusPatch, ReplacesAddressesAsAList) {
  core::PodStatus wanted = running();
  wanted.mutable_podips(0)->set_ip("10.1.0.6");
  EXPECT_EQ(patchOf(running(), wanted)["status"], (Json{{"podIPs", {{{"ip", "10.1.0.6"}}, {{"$patch", "replace"}}}}}));
}

TEST(StatusPatch, GivesNoDirectiveForWhatTheServerDoesNotHave) {
  core::PodStatus wanted = running();
  (*wanted.mutable_resources()->mutable_limits())["cpu"].set_string("1");
  const Json status = patchOf({}, wanted)["status"];
  EXPECT_EQ(status["podIPs"], (Json{{{"ip", "10.1.0.5"}}}));
  EXPECT_EQ(status["resources"], (Json{{"limits", {{"cpu", "1"}}}}));
}

TEST(StatusPatch, SendsContainersAsAWhole) {
  core::PodStatus wanted = running();
  wanted.mutable_containerstatuses(0)->set_ready(false);
  const Json status = patchOf(running(), wanted)["status"];
  ASSERT_EQ(status.size(), 1u);
  EXPECT_EQ(status["containerStatuses"].size(), 1u);
}

TEST(StatusPatch, PCO1_LeavesConditionsOfOthersAlone) {
  core::PodStatus stored = running();
  condition(stored, "example.com/gate", "True").set_message("theirs");
  condition(stored, "DisruptionTarget", "True");
  EXPECT_FALSE(statusPatch("u1", stored, running()));
  core::PodStatus wanted = running();
  wanted.mutable_conditions(0)->set_status("False");
  const Json status = patchOf(stored, wanted)["status"];
  EXPECT_EQ(status, (Json{{"conditions", {{{"type", "Ready"}, {"status", "False"}}}}}));
}

TEST(StatusPatch, ClearsTheReasonOfACondition) {
  core::PodStatus stored = running();
  stored.mutable_conditions(0)->set_reason("ContainersNotReady");
  EXPECT_EQ(patchOf(stored, running())["status"]["conditions"],
            (Json{{{"type", "Ready"}, {"status", "True"}, {"reason", nullptr}}}));
}

TEST(StatusPatch, DeletesAConditionOfOurs) {
  core::PodStatus stored = running();
  condition(stored, "PodResizePending", "True");
  EXPECT_EQ(patchOf(stored, running())["status"]["conditions"],
            (Json{{{"$patch", "delete"}, {"type", "PodResizePending"}}}));
}

TEST(StatusPatch, LeavesFieldsOfOthersAlone) {
  core::PodStatus stored = running();
  stored.set_nominatednodename("n2");
  EXPECT_FALSE(statusPatch("u1", stored, running()));
}

TEST(OwnPart, DoesNotSeeConditionsOfOthersNorTheOrder) {
  core::PodStatus a;
  condition(a, "Ready", "True");
  condition(a, "Initialized", "True");
  condition(a, "example.com/gate", "False");
  core::PodStatus b;
  condition(b, "Initialized", "True");
  condition(b, "Ready", "True");
  EXPECT_EQ(ownPart(a), ownPart(b));
}

}  // namespace
}  // namespace cubelet::status
