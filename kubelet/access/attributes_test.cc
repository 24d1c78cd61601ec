#include "kubelet/access/attributes.h"

#include <gtest/gtest.h>

namespace cubelet::access {
namespace {

struct Case {
  std::string name;
  std::string method;
  std::string path;
  std::string want;  // "verb sub sub"
};

class SRV_9 : public testing::TestWithParam<Case> {};

TEST_P(SRV_9, EachRouteHasItsAttributes) {
  const Attributes attributes = attributesOf(GetParam().method, GetParam().path);
  std::string have = attributes.verb;
  for (const std::string& subresource : attributes.subresources) have += " " + subresource;
  EXPECT_EQ(have, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SRV_9,
    testing::Values(
        Case{"Pods", "GET", "/pods", "get pods proxy"}, Case{"PodsSlash", "GET", "/pods/", "get pods proxy"},
        Case{"RunningPods", "GET", "/runningpods/", "get pods proxy"},
        Case{"Healthz", "GET", "/healthz", "get healthz proxy"},
        Case{"HealthzPart", "GET", "/healthz/syncloop", "get healthz proxy"},
        Case{"Configz", "GET", "/configz", "get configz proxy"}, Case{"Metrics", "GET", "/metrics", "get metrics"},
        Case{"MetricsPart", "GET", "/metrics/cadvisor", "get metrics"},
        Case{"Stats", "GET", "/stats/summary", "get stats"},
        Case{"StatsPost", "POST", "/stats/summary", "create stats"}, Case{"Logs", "GET", "/logs/", "get log"},
        Case{"LogsPart", "GET", "/logs/syslog", "get log"},
        Case{"Checkpoint", "POST", "/checkpoint/a/b/c", "create checkpoint"},
        Case{"Statusz", "GET", "/statusz", "get statusz"}, Case{"Flagz", "GET", "/flagz", "get configz"},
        Case{"ContainerLogs", "GET", "/containerLogs/a/b/c", "get proxy"},
        Case{"Exec", "POST", "/exec/a/b/c", "create proxy"}, Case{"ExecByWebSocket", "GET", "/exec/a/b/c", "get proxy"},
        Case{"Attach", "POST", "/attach/a/b/c", "create proxy"},
        Case{"PortForward", "POST", "/portForward/a/b", "create proxy"},
        Case{"Run", "POST", "/run/a/b/c", "create proxy"}, Case{"Debug", "PUT", "/debug/flags/v", "update proxy"},
        Case{"Patch", "PATCH", "/x", "patch proxy"}, Case{"Delete", "DELETE", "/x", "delete proxy"},
        Case{"Head", "HEAD", "/pods", " pods proxy"}, Case{"Root", "GET", "/", "get proxy"},
        Case{"OnlyBeginsAlike", "GET", "/metricsX", "get proxy"},
        Case{"PodsOnlyBeginsAlike", "GET", "/podsX", "get proxy"},
        Case{"LogOfAContainer", "GET", "/containerLogs/pods/x/y", "get proxy"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::access
