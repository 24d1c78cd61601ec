#include "kubelet/nodeapi/metrics_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/fake/fake_runtime.h"
#include "kubelet/cgroups/fake_tree.h"
#include "kubelet/nodeapi/fake_node_view.h"

namespace cubelet::nodeapi {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class MetricsRoutes : public testing::Test {
 protected:
  MetricsRoutes() { addMetricsRoutes(router, noted, collector, view); }
  ~MetricsRoutes() override { loop.runToEnd(collector.close()); }

  static std::unique_ptr<stats::HostReader> makeReader() {
    return std::make_unique<stats::HostReader>(std::make_unique<cgroups::FakeTree>(), [] { return WallTime(); });
  }
  std::string ask(const std::string& path) {
    web::Request request;
    request.method = "GET";
    request.target = *web::parseTarget(path);
    const web::Router::Match match = router.find("GET", path);
    if (match.route == nullptr) return "no such route";
    EXPECT_TRUE(match.route->always);
    Task<web::Reply> asked = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    return loop.runToEnd(std::move(asked)).body;
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  cri::FakeRuntime runtime{clock};
  stats::Question question;
  stats::Collector collector{{.loop = loop,
                              .clock = clock,
                              .pool = pool,
                              .runtime = runtime,
                              .images = runtime,
                              .question = [this] { return question; },
                              .makeReader = &MetricsRoutes::makeReader},
                             {}};
  metrics::KubeletMetrics noted;
  FakeNodeView view;
  web::Router router;
};

TEST_F(MetricsRoutes, SRV_2_TheAgentsOwnMetrics) {
  view.addPod("shop", "web");
  view.addPod("shop", "over");
  view.runtime["uid-over"].containers[0].state = observe::ContainerState::kExited;
  view.runtime["uid-over"].sandboxes[0].ready = false;
  noted.runtimeCall("PullImage", milliseconds(20), false);
  EXPECT_THAT(ask("/metrics"), AllOf(HasSubstr("\nkubelet_running_pods 1\n"),
                                     HasSubstr("\nkubelet_running_containers{container_state=\"exited\"} 1\n"),
                                     HasSubstr("\nkubelet_running_containers{container_state=\"running\"} 1\n"),
                                     HasSubstr("\nkubelet_runtime_operations_total{operation_type=\"pull_image\"} 1\n"),
                                     HasSubstr("\nkubelet_started_pods_total 0\n"), HasSubstr("\nprocess_open_fds ")));
}

TEST_F(MetricsRoutes, PRB_18_ProbesHaveARouteOfTheirOwn) {
  view.addPod("shop", "web");
  noted.probed(
      {.type = "Liveness", .result = "successful", .container = "main", .pod = "web", .ns = "shop", .uid = "uid-web"},
      milliseconds(1));
  noted.probed(
      {.type = "Liveness", .result = "successful", .container = "main", .pod = "old", .ns = "shop", .uid = "uid-old"},
      milliseconds(1));
  EXPECT_THAT(ask("/metrics/probes"), AllOf(HasSubstr("prober_probe_total{container=\"main\",namespace=\"shop\","
                                                      "pod=\"web\",pod_uid=\"uid-web\",probe_type=\"Liveness\","
                                                      "result=\"successful\"} 1\n"),
                                            Not(HasSubstr("uid-old"))));
  EXPECT_THAT(ask("/metrics"), Not(HasSubstr("prober_probe_total")));
}

}  // namespace
}  // namespace cubelet::nodeapi
