#include "kubelet/client/manifest_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

using testing::ElementsAre;

core::Pod makePod(const std::string& name, const std::string& uid, const std::string& image = "web:1") {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.hash"] = uid;
  core::Container* container = pod.mutable_spec()->add_containers();
  container->set_name("web");
  container->set_image(image);
  return pod;
}

// "action pod file" of each.
std::vector<std::string> textsOf(const std::vector<PlannedStep>& steps) {
  std::vector<std::string> texts;
  for (const PlannedStep& step : steps)
    texts.push_back(std::string(textOf(step.action)) + " " + step.pod + " " + step.file);
  return texts;
}

TEST(ManifestPlan, ComparesWhatIsWantedWithWhatRuns) {
  staticpods::PodSet wanted;
  wanted.pods = {{makePod("new", "u1"), "/m/new.yaml"},
                 {makePod("same", "u2"), "/m/same.yaml"},
                 {makePod("edited", "u3", "web:2"), "/m/edited.yaml"}};
  const auto steps = planManifests(wanted, {makePod("same", "u2"), makePod("edited", "u0"), makePod("left", "u9")});
  EXPECT_THAT(textsOf(steps), ElementsAre("replace default/edited /m/edited.yaml", "stop default/left ",
                                          "create default/new /m/new.yaml", "keep default/same /m/same.yaml"));
  EXPECT_THAT(steps[0].reasons, ElementsAre("spec.containers[0].image"));
}

TEST(ManifestPlan, ARejectedFileStopsNothing) {
  staticpods::PodSet wanted;
  wanted.problems = {
      {.file = "/m/web.yaml", .problems = {"/m/web.yaml:3: spec.x: unknown field"}, .since = {}, .kept = {}}};
  const auto steps = planManifests(wanted, {makePod("web", "u1")});
  EXPECT_THAT(textsOf(steps), ElementsAre("keep default/web ", "reject  /m/web.yaml"));
  EXPECT_THAT(steps[1].reasons, ElementsAre("/m/web.yaml:3: spec.x: unknown field"));
}

TEST(ManifestPlan, FieldsThatDifferAreNamedAndNotShown) {
  core::Pod after = makePod("web", "u2");
  after.mutable_spec()->mutable_containers(0)->add_args("secret");
  after.mutable_spec()->set_hostnetwork(true);
  (*after.mutable_metadata()->mutable_labels())["app"] = "web";
  EXPECT_THAT(changedFields(makePod("web", "u1"), after),
              ElementsAre("metadata.labels", "spec.containers[0].args", "spec.hostNetwork"));
  EXPECT_THAT(changedFields(makePod("web", "u1"), after, 1), ElementsAre("metadata.labels", "..."));
}

}  // namespace
}  // namespace cubelet::client
