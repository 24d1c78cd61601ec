#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;

TEST_F(Client, StatusSumsUp) {
  addRunningPod("default", "web");
  view.state.manifestPath = "/etc/kubernetes/manifests";
  view.state.manifestProblems = {"web.yaml:3: spec: required"};
  view.state.lastAudit = server::AuditView{.at = clock.wallNow(), .differences = 0, .total = 2};
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("containerd 1.6.20 at unix:///run/containerd/containerd.sock"));
  EXPECT_THAT(text(), HasSubstr("1 (1 Running)"));
  EXPECT_THAT(text(), HasSubstr("problem: web.yaml:3: spec: required"));
  EXPECT_THAT(text(), HasSubstr("60s ago, 0 differences (2 since start)"));
  EXPECT_EQ(run({"status", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["nodeName"], "node-1");
}

TEST_F(Client, StatusShowsTheCluster) {
  view.state.cluster = server::ClusterView{.server = "https://10.0.0.1:6443",
                                           .registered = true,
                                           .problem = "",
                                           .lastAnswer = clock.wallNow(),
                                           .leaseRenewedAt = clock.wallNow(),
                                           .certificateExpires = clock.wallNow() + std::chrono::hours(100),
                                           .notReady = {},
                                           .unsentStatuses = 3,
                                           .unsentEvents = 7};
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("https://10.0.0.1:6443, last answer 60s ago"));
  EXPECT_THAT(text(), HasSubstr("registered, ready"));
  EXPECT_THAT(text(), HasSubstr("lease renewed 60s ago"));
  EXPECT_THAT(text(), HasSubstr("certificate expires in 4d"));
  EXPECT_THAT(text(), HasSubstr("3 pod statuses, 7 events"));
}

TEST_F(Client, StatusShowsWhatIsWrongWithTheCluster) {
  view.state.cluster = server::ClusterView();
  view.state.cluster->server = "https://10.0.0.1:6443";
  view.state.cluster->problem = "connection refused";
  view.state.cluster->certificateExpires = clock.wallNow();
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("has not answered yet, PROBLEM: connection refused"));
  EXPECT_THAT(text(), HasSubstr("not registered"));
  EXPECT_THAT(text(), HasSubstr("no lease yet"));
  EXPECT_THAT(text(), HasSubstr("certificate EXPIRED 60s ago"));
}

TEST_F(Client, StatusShowsWhatIsBroken) {
  view.problem = "the loop is late";
  view.state.runtime.reachable = false;
  view.state.runtime.problem = "connection refused";
  serve();
  EXPECT_EQ(run({"status"}), kDone);
  EXPECT_THAT(text(), HasSubstr("NOT OK: the loop is late"));
  EXPECT_THAT(text(), HasSubstr("NOT REACHABLE: connection refused"));
}

}  // namespace
}  // namespace cubelet::client
