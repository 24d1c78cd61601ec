#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <string>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(Client, PlanSaysWhatManifestsWouldChange) {
  const std::string manifests = directory + "/new";
  fs::create_directories(manifests);
  std::ofstream(manifests + "/web.yaml") << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
                                            "  containers: [{name: c, image: web:1}]\n";
  EXPECT_EQ(run({"plan", manifests}), kDone) << err.str();
  EXPECT_THAT(err.str(), HasSubstr("no agent answers"));
  EXPECT_THAT(text(), HasSubstr("create   default/web-"));

  core::Pod& old = view.addPod("default", "web-node-1", "Running");
  (*old.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  view.state.manifestPath = "/etc/cubelet/manifests";
  serve();
  std::ofstream(manifests + "/bad.yaml") << "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {container: []}\n";
  EXPECT_EQ(run({"plan", manifests}), kFailed) << err.str();
  EXPECT_THAT(text(), HasSubstr("replace   default/web-node-1   web.yaml"));
  EXPECT_THAT(text(), HasSubstr("bad.yaml:4: spec.container: unknown field"));
  EXPECT_EQ(run({"plan", directory + "/nothing", "-o", "json"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("/nothing"));
}

}  // namespace
}  // namespace cubelet::client
